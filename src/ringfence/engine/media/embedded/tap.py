"""A running tap: which legs' audio goes to one sink. Every change is in force before its call returns."""

from collections.abc import Callable

from ringfence.engine.errors import UnknownSession
from ringfence.engine.media.embedded.leg import Leg
from ringfence.engine.media.port import TapSink
from ringfence.kit.ids import LegId


class EmbeddedTap:
    """Puts its sink on the legs of one session and takes it off again."""

    def __init__(
        self, legs: dict[LegId, Leg], wanted: tuple[LegId, ...], sink: TapSink, now: Callable[[], float]
    ) -> None:
        self._legs = legs
        self._wanted = frozenset(self._known(wanted))
        # The tap stands on its legs itself, so that one sink may serve two taps.
        self.frame = sink.frame
        self._now = now
        self._paused = False
        self._closed = False
        self.apply()

    async def pause(self) -> float:
        self._paused = True
        return self.apply()

    async def resume(self) -> float:
        self._paused = False
        return self.apply()

    async def set_legs(self, legs: tuple[LegId, ...]) -> float:
        """Raises UnknownSession for a leg that the session does not have."""
        self._wanted = frozenset(self._known(legs))
        return self.apply()

    async def close(self) -> float:
        self._closed = True
        return self.apply()

    def apply(self) -> float:
        """Bring every leg into line; returns the media time from which this holds."""
        runs = not (self._paused or self._closed)
        for leg_id, leg in self._legs.items():
            others = tuple(sink for sink in leg.taps if sink is not self)
            leg.taps = (*others, self) if runs and leg_id in self._wanted else others
            leg.rewire()
        return self._now()

    def _known(self, wanted: tuple[LegId, ...]) -> tuple[LegId, ...]:
        if not set(wanted) <= set(self._legs):
            raise UnknownSession
        return wanted
