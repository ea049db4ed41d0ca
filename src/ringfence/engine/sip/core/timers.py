"""One heap of timers for the whole core. Time is an argument; nothing here reads a clock."""

import heapq
from collections.abc import Callable


class Timer:
    """A pending action; ``cancel`` is safe at any time and any number of times."""

    __slots__ = ("_action", "_heap", "at")

    def __init__(self, heap: "TimerHeap", at: float, action: Callable[[], object]) -> None:
        self.at = at
        self._heap = heap
        self._action: Callable[[], object] | None = action

    def cancel(self) -> None:
        if self._action is not None:
            self._action = None
            self._heap.forget()

    def fire(self) -> None:
        action, self._action = self._action, None
        if action is not None:
            self._heap.live -= 1
            action()

    @property
    def pending(self) -> bool:
        return self._action is not None


class TimerHeap:
    """Runs timers in order of their instants, also those that a fired timer sets within the same jump of the clock."""

    __slots__ = ("_entries", "_order", "live", "now")

    def __init__(self, now: float = 0.0) -> None:
        self.now = now
        self.live = 0
        self._entries: list[tuple[float, int, Timer]] = []
        self._order = 0

    def after(self, seconds: float, action: Callable[[], object]) -> Timer:
        """Run ``action`` once, ``seconds`` from the present."""
        timer = Timer(self, self.now + seconds, action)
        self._order += 1
        heapq.heappush(self._entries, (timer.at, self._order, timer))
        self.live += 1
        return timer

    def forget(self) -> None:
        """Count a cancelled entry; sweep when most of the heap is cancelled, so that it cannot grow unseen."""
        self.live -= 1
        if len(self._entries) > 256 and self.live * 2 < len(self._entries):
            self._entries = [entry for entry in self._entries if entry[2].pending]
            heapq.heapify(self._entries)

    def next_at(self) -> float | None:
        """When ``advance`` has something to do next."""
        while self._entries and not self._entries[0][2].pending:
            heapq.heappop(self._entries)
        return self._entries[0][0] if self._entries else None

    def advance(self, now: float) -> None:
        """Move the present to ``now`` and run what is due; each action sees the instant at which it was due."""
        while self._entries and self._entries[0][0] <= now:
            timer = heapq.heappop(self._entries)[2]
            if timer.pending:
                self.now = max(self.now, timer.at)
                timer.fire()
        self.now = max(self.now, now)
