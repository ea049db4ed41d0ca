"""Server-sent events for one follower, resumable by the id of the last event it saw.

All followers of one process share one reader of the outbox: an idle desk costs no query of its own. The reader polls;
SQLite has nothing better, and on PostgreSQL a quarter of a second is fast enough for a page.
"""

import asyncio
import json
import logging
import uuid
from collections import deque
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar
from weakref import WeakKeyDictionary

from asgiref.sync import sync_to_async
from django.db import connection
from django.db.utils import DatabaseError, InterfaceError

from ringfence.centre.live import access, queries
from ringfence.centre.live.queries import Audience, LiveEvent
from ringfence.kit.errors import RingfenceError

log = logging.getLogger(__name__)

T = TypeVar("T")


class TooManyFollowers(RingfenceError):
    """Too many pages follow events in this process. Close some, or start another web process."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How often a stream looks, speaks and ends."""

    poll_seconds: float = 0.25
    check_seconds: float = 5.0
    """How soon a signed-out or disabled person, or a withdrawn right, ends or narrows the stream."""
    heartbeat_seconds: float = 15.0
    longest_seconds: float = 3600.0
    """Then the stream ends and the browser comes back by itself."""
    ring: int = 2000
    """Events kept in memory for followers that are nearly up to date."""
    most_followers: int = 1000


class Tide:
    """The shared reader of one event loop: the newest events in memory, read once for all followers."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._lock = asyncio.Lock()
        self._ring: deque[LiveEvent] = deque(maxlen=pace.ring)
        self._floor: int | None = None
        """Every event after this id that has been read is in the ring; None: nothing read yet."""
        self._head = 0
        self._read_at = float("-inf")
        self.followers = 0
        self._thread: ThreadPoolExecutor | None = None

    def join(self) -> None:
        """One more follower. Raises TooManyFollowers."""
        if self.followers >= self._pace.most_followers:
            raise TooManyFollowers
        self.followers += 1

    def leave(self) -> None:
        """One follower less; the last one closes the thread and its database connection."""
        self.followers -= 1
        if self.followers == 0 and self._thread is not None:
            self._thread.submit(_close_connection)
            self._thread.shutdown(wait=False)
            self._thread = None
            self._ring.clear()
            self._floor, self._head = None, 0

    async def hop(self, read: Callable[..., T], *args: object) -> T:
        """One synchronous read in the reader's own thread, which holds one database connection for all followers."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="events")

        def work() -> T:
            # Kept over many reads, unlike a request's: opened again only when the database has gone away meanwhile.
            if connection.connection is not None and not connection.is_usable():
                connection.close()
            return read(*args)

        return await sync_to_async(work, thread_sensitive=False, executor=self._thread)()

    async def after(self, last_event_id: int) -> list[LiveEvent]:
        """Events after ``last_event_id`` in order, at most one batch; reads the outbox at most once per poll."""
        async with self._lock:
            if asyncio.get_running_loop().time() - self._read_at >= self._pace.poll_seconds:
                await self._read()
        if last_event_id >= self._head:
            return []
        if self._floor is not None and last_event_id >= self._floor:
            return [event for event in self._ring if event.event_id > last_event_id]
        return await self.hop(queries.raw_events_after, last_event_id)

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        if self._floor is None:
            self._floor = self._head = await self.hop(queries.newest_event_id)
        fresh = await self.hop(queries.raw_events_after, self._head)
        overflow = len(self._ring) + len(fresh) - self._pace.ring
        if overflow > 0:
            dropped = [*self._ring, *fresh][:overflow]
            self._floor = dropped[-1].event_id
        self._ring.extend(fresh)
        if fresh:
            self._head = fresh[-1].event_id
        self._read_at = loop.time()


_tides: "WeakKeyDictionary[asyncio.AbstractEventLoop, Tide]" = WeakKeyDictionary()


def _tide(pace: Pace) -> Tide:
    loop = asyncio.get_running_loop()
    tide = _tides.get(loop)
    if tide is None:
        tide = _tides[loop] = Tide(pace)
    return tide


def _close_connection() -> None:
    connection.close()  # the proxy finds the connection of the thread in which this runs


async def stream(
    user_id: uuid.UUID, session_key: str, last_event_id: int | None, *, pace: Pace | None = None
) -> AsyncGenerator[bytes, None]:
    """Events this person may see, as they commit, each with its id; ends when the session ends or the user is disabled.

    ``last_event_id`` None begins with what comes next. An id older than the outbox keeps is answered with one ``reset``
    event: the page must load its state anew. Raises TooManyFollowers before the first byte.
    """
    pace = pace or Pace()
    tide = _tide(pace)
    tide.join()
    try:
        async for part in _follow(tide, pace, user_id, session_key, last_event_id):
            yield part
    finally:
        tide.leave()


async def _follow(
    tide: Tide, pace: Pace, user_id: uuid.UUID, session_key: str, last_event_id: int | None
) -> AsyncGenerator[bytes, None]:
    clock = asyncio.get_running_loop().time
    begun = spoke = clock()
    checked = float("-inf")
    audience: Audience | None = None
    yield b"retry: 2000\n\n"
    seen, lost = await tide.hop(_start, last_event_id)
    if lost:
        yield _frame(seen, "reset", {})
    while clock() - begun < pace.longest_seconds:
        try:
            if clock() - checked >= pace.check_seconds:
                audience = await tide.hop(access.audience_of_session, user_id, session_key)
                checked = clock()
            if audience is None:
                return
            events = await tide.after(seen)
        except (DatabaseError, InterfaceError) as error:
            log.warning("event stream ends, the database failed: %s", type(error).__name__)
            return
        for event in events:
            seen = event.event_id
            if audience.sees(event):
                spoke = clock()
                yield _frame(event.event_id, event.topic.value, event.payload)
        if clock() - spoke >= pace.heartbeat_seconds:
            spoke = clock()
            yield b": here\n\n"
        await asyncio.sleep(pace.poll_seconds)


def _start(last_event_id: int | None) -> tuple[int, bool]:
    newest = queries.newest_event_id()
    if last_event_id is None:
        return newest, False
    oldest = queries.oldest_event_id()
    if last_event_id > newest or (oldest is not None and last_event_id < oldest - 1):
        return newest, True
    return last_event_id, False


def _frame(event_id: int, name: str, payload: dict[str, object]) -> bytes:
    body = json.dumps(payload, separators=(",", ":"), sort_keys=True)
    return f"id: {event_id}\nevent: {name}\ndata: {body}\n\n".encode()
