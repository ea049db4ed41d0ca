"""ITU-T G.711: mu-law codes as A-law codes, by table."""

SILENCE = 0xD5
"""A-law code of the smallest positive sample."""


def _ulaw_to_linear(code: int) -> int:
    code = ~code & 0xFF
    size = (((code & 0x0F) << 3) + 0x84) << ((code >> 4) & 7)
    return 0x84 - size if code & 0x80 else size - 0x84


def _linear_to_alaw(sample: int) -> int:
    """``sample`` of 16 bits; A-law keeps 13 of them."""
    sample >>= 3
    mask, size = (0xD5, sample) if sample >= 0 else (0x55, -sample - 1)
    if size < 0x20:
        return (size >> 1) ^ mask
    exponent = size.bit_length() - 5
    return ((exponent << 4) | ((size >> exponent) & 0x0F)) ^ mask


ULAW_TO_ALAW = bytes(_linear_to_alaw(_ulaw_to_linear(code)) for code in range(256))


def alaw(payload: bytes, *, is_alaw: bool) -> bytes:
    """The same audio in A-law."""
    return payload if is_alaw else payload.translate(ULAW_TO_ALAW)
