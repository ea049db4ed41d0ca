"""RTP (RFC 3550): one outgoing stream per leg, and what is counted of an incoming one. Sans-I/O."""

import secrets
import struct

HEADER = struct.Struct("!BBHII")
pack_header = HEADER.pack
MARKER = 0x80
CLOCK = 8000
MAX_JUMP = 3000
"""A larger step of sequence numbers is a new stream (RFC 3550 A.1, MAX_DROPOUT)."""

_OWN = -1


def payload_bounds(data: bytes) -> tuple[int, int]:
    """Start and end of the payload behind CSRCs, extension and padding. Raises ValueError."""
    first = data[0]
    if first >> 6 != 2:
        raise ValueError("The packet is not RTP version 2.")
    start, end = 12 + 4 * (first & 15), len(data)
    if first & 0x10:
        if end < start + 4:
            raise ValueError("The RTP header extension is cut off.")
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    if first & 0x20:
        padding = data[-1]
        if padding == 0:
            raise ValueError("The RTP padding is zero bytes long.")
        end -= padding
    if end < start:
        raise ValueError("The RTP packet is shorter than its header says.")
    return start, end


class OutgoingStream:
    """One SSRC with unbroken sequence numbers, whatever feeds it: a peer, another peer, a prompt.

    Gaps and order of a relayed source are kept, so that its loss stays visible to the receiver.
    """

    __slots__ = ("_floor", "_sequence_shift", "_source", "_stamped_at", "_timestamp_shift", "extended", "octets",
                 "packets", "ssrc", "timestamp")  # fmt: skip

    def __init__(self) -> None:
        self.ssrc = secrets.randbits(32)
        # The upper half would risk a wrong roll-over counter at the receiver of SRTP (RFC 3711 section 3.3.1).
        self.extended = secrets.randbits(15)
        self.timestamp = secrets.randbits(32)
        self.packets = 0
        self.octets = 0
        self._source: int | None = None
        self._stamped_at: float | None = None
        self._sequence_shift = 0
        self._timestamp_shift = 0
        self._floor = 0

    def restart(self) -> None:
        """The next packet comes from somewhere else: it continues the numbers and carries the marker."""
        self._source = None

    def relay(
        self, payload_type: int, sequence: int, timestamp: int, ssrc: int, payload: bytes, now: float
    ) -> bytes | None:
        """A packet of another source in this stream; None when it is older than the change to that source."""
        if ssrc == self._source:
            number = self.extended
            step = (sequence + self._sequence_shift - number) & 0xFFFF
            if step >= 0x8000:
                step -= 0x10000
            if -MAX_JUMP < step < MAX_JUMP:
                stamp = (timestamp + self._timestamp_shift) & 0xFFFFFFFF
                number += step
                if step > 0:
                    self.extended = number
                    if stamp != self.timestamp:
                        self.timestamp = stamp
                        self._stamped_at = now
                elif number < self._floor:
                    return None
                self.packets += 1
                self.octets += len(payload)
                return pack_header(0x80, payload_type, number & 0xFFFF, stamp, self.ssrc) + payload
        self._source = ssrc
        self.timestamp = self._stamp(now)
        self._stamped_at = now
        self.extended += 1
        self._floor = self.extended
        self._sequence_shift = self.extended - sequence
        self._timestamp_shift = self.timestamp - timestamp
        return self._packet(payload_type | MARKER, payload)

    def own(self, payload_type: int, payload: bytes, now: float) -> bytes:
        """The next stretch of audio of our own; successive ones lie exactly their length apart."""
        self.extended += 1
        if self._source == _OWN:
            self.timestamp = (self.timestamp + len(payload)) & 0xFFFFFFFF
        else:
            self.timestamp = self._stamp(now)
            self._source = _OWN
            payload_type |= MARKER
        self._stamped_at = now
        return self._packet(payload_type, payload)

    def event(self, payload_type: int, payload: bytes, now: float, *, first: bool) -> bytes:
        """A packet of a telephone event; all of one event carry the timestamp of its begin (RFC 4733)."""
        self.extended += 1
        if first:
            self.timestamp = self._stamp(now)
            self._stamped_at = now
            payload_type |= MARKER
        self._source = None
        return self._packet(payload_type, payload)

    def timestamp_at(self, now: float) -> int:
        """RTP time of ``now`` in this stream, for sender reports."""
        if self._stamped_at is None:
            return self.timestamp
        return (self.timestamp + round((now - self._stamped_at) * CLOCK)) & 0xFFFFFFFF

    def _stamp(self, now: float) -> int:
        if self._stamped_at is None:
            return self.timestamp
        return (self.timestamp + max(160, round((now - self._stamped_at) * CLOCK))) & 0xFFFFFFFF

    def _packet(self, second: int, payload: bytes) -> bytes:
        self.packets += 1
        self.octets += len(payload)
        return pack_header(0x80, second, self.extended & 0xFFFF, self.timestamp, self.ssrc) + payload


class IncomingStream:
    """Loss and jitter of what a leg sends, across changes of its SSRC (RFC 3550 A.3 and A.8)."""

    __slots__ = ("_base", "_expected_prior", "_lost_before", "_received", "_received_prior", "_transit", "extended",
                 "jitter", "packets", "ssrc")  # fmt: skip

    def __init__(self) -> None:
        self.ssrc: int | None = None
        self.extended = 0
        self.packets = 0
        self.jitter = 0.0
        """In timestamp units."""
        self._base = 0
        self._received = 0
        self._lost_before = 0
        self._transit: float | None = None
        self._expected_prior = 0
        self._received_prior = 0

    def arrived(self, sequence: int, timestamp: int, ssrc: int, now: float) -> None:
        """Count one packet of audio."""
        step = (sequence - self.extended) & 0xFFFF
        if ssrc == self.ssrc and step < MAX_JUMP:
            self.packets += 1
            self.extended += step
            self._received += 1
        else:
            self.count(sequence, ssrc)
        before = self._transit
        transit = self._transit = now * CLOCK - timestamp
        if before is not None:
            change = transit - before if transit >= before else before - transit
            if change < 80_000.0:  # beyond ten seconds the sender has restarted its clock
                self.jitter += (change - self.jitter) * 0.0625

    def count(self, sequence: int, ssrc: int) -> None:
        """Count one packet whose timestamp says nothing about its time, as of a telephone event."""
        self.packets += 1
        if ssrc == self.ssrc:
            step = (sequence - self.extended) & 0xFFFF
            if step < MAX_JUMP:
                self.extended += step
                self._received += 1
                return
            if step > 0x10000 - MAX_JUMP:
                self._received += 1
                return
        self._lost_before = self.lost
        self.ssrc = ssrc
        self.extended = self._base = sequence
        self._received = 1
        self._expected_prior = self._received_prior = 0
        self._transit = None

    @property
    def expected(self) -> int:
        return self.extended - self._base + 1 if self.ssrc is not None else 0

    @property
    def lost(self) -> int:
        return self._lost_before + max(0, self.expected - self._received)

    def interval_loss(self) -> int:
        """Fraction lost since the last call, in 256ths, as a report block carries it."""
        expected, received = self.expected, self._received
        due, got = expected - self._expected_prior, received - self._received_prior
        self._expected_prior, self._received_prior = expected, received
        return 0 if due <= 0 or got >= due else min(255, ((due - got) << 8) // due)

    @property
    def cumulative_lost(self) -> int:
        """Of this SSRC alone, limited to 24 bits signed."""
        return max(-0x800000, min(0x7FFFFF, self.expected - self._received))
