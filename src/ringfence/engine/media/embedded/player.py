"""Prompts, music and digits of all legs on one 20 ms ticker with absolute deadlines."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from ringfence.engine.media.embedded.dtmf import event_packets
from ringfence.engine.media.embedded.leg import Leg
from ringfence.engine.media.embedded.mixer import FRAME_BYTES, Mix
from ringfence.engine.media.port import MediaEvent, Playback, PlaybackDone
from ringfence.kit import g711
from ringfence.kit.clock import Clock
from ringfence.kit.ids import new_id

TICK_SECONDS = 0.02
GAP_TICKS = 3
"""Silence between two digits, 60 ms."""
MAX_DIGITS = 64
MAX_LATE_TICKS = 10
"""After a longer stall a prompt goes on where it stopped; what was missed is not sent in one burst."""


@dataclass
class _Playing:
    playback: Playback
    audio: bytes
    loop: bool
    exclusive: bool
    position: int = 0


@dataclass
class _Dialling:
    digits: deque[str]
    packets: list[bytes] = field(default_factory=list)
    sent: int = 0
    gap: int = 0


class Player:
    """Feeds legs that hear something of our own. ``advance`` is one tick; the shell around it is ``_wake``."""

    def __init__(self, *, clock: Clock, report: Callable[[MediaEvent], None]) -> None:
        self._clock = clock
        self._report = report
        self._playing: dict[Leg, _Playing] = {}
        self._dialling: dict[Leg, _Dialling] = {}
        self._mixes: set[Mix] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._deadline = 0.0

    def play(self, leg: Leg, audio: bytes, *, loop: bool, exclusive: bool) -> Playback:
        """Begin with the next tick, in place of what ``leg`` hears now."""
        self.stop(leg)
        audio += bytes([g711.ALAW_SILENCE]) * (-len(audio) % FRAME_BYTES)
        playback = Playback(playback_id=new_id(), duration_ms=len(audio) // 8)
        self._playing[leg] = _Playing(playback, audio, loop and bool(audio), exclusive)
        self._occupy(leg)
        self._wind()
        return playback

    def stop(self, leg: Leg) -> None:
        """End what ``leg`` hears; PlaybackDone says that it was not completed. Nothing running is fine."""
        playing = self._playing.pop(leg, None)
        if playing is not None:
            self._done(leg, playing, completed=False)

    def yield_to_peer(self, leg: Leg) -> None:
        """A peer is about to be heard: a prompt that is not exclusive ends, as nothing is mixed here."""
        playing = self._playing.get(leg)
        if playing is not None and not playing.exclusive:
            self.stop(leg)

    def dial(self, leg: Leg, digits: str) -> bool:
        """Send ``digits`` to ``leg`` as telephone events; False when too many are waiting."""
        dialling = self._dialling.setdefault(leg, _Dialling(deque()))
        if len(dialling.digits) + len(digits) > MAX_DIGITS:
            return False
        dialling.digits += digits
        self._occupy(leg)
        self._wind()
        return True

    def feed(self, mix: Mix) -> None:
        """Let ``mix`` speak at every tick, until it is ``ended``."""
        self._mixes.add(mix)
        self._wind()

    def forget(self, leg: Leg) -> None:
        """The leg goes: everything it hears ends."""
        self._dialling.pop(leg, None)
        self.stop(leg)

    def close(self) -> None:
        """End everything; each playback is still reported."""
        for leg in [*self._playing, *self._dialling]:
            self.forget(leg)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def advance(self, now: float) -> None:
        """One tick of 20 ms for every leg."""
        for leg in list(self._dialling):
            self._dial_tick(leg, now)
        if self._mixes:
            self._mixes = {mix for mix in self._mixes if not mix.ended}
            for mix in self._mixes:
                mix.advance(now)
        for leg, playing in list(self._playing.items()):
            if playing.position >= len(playing.audio):
                if not playing.loop:
                    del self._playing[leg]
                    self._done(leg, playing, completed=True)
                    continue
                playing.position = 0
            if not leg.ready:
                continue  # DTLS is not through yet: nobody should miss the first words
            if leg not in self._dialling:
                leg.send_audio(playing.audio[playing.position : playing.position + FRAME_BYTES], now)
            playing.position += FRAME_BYTES

    def _dial_tick(self, leg: Leg, now: float) -> None:
        dialling = self._dialling[leg]
        if dialling.gap:
            dialling.gap -= 1
            return
        if not dialling.packets:
            if not dialling.digits:
                del self._dialling[leg]
                self._occupy(leg)
                return
            dialling.packets = event_packets(dialling.digits.popleft())
            dialling.sent = 0
        leg.send_event(dialling.packets[dialling.sent], now, first=dialling.sent == 0)
        dialling.sent += 1
        if dialling.sent == len(dialling.packets):
            dialling.packets = []
            dialling.gap = GAP_TICKS

    def _done(self, leg: Leg, playing: _Playing, *, completed: bool) -> None:
        self._occupy(leg)
        self._report(
            PlaybackDone(
                session=leg.session, leg=leg.leg, playback_id=playing.playback.playback_id, completed=completed
            )
        )

    def _occupy(self, leg: Leg) -> None:
        leg.occupied = leg in self._playing or leg in self._dialling
        leg.out.restart()
        leg.rewire_both()

    def _wind(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._deadline = loop.time() + TICK_SECONDS
            self._timer = loop.call_at(self._deadline, self._wake, loop)

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        due = 1 + int((loop.time() - self._deadline) / TICK_SECONDS)
        now = self._clock.monotonic()
        for _ in range(min(due, MAX_LATE_TICKS)):
            self.advance(now)
        self._deadline += due * TICK_SECONDS
        if self._playing or self._dialling or self._mixes:
            self._timer = loop.call_at(self._deadline, self._wake, loop)
