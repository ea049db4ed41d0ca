"""The sealed format keeps its specification: vectors, a second reader, and an error for every kind of damage."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given, settings
from hypothesis import strategies as st

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
from ringfence.vault.format import (
    Header,
    Manifest,
    RecordCipher,
    create_header,
    decode_header,
    encode_header,
    encode_trailer,
)
from ringfence.vault.keys import DataKey
from ringfence.vault.opening import SealedReader

VECTORS: list[dict[str, Any]] = [
    {"version": version, **vector}
    for version in (1, 2)
    for vector in json.loads((Path(__file__).parents[2] / "fixtures" / "vault" / f"sealed-v{version}.json").read_text())
]
KEY = bytes(range(32))


class Bytes:
    """One object as a RangeSource that counts what is read."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.read = 0

    def read_range(self, name: str, start: int, length: int) -> bytes:
        self.read += length
        return self.data[start : start + length]

    def size(self, name: str) -> int:
        return len(self.data)


def data_key(secret: bytes = KEY) -> DataKey:
    return DataKey(key_id="k", client="BBC", recording="r", secret=secret)


def reader(data: bytes, secret: bytes = KEY) -> SealedReader:
    return SealedReader(Bytes(data), "BBC/r.rfr", data_key(secret))


def seal(caller: bytes, agent: bytes, *, chunk_samples: int = 16, recording: str = "r") -> tuple[bytes, int]:
    """A whole file, and where its first chunk begins."""
    header = create_header(client="BBC", recording=recording, key_id="k", key=KEY)
    header = msgspec.structs.replace(header, chunk_samples=chunk_samples)
    raw = encode_header(header)
    cipher = RecordCipher(header, raw, KEY)
    starts = range(0, len(caller), chunk_samples)
    chunks = [
        cipher.seal_chunk(number, caller[at : at + chunk_samples], agent[at : at + chunk_samples])
        for number, at in enumerate(starts)
    ]
    manifest = Manifest(
        call="c",
        segment=0,
        started_at="2026-03-02T10:00:00+00:00",
        sealed_at="2026-03-02T10:00:05+00:00",
        samples=len(caller),
        chunks=len(chunks),
        stop="hang_up",
    )
    record = cipher.seal_manifest(manifest)
    return raw + b"".join(chunks) + record + encode_trailer(len(record)), len(raw)


def read_by_specification(key: bytes, data: bytes) -> tuple[dict[str, Any], bytes, bytes, dict[str, Any]]:
    """A second reader, from docs/reference/sealed-format.md and nothing else."""

    def derive(info: bytes, length: int) -> bytes:
        return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(key)

    def opened(kind: int, number: int, prefix: bytes, sealed: bytes) -> bytes:
        nonce = prefix + number.to_bytes(4, "big") + bytes([kind])
        context = b"ringfence recording\0" + data[8:10] + bytes([kind]) + number.to_bytes(4, "big") + header_hash
        return AESGCM(derive(b"ringfence recording v1 seal", 32)).decrypt(nonce, sealed, context)

    assert data[:10] in (b"RINGFREC\0\1", b"RINGFREC\0\2")
    start = 12 + int.from_bytes(data[10:12], "big")
    header = json.loads(data[12:start])
    header_hash = hashlib.sha256(data[:start]).digest()
    assert header["key_check"] == derive(b"ringfence recording v1 check", 16).hex()
    assert data[-4:] == b"RFE1"
    manifest_bytes = int.from_bytes(data[-8:-4], "big")
    record, audio = data[-8 - manifest_bytes : -8], data[start : -8 - manifest_bytes]
    full = 2 * header["chunk_samples"] + 16
    chunks = [audio[at : at + full] for at in range(0, len(audio), full)]
    manifest = json.loads(opened(1, len(chunks), record[:7], record[7:]))
    caller = agent = b""
    for number, sealed in enumerate(chunks):
        plain = opened(0, number, bytes.fromhex(header["nonce_prefix"]), sealed)
        caller += plain[: len(plain) // 2]
        agent += plain[len(plain) // 2 :]
    return header, caller, agent, manifest


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"v{vector['version']} {vector['name']}")
class TestVectors:
    def test_opens(self, vector: dict[str, Any]) -> None:
        opened = reader(bytes.fromhex(vector["sealed"]), bytes.fromhex(vector["key"]))
        assert opened.read(0, 10_000_000) == (bytes.fromhex(vector["caller"]), bytes.fromhex(vector["agent"]))
        assert json.loads(msgspec.json.encode(opened.header)) == vector["header"]
        assert opened.manifest == msgspec.convert(vector["manifest"], Manifest)
        opened.verify_all()

    def test_opens_by_the_specification_alone(self, vector: dict[str, Any]) -> None:
        header, caller, agent, manifest = read_by_specification(
            bytes.fromhex(vector["key"]), bytes.fromhex(vector["sealed"])
        )
        assert (header, manifest) == (vector["header"], vector["manifest"])
        assert (caller.hex(), agent.hex()) == (vector["caller"], vector["agent"])

    def test_is_written_byte_for_byte(self, vector: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
        sealed, key = bytes.fromhex(vector["sealed"]), bytes.fromhex(vector["key"])
        header = msgspec.convert(vector["header"], Header)
        raw = encode_header(header, version=vector["version"])
        cipher = RecordCipher(header, raw, key)
        caller, agent = bytes.fromhex(vector["caller"]), bytes.fromhex(vector["agent"])
        size = header.chunk_samples
        for number in range(vector["manifest"]["chunks"]):
            part = slice(number * size, (number + 1) * size)
            raw += cipher.seal_chunk(number, caller[part], agent[part])
        prefix = sealed[len(raw) : len(raw) + 7]
        monkeypatch.setattr("ringfence.vault.format.os.urandom", lambda size: prefix)
        record = cipher.seal_manifest(msgspec.convert(vector["manifest"], Manifest))
        assert raw + record + encode_trailer(len(record)) == sealed


@settings(max_examples=60, deadline=None)
@given(samples=st.integers(0, 100), start=st.integers(-5, 120), length=st.integers(0, 130))
def test_any_range_is_what_was_written_there(samples: int, start: int, length: int) -> None:
    caller, agent = bytes(range(samples)), bytes(range(100, 100 + samples))
    opened = reader(seal(caller, agent)[0])
    low = max(start, 0)
    high = max(start + length, low)
    assert opened.read_samples(start, start + length) == (caller[low:high], agent[low:high])


def test_reading_a_second_opens_no_more_than_it_touches() -> None:
    data, _ = seal(bytes(80_000), bytes(80_000), chunk_samples=8000)
    source = Bytes(data)
    opened = SealedReader(source, "BBC/r.rfr", data_key())
    source.read = 0
    caller, _ = opened.read(2500, 3500)
    assert len(caller) == 8000
    assert source.read == 2 * 16_016


def test_header_in_clear_names_ids_only() -> None:
    data, start = seal(b"\xd5" * 40, b"\xd5" * 40)
    assert set(json.loads(data[12:start])) == {
        "client", "recording", "key", "key_check", "nonce_prefix", "codec", "rate", "chunk_samples",
    }  # fmt: skip


def test_equal_audio_is_sealed_differently_each_time() -> None:
    assert seal(b"\xd5" * 64, b"\xd5" * 64)[0] != seal(b"\xd5" * 64, b"\xd5" * 64)[0]
    data, start = seal(b"\xd5" * 64, b"\xd5" * 64)
    assert len({data[start + at : start + at + 48] for at in range(0, 4 * 48, 48)}) == 4


def damaged(change: Callable[[bytearray, int], object]) -> bytes:
    data, start = seal(bytes(range(40)), bytes(range(40)))
    copy = bytearray(data)
    change(copy, start)
    return bytes(copy)


def flip(at: int) -> Callable[[bytearray, int], object]:
    return lambda data, start: data.__setitem__(at if at < 0 else start + at, data[at if at < 0 else start + at] ^ 1)


def swap(data: bytearray, start: int) -> None:
    first, second = data[start : start + 48], data[start + 48 : start + 96]
    data[start : start + 96] = second + first


def foreign_chunk(data: bytearray, start: int) -> None:
    other, other_start = seal(bytes(range(40)), bytes(range(40)), recording="s")
    data[start : start + 48] = other[other_start : other_start + 48]


@pytest.mark.parametrize(
    ("change", "error"),
    [
        pytest.param(flip(3), ChunkTampered, id="bit in a chunk"),
        pytest.param(flip(47), ChunkTampered, id="bit in a tag"),
        pytest.param(foreign_chunk, ChunkTampered, id="chunk of another recording"),
        pytest.param(swap, ChunkMoved, id="two chunks swapped"),
        pytest.param(flip(-20), ManifestTampered, id="bit in the manifest"),
        pytest.param(flip(-1), RecordingCut, id="bit in the trailer"),
        pytest.param(flip(-6), RecordingCut, id="other manifest length"),
        pytest.param(lambda data, start: data.__delitem__(slice(-3, None)), RecordingCut, id="cut in the trailer"),
        pytest.param(lambda data, start: data.__delitem__(slice(start + 60, None)), RecordingCut, id="cut in a chunk"),
        pytest.param(lambda data, start: data.__delitem__(slice(start + 96, None)), RecordingCut, id="cut at a chunk"),
        pytest.param(lambda data, start: data.__delitem__(slice(start, start + 48)), RecordingCut, id="chunk left out"),
        pytest.param(lambda data, start: data.__delitem__(slice(start - 4, None)), RecordingCut, id="cut in a header"),
        pytest.param(lambda data, start: data.__delitem__(slice(0, None)), RecordingCut, id="nothing left"),
        pytest.param(lambda data, start: data.__setitem__(9, 3), UnknownVersion, id="later version"),
        pytest.param(lambda data, start: data.__setitem__(0, 0), NotARecording, id="other first bytes"),
        pytest.param(lambda data, start: data.__setitem__(12, 0), NotARecording, id="header is no object"),
        pytest.param(
            lambda data, start: data.__setitem__(slice(0, start), data[:start].replace(b'"BBC"', b'"SHD"')),
            ManifestTampered,
            id="other client in the header",
        ),
    ],
)
def test_damage_is_named(change: Callable[[bytearray, int], object], error: type[FormatError]) -> None:
    reader(damaged(lambda data, start: None)).verify_all()
    with pytest.raises(error) as caught:
        reader(damaged(change)).verify_all()
    assert type(caught.value) is error


def test_wrong_key_is_told_from_damage() -> None:
    data, _ = seal(b"\xd5" * 40, b"\xd5" * 40)
    with pytest.raises(WrongKey):
        reader(data, bytes(32))


def test_later_version_says_which() -> None:
    with pytest.raises(UnknownVersion, match="version 3; this release reads versions up to 2"):
        reader(damaged(lambda data, start: data.__setitem__(9, 3)))


def test_a_version_cannot_be_changed_unseen() -> None:
    with pytest.raises(ManifestTampered):
        reader(damaged(lambda data, start: data.__setitem__(9, 1)))


@settings(max_examples=80, deadline=None)
@given(at=st.integers(0, 10_000), bit=st.integers(0, 7), cut=st.booleans())
def test_no_damage_goes_unseen(at: int, bit: int, cut: bool) -> None:
    data, _ = seal(bytes(range(40)), bytes(range(40)))
    at %= len(data)
    copy = bytearray(data)
    if cut:
        del copy[at:]
    else:
        copy[at] ^= 1 << bit
    with pytest.raises(FormatError):
        reader(bytes(copy)).verify_all()


def test_unequal_directions_are_never_sealed() -> None:
    header = create_header(client="BBC", recording="r", key_id="k", key=KEY)
    cipher = RecordCipher(header, encode_header(header), KEY)
    for caller, agent in ((b"1", b""), (b"", b""), (bytes(8001), bytes(8001))):
        with pytest.raises(ValueError, match="equally long"):
            cipher.seal_chunk(0, caller, agent)


def test_header_of_strange_values_is_refused() -> None:
    header = create_header(client="BBC", recording="r", key_id="k", key=KEY)
    for change in (
        {"chunk_samples": 0},
        {"rate": 16000},
        {"codec": "PCMU"},
        {"nonce_prefix": "00"},
        {"key_check": "x"},
    ):
        with pytest.raises(NotARecording):
            decode_header(encode_header(msgspec.structs.replace(header, **change)))
    with pytest.raises(ValueError, match="too long"):
        encode_header(msgspec.structs.replace(header, client="x" * 3000))
