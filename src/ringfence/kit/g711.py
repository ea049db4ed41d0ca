"""G.711 (ITU-T) companding: A-law, mu-law and 16-bit linear PCM, by table. 8,000 samples a second throughout."""

import array
import sys
from collections.abc import Iterable

SAMPLES_PER_SECOND = 8000
ALAW_SILENCE = 0xD5
ULAW_SILENCE = 0xFF


def _alaw_to_linear(code: int) -> int:
    code ^= 0x55
    mantissa, exponent = code & 0x0F, (code & 0x70) >> 4
    value = (mantissa << 4) + 8
    if exponent:
        value = (value + 0x100) << (exponent - 1)
    return value if code & 0x80 else -value


def _ulaw_to_linear(code: int) -> int:
    code = ~code & 0xFF
    value = (((code & 0x0F) << 3) + 0x84) << ((code & 0x70) >> 4)
    return 0x84 - value if code & 0x80 else value - 0x84


def _linear_to_alaw(sample: int) -> int:
    magnitude, sign = (sample >> 4, 0xD5) if sample >= 0 else ((~sample) >> 4, 0x55)
    exponent = max(0, magnitude.bit_length() - 4)
    mantissa = (magnitude >> max(0, exponent - 1)) & 0x0F
    return ((exponent << 4) | mantissa) ^ sign


def _linear_to_ulaw(sample: int) -> int:
    sign = 0x80 if sample < 0 else 0
    magnitude = min(abs(sample), 32635) + 0x84
    exponent = magnitude.bit_length() - 8
    return ~(sign | (exponent << 4) | ((magnitude >> (exponent + 3)) & 0x0F)) & 0xFF


_ALAW_DECODE = [_alaw_to_linear(code) for code in range(256)]
_ULAW_DECODE = [_ulaw_to_linear(code) for code in range(256)]
_ALAW_ENCODE = bytes(_linear_to_alaw(sample if sample < 32768 else sample - 65536) for sample in range(65536))

ULAW_TO_ALAW = bytes(_linear_to_alaw(value) for value in _ULAW_DECODE)
"""For ``bytes.translate``."""
ALAW_TO_ULAW = bytes(_linear_to_ulaw(value) for value in _ALAW_DECODE)
"""For ``bytes.translate``."""


def alaw_from_pcm16(pcm: bytes) -> bytes:
    """A-law of little-endian 16-bit samples. Raises ValueError when half a sample is left over."""
    samples = array.array("H")
    samples.frombytes(pcm)
    if sys.byteorder == "big":
        samples.byteswap()
    return bytes(map(_ALAW_ENCODE.__getitem__, samples))


def pcm16_from_alaw(alaw: bytes) -> bytes:
    """Little-endian 16-bit samples of A-law."""
    samples = array.array("h", map(_ALAW_DECODE.__getitem__, alaw))
    if sys.byteorder == "big":
        samples.byteswap()
    return samples.tobytes()


MOST_VOICES = 8
"""How many voices one sum may hold."""
_SUM_ZERO = 32768 * MOST_VOICES
_SUM_ENCODE = b"".join(
    (
        _ALAW_ENCODE[32768:32769] * (_SUM_ZERO - 32768),
        _ALAW_ENCODE[32768:],
        _ALAW_ENCODE[:32768],
        _ALAW_ENCODE[32767:32768] * (_SUM_ZERO - 32768),
    )
)
"""A-law of every sum of voices; what is too loud is as loud as can be."""


def voice(alaw: bytes | bytearray) -> list[int]:
    """Samples of one voice, to be summed."""
    return list(map(_ALAW_DECODE.__getitem__, alaw))


def alaw_from_sum(samples: Iterable[int]) -> bytes:
    """A-law of sums of at most MOST_VOICES voices, saturated."""
    return bytes([_SUM_ENCODE[sample + _SUM_ZERO] for sample in samples])
