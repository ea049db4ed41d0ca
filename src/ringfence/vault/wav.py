"""A sealed recording seen as a WAV file of known size, of which any byte range can be had (RFC 9110 section 14)."""

import struct

import numpy as np

from ringfence.kit.g711 import pcm16_from_alaw
from ringfence.vault.format import SAMPLES_PER_SECOND
from ringfence.vault.opening import SealedReader

HEADER_BYTES = 44
_FRAME_BYTES = 4


_ALAW = np.frombuffer(pcm16_from_alaw(bytes(range(256))), dtype="<i2")


class WavView:
    """Stereo, 16 bits, 8 kHz: the caller left, the agent right. Only what a range needs is opened, in memory."""

    def __init__(self, reader: SealedReader) -> None:
        self._reader = reader
        self.size = HEADER_BYTES + reader.samples * _FRAME_BYTES

    @property
    def recording(self) -> str:
        """Id of the recording, as its sealed bytes have it."""
        return self._reader.header.recording

    def read(self, start: int, end: int) -> bytes:
        """Bytes from ``start`` to before ``end``, cut at the file's ends."""
        start, end = max(0, start), min(end, self.size)
        if start >= end:
            return b""
        head = self.header()[start:end]
        if end <= HEADER_BYTES:
            return head
        first = max(start - HEADER_BYTES, 0)
        frame = first // _FRAME_BYTES
        last = -(-(end - HEADER_BYTES) // _FRAME_BYTES)
        skip = first - frame * _FRAME_BYTES
        audio = self._frames(frame, last)[skip : skip + end - HEADER_BYTES - first]
        return head + audio

    def header(self) -> bytes:
        """The RIFF header for the whole length."""
        data = self.size - HEADER_BYTES
        rate = SAMPLES_PER_SECOND
        return struct.pack(
            "<4sI4s4sIHHIIHH4sI",
            b"RIFF", 36 + data, b"WAVE", b"fmt ", 16, 1, 2, rate, rate * _FRAME_BYTES, _FRAME_BYTES, 16, b"data", data,
        )  # fmt: skip

    def _frames(self, first: int, end: int) -> bytes:
        caller, agent = self._reader.read_samples(first, end)
        frames = np.empty((len(caller), 2), dtype="<i2")
        frames[:, 0] = _ALAW[np.frombuffer(caller, dtype=np.uint8)]
        frames[:, 1] = _ALAW[np.frombuffer(agent, dtype=np.uint8)]
        return frames.tobytes()
