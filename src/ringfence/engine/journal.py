"""Facts in order, numbered from 1, kept until the follower has stored them. Bounded: the oldest is dropped first."""

import logging
import threading
from collections import deque
from collections.abc import Callable

from ringfence.control.commands import Facts
from ringfence.control.facts import AlarmRaised, AnyFact
from ringfence.kit.clock import Clock

log = logging.getLogger(__name__)

CAPACITY = 200_000
"""About a day and a half of a busy centre (some 60 facts a call, 1,453 calls a day)."""
BATCH = 500


class FactJournal:
    """A FactSink that any thread may publish to, and one follower reads."""

    def __init__(self, boot_id: str, clock: Clock, *, capacity: int = CAPACITY) -> None:
        self.boot_id = boot_id
        self.dropped = 0
        """Facts that were lost because nobody fetched them."""
        self._clock = clock
        self._capacity = capacity
        self._facts: deque[AnyFact] = deque()
        self._first = 1
        """Number of the oldest fact kept."""
        self._overflowing = False
        self._wake: Callable[[], None] = lambda: None
        self.watch: Callable[[AnyFact], None] = lambda _fact: None
        """Sees each fact once, for figures, from the publishing thread; must return at once and never fail."""
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._facts)

    @property
    def newest(self) -> int:
        """Number of the newest fact; 0 before the first."""
        return self._first + len(self._facts) - 1

    def publish(self, fact: AnyFact) -> None:
        """Never blocks for long and never fails."""
        with self._lock:
            self._facts.append(fact)
            if len(self._facts) > self._capacity:
                self._drop_oldest()
        self.watch(fact)
        self._wake()

    def _drop_oldest(self) -> None:
        if not self._overflowing:
            self._overflowing = True
            log.error("the fact journal is full; the oldest facts are lost")
            self._facts.append(
                AlarmRaised(
                    at=self._clock.now(),
                    code="facts_lost",
                    detail="Facts are lost because the centre does not fetch them. Check the worker.",
                )
            )
        while len(self._facts) > self._capacity:
            self._facts.popleft()
            self._first += 1
            self.dropped += 1

    def after(self, number: int) -> Facts | None:
        """The next facts after ``number``, at most a batch; None when there is nothing new."""
        with self._lock:
            start = max(number + 1, self._first)
            offset = start - self._first
            count = min(len(self._facts) - offset, BATCH)
            if count <= 0:
                return None
            facts = tuple(self._facts[offset + i] for i in range(count))
        return Facts(boot_id=self.boot_id, first=start, facts=facts)

    def acknowledge(self, boot_id: str, upto: int) -> None:
        """Forget everything up to ``upto``. An acknowledgement of another run is ignored."""
        if boot_id != self.boot_id:
            return
        with self._lock:
            while self._facts and self._first <= upto:
                self._facts.popleft()
                self._first += 1
            if len(self._facts) < self._capacity:
                self._overflowing = False

    @property
    def acknowledged(self) -> int:
        return self._first - 1

    def on_fact(self, wake: Callable[[], None]) -> None:
        """``wake`` is called after each fact, from the publishing thread; it must return at once."""
        self._wake = wake
