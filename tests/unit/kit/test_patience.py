"""``within`` against ``asyncio.timeout``: the same results, the same errors, and no timer for work that never waits."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from ringfence.kit.patience import within

Limited = Callable[[float, Coroutine[Any, Any, str]], Coroutine[Any, Any, str]]


async def by_the_book(seconds: float, work: Coroutine[Any, Any, str]) -> str:
    async with asyncio.timeout(seconds):
        return await work


both = pytest.mark.parametrize("limited", [by_the_book, within])


async def quick() -> str:
    return "done"


async def slow(events: list[str]) -> str:
    try:
        await asyncio.sleep(0)
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        events.append("cancelled")
        raise
    finally:
        events.append("tidied")
    return "never"


@both
def test_what_does_not_wait_is_done_at_once(limited: Limited) -> None:
    assert asyncio.run(limited(0.001, quick())) == "done"


def test_what_does_not_wait_sets_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    def timer(*_arguments: object) -> None:
        raise AssertionError("a timer was set")

    monkeypatch.setattr(asyncio, "timeout", timer)
    assert asyncio.run(within(1, quick())) == "done"


@both
def test_results_of_several_waits_arrive(limited: Limited) -> None:
    async def waits() -> str:
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_result, "a")
        return await future + await asyncio.sleep(0, "b") + await asyncio.sleep(0.001, "c")

    assert asyncio.run(limited(60, waits())) == "abc"


@both
def test_an_error_of_the_work_arrives_before_and_after_a_wait(limited: Limited) -> None:
    async def breaks(*, waits: bool) -> str:
        if waits:
            await asyncio.sleep(0)
        raise KeyError("planted")

    for waits in (False, True):
        with pytest.raises(KeyError):
            asyncio.run(limited(60, breaks(waits=waits)))


@both
def test_an_error_of_what_is_awaited_can_be_caught_by_the_work(limited: Limited) -> None:
    async def catches() -> str:
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_exception, KeyError("planted"))
        try:
            return await future
        except KeyError:
            return await asyncio.sleep(0, "caught")

    assert asyncio.run(limited(60, catches())) == "caught"


@both
def test_too_long_is_a_timeout_and_the_work_tidies_up(limited: Limited) -> None:
    events: list[str] = []
    with pytest.raises(TimeoutError):
        asyncio.run(limited(0.01, slow(events)))
    assert events == ["cancelled", "tidied"]


@both
def test_a_cancellation_from_outside_stays_one(limited: Limited) -> None:
    events: list[str] = []

    async def scenario() -> None:
        task = asyncio.get_running_loop().create_task(limited(60, slow(events)))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())
    assert events == ["cancelled", "tidied"]


@both
def test_limits_nest_and_the_inner_one_speaks_first(limited: Limited) -> None:
    async def outer() -> str:
        try:
            return await limited(0.01, slow([]))
        except TimeoutError:
            return "inner"

    assert asyncio.run(limited(60, outer())) == "inner"


@both
def test_work_that_is_dropped_is_closed(limited: Limited) -> None:
    events: list[str] = []

    async def scenario() -> None:
        running = limited(60, slow(events))
        running.send(None)
        running.close()

    asyncio.run(scenario())
    assert events == ["tidied"]
