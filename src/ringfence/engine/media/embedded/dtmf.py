"""Telephone events (RFC 4733): one digit per RTP timestamp received, and the packets of digits to send. Sans-I/O."""

import struct
from collections import deque

DIGITS = "0123456789*#ABCD"
_EVENT = struct.Struct("!BBH")
_LONGEST = 0xFFFF


class EventReceiver:
    """Says which packets begin a new digit, whatever was lost, repeated or put out of order."""

    def __init__(self) -> None:
        self._seen: deque[int] = deque(maxlen=16)
        self._last: tuple[int, int] | None = None

    def received(self, payload: bytes, timestamp: int) -> tuple[str, int] | None:
        """Digit and its duration so far in milliseconds, None when it is known already. Raises ValueError."""
        if len(payload) < 4:
            raise ValueError("The telephone event is cut off.")
        code, _, duration = _EVENT.unpack_from(payload)
        if code >= len(DIGITS):
            raise ValueError("The telephone event is not a digit.")
        if timestamp in self._seen:
            return None
        # A key held for over eight seconds goes on in a further segment (RFC 4733 section 2.5.1.3).
        goes_on = self._last is not None and self._last == (code, (timestamp - _LONGEST) & 0xFFFFFFFF)
        self._seen.append(timestamp)
        self._last = (code, timestamp)
        return None if goes_on else (DIGITS[code], duration // 8)


def event_packets(digit: str, *, frames: int = 5) -> list[bytes]:
    """Payloads of one digit, 20 ms apart: ``frames`` growing ones, of which the last is an end sent three times."""
    code = DIGITS.index(digit)
    growing = [_EVENT.pack(code, 10, 160 * n) for n in range(1, frames)]
    return growing + [_EVENT.pack(code, 0x80 | 10, 160 * frames)] * 3
