"""The bridge against the engine's own control server, over a real socket."""

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import connection
from django.db.utils import OperationalError
from tests.support.story import ADA, BBC, Story

from ringfence.bridge import follow
from ringfence.bridge.apply import apply
from ringfence.bridge.follow import Bridge, DirectorySource, Pace
from ringfence.centre.calls.models import Call, CallEvent
from ringfence.centre.calls.sealing import party_sealer
from ringfence.centre.jobs.models import Alarm
from ringfence.centre.live.models import AgentPresence, FactCursor
from ringfence.centre.tenancy import all_clients
from ringfence.centre.tenancy.models import Client
from ringfence.control import facts
from ringfence.control.commands import AnyCommand, Done, LoadDirectory, Refused, Reply
from ringfence.control.directory import AgentEntry, DirectorySnapshot
from ringfence.engine.control_server import ControlServer
from ringfence.engine.journal import FactJournal
from ringfence.kit.clock import SystemClock
from ringfence.vault.errors import KeyStoreUnavailable

pytestmark = pytest.mark.django_db(transaction=True)

QUICK = Pace(directory_seconds=0.05, first_pause_seconds=0.02, longest_pause_seconds=0.05)


class Engine:
    """A control server with a journal, in a thread of its own; it can be stopped and started again."""

    def __init__(self, path: Path, boot_id: str) -> None:
        self.path = path
        self.journal = FactJournal(boot_id, SystemClock())
        self.loaded: list[int] = []
        self.reply: Reply = Done()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()

    async def _handle(self, command: AnyCommand) -> Reply:
        if isinstance(command, LoadDirectory):
            self.loaded.append(command.snapshot.version)
        return self.reply

    async def _run(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        server = ControlServer(self.path, self._handle, self.journal)
        await server.start()
        self._ready.set()
        await self._stop.wait()
        await server.close()

    def start(self) -> "Engine":
        self._ready.clear()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))
        self._thread.start()
        assert self._ready.wait(5)
        return self

    def stop(self) -> None:
        if self._thread is not None and self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(5)
            self._thread = None

    def publish(self, told: list[facts.AnyFact]) -> None:
        for fact in told:
            self.journal.publish(fact)


class Directory:
    """A directory whose revision a test moves."""

    def __init__(self) -> None:
        self.number = 1

    def revision(self) -> int:
        return self.number

    def build(self) -> DirectorySnapshot:
        agent = AgentEntry(agent_id=ADA, clients=frozenset({BBC}), queues=frozenset())
        return DirectorySnapshot(version=self.number, agents=(agent,))


def wait_for(condition: Callable[[], bool], *, seconds: float = 30.0) -> None:
    pause = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        pause.wait(0.02)
    raise AssertionError("The condition did not come true in time.")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "engine.sock"


@pytest.fixture
def engine(path: Path) -> Iterator[Engine]:
    engine = Engine(path, "boot-1").start()
    yield engine
    engine.stop()


@pytest.fixture
def directory() -> Directory:
    return Directory()


@pytest.fixture
def bridge(path: Path, directory: Directory) -> Iterator[Bridge]:
    Client.objects.create(code="BBC", name="Barford Borough Council", greeting="Barford Council")
    bridge = Bridge(
        path,
        directory=DirectorySource(revision=directory.revision, build=directory.build),
        sealer=party_sealer(),
        pace=QUICK,
    )
    stop = threading.Event()
    thread = threading.Thread(target=bridge.run, args=(stop,))
    thread.start()
    with all_clients("tests look at every row"):
        yield bridge
    stop.set()
    thread.join(10)
    assert not thread.is_alive()


def test_facts_are_stored_and_then_forgotten_by_the_engine(engine: Engine, bridge: Bridge) -> None:
    story = Story().start()
    story.whole_call()
    engine.publish(story.told)
    wait_for(lambda: engine.journal.acknowledged == len(story.told))
    assert Call.objects.get().end_reason == "caller_hung_up"
    assert len(engine.journal) == 0
    assert AgentPresence.objects.get().clients == "BBC"


def test_the_directory_is_pushed_at_connect_and_whenever_it_has_changed(
    engine: Engine, bridge: Bridge, directory: Directory
) -> None:
    wait_for(lambda: engine.loaded == [1])
    directory.number = 2
    wait_for(lambda: engine.loaded == [1, 2])
    engine.stop()
    engine.start()
    wait_for(lambda: engine.loaded == [1, 2, 2])


def test_a_refused_directory_raises_an_alarm_until_a_later_one_is_taken(
    engine: Engine, bridge: Bridge, directory: Directory
) -> None:
    wait_for(lambda: engine.loaded == [1])
    engine.reply = Refused(code="stale", message="no")
    directory.number = 2
    wait_for(lambda: Alarm.objects.filter(code="directory_refused", cleared_at=None).exists())
    engine.reply = Done()
    directory.number = 3
    wait_for(lambda: Alarm.objects.filter(code="directory_refused", cleared_at__isnull=False).exists())


def test_nothing_is_lost_or_doubled_while_the_channel_breaks(engine: Engine, bridge: Bridge) -> None:
    story = Story().start()
    for number in range(1, 31):
        story.whole_call(number)
    for start in range(0, len(story.told), 60):
        engine.publish(story.told[start : start + 60])
        engine.stop()
        engine.start()
    wait_for(lambda: engine.journal.acknowledged == len(story.told))
    assert Call.objects.filter(end_reason="caller_hung_up").count() == 30
    assert CallEvent.objects.count() == 30 * 14
    assert FactCursor.objects.get().upto == len(story.told)


@pytest.mark.parametrize("failure", [OperationalError("database is locked"), KeyStoreUnavailable()])
def test_a_database_or_key_store_that_fails_for_a_while_loses_nothing(
    engine: Engine, bridge: Bridge, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    story = Story().start()
    story.whole_call()
    failures = iter([failure] * 3)
    real = apply

    def flaky(*args: object, **values: object) -> object:
        error = next(failures, None)
        if error is not None:
            raise error
        return real(*args, **values)  # type: ignore[arg-type] # whatever apply is called with

    monkeypatch.setattr(follow, "apply", flaky)
    engine.publish(story.told)
    wait_for(lambda: engine.journal.acknowledged == len(story.told))
    assert next(failures, None) is None
    assert Call.objects.get().history == 14


def test_one_bad_fact_is_left_out_with_an_alarm_and_holds_up_no_other(engine: Engine, bridge: Bridge) -> None:
    story = Story().start()
    story.arrive("call-1")
    story.tell(facts.TrunkChanged, trunk_id="trunk-1", up=None, detail="")  # no row can hold it
    story.arrive("call-2")
    engine.journal.publish(story.told[0])
    wait_for(lambda: engine.journal.acknowledged == 1)
    bridge._store(story.batch(2))
    assert set(Call.objects.values_list("call_id", flat=True)) == {"call-1", "call-2"}
    assert Alarm.objects.get(code="fact_refused").subject == "TrunkChanged"
    assert FactCursor.objects.get().upto == 4


def test_number_and_name_of_a_caller_are_nowhere_in_the_database_files(engine: Engine, bridge: Bridge) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("looks at SQLite's files; the columns are the same on PostgreSQL")
    canary = "canary-barford"
    story = Story().start()
    story.arrive()
    story.told.append(
        facts.AlarmRaised(at=datetime(2026, 5, 4, tzinfo=UTC), code=canary, detail="planted, must be found")
    )
    engine.publish(story.told)
    wait_for(lambda: engine.journal.acknowledged == len(story.told))
    database = Path(connection.settings_dict["NAME"])
    contents = b"".join(file.read_bytes() for file in database.parent.glob(database.name + "*"))
    assert canary.encode() in contents
    for secret in (b"447700900123", b"7700900123", b"Ottoline", b"Quill"):
        assert secret not in contents
    # How a national number begins; five digits stand by chance within a hash or an id, which begins before them.
    assert re.search(rb"(?<![0-9a-f])07700", contents) is None
