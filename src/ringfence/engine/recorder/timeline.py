"""Puts the packets of two directions on one timeline whose length is the clock's, whatever the packets do. Sans-I/O.

A packet ends, at the latest, when it arrives. Inside a stream the RTP timestamps give the distances, so jitter and
reordering do not move audio; the stream as a whole follows the arrivals, so a sender's drifting clock does not either.
Loss and silence suppression leave A-law silence.
"""

from collections.abc import Iterable

from ringfence.control.facts import Span
from ringfence.kit.g711 import ALAW_SILENCE as SILENCE
from ringfence.kit.g711 import alaw_from_sum, voice

SAMPLES_PER_MS = 8
JUMP_SAMPLES = 4000
"""A stream this far off its place (0.5 s) has restarted: a new source, or a clock set anew."""
WINDOW_PACKETS = 250
"""Five seconds: long enough that one packet of them met no queue."""
SLACK_SAMPLES = 160
MAX_WAITING = 4096
"""Packets between two advances; more than that is a flood."""

Packet = tuple[int, bytes, int]
"""Sample of the timeline at which it arrived, A-law, RTP timestamp."""


class Track:
    """One direction."""

    def __init__(self, begins_at: int = 0) -> None:
        self.late_samples = 0
        """Came after their place was written."""
        self._base = begins_at
        self._audio = bytearray()
        self._offset: int | None = None
        self._last_timestamp = 0
        self._unwrapped = 0
        self._slack = JUMP_SAMPLES
        self._seen = 0

    def place(self, packets: Iterable[Packet]) -> None:
        """Put them where they belong, in the order of their arrival."""
        audio, offset, unwrapped, last = self._audio, self._offset, self._unwrapped, self._last_timestamp
        least, seen, end = self._slack, self._seen, self._base + len(self._audio)
        for arrived, payload, rtp_timestamp in packets:
            latest = arrived - len(payload)
            unwrapped += (rtp_timestamp - last + 0x80000000 & 0xFFFFFFFF) - 0x80000000
            last = rtp_timestamp
            if offset is None:
                offset = latest - unwrapped
            slack = latest - offset - unwrapped
            if slack < 0 or slack > JUMP_SAMPLES:
                # Earlier than its own place: the place was late. Far later: the stream restarted.
                offset += slack
                slack = 0
            if slack < least:
                least = slack
            seen += 1
            if seen >= WINDOW_PACKETS:
                if least > SLACK_SAMPLES:
                    offset += least
                seen, least = 0, JUMP_SAMPLES
            if offset + unwrapped == end:
                audio += payload
                end += len(payload)
            else:
                self._write(offset + unwrapped, payload)
                end = self._base + len(audio)
        self._offset, self._unwrapped, self._last_timestamp, self._slack, self._seen = (
            offset,
            unwrapped,
            last,
            least,
            seen,
        )

    def _write(self, position: int, payload: bytes) -> None:
        start = position - self._base
        if start < 0:
            self.late_samples += min(-start, len(payload))
            payload = payload[-start:]
            start = 0
        if not payload:
            return
        missing = start + len(payload) - len(self._audio)
        if missing > 0:
            self._audio += bytes([SILENCE]) * missing
        self._audio[start : start + len(payload)] = payload

    def take(self, upto: int) -> bytearray:
        """Everything before sample ``upto`` that was not taken yet, gaps filled with silence."""
        length = max(upto - self._base, 0)
        taken = self._audio[:length]
        taken += bytes([SILENCE]) * (length - len(taken))
        del self._audio[:length]
        self._base += length
        return taken


class Timeline:
    """Both directions, cut at the same samples."""

    def __init__(self) -> None:
        self.caller = Track()
        self.agent = Track()
        self.third: Track | None = None
        """A third person of the centre, kept in the agent's direction."""
        self.written = 0
        """Samples of each direction taken so far."""

    def advance(self, upto: int, spans: tuple[Span, ...]) -> tuple[bytes, bytes]:
        """Caller and agent up to sample ``upto``, silent inside ``spans``."""
        start = self.written
        if upto <= start:
            return b"", b""
        caller, agent = self.caller.take(upto), self.agent.take(upto)
        if self.third is not None:
            agent = _together(agent, self.third.take(upto))
        for span in spans:
            first = max(span.start_ms * SAMPLES_PER_MS - start, 0)
            end = min(span.end_ms * SAMPLES_PER_MS, upto) - start
            if first < end:
                caller[first:end] = agent[first:end] = bytes([SILENCE]) * (end - first)
        self.written = upto
        return bytes(caller), bytes(agent)


def _together(one: bytearray, other: bytearray) -> bytearray:
    """Two voices as one; of equal length."""
    if other.count(SILENCE) == len(other):
        return one
    return bytearray(alaw_from_sum([a + b for a, b in zip(voice(one), voice(other), strict=True)]))
