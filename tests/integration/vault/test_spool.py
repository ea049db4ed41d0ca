"""Recordings in the spool: killed engines, full disks, locked keys, tampering, and not one plain byte anywhere."""

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest

from ringfence.control.facts import (
    AlarmRaised,
    AnyFact,
    RecordingFailed,
    RecordingSealed,
    RecordingStarted,
    RecordingStopped,
    Span,
    StopReason,
    SuppressionReason,
)
from ringfence.engine.errors import RecordingUnavailable
from ringfence.engine.fakes import MemoryFacts
from ringfence.engine.recorder import SpoolVault
from ringfence.engine.recorder.spool import SpoolSink
from ringfence.kit.clock import SystemClock
from ringfence.kit.g711 import pcm16_from_alaw
from ringfence.kit.ids import CallId, ClientCode, RecordingId
from ringfence.vault import FileRootKey, FileStore, SealedReader, SqliteKeyStore, read_header, spool_file
from ringfence.vault.errors import KeyDestroyed, KeyUnknown
from ringfence.vault.wav import WavView

ENGINE = Path(__file__).with_name("writing_engine.py")
MASK = SuppressionReason.MASK
CALLER = bytes((at * 11 + at // 256) % 200 for at in range(28_000))
AGENT = bytes((at * 13 + at // 256) % 200 for at in range(28_000))
"""3.5 s."""


class Spool:
    """A spool with its keys, and the facts told of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "spool"
        self.facts = MemoryFacts()
        root = folder / "keys" / "root.key"
        self.keys = SqliteKeyStore(
            folder / "keys" / "keys.sqlite3",
            FileRootKey.load(root) if root.exists() else FileRootKey.create(root),
            patience_seconds=0.2,
        )
        self.vaults: list[SpoolVault] = []

    def vault(self, **changes: float) -> SpoolVault:
        made = SpoolVault(
            self.path,
            self.keys,
            self.facts,
            hop=lambda work: work(),
            clock=SystemClock(),
            **changes,  # type: ignore[arg-type]
        )
        made.start()
        self.vaults.append(made)
        return made

    def open(self, vault: SpoolVault, recording: str = "rec-1") -> SpoolSink:
        sink, _ = vault.open(
            recording_id=RecordingId(recording), call_id=CallId("call-1"), client=ClientCode("BBC"), segment=0
        )
        return sink

    def reader(self, recording: str = "rec-1") -> SealedReader:
        store, name = FileStore(self.path), f"{recording}.rfr"
        return SealedReader(store, name, self.keys.unwrap(read_header(store, name).key))

    def abandoned(self, recording: str = "rec-1") -> Path:
        """A recording whose engine ended without sealing it."""
        vault = self.vault()
        sink = self.open(vault, recording)
        sink.write(CALLER, AGENT)
        sink.note((Span(start_ms=100, end_ms=200, reason=MASK, actor="a"),), None)
        vault.close()
        return self.path / f"{recording}.part"

    def recover(self) -> list[AnyFact]:
        self.facts.facts.clear()
        self.vault().recover()
        return self.facts.facts

    def names(self) -> set[str]:
        return {path.name for path in self.path.iterdir()}


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    made = Spool(tmp_path)
    yield made
    for vault in made.vaults:
        vault.close()
    made.keys.close()


def test_sealed_recording_is_in_the_spool_when_its_fact_is_told(spool: Spool) -> None:
    vault = spool.vault()
    sink = spool.open(vault)
    for at in range(0, len(CALLER), 4000):
        sink.write(CALLER[at : at + 4000], AGENT[at : at + 4000])
    span = Span(start_ms=500, end_ms=900, reason=MASK, actor="agent-1")
    sink.close(StopReason.AGENT_STOP, (span,))
    assert vault.drain(patience_seconds=5)
    sealed = spool.facts.last(RecordingSealed)
    path = spool_file(spool.path, sealed.object_name)
    assert (sealed.duration_ms, sealed.size_bytes, sealed.spans) == (3500, path.stat().st_size, (span,))
    assert (sealed.stop, sealed.recovered, sealed.call_id) == (StopReason.AGENT_STOP, False, "call-1")
    assert spool.names() == {"rec-1.rfr"}
    assert spool.path.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o777 == 0o600
    assert spool.reader().read(0, 10_000) == (CALLER, AGENT)
    with pytest.raises(RecordingUnavailable):
        sink.write(b"x", b"x")


def test_killed_engine_loses_two_seconds_at_most(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    process = subprocess.Popen([sys.executable, ENGINE, tmp_path], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    media_ms = 0
    for line in process.stdout:
        if not line.startswith("fact"):
            media_ms = int(line)
        if media_ms > 4300:
            process.send_signal(signal.SIGKILL)
            break
    assert process.wait() == -signal.SIGKILL
    process.stdout.close()
    assert {Path(name).suffix for name in spool.names()} == {".part", ".note"}

    (sealed,) = spool.recover()
    assert isinstance(sealed, RecordingSealed)
    assert (sealed.recovered, sealed.stop, sealed.call_id) == (True, StopReason.ENGINE_LOST, "call-1")
    print(f"killed at {media_ms} ms, recovered {sealed.duration_ms} ms")
    assert media_ms - 2000 <= sealed.duration_ms <= media_ms + 20
    first, second = sealed.spans
    assert 950 <= first.start_ms <= 1100
    assert 1450 <= first.end_ms <= 1700
    assert second.end_ms == sealed.duration_ms
    assert (second.reason, second.actor) == (MASK, "agent-1")
    reader = spool.reader(sealed.recording_id)
    reader.verify_all()
    caller, agent = reader.read(0, sealed.duration_ms)
    for span in sealed.spans:
        assert set(caller[span.start_ms * 8 : span.end_ms * 8]) == {0xD5}
    heard = caller[: first.start_ms * 8]
    assert sum(code != 0xD5 for code in heard) > 0.9 * len(heard)
    assert len(agent) == len(caller)
    for vault in spool.vaults:
        vault.close()
    spool.keys.close()


def test_full_disk_fails_the_recording_and_keeps_what_was_whole(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.keys.client_key("BBC")
    spool.keys.destroy("nothing")  # empties its log, so that the limit meets the recording first
    done = subprocess.run(
        [sys.executable, ENGINE, tmp_path, "45000", "4.8"], capture_output=True, text=True, timeout=60, check=True
    )
    lines = [line.removeprefix("fact ") for line in done.stdout.splitlines() if line.startswith("fact ")]
    facts = [msgspec.json.decode(line, type=AnyFact) for line in lines]
    assert any(isinstance(fact, RecordingStarted) for fact in facts)
    (failed,) = [fact for fact in facts if isinstance(fact, RecordingFailed)]
    assert failed.detail == "disk_full"
    (stopped,) = [fact for fact in facts if isinstance(fact, RecordingStopped)]
    assert stopped.reason is StopReason.STORAGE_FAILED
    (sealed,) = [fact for fact in facts if isinstance(fact, RecordingSealed)]
    assert (sealed.stop, sealed.recovered, sealed.duration_ms) == (StopReason.STORAGE_FAILED, True, 2000)
    assert max(int(line) for line in done.stdout.splitlines() if line.isdigit()) > 4500, "the call went on"
    spool.reader(sealed.recording_id).verify_all()
    spool.keys.close()


def test_every_cut_keeps_the_whole_chunks_before_it(spool: Spool) -> None:
    part = spool.abandoned()
    whole, note = part.read_bytes(), part.with_suffix(".note").read_bytes()
    start = len(whole) - 3 * 16_016
    for cut in (start, start + 1, start + 16_015, start + 16_016, start + 16_016 + 17, len(whole) - 1, len(whole)):
        part.write_bytes(whole[:cut])
        part.with_suffix(".note").write_bytes(note)
        (sealed,) = spool.recover()
        assert isinstance(sealed, RecordingSealed)
        kept = (cut - start) // 16_016 * 8000
        assert sealed.duration_ms == kept // 8
        assert spool.reader().read(0, 10_000) == (CALLER[:kept], AGENT[:kept])
        assert spool.names() == {"rec-1.rfr"}
        assert len(sealed.spans) == (1 if kept else 0)
        (spool.path / "rec-1.rfr").unlink()


def test_torn_last_chunk_is_left_out(spool: Spool) -> None:
    part = spool.abandoned()
    data = bytearray(part.read_bytes())
    data[-100] ^= 1
    part.write_bytes(data)
    (sealed,) = spool.recover()
    assert isinstance(sealed, RecordingSealed)
    assert sealed.duration_ms == 2000
    spool.reader().verify_all()


def test_damage_in_the_middle_is_left_for_a_person(spool: Spool) -> None:
    vault = spool.vault()
    sink = spool.open(vault)
    sink.write(CALLER * 10, AGENT * 10)
    vault.close()
    part = spool.path / "rec-1.part"
    data = bytearray(part.read_bytes())
    data[20_000] ^= 1
    part.write_bytes(data)
    (alarm,) = spool.recover()
    assert isinstance(alarm, AlarmRaised)
    assert (alarm.code, alarm.detail) == ("recording_unrecoverable", "rec-1: ChunkTampered")
    assert part.read_bytes() == data


def test_engine_that_died_between_seal_and_name_has_a_whole_recording(spool: Spool) -> None:
    vault = spool.vault()
    sink = spool.open(vault)
    sink.write(CALLER, AGENT)
    sink.close(StopReason.HANG_UP, ())
    vault.close()
    (spool.path / "rec-1.rfr").rename(spool.path / "rec-1.part")
    (sealed,) = spool.recover()
    assert isinstance(sealed, RecordingSealed)
    assert (sealed.stop, sealed.recovered, sealed.duration_ms) == (StopReason.HANG_UP, False, 3500)


def test_sealed_recording_the_store_does_not_have_is_told_again(spool: Spool) -> None:
    vault = spool.vault()
    sink = spool.open(vault)
    sink.write(CALLER, AGENT)
    sink.close(StopReason.HANG_UP, ())
    vault.close()
    first = spool.facts.last(RecordingSealed)
    (again,) = spool.recover()
    assert msgspec.structs.replace(again, at=first.at) == first


def test_recovery_leaves_a_running_recording_alone(spool: Spool) -> None:
    vault = spool.vault()
    sink = spool.open(vault)
    sink.write(CALLER, AGENT)
    assert vault.drain(patience_seconds=5)
    assert spool.recover() == []
    sink.close(StopReason.HANG_UP, ())
    assert vault.drain(patience_seconds=5)
    assert spool.facts.last(RecordingSealed).duration_ms == 3500


def test_recording_whose_key_was_destroyed_is_removed(spool: Spool) -> None:
    spool.abandoned()
    spool.keys.destroy(read_header(FileStore(spool.path), "rec-1.part").key)
    assert spool.recover() == []
    assert spool.names() == set()


def test_rubbish_in_the_spool_stops_nothing(spool: Spool) -> None:
    spool.abandoned()
    (spool.path / "bad.part").write_bytes(b"rubbish" * 1000)
    (spool.path / "worse.rfr").write_bytes(b"")
    (spool.path / "old.tmp").write_bytes(b"")
    (spool.path / "died.part").write_bytes(b"RINGF")
    (spool.path / "lonely.note").write_bytes(b"")
    facts = spool.recover()
    assert sorted(type(fact).__name__ for fact in facts) == ["AlarmRaised", "AlarmRaised", "RecordingSealed"]
    assert spool.names() == {"bad.part", "worse.rfr", "rec-1.rfr"}


def test_locked_key_store_fails_the_recording_and_writes_nothing(spool: Spool) -> None:
    vault = spool.vault()
    spool.keys.client_key("BBC")
    blocker = sqlite3.connect(spool.folder / "keys" / "keys.sqlite3", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    sink = spool.open(vault)
    assert vault.drain(patience_seconds=5)
    blocker.execute("ROLLBACK")
    blocker.close()
    assert [fact.detail for fact in spool.facts.of(RecordingFailed)] == ["key_store"]
    with pytest.raises(RecordingUnavailable):
        sink.write(CALLER, AGENT)
    sink.close(StopReason.STORAGE_FAILED, ())
    assert vault.drain(patience_seconds=5)
    assert spool.names() == set()
    assert len(spool.facts.facts) == 1


def test_disk_that_is_too_slow_fails_the_recording_and_not_the_loop(spool: Spool) -> None:
    vault = spool.vault(queue_bytes=100_000, retry_seconds=0)
    sink, other = spool.open(vault), spool.open(vault, "rec-2")
    sink.write(CALLER[:16_000], AGENT[:16_000])
    assert vault.drain(patience_seconds=5)
    stuck = threading.Event()
    vault.submit(lambda: (stuck.wait(10), None)[1])
    for _ in range(6):
        sink.write(CALLER[:8000], AGENT[:8000])
    with pytest.raises(RecordingUnavailable):
        sink.write(CALLER[:8000], AGENT[:8000])
    stuck.set()
    assert vault.drain(patience_seconds=5)
    other.write(CALLER, AGENT)
    other.close(StopReason.HANG_UP, ())
    vault.close()
    assert [(fact.recording_id, fact.detail) for fact in spool.facts.of(RecordingFailed)] == [
        ("rec-1", "queue_overflow")
    ]
    stops = {fact.recording_id: fact.stop for fact in spool.facts.of(RecordingSealed)}
    assert stops == {"rec-1": StopReason.STORAGE_FAILED, "rec-2": StopReason.HANG_UP}
    spool.reader("rec-1").verify_all()


def test_folder_that_vanishes_fails_the_recording(spool: Spool) -> None:
    vault = spool.vault()
    spool.path.rmdir()
    spool.path.write_bytes(b"a file")
    spool.open(vault)
    assert vault.drain(patience_seconds=5)
    assert [fact.detail for fact in spool.facts.of(RecordingFailed)] == ["disk_error"]


def test_no_recording_is_opened_without_room_or_writer(spool: Spool) -> None:
    with pytest.raises(RecordingUnavailable):
        spool.open(spool.vault(min_free_bytes=10**18))
    closed = spool.vault()
    closed.close()
    with pytest.raises(RecordingUnavailable):
        spool.open(closed)
    assert not closed.drain(patience_seconds=1)


def test_fact_after_the_loop_s_end_is_not_an_error(tmp_path: Path) -> None:
    spool = Spool(tmp_path)

    def closed(work: object) -> None:
        raise RuntimeError("Event loop is closed")

    vault = SpoolVault(spool.path, spool.keys, spool.facts, hop=closed, clock=SystemClock())
    vault.start()
    sink = spool.open(vault)
    sink.write(CALLER, AGENT)
    sink.close(StopReason.HANG_UP, ())
    vault.close()
    assert spool.names() == {"rec-1.rfr"}
    spool.keys.close()


def plain_runs(audio: bytes) -> set[bytes]:
    """Stretches of 24 bytes of the audio, as A-law and as 16-bit PCM, mono and stereo."""
    pcm = np.frombuffer(pcm16_from_alaw(audio), dtype="<i2")
    mono, stereo = pcm.tobytes(), np.repeat(pcm, 2).tobytes()
    return {each[at : at + 24] for each in (audio, mono, stereo) for at in range(0, len(each) - 24, 997)}


def found_in(folder: Path, runs: set[bytes]) -> list[str]:
    hits = []
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            hits += [path.name for run in runs if run in data]
    return hits


def test_no_plain_audio_and_no_name_is_in_any_file(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("TMPDIR", str(temporary))
    runs = plain_runs(CALLER) | plain_runs(AGENT)
    canary = tmp_path / "canary"
    canary.write_bytes(b"before" + CALLER + b"after")
    assert found_in(tmp_path, runs), "the search must find what is there"
    canary.unlink()

    vault = spool.vault()
    sink = spool.open(vault)
    sink.write(CALLER, AGENT)
    sink.note((), Span(start_ms=100, end_ms=200, reason=MASK, actor="agent-with-a-name"))
    assert vault.drain(patience_seconds=5)
    assert found_in(tmp_path, runs | {b"agent-with-a-name", b"call-1"}) == []
    sink.close(StopReason.HANG_UP, (Span(start_ms=100, end_ms=200, reason=MASK, actor="agent-with-a-name"),))
    assert vault.drain(patience_seconds=5)
    store = FileStore(tmp_path / "recordings")
    sealed = spool.facts.last(RecordingSealed)
    store.put(sealed.object_name, spool_file(spool.path, sealed.object_name))
    key = spool.keys.unwrap(read_header(store, sealed.object_name).key)
    wav = WavView(SealedReader(store, sealed.object_name, key))
    played = b"".join(wav.read(at, at + 10_000) for at in range(0, wav.size, 10_000))
    assert len(played) == 44 + 4 * len(CALLER)
    assert found_in(tmp_path, runs | {b"agent-with-a-name", b"call-1", key.secret}) == []


def test_copied_storage_without_its_keys_does_not_play(spool: Spool, tmp_path: Path) -> None:
    vault = spool.vault()
    sink = spool.open(vault)
    sink.write(CALLER, AGENT)
    sink.close(StopReason.HANG_UP, ())
    vault.close()
    thief = Spool(tmp_path / "elsewhere")
    key_id = read_header(FileStore(spool.path), "rec-1.rfr").key
    with pytest.raises(KeyUnknown):
        thief.keys.unwrap(key_id)
    thief.keys.close()
    assert spool.keys.destroy(key_id)
    with pytest.raises(KeyDestroyed):
        spool.reader()


def test_processes_share_one_key_store(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    work = (
        "import sys; from pathlib import Path\n"
        "from ringfence.vault import FileRootKey, SqliteKeyStore, create_data_key\n"
        "folder = Path(sys.argv[1])\n"
        "store = SqliteKeyStore(folder / 'keys.sqlite3', FileRootKey.load(folder / 'root.key'))\n"
        "keys = [create_data_key('BBC', f'r{number}') for number in range(25)]\n"
        "for key in keys: store.keep(key)\n"
        "for key in keys: assert store.unwrap(key.key_id) == key\n"
        "for key in keys[:5]: store.destroy(key.key_id)\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", work, tmp_path / "keys"]) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    stats = spool.keys.stats()
    assert (stats.data_keys, stats.destroyed, len(stats.client_keys)) == (60, 15, 1)
    spool.keys.close()
    assert os.path.getsize(tmp_path / "keys" / "keys.sqlite3") > 0
