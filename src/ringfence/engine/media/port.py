"""The MediaEngine port. Messages, not objects, cross it, so that media can move to other processes.

Rules that every engine keeps, each checked by the shared contract suite (``tests/contract/media``):

1. A tap carries what a leg sends, after its gate. Prompts are never in it, nor are telephone-event packets (R29).
2. A paused tap is proven at the sink, by counting, never by an ok reply.
3. ``offer`` for another leg does not disturb a running prompt; an old peer is gated before a new one is heard.
4. A prompt is a content id, never a path.
5. Mixing is a capability; ask, do not assume.
6. SDP is opaque to callers, who store it for recovery.
7. While the keys of a leg are captured no key reaches its peer or its tap in any form: telephone events are reported
   and not relayed, and while a key is down a flat tone stands in for the leg's audio.

All methods are idempotent by their ids. All may raise EngineUnavailable, UnknownSession or Rejected.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from ringfence.kit.ids import ContentId, LegId, SessionId


class Capability(StrEnum):
    TRANSCODE = "transcode"
    WEBRTC = "webrtc"
    TAP = "tap"
    MIX = "mix"
    MOVE = "move"
    """A leg's media can go on in another session."""
    INBAND_DTMF = "inband_dtmf"
    INJECT = "inject"


class LegKind(StrEnum):
    """What protects a leg's media."""

    RTP = "rtp"
    SRTP = "srtp"
    """SDES keys, RFC 4568; only ever signalled over TLS."""
    WEBRTC = "webrtc"
    """DTLS-SRTP and ICE-lite."""


class Gate(StrEnum):
    """What happens to the audio a leg sends, towards its peer and its tap alike."""

    OPEN = "open"
    SILENCE = "silence"
    DROP = "drop"


@dataclass(frozen=True, kw_only=True)
class LegProfile:
    """How a leg's media may travel."""

    kinds: frozenset[LegKind]
    """Accepted kinds; an offer that needs another is Rejected. When offering, exactly one."""
    codecs: tuple[str, ...] = ("PCMA", "PCMU")
    """In order of preference."""
    dtmf: bool = True
    advertised_host: str | None = None
    """Address written into SDP; None takes the engine's own."""


@dataclass(frozen=True, kw_only=True)
class Accepted:
    peer_sdp: str | None
    """New SDP for the other leg, when ``peer_changed``."""
    peer_changed: bool


@dataclass(frozen=True, kw_only=True)
class Playback:
    playback_id: str
    duration_ms: int
    """One pass; a loop ends only when stopped."""


@dataclass(frozen=True, kw_only=True)
class LegStats:
    leg: LegId
    packets_received: int
    packets_sent: int
    packets_lost: int
    """Gaps in what this leg sent us."""
    packets_dropped: int
    """Refused: wrong source, failed authentication, malformed."""
    jitter_ms: float
    remote_loss: float | None
    """Fraction the far side reports as lost, from its last RTCP report."""
    round_trip_ms: float | None
    mos: float | None
    """Estimate 1 to 4.5 by the E-model (ITU-T G.107), None before enough was heard."""
    last_packet_seconds: float | None
    """Age of the newest packet from the far side."""


@dataclass(frozen=True, kw_only=True)
class SessionStats:
    legs: tuple[LegStats, ...]


@dataclass(frozen=True, kw_only=True)
class Load:
    alive: bool
    sessions: int
    legs: int
    packets_per_second: float


class MediaEvent:
    """Base of what an engine reports."""


@dataclass(frozen=True, kw_only=True)
class DtmfReceived(MediaEvent):
    """One digit, once, when its first RFC 4733 packet arrived. Never logged."""

    session: SessionId
    leg: LegId
    digit: str = field(repr=False)
    duration_ms: int


@dataclass(frozen=True, kw_only=True)
class PlaybackDone(MediaEvent):
    """Always raised, once per playback: at its end, when stopped, replaced or failed."""

    session: SessionId
    leg: LegId
    playback_id: str
    completed: bool
    """Heard to the end."""


@dataclass(frozen=True, kw_only=True)
class LegMediaStarted(MediaEvent):
    """First authenticated packet of a leg."""

    session: SessionId
    leg: LegId


@dataclass(frozen=True, kw_only=True)
class LegMediaLost(MediaEvent):
    """Nothing from the leg for the dead-media time (and, for a browser, no ICE consent, RFC 7675)."""

    session: SessionId
    leg: LegId
    silent_seconds: float


@dataclass(frozen=True, kw_only=True)
class EngineLost(MediaEvent):
    """Every session of the engine is gone."""


class TapSink(Protocol):
    """Receives tapped audio. Called from the engine's loop: must not block."""

    def frame(self, *, leg: LegId, at: float, payload: bytes, rtp_timestamp: int, alaw: bool) -> None:
        """One packet's audio as sent by ``leg``: G.711 (A-law, else mu-law), ``at`` monotonic seconds of arrival."""
        ...


class Tap(Protocol):
    """A running tap. Each change returns the monotonic media time at which it took effect."""

    async def pause(self) -> float:
        """From the returned time on, not one packet reaches the sink."""
        ...

    async def resume(self) -> float: ...

    async def set_legs(self, legs: tuple[LegId, ...]) -> float: ...

    async def close(self) -> float: ...


class MediaEngine(Protocol):
    """Anchors, bridges, prompts and taps the media of calls."""

    def capabilities(self) -> frozenset[Capability]: ...

    async def load(self) -> Load: ...

    async def anchor(self, session: SessionId, leg: LegId, remote_sdp: str, profile: LegProfile) -> str:
        """Answer an inbound leg's offer with engine media and no peer; returns the answer SDP."""
        ...

    async def offer(self, session: SessionId, leg: LegId, toward: LegId | None, profile: LegProfile) -> str:
        """SDP to offer to a new outbound leg, with exactly the codec of ``toward``: nothing is transcoded."""
        ...

    async def accept(self, session: SessionId, leg: LegId, remote_sdp: str) -> Accepted:
        """Apply the answer to an offer of ours (also a provisional one)."""
        ...

    async def renegotiate(self, session: SessionId, leg: LegId, remote_sdp: str | None) -> str:
        """Answer a re-INVITE (hold, refresh, ICE restart); with None, produce an offer for an offerless re-INVITE."""
        ...

    async def bridge(self, session: SessionId, a: LegId, b: LegId) -> None: ...

    async def unbridge(self, session: SessionId, a: LegId, b: LegId) -> None: ...

    async def mix(self, session: SessionId, legs: tuple[LegId, ...]) -> None:
        """Each of ``legs`` hears the sum of the others; bridges of these legs and an older mix of the session end.

        A leg leaves the mix when it is bridged, unmixed (``legs`` without it) or released. Needs Capability.MIX,
        otherwise Rejected; at least two legs, or none to end the mix.
        """
        ...

    async def move(self, session: SessionId, leg: LegId, to: SessionId) -> None:
        """The leg's media goes on in session ``to``: unbridged, untapped, its description unchanged.

        Needs Capability.MOVE, otherwise Rejected.
        """
        ...

    async def gate(self, session: SessionId, leg: LegId, gate: Gate) -> None: ...

    async def capture_keys(self, session: SessionId, leg: LegId, *, on: bool) -> None:
        """Begin or end it; a key that is down at the end is kept back until it is released (R29)."""
        ...

    async def play(
        self, session: SessionId, leg: LegId, source: ContentId, *, loop: bool = False, exclusive: bool = True
    ) -> Playback:
        """``leg`` hears it, and with ``exclusive`` not its peer. Replaces a running one. Raises PromptMissing."""
        ...

    async def stop(self, session: SessionId, leg: LegId) -> None: ...

    async def send_dtmf(self, session: SessionId, from_leg: LegId, digits: str) -> None: ...

    async def tap(self, session: SessionId, legs: tuple[LegId, ...], sink: TapSink) -> Tap: ...

    async def stats(self, session: SessionId) -> SessionStats: ...

    async def release_leg(self, session: SessionId, leg: LegId) -> None: ...

    async def release(self, session: SessionId) -> None: ...

    def events(self) -> AsyncIterator[MediaEvent]:
        """Events in order; one reader."""
        ...
