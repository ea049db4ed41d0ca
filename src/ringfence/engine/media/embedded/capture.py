"""Keeps the keys that a caller presses from the person they talk to (R29).

Telephone events (RFC 4733) are never relayed meanwhile. While a key is down the leg's audio reaches neither peer nor
tap, for it may carry the tone as well; the peer hears one flat tone, the same for every key. A leg that never agreed
on telephone events can only sing its keys, so nothing of it is heard for as long as the capture lasts.
"""

import asyncio
import math
import struct
from collections import deque
from collections.abc import Callable
from typing import Protocol

from ringfence.kit.g711 import alaw_from_pcm16

LOST_END_SECONDS = 0.25
"""A key whose end was lost counts as released this long after its last packet."""
AFTER_END_SECONDS = 0.06
"""The end comes three times, 20 ms apart, and its tone may hang on in the audio."""
_END = 0x80
_HERTZ, _LEVEL, _SAMPLES = 400, 3000, 160

FLAT_TONE = alaw_from_pcm16(
    b"".join(struct.pack("<h", round(_LEVEL * math.sin(2 * math.pi * _HERTZ * n / 8000))) for n in range(_SAMPLES))
)
"""Twenty milliseconds, whole waves, about -24 dBm0; not a frequency of any key."""


class CapturedLeg(Protocol):
    """What a capture needs of its leg."""

    dtmf_in: int | None

    def rewire(self) -> None: ...

    def tell_peer(self, alaw: bytes, now: float) -> None:
        """The peer hears these 20 ms, unless a prompt plays to it."""
        ...


class KeyCapture:
    """The capture of one leg, on or off. Rewires the leg whenever it begins or ceases to mute it."""

    def __init__(
        self, leg: CapturedLeg, call_later: Callable[[float, Callable[[], None]], asyncio.TimerHandle]
    ) -> None:
        self._leg = leg
        self._call_later = call_later
        self._timer: asyncio.TimerHandle | None = None
        self._stamps: deque[int] = deque(maxlen=16)
        """Keys that were caught: late packets of theirs are not relayed, even after the end."""
        self._ended: int | None = None
        self.on = False
        self.key_down = False

    @property
    def mutes(self) -> bool:
        """The leg's audio goes nowhere now."""
        return self.key_down or (self.on and self._leg.dtmf_in is None)

    def begin(self) -> None:
        self.on = True
        self._leg.rewire()

    def end(self) -> None:
        """A key that is down is still kept back until it is released."""
        self.on = False
        self._leg.rewire()

    def close(self) -> None:
        """The leg is gone."""
        self._stop_timer()

    def keeps(self, timestamp: int) -> bool:
        """This packet of a telephone event must not be relayed."""
        return self.on or self.key_down or timestamp in self._stamps

    def packet(self, payload: bytes, timestamp: int, now: float) -> None:
        """A telephone event that is kept back."""
        if timestamp not in self._stamps:
            self._stamps.append(timestamp)
        elif self._ended == timestamp:
            return  # its end, once more
        if payload[1] & _END:
            self._ended = timestamp
        if not self.key_down:
            self.key_down = True
            self._leg.rewire()
        self._leg.tell_peer(FLAT_TONE, now)
        self._stop_timer()
        self._timer = self._call_later(
            AFTER_END_SECONDS if self._ended == timestamp else LOST_END_SECONDS, self._released
        )

    def _released(self) -> None:
        self._timer = None
        self.key_down = False
        self._leg.rewire()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
