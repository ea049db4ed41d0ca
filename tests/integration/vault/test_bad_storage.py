"""What goes wrong below a recording is told for what it is, and takes nothing else with it."""

import os
import resource
import signal
import traceback
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync
from django.core.cache import cache
from tests.support.assessments import approve_purposes
from tests.support.connections import connections_opened
from tests.support.people import create_clients, create_person
from tests.support.recorded import hear, recorded, row_of
from tests.support.s3_server import S3Server, running_s3
from tests.support.sealed import empty_storage

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.rights import Role
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.jobs.queries import open_alarms
from ringfence.centre.recordings.actions import open_audio, read_part, state_purpose
from ringfence.centre.recordings.models import Recording, RecordingState
from ringfence.centre.recordings.storage import key_store, spool
from ringfence.centre.recordings.tasks import move_to_store
from ringfence.centre.tenancy import all_clients
from ringfence.entry.settings import current
from ringfence.kit.clock import ManualClock
from ringfence.vault import (
    Destroyer,
    DestructionList,
    FileRootKey,
    FileSigningKey,
    FileStore,
    Order,
    S3Store,
    SqliteKeyStore,
    create_data_key,
)
from ringfence.vault.errors import (
    ChunkMoved,
    ChunkTampered,
    FormatError,
    KeyDestroyed,
    KeyStoreUnavailable,
    KeyUnreadable,
    RecordingCut,
    StoreUnavailable,
    WrongKey,
)
from ringfence.vault.format import Layout, decode_header, layout_of

ENDED = datetime(2026, 10, 10, 9, 30, tzinfo=UTC)
SOON = ENDED + timedelta(hours=1)


@pytest.fixture
def people(db: None) -> Iterator[User]:
    cache.clear()
    create_clients()
    approve_purposes()
    with empty_storage():
        yield create_person("sam", Role.SUP, "BBC")


def object_path(recording: str) -> Path:
    with all_clients("a test"):
        name: str = Recording.objects.get(pk=recording).object_name
    folder: Path = current().recordings
    return folder / name


def listen(user: User, recording: str) -> bytes:
    """As the page does it."""
    grant = state_purpose(user, recording, session_key="s", purpose="quality", now=SOON)
    view = open_audio(user, grant.grant_id, session_key="s", now=SOON)
    return async_to_sync(read_part)(view, 0, view.size)


def alarms() -> dict[str, str]:
    return {f"{alarm.code} {alarm.subject}".strip(): alarm.detail for alarm in open_alarms(None)}


def refusals() -> list[str]:
    with all_clients("a test"):
        return [entry.fields for entry in AuditEntry.objects.filter(code="recording.refused").order_by("number")]


def layout(data: bytes) -> Layout:
    return layout_of(*decode_header(data[:2048]))


def swap_chunks(data: bytearray) -> None:
    at = layout(bytes(data))
    first, second, third = at.chunk_offset(0), at.chunk_offset(1), at.chunk_offset(2)
    data[first:third] = data[second:third] + data[first:second]


def change_chunk(data: bytearray) -> None:
    data[layout(bytes(data)).chunk_offset(1) + 100] ^= 1


def change_key_check(data: bytearray) -> None:
    at = data.index(b'"key_check":"') + len(b'"key_check":"')
    data[at : at + 4] = b"0000" if data[at : at + 4] != b"0000" else b"1111"


def cut(data: bytearray) -> None:
    del data[-200:]


@pytest.mark.parametrize(
    ("harm", "error"),
    [(swap_chunks, ChunkMoved), (change_chunk, ChunkTampered), (cut, RecordingCut), (change_key_check, WrongKey)],
)
def test_a_damaged_recording_is_named_by_page_audit_and_alarm_and_the_next_one_plays(
    people: User, harm: Callable[[bytearray], None], error: type[FormatError]
) -> None:
    bad, good = recorded(1, ended_at=ENDED, seconds=3), recorded(2, ended_at=ENDED)
    path = object_path(bad)
    data = bytearray(path.read_bytes())
    harm(data)
    path.write_bytes(data)
    with connections_opened() as elsewhere, pytest.raises(error):
        listen(people, bad)
    assert elsewhere == [], "only the request's thread, which has one, asks the database"
    assert alarms() == {f"recording_damaged {bad}": error.__name__}
    told_at_once = error in (RecordingCut, WrongKey)  # a chunk is opened when its second is played
    assert [error.__name__ in fields for fields in refusals()] == ([True] if told_at_once else [])
    assert hear(people, good, now=SOON)[:4] == b"RIFF"
    assert path.read_bytes() == bytes(data), "nothing is repaired or thrown away behind anybody's back"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with running_s3(tmp_path_factory.mktemp("s3")) as server:
        yield server


class TestUnreachableStore:
    """A real S3 server that is stopped in the middle, and goes on later."""

    @pytest.fixture
    def store(self, server: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Store]:
        made = S3Store(
            bucket="recordings",
            endpoint=server.endpoint,
            access_key=server.access_key,
            secret_key=server.secret_key,
            connect_seconds=1,
            read_seconds=1,
            tries=1,
        )
        made.create_bucket()
        for module in ("tasks", "playback"):
            monkeypatch.setattr(f"ringfence.centre.recordings.{module}.object_store", lambda: made)
        yield made
        os.kill(server.pid, signal.SIGCONT)
        made.close()

    def test_recordings_wait_in_the_spool_play_from_there_and_move_later(
        self, people: User, server: S3Server, store: S3Store
    ) -> None:
        stored = recorded(1, ended_at=ENDED)
        os.kill(server.pid, signal.SIGSTOP)
        waiting = recorded(2, ended_at=ENDED, stored=False)
        with pytest.raises(StoreUnavailable):
            move_to_store.call(waiting)
        assert row_of(waiting).state == RecordingState.SPOOLED
        assert (spool() / f"{waiting}.rfr").exists()
        assert hear(people, waiting, now=SOON)[:4] == b"RIFF"
        with pytest.raises(StoreUnavailable):
            hear(people, stored, now=SOON)
        assert "StoreUnavailable" in refusals()[-1]
        assert alarms() == {"store_unreachable": "StoreUnavailable"}
        os.kill(server.pid, signal.SIGCONT)
        move_to_store.call(waiting)
        assert row_of(waiting).state == RecordingState.LIVE
        for each in (stored, waiting):
            assert hear(people, each, now=SOON)[:4] == b"RIFF"
        assert alarms() == {}

    def test_a_destruction_takes_the_key_at_once_and_the_object_later(
        self, server: S3Server, store: S3Store, tmp_path: Path
    ) -> None:
        keys = SqliteKeyStore(tmp_path / "keys.sqlite3", FileRootKey(bytes(32)))
        destroyer = Destroyer(
            keys=keys,
            entries=DestructionList(keys.database),
            store=store,
            signing=FileSigningKey.create(tmp_path / "signing.key"),
        )
        key = create_data_key("BBC", "r9")
        keys.keep(key)
        store.put("BBC/r9.rfr", b"sealed")
        order = Order(
            destruction_id="d9", kind="recording", item="r9", client="BBC", why="test", key_ids=(key.key_id,),
            objects=("BBC/r9.rfr",),
        )  # fmt: skip
        os.kill(server.pid, signal.SIGSTOP)
        (outcome,) = destroyer.destroy([order])
        assert isinstance(outcome.problem, StoreUnavailable)
        with pytest.raises(KeyDestroyed):
            keys.unwrap(key.key_id)
        os.kill(server.pid, signal.SIGCONT)
        assert [each.problem for each in destroyer.destroy(destroyer.entries.unfinished())] == [None]
        assert not store.exists("BBC/r9.rfr")
        keys.close()


def on_a_full_disk(work: Callable[[], object]) -> str:
    """Name of the error that ``work`` raises in a process whose files may not grow beyond 64 KiB."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, 65_536))
        told = "none"
        try:
            work()
        except Exception as error:  # noqa: BLE001 - the child's root
            told = f"{type(error).__name__}: {error}"
            traceback.print_exc()
        os.write(writing, told.encode()[:4000])
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        told = answer.read()
    os.waitpid(child, 0)
    return told


class TestFullDisk:
    def test_a_key_that_cannot_be_kept_is_told_and_those_before_it_open(self, tmp_path: Path) -> None:
        keys = SqliteKeyStore(tmp_path / "keys.sqlite3", FileRootKey(bytes(32)))
        kept = [create_data_key("BBC", f"r{number}") for number in range(100)]
        for key in kept:
            keys.keep(key)
        keys.close()

        def fill() -> None:
            for number in range(1000):
                keys.keep(create_data_key("BBC", f"more{number}"))

        told = on_a_full_disk(fill)
        assert told.startswith(KeyStoreUnavailable.__name__)
        assert "free disk space" in told
        assert [keys.unwrap(key.key_id) for key in kept] == kept
        late = create_data_key("BBC", "late")
        keys.keep(late)
        assert keys.unwrap(late.key_id) == late
        keys.close()

    def test_an_object_that_does_not_fit_leaves_the_others_and_no_part(self, tmp_path: Path) -> None:
        store = FileStore(tmp_path / "recordings")
        store.put("BBC/small.rfr", b"small")
        told = on_a_full_disk(lambda: store.put("BBC/large.rfr", bytes(1_000_000)))
        assert told.startswith(StoreUnavailable.__name__)
        assert "free disk space" in told
        assert list(store.names()) == ["BBC/small.rfr"]
        assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["small.rfr"]

    def test_a_destruction_that_cannot_be_noted_destroys_nothing_and_says_so(self, tmp_path: Path) -> None:
        keys = SqliteKeyStore(tmp_path / "keys.sqlite3", FileRootKey(bytes(32)))
        made = [create_data_key("BBC", f"r{number}") for number in range(500)]
        for key in made:
            keys.keep(key)
        keys.close()
        destroyer = Destroyer(
            keys=keys, entries=DestructionList(keys.database), store=FileStore(tmp_path / "recordings"),
            signing=FileSigningKey.create(tmp_path / "signing.key"),
        )  # fmt: skip
        orders = [
            Order(destruction_id=f"d{number}", kind="recording", item=f"r{number}", client="BBC", why="test",
                  key_ids=(key.key_id,))
            for number, key in enumerate(made)
        ]  # fmt: skip
        assert on_a_full_disk(lambda: destroyer.destroy(orders)).startswith(KeyStoreUnavailable.__name__)
        left = keys.stats().data_keys
        noted = destroyer.entries.count()
        assert left + noted >= 500, "no key goes before its order is noted"
        assert all(outcome.problem is None for outcome in destroyer.destroy(orders))
        assert keys.stats().data_keys == 0
        keys.close()


def test_a_wrong_root_key_is_told_from_damage(people: User, tmp_path: Path) -> None:
    recorded(1, ended_at=ENDED)
    store = key_store()
    assert isinstance(store, SqliteKeyStore)
    with all_clients("a test"):
        key_id = Recording.objects.get().key_id
    foreign = SqliteKeyStore(store.database.path, FileRootKey(bytes(range(32))))
    with pytest.raises(KeyUnreadable, match="belongs to another key store"):
        foreign.unwrap(key_id)
    foreign.close()


@pytest.mark.parametrize("jump", [timedelta(days=-400), timedelta(days=400)])
def test_a_clock_that_jumps_destroys_and_opens_nothing(tmp_path: Path, jump: timedelta) -> None:
    """The times of the list follow the clock; what is open and what is gone does not."""
    keys = SqliteKeyStore(tmp_path / "keys.sqlite3", FileRootKey(bytes(32)), clock=ManualClock(ENDED))
    first, second = (create_data_key("BBC", name) for name in ("r1", "r2"))
    for key in (first, second):
        keys.keep(key)
    keys.destroy(first.key_id)
    keys.close()
    jumped = SqliteKeyStore(tmp_path / "keys.sqlite3", FileRootKey(bytes(32)), clock=ManualClock(ENDED + jump))
    assert jumped.unwrap(second.key_id) == second
    with pytest.raises(KeyDestroyed):
        jumped.unwrap(first.key_id)
    assert jumped.destroyed([first.key_id])[first.key_id].destroyed_at == ENDED
    jumped.close()
