"""Finishes what a dead engine left in the spool: every authenticated chunk is kept and sealed, at most 2 s are lost."""

import fcntl
import hashlib
import logging
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from ringfence.control.facts import AlarmRaised, AnyFact, RecordingSealed, Span, StopReason, SuppressionReason
from ringfence.engine.recorder.spoolfile import SealedFile, SpoolNote, finish, read_note, to_sealed, write_all
from ringfence.kit.ids import CallId, RecordingId
from ringfence.vault.errors import FormatError, KeyDestroyed, RecordingCut, VaultError
from ringfence.vault.format import (
    MAX_HEADER_BYTES,
    TRAILER_BYTES,
    Header,
    Layout,
    Manifest,
    RecordCipher,
    decode_header,
    decode_trailer,
    encode_trailer,
    layout_of,
)
from ringfence.vault.keys import KeyStore
from ringfence.vault.names import NOTE_SUFFIX, PART_SUFFIX, SEALED_SUFFIX, object_name

log = logging.getLogger(__name__)

TORN_CHUNKS = 8
"""A bad chunk this near the end was torn by the crash; further in, the file was damaged and is left for a person."""


def recover_spool(spool: Path, keys: KeyStore, *, now: datetime) -> list[AnyFact]:
    """Facts about everything in the spool: recovered files, and sealed ones the store does not have yet."""
    facts: list[AnyFact] = []
    if not spool.is_dir():
        return facts
    for stale in spool.glob("*.tmp"):
        stale.unlink(missing_ok=True)
    for path in sorted(spool.glob(f"*{SEALED_SUFFIX}")):
        path.with_suffix(NOTE_SUFFIX).unlink(missing_ok=True)
        facts += _attempt(path, keys, now=now)
    for path in sorted(spool.glob(f"*{PART_SUFFIX}")):
        facts += _attempt(path, keys, now=now)
    for note in spool.glob(f"*{NOTE_SUFFIX}"):
        if not note.with_suffix(PART_SUFFIX).exists():
            # The engine died between note and first byte of audio: there is nothing to keep.
            note.unlink(missing_ok=True)
    return facts


def _attempt(path: Path, keys: KeyStore, *, now: datetime) -> list[AnyFact]:
    """One file; a failure concerns that file alone."""
    recording = RecordingId(path.stem)
    try:
        with path.open("r+b", buffering=0) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return []
            header, raw = decode_header(file.read(MAX_HEADER_BYTES))
            cipher = RecordCipher(header, raw, keys.unwrap(header.key).secret)
            sealed = _Unfinished(path, file.fileno(), header, raw, cipher).finish(now=now)
    except KeyDestroyed:
        path.unlink(missing_ok=True)
        path.with_suffix(NOTE_SUFFIX).unlink(missing_ok=True)
        return []
    except RecordingCut:
        if path.suffix == PART_SUFFIX and path.stat().st_size < MAX_HEADER_BYTES:
            # Died while the header was written: no audio was ever kept.
            path.unlink(missing_ok=True)
            path.with_suffix(NOTE_SUFFIX).unlink(missing_ok=True)
            return []
        return [_alarm(recording, "RecordingCut", now=now)]
    except (VaultError, OSError, ValueError) as error:
        return [_alarm(recording, type(error).__name__, now=now)]
    return [sealed_fact(header.client, recording, sealed, now=now)]


def _alarm(recording: RecordingId, cause: str, *, now: datetime) -> AlarmRaised:
    log.error("recording %s cannot be recovered: %s", recording, cause)
    return AlarmRaised(at=now, code="recording_unrecoverable", detail=f"{recording}: {cause}")


def sealed_fact(client: str, recording: RecordingId, sealed: SealedFile, *, now: datetime) -> RecordingSealed:
    """What the centre must know of a finished file."""
    manifest = sealed.manifest
    return RecordingSealed(
        at=now,
        recording_id=recording,
        call_id=CallId(manifest.call),
        duration_ms=manifest.duration_ms,
        size_bytes=sealed.size_bytes,
        sha256=sealed.sha256,
        spans=tuple(
            Span(
                start_ms=span.start_ms,
                end_ms=span.end_ms,
                reason=SuppressionReason(span.reason),
                actor=span.actor,
                code=span.code,
            )
            for span in manifest.spans
        ),
        stop=StopReason(manifest.stop),
        object_name=object_name(client, recording),
        recovered=manifest.recovered,
    )


class _Unfinished:
    """A file of the spool, complete or not."""

    def __init__(self, path: Path, handle: int, header: Header, raw: bytes, cipher: RecordCipher) -> None:
        self._path = path
        self._handle = handle
        self._header = header
        self._cipher = cipher
        self._layout: Layout = layout_of(header, raw)
        self._size = os.fstat(handle).st_size

    def finish(self, *, now: datetime) -> SealedFile:
        manifest = self._manifest()
        if manifest is None:
            if self._path.suffix == SEALED_SUFFIX:
                raise RecordingCut
            manifest = self._seal(now=now)
        path = finish(self._path) if self._path.suffix == PART_SUFFIX else self._path
        size = os.fstat(self._handle).st_size
        return SealedFile(path=path, manifest=manifest, size_bytes=size, sha256=self._sha256())

    def _manifest(self) -> Manifest | None:
        """That of a complete file: the engine may have died just before giving it its name."""
        try:
            end = self._size - TRAILER_BYTES
            length = decode_trailer(os.pread(self._handle, TRAILER_BYTES, max(end, 0)))
            audio = end - length - self._layout.audio_start
            samples = self._layout.samples(audio) if audio >= 0 else None
            if samples is None:
                return None
            record = os.pread(self._handle, length, end - length)
            return self._cipher.open_manifest(record, self._layout.chunks(samples))
        except FormatError:
            if self._path.suffix == SEALED_SUFFIX:
                raise
            return None

    def _seal(self, *, now: datetime) -> Manifest:
        note = self._note()
        samples = self._authentic_samples()
        end = self._layout.audio_start + self._layout.audio_bytes(samples)
        manifest = Manifest(
            call=note.call,
            segment=note.segment,
            started_at=note.started_at,
            sealed_at=now.isoformat(),
            samples=samples,
            chunks=self._layout.chunks(samples),
            stop=StopReason.ENGINE_LOST.value,
            spans=tuple(to_sealed(span) for span in note.spans_upto(samples // 8)),
            recovered=True,
        )
        record = self._cipher.seal_manifest(manifest)
        os.ftruncate(self._handle, end)
        os.lseek(self._handle, end, os.SEEK_SET)
        write_all(self._handle, record + encode_trailer(len(record)))
        os.fsync(self._handle)
        return manifest

    def _note(self) -> SpoolNote:
        return read_note(self._path.with_suffix(NOTE_SUFFIX), self._cipher)

    def _authentic_samples(self) -> int:
        """Samples of each direction up to the first chunk that does not open."""
        layout = self._layout
        audio = self._size - layout.audio_start
        samples = 0
        for number in range(layout.chunks(audio // 2) + 1):
            record = os.pread(self._handle, layout.record_bytes, layout.chunk_offset(number))
            try:
                caller, _ = self._cipher.open_chunk(number, record)
            except FormatError:
                if audio - layout.audio_bytes(samples) > TORN_CHUNKS * layout.record_bytes:
                    raise
                return samples
            samples += len(caller)
        return samples

    def _sha256(self) -> str:
        digest = hashlib.sha256()
        for block in _blocks(self._handle):
            digest.update(block)
        return digest.hexdigest()


def _blocks(handle: int) -> Iterator[bytes]:
    at = 0
    while block := os.pread(handle, 1024 * 1024, at):
        yield block
        at += len(block)
