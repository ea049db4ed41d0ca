"""Server-sent events over a real database, with several followers of one reader."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.utils import timezone
from tests.support.people import create_clients, create_person

from ringfence.centre.accounts.models import RoleGrant, User
from ringfence.centre.accounts.rights import Role
from ringfence.centre.live import queries
from ringfence.centre.live.actions import emit
from ringfence.centre.live.models import OutboxEvent, Topic
from ringfence.centre.live.stream import Pace, TooManyFollowers, stream
from ringfence.kit.ids import ClientCode

pytestmark = pytest.mark.django_db(transaction=True)

QUICK = Pace(poll_seconds=0.01, check_seconds=0.02, heartbeat_seconds=0.05)


def sign_in(user: User) -> str:
    session = SessionStore()
    session["_auth_user_id"] = str(user.pk)
    session.create()
    assert session.session_key
    return session.session_key


def tell(name: str, client: str = "BBC") -> None:
    with transaction.atomic():
        emit(Topic.CALL, {"name": name}, client=ClientCode(client))


@pytest.fixture
def sam() -> User:
    create_clients()
    return create_person("sam", Role.SUP, "BBC")


def in_thread(work: Callable[..., Any], *args: object) -> Any:
    def and_close() -> Any:
        try:
            return work(*args)
        finally:
            connection.close()

    return sync_to_async(and_close, thread_sensitive=False)()


async def frames(events: AsyncGenerator[bytes, None], count: int) -> list[str]:
    """The next events, without heartbeats."""
    found: list[str] = []
    async with asyncio.timeout(10):
        async for part in events:
            if part.startswith(b"id:"):
                found.append(part.decode())
            if len(found) == count:
                break
    return found


async def until_end(events: AsyncGenerator[bytes, None]) -> list[bytes]:
    async with asyncio.timeout(10):
        return [part async for part in events]


def run(work: Any) -> None:
    asyncio.run(work)


def test_events_arrive_with_their_ids_in_order_and_only_of_ones_clients(sam: User) -> None:
    key = sign_in(sam)

    async def follow() -> None:
        events = stream(sam.pk, key, None, pace=QUICK)
        assert await anext(events) == b"retry: 2000\n\n"
        task = asyncio.ensure_future(frames(events, 2))
        await asyncio.sleep(0.1)
        await in_thread(tell, "one")
        await in_thread(tell, "foreign", "ELDC")
        await in_thread(tell, "two")
        first, second = await task
        assert 'event: call\ndata: {"name":"one"}' in first
        assert '{"name":"two"}' in second
        await events.aclose()

    run(follow())


def test_a_follower_that_comes_back_gets_what_it_missed(sam: User) -> None:
    key = sign_in(sam)
    for number in range(5):
        tell(str(number))
    seen = next(event.event_id for event in queries.raw_events_after(0) if event.payload.get("name") == "1")

    async def follow() -> None:
        events = stream(sam.pk, key, seen, pace=QUICK)
        got = await frames(events, 3)
        assert [frame.split('"name":"')[1][0] for frame in got] == ["2", "3", "4"]
        await events.aclose()

    run(follow())


def test_a_follower_from_before_the_oldest_event_is_told_to_load_anew(sam: User) -> None:
    key = sign_in(sam)
    for number in range(5):
        tell(str(number))
    oldest = queries.raw_events_after(0)[0].event_id
    OutboxEvent.objects.filter(id__lte=oldest + 2).delete()

    async def follow() -> None:
        events = stream(sam.pk, key, oldest, pace=QUICK)
        (frame,) = await frames(events, 1)
        assert "event: reset" in frame
        assert frame.startswith(f"id: {queries_newest}\n")
        await events.aclose()

    queries_newest = queries.newest_event_id()
    run(follow())


@pytest.mark.parametrize("end", ["signed out", "expired", "disabled", "another's session"])
def test_the_stream_ends_with_the_session_and_with_the_account(sam: User, end: str) -> None:
    key = sign_in(sam)

    def finish() -> None:
        if end == "signed out":
            Session.objects.all().delete()
        elif end == "expired":
            Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
        elif end == "disabled":
            User.objects.update(is_active=False)
        else:
            store = SessionStore(session_key=key)
            store["_auth_user_id"] = "00000000-0000-0000-0000-000000000000"
            store.save()

    async def follow() -> None:
        events = stream(sam.pk, key, None, pace=QUICK)
        assert await anext(events)
        task = asyncio.ensure_future(until_end(events))
        await asyncio.sleep(0.1)
        assert not task.done()
        await in_thread(finish)
        await task

    run(follow())


def test_a_withdrawn_right_stops_the_events(sam: User) -> None:
    key = sign_in(sam)

    async def follow() -> None:
        events = stream(sam.pk, key, None, pace=QUICK)
        assert await anext(events)
        task = asyncio.ensure_future(frames(events, 1))
        await asyncio.sleep(0.1)
        await in_thread(lambda: RoleGrant.objects.update(ends_at=timezone.now()))
        await asyncio.sleep(0.2)
        await in_thread(tell, "late")
        await asyncio.sleep(0.2)
        assert not task.done()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(follow())


def test_a_silent_stream_says_that_it_is_there_and_ends_after_its_time(sam: User) -> None:
    key = sign_in(sam)
    pace = Pace(poll_seconds=0.01, heartbeat_seconds=0.02, longest_seconds=2.0)

    async def follow() -> None:
        parts = await until_end(stream(sam.pk, key, None, pace=pace))
        assert parts.count(b": here\n\n") >= 3

    run(follow())


def test_too_many_followers_are_refused_and_a_free_place_is_used_again(sam: User) -> None:
    key = sign_in(sam)
    pace = Pace(poll_seconds=0.01, most_followers=1)

    async def follow() -> None:
        one = stream(sam.pk, key, None, pace=pace)
        await anext(one)
        with pytest.raises(TooManyFollowers):
            await anext(stream(sam.pk, key, None, pace=pace))
        await one.aclose()
        two = stream(sam.pk, key, None, pace=pace)
        assert await anext(two)
        await two.aclose()

    run(follow())


def test_many_followers_share_one_reader(sam: User, monkeypatch: pytest.MonkeyPatch) -> None:
    key = sign_in(sam)
    reads = 0
    real = queries.raw_events_after

    def counted(*args: Any, **values: Any) -> Any:
        nonlocal reads
        reads += 1
        return real(*args, **values)

    monkeypatch.setattr(queries, "raw_events_after", counted)
    pace = Pace(poll_seconds=0.1, check_seconds=60)

    async def follow() -> None:
        followers = [stream(sam.pk, key, None, pace=pace) for _ in range(20)]
        for follower in followers:
            await anext(follower)
        tasks = [asyncio.ensure_future(frames(follower, 3)) for follower in followers]
        await asyncio.sleep(0.5)
        for name in ("one", "two", "three"):
            await in_thread(tell, name)
        got = await asyncio.gather(*tasks)
        assert all(frames == got[0] for frames in got)
        for follower in followers:
            await follower.aclose()

    began = asyncio.run(_timed(follow()))
    assert reads < 2 * began / 0.1 + 20  # each for themselves would read twenty times as often


async def _timed(work: Any) -> float:
    loop = asyncio.get_running_loop()
    began = loop.time()
    await work
    return loop.time() - began
