"""One injected clock. Rules take ``now`` as an argument and never read the time themselves."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Where a shell reads the time."""

    def now(self) -> datetime:
        """The wall clock as an aware UTC instant."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back, for timers and media."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    monotonic = staticmethod(time.monotonic)
    """The function itself: media asks for it at every packet."""


class ManualClock:
    """A clock that moves only when told, for tests that jump 61 days."""

    def __init__(self, start: datetime, monotonic: float = 0.0) -> None:
        if start.tzinfo is None:
            raise ValueError("start must be an aware datetime.")
        self._now = start.astimezone(UTC)
        self._monotonic = monotonic

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, by: timedelta | float) -> None:
        """Move both clocks forward by a timedelta or by seconds."""
        step = by if isinstance(by, timedelta) else timedelta(seconds=by)
        if step < timedelta(0):
            raise ValueError("A clock only moves forward; start a new one to go back.")
        self._now += step
        self._monotonic += step.total_seconds()

    def set_wall(self, at: datetime) -> None:
        """Only the wall clock jumps, in either direction, as an operator or a time server may make it."""
        self._now = at.astimezone(UTC)
