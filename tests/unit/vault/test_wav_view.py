"""The WAV view is one file, whichever ranges it is read in."""

import io
import wave

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.kit.g711 import pcm16_from_alaw
from ringfence.vault.format import Manifest, RecordCipher, create_header, encode_header, encode_trailer
from ringfence.vault.keys import DataKey
from ringfence.vault.opening import SealedReader
from ringfence.vault.wav import HEADER_BYTES, WavView

KEY = bytes(32)


class Bytes:
    def __init__(self, data: bytes) -> None:
        self.data = data

    def read_range(self, name: str, start: int, length: int) -> bytes:
        return self.data[start : start + length]

    def size(self, name: str) -> int:
        return len(self.data)


def view(caller: bytes, agent: bytes) -> WavView:
    header = create_header(client="BBC", recording="r", key_id="k", key=KEY)
    raw = encode_header(header)
    cipher = RecordCipher(header, raw, KEY)
    chunks = [
        cipher.seal_chunk(number, caller[at : at + 8000], agent[at : at + 8000])
        for number, at in enumerate(range(0, len(caller), 8000))
    ]
    manifest = Manifest(
        call="c", segment=0, started_at="", sealed_at="", samples=len(caller), chunks=len(chunks), stop="hang_up"
    )
    record = cipher.seal_manifest(manifest)
    data = raw + b"".join(chunks) + record + encode_trailer(len(record))
    return WavView(SealedReader(Bytes(data), "r", DataKey(key_id="k", client="BBC", recording="r", secret=KEY)))


CALLER = bytes(range(256)) * 40
AGENT = bytes(255 - code for code in CALLER)


def test_caller_is_left_agent_is_right() -> None:
    whole = view(CALLER, AGENT)
    with wave.open(io.BytesIO(whole.read(0, whole.size))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 8000)
        assert file.getnframes() == len(CALLER)
        frames = np.frombuffer(file.readframes(len(CALLER)), dtype="<i2").reshape(-1, 2)
    assert frames[:, 0].tobytes() == pcm16_from_alaw(CALLER)
    assert frames[:, 1].tobytes() == pcm16_from_alaw(AGENT)


@settings(max_examples=50, deadline=None)
@given(start=st.integers(-10, HEADER_BYTES + 4 * len(CALLER) + 10), length=st.integers(0, 9000))
def test_any_range_is_a_part_of_the_whole(start: int, length: int) -> None:
    part = view(CALLER, AGENT)
    whole = part.read(0, part.size)
    assert part.read(start, start + length) == whole[max(start, 0) : max(start + length, 0)]


def test_empty_recording_is_an_empty_wav() -> None:
    empty = view(b"", b"")
    assert empty.size == HEADER_BYTES
    assert empty.read(0, 100) == empty.header()
