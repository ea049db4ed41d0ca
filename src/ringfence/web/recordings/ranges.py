"""Byte ranges of HTTP (RFC 9110 section 14), for players that seek."""

import re
from dataclasses import dataclass

_RANGE = re.compile(r"^bytes=([0-9]*)-([0-9]*)\Z")


class Unsatisfiable(ValueError):
    """No byte of the representation lies in the range."""


@dataclass(frozen=True)
class ByteRange:
    start: int
    end: int
    """First byte that is not wanted."""


def parse_range(header: str | None, size: int) -> ByteRange | None:
    """The one range asked for, None to send everything. Raises Unsatisfiable.

    A header that is malformed or names several ranges is ignored, as section 14.2 allows.
    """
    found = _RANGE.match(header.strip()) if header else None
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        length = int(last)
        if length == 0 or size == 0:
            raise Unsatisfiable
        return ByteRange(max(0, size - length), size)
    start = int(first)
    if last and int(last) < start:
        return None
    if start >= size:
        raise Unsatisfiable
    return ByteRange(start, min(size, int(last) + 1) if last else size)
