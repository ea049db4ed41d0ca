"""The blocking client against the real control server, over a real Unix socket."""

import asyncio
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest

from ringfence.control.client import ControlClient, EngineDown
from ringfence.control.commands import AnyCommand, Done, Facts, GetStatus, HangUpCall, Refused, Reply, SetAgentState
from ringfence.control.facts import AgentState, AlarmRaised
from ringfence.engine.control_server import AlreadyRunning, ControlServer
from ringfence.engine.journal import FactJournal
from ringfence.kit.clock import ManualClock
from ringfence.kit.ids import AgentId, CallId

T = TypeVar("T")
CLOCK = ManualClock(datetime(2026, 1, 14, 12, tzinfo=UTC))


def alarm(code: str) -> AlarmRaised:
    return AlarmRaised(at=CLOCK.now(), code=code, detail="d")


async def handle(command: AnyCommand) -> Reply:
    match command:
        case HangUpCall():
            return Done(call_id=command.call_id)
        case SetAgentState():
            return Refused(code="ringing", message="A call is ringing.")
        case _:
            raise RuntimeError("planted")


@asynccontextmanager
async def serving(path: Path, journal: FactJournal) -> AsyncIterator[ControlServer]:
    server = ControlServer(path, handle, journal)
    await server.start()
    try:
        yield server
    finally:
        await server.close()


@contextmanager
def engine(path: Path, journal: FactJournal) -> Iterator[None]:
    """The server in a thread of its own, as another process would be."""
    started, stop = threading.Event(), threading.Event()

    async def main() -> None:
        async with serving(path, journal):
            started.set()
            await asyncio.to_thread(stop.wait)

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    assert started.wait(5)
    try:
        yield
    finally:
        stop.set()
        thread.join(10)


def journal_of(*codes: str) -> FactJournal:
    journal = FactJournal("boot-1", CLOCK)
    for code in codes:
        journal.publish(alarm(code))
    return journal


def codes(facts: Facts | None) -> list[str]:
    assert facts is not None
    return [fact.code for fact in facts.facts if isinstance(fact, AlarmRaised)]


def next_facts(stream: Iterator[Facts | None]) -> Facts:
    for _ in range(20):
        if (facts := next(stream)) is not None:
            return facts
    raise AssertionError("no facts came")


def test_each_command_gets_its_own_reply(tmp_path: Path) -> None:
    with engine(tmp_path / "engine.sock", journal_of()):
        client = ControlClient(tmp_path / "engine.sock")
        assert client.ask(HangUpCall(call_id=CallId("c"), agent_id=AgentId("a"))) == Done(call_id=CallId("c"))
        refused = client.ask(SetAgentState(agent_id=AgentId("a"), state=AgentState.AVAILABLE))
        assert refused == Refused(code="ringing", message="A call is ringing.")


def test_a_command_that_breaks_the_engine_is_answered_and_the_next_one_works(tmp_path: Path) -> None:
    with engine(tmp_path / "engine.sock", journal_of()):
        client = ControlClient(tmp_path / "engine.sock")
        reply = client.ask(GetStatus())
        assert isinstance(reply, Refused)
        assert reply.code == "internal"
        assert isinstance(client.ask(HangUpCall(call_id=CallId("c"), agent_id=AgentId("a"))), Done)


def test_facts_are_replayed_until_they_are_acknowledged(tmp_path: Path) -> None:
    path, journal = tmp_path / "engine.sock", journal_of("one", "two")
    with engine(path, journal):
        with ControlClient(path) as client:
            assert codes(next_facts(client.follow(idle_seconds=0.2))) == ["one", "two"]
        with ControlClient(path) as client:
            stream = client.follow(idle_seconds=0.2)
            again = next_facts(stream)
            assert (again.boot_id, again.first, codes(again)) == ("boot-1", 1, ["one", "two"])
            client.acknowledge(again)
            journal.publish(alarm("three"))
            assert codes(next_facts(stream)) == ["three"]
        with ControlClient(path) as client:
            third = next_facts(client.follow(idle_seconds=0.2))
            assert (third.first, codes(third)) == (3, ["three"])


def test_an_idle_follower_gets_control_back(tmp_path: Path) -> None:
    with engine(tmp_path / "engine.sock", journal_of()), ControlClient(tmp_path / "engine.sock") as client:
        assert next(client.follow(idle_seconds=0.05)) is None


def test_a_new_follower_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    path, journal = tmp_path / "engine.sock", journal_of("one")
    with engine(path, journal), ControlClient(path) as old, ControlClient(path) as new:
        stream = old.follow(idle_seconds=0.2)
        next_facts(stream)
        fresh = new.follow(idle_seconds=0.2)
        assert codes(next_facts(fresh)) == ["one"]
        journal.publish(alarm("two"))
        assert codes(next_facts(fresh)) == ["two"]
        assert next(stream) is None


@pytest.mark.parametrize("act", [lambda c: c.ask(GetStatus()), lambda c: next(c.follow())])
def test_an_engine_that_is_not_running_is_said_in_one_sentence(
    tmp_path: Path, act: Callable[[ControlClient], T]
) -> None:
    with pytest.raises(EngineDown, match="not running"):
        act(ControlClient(tmp_path / "none.sock"))


def test_an_engine_that_goes_away_ends_the_follower_clearly(tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"
    with ControlClient(path) as client:
        with engine(path, journal_of("one")):
            stream = client.follow(idle_seconds=0.2)
            next_facts(stream)
        with pytest.raises(EngineDown):
            next(stream)


def test_an_engine_that_never_answers_is_reported_after_the_time_limit(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(tmp_path / "mute.sock"))
        mute.listen()
        with pytest.raises(EngineDown, match="did not answer within"):
            ControlClient(tmp_path / "mute.sock", timeout_seconds=0.05).ask(GetStatus())


def test_only_the_owner_may_open_the_socket_and_it_goes_with_the_engine(tmp_path: Path) -> None:
    path = tmp_path / "run" / "engine.sock"
    with engine(path, journal_of()):
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
    assert not path.exists()


def test_the_socket_file_of_a_dead_engine_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with engine(path, journal_of()):
        assert isinstance(ControlClient(path).ask(HangUpCall(call_id=CallId("c"), agent_id=AgentId("a"))), Done)


def test_a_second_engine_on_one_socket_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "engine.sock"

    async def second() -> None:
        async with serving(path, journal_of()):
            raise AssertionError("two engines on one socket")

    with engine(path, journal_of()):
        with pytest.raises(AlreadyRunning, match="Another engine"):
            asyncio.run(second())
        assert isinstance(ControlClient(path).ask(HangUpCall(call_id=CallId("c"), agent_id=AgentId("a"))), Done)


@pytest.mark.parametrize("noise", [b"\xff\xff\xff\xff", b"\x00\x00\x00\x02{}", os.urandom(64)])
def test_noise_closes_only_its_own_connection(tmp_path: Path, noise: bytes) -> None:
    path = tmp_path / "engine.sock"
    with engine(path, journal_of()), socket.socket(socket.AF_UNIX) as stranger:
        stranger.settimeout(5)
        stranger.connect(str(path))
        stranger.sendall(noise)
        stranger.shutdown(socket.SHUT_WR)
        assert stranger.recv(1) == b""
        assert isinstance(ControlClient(path).ask(HangUpCall(call_id=CallId("c"), agent_id=AgentId("a"))), Done)


def test_flush_waits_for_the_last_acknowledgement(tmp_path: Path) -> None:
    path, journal = tmp_path / "engine.sock", journal_of("one")

    async def main() -> bool:
        async with serving(path, journal) as server:
            flushing = asyncio.ensure_future(server.flush())
            await asyncio.sleep(0)
            assert not flushing.done()
            await asyncio.to_thread(follow_once)
            async with asyncio.timeout(5):
                await flushing
        return True

    def follow_once() -> None:
        with ControlClient(path) as client:
            stream = client.follow()
            client.acknowledge(next_facts(stream))

    assert asyncio.run(main())
