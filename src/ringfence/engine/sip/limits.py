"""Rate limits per source address, so that a flood from one does not disturb the calls of others. Sans-I/O."""

import re
from collections import OrderedDict

from ringfence.engine.sip.core.flow import Flow

_EMERGENCY = re.compile(rb"INVITE\s+(?:sips?|tel):(?:0|9|00|0044|%2[bB]44|\+44)*(?:999|112)[@;: ]", re.IGNORECASE)


def is_emergency(data: bytes) -> bool:
    """An INVITE to 999 or 112, with any national prefix: never limited (R166, domain B14)."""
    return _EMERGENCY.match(data[:96].lstrip()) is not None


def source_of(host: str) -> str:
    """The unit that is limited: an IPv4 address, or an IPv6 /64."""
    if ":" not in host:
        return host
    groups = host.partition("%")[0].lower().split(":")
    return ":".join(groups[:4]) if "" not in groups[:4] else host.lower()


class RateLimiter:
    """Token buckets in a bounded table; the source that was quiet longest is forgotten first."""

    def __init__(self, *, rate: float, known_rate: float, sources: int) -> None:
        self._rate = rate
        self._known_rate = known_rate
        self._sources = sources
        self._buckets: OrderedDict[tuple[str, bool], list[float]] = OrderedDict()
        """Tokens left, and when they were counted."""

    def __len__(self) -> int:
        return len(self._buckets)

    def admits(self, flow: Flow, data: bytes, now: float, *, known: bool) -> bool:
        """Take one token of the source, two seconds' worth at most. Emergency calls always pass."""
        rate = self._known_rate if known else self._rate
        key = (source_of(flow.remote[0]), known)
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = [2 * rate, now]
            if len(self._buckets) > self._sources:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        tokens, at = bucket
        tokens = min(2 * rate, tokens + (now - at) * rate)
        admitted = tokens >= 1
        bucket[0], bucket[1] = tokens - 1 if admitted else tokens, now
        return admitted or is_emergency(data)
