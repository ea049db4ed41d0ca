"""Messages out of a byte stream (RFC 3261 section 18.3). Sans-I/O."""

import re
from collections.abc import Iterator

_LENGTH = re.compile(rb"^(?:content-length|l)[ \t]*:[ \t]*(\d{1,9})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)

PING = b"\r\n\r\n"
PONG = b"\r\n"


class Framer:
    """Splits and joins; yields whole messages, and PING for a keep-alive (RFC 5626 section 4.4.1)."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Every message completed by ``data``. Raises ValueError; the connection must then be closed."""
        buffer = self._buffer
        buffer += data
        while buffer:
            blank = 0
            while buffer.startswith(b"\r\n", blank):
                blank += 2
            if blank:
                pings = blank // 4
                if not pings and len(buffer) <= 3:
                    return
                del buffer[: pings * 4 if pings and blank == len(buffer) else blank]
                for _ in range(min(pings, 4)):
                    yield PING
                continue
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                if len(buffer) > self._limit or (buffer[0] in b"\r\n" and len(buffer) > 1):
                    raise ValueError("The stream holds no message within the limit.")
                return
            match = _LENGTH.search(buffer, 0, end)
            if match is None:
                raise ValueError("A message on a stream has no Content-Length.")
            total = end + 4 + int(match.group(1))
            if total > self._limit:
                raise ValueError("A message on a stream is over the limit.")
            if len(buffer) < total:
                return
            message = bytes(buffer[:total])
            del buffer[:total]
            yield message
