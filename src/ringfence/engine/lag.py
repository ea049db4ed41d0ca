"""How late the event loop runs: every caller hears it, so being 20 ms late again and again is an alarm."""

import asyncio
from collections import deque

from ringfence.control.facts import AlarmRaised
from ringfence.engine.ports import FactSink
from ringfence.kit.clock import Clock

ALARM_MS = 20.0
_EVERY_SECONDS = 0.1
_WINDOW = 100
"""Readings kept: ten seconds."""
_LATE, _OF = 5, 20
"""Readings above the limit in two seconds that raise the alarm; a single one is the machine's hiccup."""
_QUIET_SECONDS = 60.0
"""One alarm a minute at most."""


class LoopLagGauge:
    """Measures how much later than asked a timer fires."""

    def __init__(self, facts: FactSink, clock: Clock) -> None:
        self._facts = facts
        self._clock = clock
        self._recent: deque[float] = deque(maxlen=_WINDOW)
        self._alarmed_at: float | None = None

    @property
    def worst_ms(self) -> float:
        """The longest delay of the last ten seconds."""
        return max(self._recent, default=0.0)

    def reading(self, lag_ms: float, now: float) -> None:
        """Take one measurement; raise the alarm when too many of the newest are above the limit."""
        self._recent.append(lag_ms)
        late = sum(reading > ALARM_MS for reading in list(self._recent)[-_OF:])
        quiet = self._alarmed_at is not None and now - self._alarmed_at < _QUIET_SECONDS
        if late >= _LATE and not quiet:
            self._alarmed_at = now
            self._facts.publish(
                AlarmRaised(
                    at=self._clock.now(),
                    code="loop_lag",
                    detail=f"The exchange is late by up to {self.worst_ms:.0f} ms. Keep other work off its processor.",
                )
            )

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            before = self._clock.monotonic()
            await asyncio.sleep(_EVERY_SECONDS)
            now = self._clock.monotonic()
            self.reading(max(0.0, (now - before - _EVERY_SECONDS) * 1000), now)
