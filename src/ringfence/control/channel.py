"""Framing of the control channel: four bytes of big-endian length, then one JSON message. Sans-I/O."""

from collections.abc import Iterator
from typing import Generic, TypeVar

import msgspec

from ringfence.control.commands import FromEngine, ToEngine
from ringfence.kit.errors import RingfenceError

T = TypeVar("T")

MAX_FRAME_BYTES = 32 * 1024 * 1024


class ControlError(RingfenceError):
    """The control channel failed. Check that the engine runs and that both sides have the same version."""


class FrameError(ControlError):
    """A control frame could not be read. Both processes must run the same version of Ringfence."""


_encoder = msgspec.json.Encoder()


def encode(message: ToEngine | FromEngine) -> bytes:
    """One frame."""
    body = _encoder.encode(message)
    return len(body).to_bytes(4, "big") + body


class Decoder(Generic[T]):
    """Turns a byte stream into messages of one direction, e.g. ``Decoder(ToEngine)``."""

    def __init__(self, kind: object) -> None:
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(kind)
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[T]:
        """Every message completed by ``data``. Raises FrameError; the connection must then be closed."""
        self._buffer += data
        while len(self._buffer) >= 4:
            length = int.from_bytes(self._buffer[:4], "big")
            if length > MAX_FRAME_BYTES:
                raise FrameError(f"A control frame of {length} bytes is over the limit of {MAX_FRAME_BYTES}.")
            if len(self._buffer) < 4 + length:
                return
            body = bytes(self._buffer[4 : 4 + length])
            del self._buffer[: 4 + length]
            try:
                yield self._decoder.decode(body)
            except msgspec.MsgspecError as error:
                raise FrameError(f"A control frame does not fit its type: {error}.") from None
