"""The embedded engine: sessions of legs behind the MediaEngine port, all in the caller's event loop."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from ringfence.engine.errors import EngineUnavailable, Rejected, UnknownSession
from ringfence.engine.media.embedded.config import MediaConfig
from ringfence.engine.media.embedded.dtls import DtlsIdentity, create_identity
from ringfence.engine.media.embedded.dtmf import DIGITS
from ringfence.engine.media.embedded.leg import Leg
from ringfence.engine.media.embedded.mixer import MOST_LEGS, Mix
from ringfence.engine.media.embedded.negotiation import Negotiation, parse
from ringfence.engine.media.embedded.player import Player
from ringfence.engine.media.embedded.sockets import PortRange
from ringfence.engine.media.embedded.tap import EmbeddedTap
from ringfence.engine.media.embedded.webrtc import WebrtcLeg
from ringfence.engine.media.port import (
    Accepted,
    Capability,
    Gate,
    LegKind,
    LegProfile,
    Load,
    MediaEvent,
    Playback,
    SessionStats,
    TapSink,
)
from ringfence.engine.ports import PromptCache
from ringfence.kit.clock import Clock
from ringfence.kit.ids import ContentId, LegId, SessionId

log = logging.getLogger(__name__)


@dataclass
class _Session:
    legs: dict[LegId, Leg] = field(default_factory=dict)
    descriptions: dict[LegId, Negotiation] = field(default_factory=dict)
    mix: Mix | None = None

    def unmix(self, *legs: Leg) -> None:
        if self.mix is not None:
            for leg in legs:
                self.mix.remove(leg)


class EmbeddedMediaEngine:
    """MediaEngine in this process. ``start`` before use; ``close`` ends every session and ``events``."""

    def __init__(self, config: MediaConfig, prompts: PromptCache, clock: Clock) -> None:
        self._config = config
        self._prompts = prompts
        self._clock = clock
        self._ports = PortRange(host=config.host, first=config.first_port, last=config.last_port)
        self._sessions: dict[SessionId, _Session] = {}
        self._player = Player(clock=clock, report=self._report)
        self._events: asyncio.Queue[MediaEvent | None] = asyncio.Queue(config.events)
        self.events_dropped = 0
        """Oldest events given up because nobody read them."""
        self._identity: DtlsIdentity | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._rate = 0.0
        self._counted = (0, 0.0)

    async def start(self) -> None:
        """Ready for calls when it returns. Idempotent."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._identity = create_identity()
            self._counted = (0, self._clock.monotonic())
            self._timer = self._loop.call_later(self._config.sweep_seconds, self._sweep)

    async def close(self) -> None:
        """Release every session and end ``events``. Idempotent."""
        if self._loop is None:
            return
        for session in list(self._sessions):
            await self.release(session)
        self._player.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._loop = None
        self._put(None)

    def capabilities(self) -> frozenset[Capability]:
        """No transcoding (A-law and mu-law are mapped), no in-band digits."""
        return frozenset({Capability.WEBRTC, Capability.TAP, Capability.INJECT, Capability.MIX, Capability.MOVE})

    async def load(self) -> Load:
        return Load(
            alive=self._loop is not None,
            sessions=len(self._sessions),
            legs=sum(len(session.legs) for session in self._sessions.values()),
            packets_per_second=self._rate,
        )

    async def stats(self, session: SessionId) -> SessionStats:
        return SessionStats(legs=tuple(leg.stats() for leg in self._session(session).legs.values()))

    async def events(self) -> AsyncIterator[MediaEvent]:
        while (event := await self._events.get()) is not None:
            yield event

    async def anchor(self, session: SessionId, leg: LegId, remote_sdp: str, profile: LegProfile) -> str:
        self._running()
        known = self._sessions.get(session)
        if known is not None and leg in known.legs:
            return await self.renegotiate(session, leg, remote_sdp)
        offered = parse(remote_sdp)
        kind = offered.audio.kind
        if kind not in profile.kinds:
            raise Rejected("The offer's media is not protected in a way that is allowed for this leg.")
        description = self._create(session, leg, kind, profile)
        try:
            return description.answer(remote_sdp, offered)
        except BaseException:
            await self.release_leg(session, leg)
            raise

    async def offer(self, session: SessionId, leg: LegId, toward: LegId | None, profile: LegProfile) -> str:
        self._running()
        codec: str | None = None
        if toward is not None:
            codec = self._negotiation(session, toward).codec
        known = self._sessions.get(session)
        if known is not None and leg in known.legs:
            return known.descriptions[leg].offer(codec)
        if len(profile.kinds) != 1:
            raise Rejected("An offer needs exactly one kind of protection.")
        description = self._create(session, leg, next(iter(profile.kinds)), profile)
        try:
            return description.offer(codec)
        except BaseException:
            await self.release_leg(session, leg)
            raise

    async def accept(self, session: SessionId, leg: LegId, remote_sdp: str) -> Accepted:
        self._negotiation(session, leg).accept(remote_sdp)
        return Accepted(peer_sdp=None, peer_changed=False)

    async def renegotiate(self, session: SessionId, leg: LegId, remote_sdp: str | None) -> str:
        description = self._negotiation(session, leg)
        return description.offer(None) if remote_sdp is None else description.answer(remote_sdp)

    async def bridge(self, session: SessionId, a: LegId, b: LegId) -> None:
        one, other = self._leg(session, a), self._leg(session, b)
        if one is other:
            raise Rejected("A leg cannot be bridged to itself.")
        if one.peer is not other:
            # The old peers are cut off before the new one is heard.
            self._session(session).unmix(one, other)
            self._part(one)
            self._part(other)
            self._player.yield_to_peer(one)
            self._player.yield_to_peer(other)
            one.peer, other.peer = other, one
            one.rewire_both()
        one.watch()
        other.watch()

    async def unbridge(self, session: SessionId, a: LegId, b: LegId) -> None:
        one, other = self._leg(session, a), self._leg(session, b)
        if one.peer is other:
            self._part(one)

    async def mix(self, session: SessionId, legs: tuple[LegId, ...]) -> None:
        room = self._session(session)
        wanted = [self._leg(session, leg) for leg in legs]
        if len(wanted) == 1 or len(set(legs)) != len(legs) or len(wanted) > MOST_LEGS:
            raise Rejected(f"A mix has two to {MOST_LEGS} different legs, or none to end it.")
        mix = room.mix
        if mix is None or mix.ended:
            mix = room.mix = Mix()
        mix.keep_only(wanted)
        for leg in wanted:
            # The old peer is cut off before the others are heard.
            self._part(leg)
            self._player.yield_to_peer(leg)
            mix.add(leg)
            leg.watch()
        if wanted:
            self._player.feed(mix)

    async def move(self, session: SessionId, leg: LegId, to: SessionId) -> None:
        target = self._sessions.get(to)
        if target is not None and leg in target.legs:
            return
        found, room = self._leg(session, leg), self._session(session)
        room.unmix(found)
        self._part(found)
        self._player.forget(found)
        found.taps = ()
        found.session = to
        found.rewire()
        target = self._sessions.setdefault(to, _Session())
        target.legs[leg], target.descriptions[leg] = room.legs.pop(leg), room.descriptions.pop(leg)
        if not room.legs:
            del self._sessions[session]

    async def gate(self, session: SessionId, leg: LegId, gate: Gate) -> None:
        found = self._leg(session, leg)
        found.gate = gate
        found.rewire()

    async def capture_keys(self, session: SessionId, leg: LegId, *, on: bool) -> None:
        self._leg(session, leg).capture_keys(on=on)

    async def play(
        self, session: SessionId, leg: LegId, source: ContentId, *, loop: bool = False, exclusive: bool = True
    ) -> Playback:
        found = self._leg(session, leg)
        room = self._session(session)
        if not exclusive and (found.peer is not None or (room.mix is not None and found in room.mix)):
            raise Rejected("This engine does not mix: a prompt beside a peer must be exclusive.")
        audio = self._prompts.load(source)
        found.watch()
        return self._player.play(found, audio, loop=loop, exclusive=exclusive)

    async def stop(self, session: SessionId, leg: LegId) -> None:
        self._player.stop(self._leg(session, leg))

    async def send_dtmf(self, session: SessionId, from_leg: LegId, digits: str) -> None:
        peer = self._leg(session, from_leg).peer
        if any(digit not in DIGITS for digit in digits):
            raise Rejected("A digit is one of 0 to 9, *, #, A to D.")
        if peer is None or peer.dtmf_out is None:
            raise Rejected("Nobody who takes telephone events is bridged to this leg.")
        if digits and not self._player.dial(peer, digits):
            raise Rejected("Too many digits are waiting to be sent.")

    async def tap(self, session: SessionId, legs: tuple[LegId, ...], sink: TapSink) -> EmbeddedTap:
        found = self._session(session)
        return EmbeddedTap(found.legs, legs, sink, self._clock.monotonic)

    async def release_leg(self, session: SessionId, leg: LegId) -> None:
        known = self._sessions.get(session)
        if known is None or leg not in known.legs:
            return
        gone = known.legs.pop(leg)
        del known.descriptions[leg]
        self._counted = (self._counted[0] - gone.received - gone.sent, self._counted[1])
        known.unmix(gone)
        self._player.forget(gone)
        gone.close()
        if not known.legs:
            del self._sessions[session]

    async def release(self, session: SessionId) -> None:
        known = self._sessions.get(session)
        if known is not None:
            for leg in list(known.legs):
                await self.release_leg(session, leg)

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            raise EngineUnavailable("The media engine is not running.")
        return self._loop

    def _session(self, session: SessionId) -> _Session:
        self._running()
        try:
            return self._sessions[session]
        except KeyError:
            raise UnknownSession from None

    def _leg(self, session: SessionId, leg: LegId) -> Leg:
        try:
            return self._session(session).legs[leg]
        except KeyError:
            raise UnknownSession from None

    def _negotiation(self, session: SessionId, leg: LegId) -> Negotiation:
        self._leg(session, leg)
        return self._sessions[session].descriptions[leg]

    def _create(self, session: SessionId, leg: LegId, kind: LegKind, profile: LegProfile) -> Negotiation:
        loop = self._running()
        ports = self._ports.allocate()
        if kind is LegKind.WEBRTC and self._identity is not None:
            created: Leg = WebrtcLeg(
                session=session,
                leg=leg,
                profile=profile,
                config=self._config,
                ports=ports,
                clock=self._clock,
                report=self._report,
                identity=self._identity,
            )
        else:
            created = Leg(
                session=session,
                leg=leg,
                kind=kind,
                profile=profile,
                config=self._config,
                ports=ports,
                clock=self._clock,
                report=self._report,
            )
        created.attach(loop)
        host = profile.advertised_host or self._config.advertised_host or self._config.host
        description = Negotiation(created, host=host)
        known = self._sessions.setdefault(session, _Session())
        known.legs[leg] = created
        known.descriptions[leg] = description
        return description

    @staticmethod
    def _part(leg: Leg) -> None:
        peer = leg.peer
        if peer is not None:
            leg.peer = peer.peer = None
            leg.rewire()
            peer.rewire()
            leg.out.restart()
            peer.out.restart()

    def _report(self, event: MediaEvent) -> None:
        self._put(event)

    def _put(self, event: MediaEvent | None) -> None:
        if self._events.full():
            self._events.get_nowait()
            self.events_dropped += 1
        self._events.put_nowait(event)

    def _sweep(self) -> None:
        """Every ``sweep_seconds``: dead media, consent, reports that are due, packet rate."""
        now = self._clock.monotonic()
        total = 0
        for session in self._sessions.values():
            for leg in session.legs.values():
                total += leg.received + leg.sent
                leg.check_life(now)
                if now >= leg.report_at:
                    leg.send_report()
        before, at = self._counted
        if now > at:
            self._rate = max(0, total - before) / (now - at)
        self._counted = (total, now)
        if self._loop is not None:
            self._timer = self._loop.call_later(self._config.sweep_seconds, self._sweep)
