"""Opens sealed recordings: any stretch of time, in memory only."""

from collections.abc import Iterator
from typing import Protocol

from ringfence.vault.errors import RecordingCut
from ringfence.vault.format import (
    MAX_HEADER_BYTES,
    SAMPLES_PER_MS,
    TRAILER_BYTES,
    Header,
    Manifest,
    RecordCipher,
    decode_header,
    decode_trailer,
    layout_of,
)
from ringfence.vault.keys import DataKey

_CHUNKS_PER_READ = 16


class RangeSource(Protocol):
    """The part of an ObjectStore that reading needs."""

    def read_range(self, name: str, start: int, length: int) -> bytes: ...

    def size(self, name: str) -> int: ...


def read_header(store: RangeSource, name: str) -> Header:
    """The clear header, which names the key to ask for. Raises FormatError or StoreError."""
    return decode_header(store.read_range(name, 0, MAX_HEADER_BYTES))[0]


class SealedReader:
    """One recording, its header and manifest verified. Raises FormatError or StoreError."""

    def __init__(self, store: RangeSource, name: str, key: DataKey) -> None:
        self._store = store
        self._name = name
        self.header, raw = decode_header(store.read_range(name, 0, MAX_HEADER_BYTES))
        self._cipher = RecordCipher(self.header, raw, key.secret)
        self._layout = layout_of(self.header, raw)
        self.size_bytes = store.size(name)
        self.manifest = self._read_manifest()

    @property
    def samples(self) -> int:
        """Length of each direction."""
        return self.manifest.samples

    @property
    def duration_ms(self) -> int:
        return self.manifest.duration_ms

    def read(self, start_ms: int, end_ms: int) -> tuple[bytes, bytes]:
        """Caller and agent, A-law at 8 kHz, from ``start_ms`` to ``end_ms``, cut at the recording's ends."""
        return self.read_samples(start_ms * SAMPLES_PER_MS, end_ms * SAMPLES_PER_MS)

    def read_samples(self, start: int, end: int) -> tuple[bytes, bytes]:
        """The same, by samples."""
        start, end = max(0, start), min(end, self.samples)
        if start >= end:
            return b"", b""
        size = self._layout.chunk_samples
        first, last = start // size, (end - 1) // size
        caller, agent = bytearray(), bytearray()
        for one, other in self._chunks(first, last + 1):
            caller += one
            agent += other
        skip = start - first * size
        return bytes(caller[skip : skip + end - start]), bytes(agent[skip : skip + end - start])

    def verify_all(self) -> None:
        """Open every chunk. Raises what is wrong with the first bad one."""
        for _ in self._chunks(0, self.manifest.chunks):
            pass

    def _read_manifest(self) -> Manifest:
        audio_start = self._layout.audio_start
        if self.size_bytes < audio_start + TRAILER_BYTES:
            raise RecordingCut
        end = self.size_bytes - TRAILER_BYTES
        length = decode_trailer(self._store.read_range(self._name, end, TRAILER_BYTES))
        samples = self._layout.samples(end - length - audio_start) if end - length >= audio_start else None
        if samples is None:
            raise RecordingCut
        record = self._store.read_range(self._name, end - length, length)
        manifest = self._cipher.open_manifest(record, self._layout.chunks(samples))
        if manifest.samples != samples:
            raise RecordingCut
        return manifest

    def _chunks(self, first: int, end: int) -> Iterator[tuple[bytes, bytes]]:
        layout, total = self._layout, self.manifest.chunks
        audio_end = layout.audio_start + layout.audio_bytes(self.samples)
        for group in range(first, end, _CHUNKS_PER_READ):
            group_end = min(group + _CHUNKS_PER_READ, end)
            start = layout.chunk_offset(group)
            stop = min(layout.chunk_offset(group_end), audio_end)
            data = self._store.read_range(self._name, start, stop - start)
            if len(data) != stop - start:
                raise RecordingCut
            for number in range(group, group_end):
                at = (number - group) * layout.record_bytes
                record = data[at : at + layout.record_bytes]
                yield self._cipher.open_chunk(number, record, chunks=total)
