"""One unfinished recording in the spool: sealed chunks as they come, and a sealed note of what is known so far.

``<recording>.part`` grows by whole chunks; ``<recording>.note`` holds call, start and spans, for recovery; sealing
turns the first into ``<recording>.rfr`` and removes the second. A chunk number is sealed at most once, whatever fails.
"""

import fcntl
import hashlib
import os
from datetime import datetime
from pathlib import Path

import msgspec

from ringfence.control.facts import Span, StopReason
from ringfence.engine.recorder.control import clip
from ringfence.vault.disk import sync_folder
from ringfence.vault.format import (
    CHUNK_SAMPLES,
    MAX_HEADER_BYTES,
    Manifest,
    RecordCipher,
    SealedSpan,
    create_header,
    decode_header,
    encode_header,
    encode_trailer,
)
from ringfence.vault.keys import DataKey
from ringfence.vault.names import NOTE_SUFFIX, PART_SUFFIX, SEALED_SUFFIX


class SpoolNote(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a recovery must know and the chunks do not tell."""

    call: str
    segment: int
    started_at: str
    spans: tuple[Span, ...] = ()
    running: Span | None = None

    def spans_upto(self, duration_ms: int) -> tuple[Span, ...]:
        """All spans of a recording that ended there; the running one lasted to its end."""
        running = (msgspec.structs.replace(self.running, end_ms=duration_ms),) if self.running else ()
        return clip((*self.spans, *running), upto_ms=duration_ms)


class SealedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A finished file in the spool."""

    path: Path
    manifest: Manifest
    size_bytes: int
    sha256: str


class SpoolFile:
    """Written by one thread. Raises OSError; every method but ``seal_rest`` may then not be called again."""

    def __init__(self, spool: Path, key: DataKey, note: SpoolNote) -> None:
        """Creates both files; the first ``sync`` makes them durable."""
        header = create_header(client=key.client, recording=key.recording, key_id=key.key_id, key=key.secret)
        self._raw = encode_header(header)
        self._cipher = RecordCipher(header, self._raw, key.secret)
        self._spool = spool
        self._path = spool / f"{key.recording}{PART_SUFFIX}"
        self._note = note
        self._hash = hashlib.sha256()
        self._size = 0
        self._chunks = 0
        self._samples = 0
        self._caller, self._agent = bytearray(), bytearray()
        self._settled = False
        """The names and the note will survive a power cut."""
        self._write_note(durably=False)
        self._handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            # Held while the engine lives: a recovery leaves locked files alone.
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._write(self._raw)
        except OSError:
            self.close()
            raise

    @property
    def duration_ms(self) -> int:
        """Of what is written in whole chunks."""
        return self._samples // 8

    def append(self, caller: bytes, agent: bytes) -> None:
        """Write every chunk that this completes."""
        self._caller += caller
        self._agent += agent
        while len(self._caller) >= CHUNK_SAMPLES:
            self._write_chunk(CHUNK_SAMPLES)

    def sync(self) -> None:
        """What was written lasts through a power cut."""
        os.fdatasync(self._handle)
        if not self._settled:
            self._write_note(durably=True)
            sync_folder(self._spool)
            self._settled = True

    def note(self, spans: tuple[Span, ...], running: Span | None) -> None:
        self._note = msgspec.structs.replace(self._note, spans=spans, running=running)
        self._write_note(durably=True)
        sync_folder(self._spool)

    def seal(self, stop: StopReason, spans: tuple[Span, ...], *, now: datetime) -> SealedFile:
        """Write the rest and the manifest; the file then has its final name."""
        if self._caller:
            self._write_chunk(len(self._caller))
        return self._finish(stop, clip(spans, upto_ms=self.duration_ms), now=now, recovered=False)

    def seal_rest(self, stop: StopReason, *, now: datetime) -> SealedFile:
        """After a failure: drop what is not whole on disk and seal the chunks that are."""
        self._caller.clear()
        self._agent.clear()
        os.ftruncate(self._handle, self._size)
        os.lseek(self._handle, self._size, os.SEEK_SET)
        return self._finish(stop, self._note.spans_upto(self.duration_ms), now=now, recovered=True)

    def remember(self, spans: tuple[Span, ...]) -> None:
        """Like ``note``, in memory only: for a disk that takes nothing more."""
        self._note = msgspec.structs.replace(self._note, spans=spans, running=None)

    def close(self) -> None:
        """Close the file as it is."""
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def _write_chunk(self, samples: int) -> None:
        caller, agent = bytes(self._caller[:samples]), bytes(self._agent[:samples])
        del self._caller[:samples], self._agent[:samples]
        self._write(self._cipher.seal_chunk(self._chunks, caller, agent))
        self._chunks += 1
        self._samples += samples

    def _finish(self, stop: StopReason, spans: tuple[Span, ...], *, now: datetime, recovered: bool) -> SealedFile:
        manifest = Manifest(
            call=self._note.call,
            segment=self._note.segment,
            started_at=self._note.started_at,
            sealed_at=now.isoformat(),
            samples=self._samples,
            chunks=self._chunks,
            stop=stop.value,
            spans=tuple(to_sealed(span) for span in spans),
            recovered=recovered,
        )
        record = self._cipher.seal_manifest(manifest)
        digest, size = self._hash.copy(), self._size
        end = record + encode_trailer(len(record))
        write_all(self._handle, end)
        os.fsync(self._handle)
        digest.update(end)
        path = finish(self._path)
        self.close()
        return SealedFile(path=path, manifest=manifest, size_bytes=size + len(end), sha256=digest.hexdigest())

    def _write(self, data: bytes) -> None:
        write_all(self._handle, data)
        self._hash.update(data)
        self._size += len(data)

    def _write_note(self, *, durably: bool) -> None:
        data = self._raw + self._cipher.seal_note(msgspec.json.encode(self._note))
        path = self._path.with_suffix(NOTE_SUFFIX)
        fresh = path.with_suffix(".tmp")
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            write_all(handle, data)
            if durably:
                os.fsync(handle)
        finally:
            os.close(handle)
        fresh.replace(path)


def read_note(path: Path, cipher: RecordCipher) -> SpoolNote:
    """The note in a file. Raises FormatError, OSError or ValueError."""
    data = path.read_bytes()
    _, raw = decode_header(data[:MAX_HEADER_BYTES])
    return msgspec.json.decode(cipher.open_note(data[len(raw) :]), type=SpoolNote)


def finish(part: Path) -> Path:
    """Give a complete file its final name, durably, and remove its note."""
    sealed = part.with_suffix(SEALED_SUFFIX)
    part.replace(sealed)
    part.with_suffix(NOTE_SUFFIX).unlink(missing_ok=True)
    sync_folder(part.parent)
    return sealed


def to_sealed(span: Span) -> SealedSpan:
    return SealedSpan(
        start_ms=span.start_ms, end_ms=span.end_ms, reason=span.reason.value, actor=span.actor, code=span.code
    )


def write_all(handle: int, data: bytes) -> None:
    """Every byte, or OSError."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]
