"""Sealed recording format, version 2, as docs/reference/sealed-format.md specifies it. Bytes in, bytes out.

A file is ``header | chunk 0 | ... | chunk n-1 | manifest | trailer``. Chunks have one fixed size (the last may be
shorter), so any stretch of time is found by arithmetic. Each record is AES-256-GCM; its nonce and its associated data
name its kind and number and the whole header, so that no record can be changed, moved or dropped unseen.
"""

import hashlib
import hmac
import os
import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ringfence.vault.errors import (
    ChunkMoved,
    ChunkTampered,
    FormatError,
    ManifestTampered,
    NotARecording,
    RecordingCut,
    UnknownVersion,
    WrongKey,
)

MAGIC: Final = b"RINGFREC"
END_MAGIC: Final = b"RFE1"
VERSION: Final = 2
"""Written; spans carry a code since it."""
READABLE: Final = (1, 2)
SAMPLES_PER_SECOND: Final = 8000
SAMPLES_PER_MS: Final = 8
CHUNK_SAMPLES: Final = 8000
"""One second: with batches of half a second a killed process loses less than two."""
TAG_BYTES: Final = 16
PREFIX_BYTES: Final = 7
KEY_BYTES: Final = 32
MAX_HEADER_BYTES: Final = 2048
MAX_MANIFEST_BYTES: Final = 16 * 1024 * 1024
ALAW_SILENCE: Final = 0xD5

_DIAGNOSED_CHUNKS = 36_000
"""How far to look for an error's cause: ten hours."""

_FIXED = struct.Struct(">8sHH")
_TRAILER = struct.Struct(">I4s")
_CONTEXT = struct.Struct(">HBI")
_LABEL = b"ringfence recording\0"

TRAILER_BYTES: Final = _TRAILER.size
FIXED_BYTES: Final = _FIXED.size


class Kind(IntEnum):
    """What a sealed record is; part of its nonce and of its associated data."""

    CHUNK = 0
    MANIFEST = 1
    NOTE = 2
    """State of an unfinished recording, kept beside it in the spool; never part of a finished file."""


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """In clear at the start of a file: names the key, and nobody."""

    client: str
    recording: str
    key: str
    key_check: str
    """32 hexadecimal characters; tells a wrong key from a damaged file."""
    nonce_prefix: str
    """14 hexadecimal characters, random."""
    codec: str = "PCMA"
    rate: int = SAMPLES_PER_SECOND
    chunk_samples: int = CHUNK_SAMPLES


class SealedSpan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stretch of written silence, in milliseconds from the start."""

    start_ms: int
    end_ms: int
    reason: str
    actor: str
    code: str = ""
    """Of a mask: its coded reason. Not in version 1."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The sealed last record: what the recording is, and how much of it there must be."""

    call: str
    segment: int
    started_at: str
    """UTC, ISO 8601."""
    sealed_at: str
    samples: int
    """Per direction."""
    chunks: int
    stop: str
    spans: tuple[SealedSpan, ...] = ()
    recovered: bool = False

    @property
    def duration_ms(self) -> int:
        return self.samples // SAMPLES_PER_MS


@dataclass(frozen=True)
class Layout:
    """Where the records of a file with this header stand."""

    audio_start: int
    chunk_samples: int

    @property
    def record_bytes(self) -> int:
        """Sealed bytes of a full chunk: both directions and the tag."""
        return 2 * self.chunk_samples + TAG_BYTES

    def chunk_offset(self, number: int) -> int:
        return self.audio_start + number * self.record_bytes

    def audio_bytes(self, samples: int) -> int:
        """Sealed bytes of all chunks that hold ``samples`` of each direction."""
        return 2 * samples + self.chunks(samples) * TAG_BYTES

    def chunks(self, samples: int) -> int:
        return -(-samples // self.chunk_samples)

    def samples(self, audio_bytes: int) -> int | None:
        """Samples of each direction in this many sealed bytes, or None when no file has such a length."""
        full, rest = divmod(audio_bytes, self.record_bytes)
        if rest == 0:
            return full * self.chunk_samples
        if rest <= TAG_BYTES or (rest - TAG_BYTES) % 2:
            return None
        return full * self.chunk_samples + (rest - TAG_BYTES) // 2


def create_header(*, client: str, recording: str, key_id: str, key: bytes) -> Header:
    """A header for a new recording, with a fresh nonce prefix."""
    return Header(
        client=client,
        recording=recording,
        key=key_id,
        key_check=_derive(key, b"check", 16).hex(),
        nonce_prefix=os.urandom(PREFIX_BYTES).hex(),
    )


def encode_header(header: Header, *, version: int = VERSION) -> bytes:
    """The bytes at the start of the file; the version in them rules the rest of it."""
    body = msgspec.json.encode(header)
    if len(body) > MAX_HEADER_BYTES - FIXED_BYTES:
        raise ValueError("The header is too long: client, recording and key ids must be short.")
    return _FIXED.pack(MAGIC, version, len(body)) + body


def decode_header(start: bytes) -> tuple[Header, bytes]:
    """The header and its exact bytes, from the first MAX_HEADER_BYTES (or all) of a file. Raises FormatError."""
    if len(start) < FIXED_BYTES:
        raise RecordingCut if MAGIC.startswith(start[: len(MAGIC)]) else NotARecording
    magic, version, length = _FIXED.unpack_from(start)
    if magic != MAGIC:
        raise NotARecording
    if version not in READABLE:
        raise UnknownVersion(
            f"The recording was sealed in format version {version}; this release reads versions up to {VERSION}. "
            "Update Ringfence to read it."
        )
    if length > MAX_HEADER_BYTES - FIXED_BYTES:
        raise NotARecording
    raw = start[: FIXED_BYTES + length]
    if len(raw) < FIXED_BYTES + length:
        raise RecordingCut
    try:
        header = msgspec.json.decode(raw[FIXED_BYTES:], type=Header)
        fits = (
            len(bytes.fromhex(header.nonce_prefix)) == PREFIX_BYTES
            and len(bytes.fromhex(header.key_check)) == 16
            and header.codec == "PCMA"
            and header.rate == SAMPLES_PER_SECOND
            and 0 < header.chunk_samples <= 1 << 20
        )
    except (msgspec.MsgspecError, ValueError):
        raise NotARecording from None
    if not fits:
        raise NotARecording
    return header, raw


def layout_of(header: Header, raw: bytes) -> Layout:
    return Layout(audio_start=len(raw), chunk_samples=header.chunk_samples)


def encode_trailer(manifest_bytes: int) -> bytes:
    return _TRAILER.pack(manifest_bytes, END_MAGIC)


def decode_trailer(end: bytes) -> int:
    """Sealed size of the manifest record, from the last bytes of a file. Raises RecordingCut."""
    if len(end) != TRAILER_BYTES:
        raise RecordingCut
    length, magic = _TRAILER.unpack(end)
    if magic != END_MAGIC or not PREFIX_BYTES + TAG_BYTES < length <= MAX_MANIFEST_BYTES:
        raise RecordingCut
    return int(length)


class RecordCipher:
    """Seals and opens the records of one recording. Raises WrongKey unless ``key`` fits the header."""

    def __init__(self, header: Header, raw: bytes, key: bytes) -> None:
        if len(key) != KEY_BYTES:
            raise ValueError("A data key has 32 bytes.")
        if not hmac.compare_digest(_derive(key, b"check", 16), bytes.fromhex(header.key_check)):
            raise WrongKey
        self._cipher = AESGCM(_derive(key, b"seal", KEY_BYTES))
        self._prefix = bytes.fromhex(header.nonce_prefix)
        self._header_hash = hashlib.sha256(raw).digest()
        self._chunk_samples = header.chunk_samples
        _, self._version, _ = _FIXED.unpack_from(raw)

    def seal_chunk(self, number: int, caller: bytes, agent: bytes) -> bytes:
        """Chunk ``number``. The caller of this method never seals two chunks of one number."""
        if len(caller) != len(agent) or not 0 < len(caller) <= self._chunk_samples:
            raise ValueError("A chunk holds both directions, equally long and at most one chunk long.")
        return self._seal(Kind.CHUNK, number, self._prefix, caller + agent)

    def open_chunk(self, number: int, record: bytes, *, chunks: int = 0) -> tuple[bytes, bytes]:
        """Caller and agent. Raises ChunkMoved when it is another of the ``chunks``, ChunkTampered otherwise."""
        try:
            plain = self._open(Kind.CHUNK, number, self._prefix, record)
        except InvalidTag:
            raise self._diagnose(number, record, chunks) from None
        half = len(plain) // 2
        return plain[:half], plain[half:]

    def _diagnose(self, number: int, record: bytes, chunks: int) -> FormatError:
        for other in range(chunks):
            try:
                self._open(Kind.CHUNK, other, self._prefix, record)
            except InvalidTag:
                continue
            return ChunkMoved(f"Chunk {other} stands in the place of chunk {number}. Do not trust this copy.")
        return ChunkTampered(f"Chunk {number} or the header was changed after sealing. Do not trust this copy.")

    def seal_manifest(self, manifest: Manifest) -> bytes:
        """The manifest record. Its own random nonce prefix lets a second attempt follow a failed one."""
        prefix = os.urandom(PREFIX_BYTES)
        return prefix + self._seal(Kind.MANIFEST, manifest.chunks, prefix, _encode_manifest(manifest, self._version))

    def open_manifest(self, record: bytes, chunks: int) -> Manifest:
        """The manifest of a file that holds ``chunks``. Raises RecordingCut or ManifestTampered."""
        prefix, sealed = record[:PREFIX_BYTES], record[PREFIX_BYTES:]
        try:
            plain = self._open(Kind.MANIFEST, chunks, prefix, sealed)
            manifest = msgspec.json.decode(plain, type=Manifest)
        except msgspec.MsgspecError:
            raise ManifestTampered from None
        except InvalidTag:
            raise self._diagnose_manifest(prefix, sealed) from None
        if manifest.chunks != chunks:
            raise ManifestTampered
        return manifest

    def _diagnose_manifest(self, prefix: bytes, sealed: bytes) -> FormatError:
        for other in range(_DIAGNOSED_CHUNKS):
            try:
                self._open(Kind.MANIFEST, other, prefix, sealed)
            except InvalidTag:
                continue
            return RecordingCut(f"The manifest belongs to {other} chunks, but the file holds another number of them.")
        return ManifestTampered()

    def seal_note(self, plain: bytes) -> bytes:
        """State of the unfinished recording, for its recovery."""
        prefix = os.urandom(PREFIX_BYTES)
        return prefix + self._seal(Kind.NOTE, 0, prefix, plain)

    def open_note(self, record: bytes) -> bytes:
        """Raises ManifestTampered."""
        try:
            return self._open(Kind.NOTE, 0, record[:PREFIX_BYTES], record[PREFIX_BYTES:])
        except InvalidTag:
            raise ManifestTampered from None

    def _seal(self, kind: Kind, number: int, prefix: bytes, plain: bytes) -> bytes:
        return self._cipher.encrypt(_nonce(prefix, number, kind), plain, self._context(kind, number))

    def _open(self, kind: Kind, number: int, prefix: bytes, sealed: bytes) -> bytes:
        if len(prefix) != PREFIX_BYTES or len(sealed) < TAG_BYTES:
            raise InvalidTag
        return self._cipher.decrypt(_nonce(prefix, number, kind), sealed, self._context(kind, number))

    def _context(self, kind: Kind, number: int) -> bytes:
        return _LABEL + _CONTEXT.pack(self._version, kind, number) + self._header_hash


def _encode_manifest(manifest: Manifest, version: int) -> bytes:
    """Version 1, in which a recovery may find an unfinished file, knows no codes."""
    if version > 1:
        return msgspec.json.encode(manifest)
    plain = msgspec.to_builtins(manifest)
    for span in plain["spans"]:
        del span["code"]
    return msgspec.json.encode(plain)


def _nonce(prefix: bytes, number: int, kind: Kind) -> bytes:
    return prefix + number.to_bytes(4, "big") + bytes([kind])


def _derive(key: bytes, purpose: bytes, length: int) -> bytes:
    info = b"ringfence recording v1 " + purpose
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(key)
