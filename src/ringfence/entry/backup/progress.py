"""Tells an operator how far a long step is."""

import time
from collections.abc import Callable


class Progress:
    """A line when a step begins, every few seconds while it runs, and when it ends."""

    def __init__(
        self,
        say: Callable[[str], None],
        what: str,
        *,
        total: int | None = None,
        every_seconds: float = 5.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._say = say
        self._what = what
        self._total = total
        self._every_seconds = every_seconds
        self._monotonic = monotonic
        self._told_at = monotonic()
        self.count = 0
        say(f"{what} ..." if total is None else f"{what}: {total:,} to do ...")

    def step(self, by: int = 1) -> None:
        """So many more are done."""
        self.count += by
        now = self._monotonic()
        if now - self._told_at >= self._every_seconds:
            self._told_at = now
            of = f" of {self._total:,} ({100 * self.count // self._total} %)" if self._total else ""
            self._say(f"{self._what}: {self.count:,}{of}")

    def end(self, told: str = "") -> None:
        """The step is over."""
        self._say(f"{self._what}: {told or f'{self.count:,} done'}")
