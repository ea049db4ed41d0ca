"""Mixing: every leg of a mix hears the sum of the others, on the same 20 ms tick as prompts.

What a leg says reaches the mix the way it reaches a tap, so a call between two costs nothing for it. A small buffer for
each leg takes up the jitter; it grows by a tick when it ran dry and shrinks when it was never needed.
"""

from collections.abc import Iterable

from ringfence.engine.media.embedded.leg import Leg
from ringfence.kit import g711
from ringfence.kit.ids import LegId

FRAME_BYTES = 160
"""Twenty milliseconds."""
MOST_LEGS = g711.MOST_VOICES + 1
LEAST_WAIT = 2 * FRAME_BYTES
MOST_WAIT = 6 * FRAME_BYTES
FULL = 4000
"""Half a second: more has piled up only because nobody took it."""
GAP = 4 * FRAME_BYTES
"""A longer jump of the timestamps is no loss but a new beginning."""
LOOK_TICKS = 250
_SILENCE = bytes([g711.ALAW_SILENCE])


class Voice:
    """What one leg has said and nobody has taken yet. It sits among the leg's taps, so its gate applies."""

    def __init__(self) -> None:
        self._audio = bytearray()
        self._next: int | None = None
        self._wait = LEAST_WAIT
        self._waiting = True
        self._least = FULL
        self._ticks = 0

    def frame(self, *, leg: LegId, at: float, payload: bytes, rtp_timestamp: int, alaw: bool) -> None:  # noqa: ARG002
        """TapSink: one packet, placed by its timestamp."""
        if not alaw:
            payload = payload.translate(g711.ULAW_TO_ALAW)
        audio = self._audio
        step = 0 if self._next is None else (rtp_timestamp - self._next + 0x80000000 & 0xFFFFFFFF) - 0x80000000
        if -GAP < step < 0:
            # Late: it may still take the place of the silence that stood in for it.
            start = len(audio) + step
            if start >= 0:
                audio[start : start + len(payload)] = payload
            return
        if 0 < step < GAP:
            audio += _SILENCE * step
        audio += payload
        self._next = (rtp_timestamp + len(payload)) & 0xFFFFFFFF
        if len(audio) > FULL:
            del audio[: len(audio) - self._wait]

    def take(self) -> bytes | None:
        """The next twenty milliseconds; None while it has nothing to say."""
        audio = self._audio
        if self._waiting:
            if len(audio) < self._wait:
                return None
            self._waiting = False
        if len(audio) < FRAME_BYTES:
            self._waiting = True
            self._wait = min(self._wait + FRAME_BYTES, MOST_WAIT)
            audio.clear()
            return None
        taken = bytes(audio[:FRAME_BYTES])
        del audio[:FRAME_BYTES]
        self._least = min(self._least, len(audio))
        self._ticks += 1
        if self._ticks == LOOK_TICKS:
            if self._least > FRAME_BYTES:
                del audio[:FRAME_BYTES]
                self._wait = max(self._wait - FRAME_BYTES, LEAST_WAIT)
            self._least, self._ticks = FULL, 0
        return taken


class Mix:
    """Some legs of one session that hear each other. Owned by the engine, advanced by the player."""

    def __init__(self) -> None:
        self._voices: dict[Leg, Voice] = {}

    def __contains__(self, leg: Leg) -> bool:
        return leg in self._voices

    @property
    def ended(self) -> bool:
        return not self._voices

    def add(self, leg: Leg) -> None:
        """``leg`` is heard, and hears. Nothing happens when it does already."""
        if leg in self._voices:
            return
        voice = self._voices[leg] = Voice()
        leg.taps = (*leg.taps, voice)
        leg.rewire()
        leg.out.restart()

    def remove(self, leg: Leg) -> None:
        """From here on nobody hears what ``leg`` says, and it hears nobody."""
        voice = self._voices.pop(leg, None)
        if voice is not None:
            leg.taps = tuple(sink for sink in leg.taps if sink is not voice)
            leg.rewire()
            leg.out.restart()

    def keep_only(self, legs: Iterable[Leg]) -> None:
        kept = set(legs)
        for leg in [each for each in self._voices if each not in kept]:
            self.remove(leg)

    def advance(self, now: float) -> None:
        """One tick: each leg that hears nothing of our own hears the others."""
        said: dict[Leg, list[int]] = {}
        for leg, voice in self._voices.items():
            taken = voice.take()
            if taken is not None:
                said[leg] = g711.voice(taken)
        for leg in self._voices:
            if not leg.occupied:
                leg.send_audio(_sum([samples for other, samples in said.items() if other is not leg]), now)


def _sum(voices: list[list[int]]) -> bytes:
    match voices:
        case []:
            return _SILENCE * FRAME_BYTES
        case [one]:
            return g711.alaw_from_sum(one)
        case [one, other]:
            return g711.alaw_from_sum([a + b for a, b in zip(one, other, strict=True)])
        case _:
            return g711.alaw_from_sum(map(sum, zip(*voices, strict=True)))
