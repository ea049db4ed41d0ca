"""SIP, media, recorder and timers in memory, for tests of calls: each keeps its port's promises and takes notes."""

# ruff: noqa: ARG002 - a fake may ignore what the real one needs

import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

from ringfence.control.facts import StopReason, SuppressionReason
from ringfence.engine.calls.timers import Handle
from ringfence.engine.errors import EngineUnavailable, PromptMissing, Rejected
from ringfence.engine.media.port import (
    Accepted,
    Capability,
    Gate,
    LegProfile,
    LegStats,
    Load,
    MediaEvent,
    Playback,
    PlaybackDone,
    SessionStats,
    Tap,
    TapSink,
)
from ringfence.engine.recorder.api import SEGMENT_ENDS, RecorderState, RecordingRequest
from ringfence.engine.sip.api import (
    Binding,
    DialogEnded,
    DialogId,
    Identity,
    InviteRejected,
    Replaces,
    SipEvent,
    Target,
    ToDevice,
)
from ringfence.kit.clock import ManualClock
from ringfence.kit.ids import CallId, ContentId, DeviceId, LegId, RecordingId, SessionId, TrunkId

SDP = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\na={0}\r\n"


def sdp(direction: str = "sendrecv") -> str:
    """A usable description."""
    return SDP.format(direction)


@dataclass
class ManualHandle:
    due: float
    callback: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        """As the loop's: what it would have called is let go of."""
        self.cancelled = True
        self.callback = lambda: None


class ManualTimers:
    """Timers on a ManualClock; ``advance`` moves both."""

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self._handles: list[ManualHandle] = []

    def after(self, seconds: float, callback: Callable[[], None]) -> Handle:
        handle = ManualHandle(due=self._clock.monotonic() + seconds, callback=callback)
        self._handles.append(handle)
        return handle

    @property
    def waiting(self) -> int:
        return sum(1 for handle in self._handles if not handle.cancelled)

    def next_due(self) -> float | None:
        return min((handle.due for handle in self._handles if not handle.cancelled), default=None)

    def fire_next(self, upto: float) -> bool:
        """Move to the next timer not after ``upto`` and fire it; otherwise move to ``upto``."""
        due = self.next_due()
        if due is None or due > upto:
            self._clock.advance(max(0.0, upto - self._clock.monotonic()))
            return False
        self._clock.advance(max(0.0, due - self._clock.monotonic()))
        handle = min((h for h in self._handles if not h.cancelled), key=lambda h: h.due)
        self._handles.remove(handle)
        handle.callback()
        return True


@dataclass(kw_only=True)
class Invited:
    """One INVITE that the calls sent."""

    dialog: DialogId
    target: Target
    sdp: str
    caller: Identity
    headers: dict[str, str]


class MemorySip:
    """A Sip that a test speaks for. Dialogs that are hung up close at once, as the port promises."""

    def __init__(self) -> None:
        self.invited: list[Invited] = []
        self.answered: dict[DialogId, str] = {}
        self.rung: list[tuple[DialogId, int, str | None]] = []
        self.hung_up: dict[DialogId, int] = {}
        self.reinvited: list[tuple[DialogId, str]] = []
        self.accepted: list[DialogId] = []
        self.rejected: list[tuple[DialogId, int]] = []
        self.refused_refers: list[tuple[DialogId, int]] = []
        self.accepted_refers: list[DialogId] = []
        self.told: list[tuple[DialogId, int, bool]] = []
        """What was told to whoever sent a REFER: status, and whether it was the last word."""
        self.replaceable: dict[str, DialogId] = {}
        """By the Call-ID of a Replaces."""
        self.bindings: dict[DeviceId, Binding] = {}
        self.trunks: dict[TrunkId, bool] = {}
        self.established: set[DialogId] = set()
        self._closed: set[DialogId] = set()
        self._ids = itertools.count(1)
        self._listener: Callable[[SipEvent], None] = lambda _event: None

    def new_dialog(self) -> DialogId:
        return DialogId(f"d{next(self._ids)}")

    def report(self, event: SipEvent) -> None:
        """Tell the calls what the far side did."""
        dialog: DialogId | None = getattr(event, "dialog", None)
        if isinstance(event, InviteRejected | DialogEnded) and dialog is not None:
            self._closed.add(dialog)
        self._listener(event)

    def invite(
        self, target: Target, *, sdp: str, caller: Identity, headers: Mapping[str, str] | None = None
    ) -> DialogId:
        dialog = self.new_dialog()
        self.invited.append(Invited(dialog=dialog, target=target, sdp=sdp, caller=caller, headers=dict(headers or {})))
        if isinstance(target, ToDevice) and target.device_id not in self.bindings:
            self.report(InviteRejected(dialog=dialog, status=480, reason="Not registered"))
        return dialog

    def ring(self, dialog: DialogId, *, status: int = 180, sdp: str | None = None) -> None:
        self.rung.append((dialog, status, sdp))

    def answer(self, dialog: DialogId, *, sdp: str) -> None:
        if dialog in self._closed:
            return
        self.answered[dialog] = sdp
        self.established.add(dialog)

    def hang_up(self, dialog: DialogId, *, status: int = 486, reason: str | None = None) -> None:
        if dialog in self._closed:
            return
        self.hung_up[dialog] = status
        self._closed.add(dialog)
        outgoing = any(each.dialog == dialog for each in self.invited)
        if outgoing and dialog not in self.established:
            self._listener(InviteRejected(dialog=dialog, status=487, reason="Request Terminated"))
        else:
            self._listener(DialogEnded(dialog=dialog, cause="local"))

    def reinvite(self, dialog: DialogId, *, sdp: str) -> None:
        self.reinvited.append((dialog, sdp))

    def accept_reinvite(self, dialog: DialogId, *, sdp: str) -> None:
        self.accepted.append(dialog)

    def reject_reinvite(self, dialog: DialogId, *, status: int = 488) -> None:
        self.rejected.append((dialog, status))

    def accept_refer(self, dialog: DialogId) -> None:
        self.accepted_refers.append(dialog)

    def reject_refer(self, dialog: DialogId, *, status: int = 603) -> None:
        self.refused_refers.append((dialog, status))

    def notify_refer(self, dialog: DialogId, *, status: int, final: bool = True) -> None:
        if dialog not in self._closed:
            self.told.append((dialog, status, final))

    def replaced(self, replaces: Replaces) -> DialogId | None:
        dialog = self.replaceable.get(replaces.call_id)
        return dialog if dialog not in self._closed else None

    def binding(self, device_id: DeviceId) -> Binding | None:
        return self.bindings.get(device_id)

    def trunk_up(self, trunk_id: TrunkId) -> bool:
        return self.trunks.get(trunk_id, False)

    def set_listener(self, listener: Callable[[SipEvent], None]) -> None:
        self._listener = listener


@dataclass
class MemorySession:
    legs: set[LegId] = field(default_factory=set)
    bridges: set[frozenset[LegId]] = field(default_factory=set)
    mixed: set[LegId] = field(default_factory=set)
    gates: dict[LegId, Gate] = field(default_factory=dict)
    playing: dict[LegId, tuple[str, ContentId]] = field(default_factory=dict)
    captured: set[LegId] = field(default_factory=set)
    """Legs whose keys are kept back."""


class MemoryMedia:
    """A MediaEngine without media: it knows who could hear what. ``broken`` makes it unavailable."""

    def __init__(self) -> None:
        self.sessions: dict[SessionId, MemorySession] = {}
        self.missing: set[ContentId] = set()
        self.refuse: set[str] = set()
        """Descriptions that are Rejected."""
        self.broken = False
        self.can = frozenset(Capability)
        self.played: list[ContentId] = []
        self.on_event: Callable[[MediaEvent], None] = lambda _event: None
        self._ids = itertools.count(1)

    def hears(self, session: SessionId, listener: LegId, speaker: LegId) -> bool:
        """Whether what ``speaker`` says reaches ``listener`` now."""
        room = self.sessions[session]
        bridged = frozenset({listener, speaker}) in room.bridges
        mixed = listener != speaker and {listener, speaker} <= room.mixed
        return (bridged or mixed) and room.gates.get(speaker, Gate.OPEN) is Gate.OPEN and listener not in room.playing

    def _room(self, session: SessionId) -> MemorySession:
        if self.broken:
            raise EngineUnavailable
        return self.sessions.setdefault(session, MemorySession())

    def capabilities(self) -> frozenset[Capability]:
        return self.can

    async def load(self) -> Load:
        return Load(alive=not self.broken, sessions=len(self.sessions), legs=0, packets_per_second=0.0)

    async def anchor(self, session: SessionId, leg: LegId, remote_sdp: str, profile: LegProfile) -> str:
        if remote_sdp in self.refuse or not profile.kinds:
            raise Rejected
        self._room(session).legs.add(leg)
        return sdp()

    async def offer(self, session: SessionId, leg: LegId, toward: LegId | None, profile: LegProfile) -> str:
        self._room(session).legs.add(leg)
        return sdp()

    async def accept(self, session: SessionId, leg: LegId, remote_sdp: str) -> Accepted:
        self._room(session)
        if remote_sdp in self.refuse:
            raise Rejected
        return Accepted(peer_sdp=None, peer_changed=False)

    async def renegotiate(self, session: SessionId, leg: LegId, remote_sdp: str | None) -> str:
        self._room(session)
        if remote_sdp in self.refuse:
            raise Rejected
        return sdp()

    async def bridge(self, session: SessionId, a: LegId, b: LegId) -> None:
        room = self._room(session)
        self._part(room, {a, b})
        room.bridges.add(frozenset({a, b}))

    async def unbridge(self, session: SessionId, a: LegId, b: LegId) -> None:
        self._room(session).bridges.discard(frozenset({a, b}))

    async def mix(self, session: SessionId, legs: tuple[LegId, ...]) -> None:
        room = self._room(session)
        if len(legs) == 1 or not set(legs) <= room.legs:
            raise Rejected
        self._part(room, set(legs))
        room.mixed = set(legs)

    async def move(self, session: SessionId, leg: LegId, to: SessionId) -> None:
        room = self._room(session)
        self._part(room, {leg})
        self._done(session, leg, completed=False)
        room.gates.pop(leg, None)
        room.legs.discard(leg)
        self._room(to).legs.add(leg)

    @staticmethod
    def _part(room: MemorySession, legs: set[LegId]) -> None:
        room.bridges = {bridge for bridge in room.bridges if not bridge & legs}
        room.mixed -= legs

    async def gate(self, session: SessionId, leg: LegId, gate: Gate) -> None:
        self._room(session).gates[leg] = gate

    async def capture_keys(self, session: SessionId, leg: LegId, *, on: bool) -> None:
        captured = self._room(session).captured
        captured.add(leg) if on else captured.discard(leg)

    async def play(
        self, session: SessionId, leg: LegId, source: ContentId, *, loop: bool = False, exclusive: bool = True
    ) -> Playback:
        room = self._room(session)
        if source in self.missing:
            raise PromptMissing
        self._done(session, leg, completed=False)
        playback_id = f"p{next(self._ids)}"
        room.playing[leg] = (playback_id, source)
        self.played.append(source)
        return Playback(playback_id=playback_id, duration_ms=1000)

    async def stop(self, session: SessionId, leg: LegId) -> None:
        self._room(session)
        self._done(session, leg, completed=False)

    def finish(self, session: SessionId, leg: LegId, *, completed: bool = True) -> None:
        """The running prompt is over."""
        self._done(session, leg, completed=completed)

    def _done(self, session: SessionId, leg: LegId, *, completed: bool) -> None:
        entry = self.sessions[session].playing.pop(leg, None)
        if entry is not None:
            self.on_event(PlaybackDone(session=session, leg=leg, playback_id=entry[0], completed=completed))

    async def send_dtmf(self, session: SessionId, from_leg: LegId, digits: str) -> None:
        self._room(session)

    async def tap(self, session: SessionId, legs: tuple[LegId, ...], sink: TapSink) -> Tap:
        raise NotImplementedError

    async def stats(self, session: SessionId) -> SessionStats:
        return SessionStats(
            legs=tuple(
                LegStats(
                    leg=leg,
                    packets_received=50,
                    packets_sent=50,
                    packets_lost=0,
                    packets_dropped=0,
                    jitter_ms=1.0,
                    remote_loss=None,
                    round_trip_ms=None,
                    mos=4.4,
                    last_packet_seconds=0.0,
                )
                for leg in self._room(session).legs
            )
        )

    async def release_leg(self, session: SessionId, leg: LegId) -> None:
        room = self._room(session)
        room.legs.discard(leg)
        self._part(room, {leg})

    async def release(self, session: SessionId) -> None:
        self._room(session)
        del self.sessions[session]

    async def events(self) -> AsyncIterator[MediaEvent]:
        """Nothing: tests set ``on_event`` instead."""
        return
        yield


class MemoryRecorder:
    """A Recorder that writes down what it was told, and records whatever was announced."""

    def __init__(self) -> None:
        self.requests: list[RecordingRequest] = []
        self.log: list[tuple[str, str]] = []
        """(what, reason) in order."""
        self.third: LegId | None = None
        """Who is heard beside caller and agent."""
        self._states: dict[CallId, RecorderState] = {}

    async def begin(self, request: RecordingRequest) -> RecordingId | None:
        self.requests.append(request)
        if request.wording is None or request.stopped is not None:
            return None
        old = self._states.get(request.call_id)
        if old is not None and old.stopped not in SEGMENT_ENDS:
            return old.recording_id if old.stopped is None else None
        recording_id = RecordingId(f"r{len(self.requests)}")
        self._states[request.call_id] = RecorderState(
            recording_id=recording_id,
            suppressed=frozenset(each.reason for each in request.suppressed),
            stopped=None,
        )
        return recording_id

    async def suppress(self, call_id: CallId, reason: SuppressionReason, actor: str, code: str = "") -> None:
        self.log.append(("suppress", reason.value))
        self._change(call_id, lambda reasons: reasons | {reason})

    async def name(self, call_id: CallId, reason: SuppressionReason, code: str) -> None:
        self.log.append(("name", f"{reason.value} {code}"))

    async def resume(self, call_id: CallId, reason: SuppressionReason, actor: str) -> None:
        self.log.append(("resume", reason.value))
        self._change(call_id, lambda reasons: reasons - {reason})

    def _change(
        self, call_id: CallId, change: Callable[[frozenset[SuppressionReason]], frozenset[SuppressionReason]]
    ) -> None:
        old = self._states.get(call_id)
        if old is not None and old.stopped is None:
            self._states[call_id] = RecorderState(
                recording_id=old.recording_id, suppressed=change(old.suppressed), stopped=None
            )

    async def hear(self, call_id: CallId, third: LegId | None) -> None:
        self.third = third

    async def stop(self, call_id: CallId, reason: StopReason, actor: str = "", code: str = "") -> None:
        self.log.append(("stop", reason.value))
        old = self._states.get(call_id)
        if old is not None and (old.stopped is None or old.stopped in SEGMENT_ENDS):
            self._states[call_id] = RecorderState(
                recording_id=old.recording_id, suppressed=old.suppressed, stopped=reason
            )

    def state(self, call_id: CallId) -> RecorderState | None:
        return self._states.get(call_id)

    async def close(self) -> None:
        """Nothing is open outside memory."""
