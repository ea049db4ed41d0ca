"""What happened, as the engine tells it. A fact is past tense, immutable, and carries its own UTC instant.

Facts travel in order, are numbered by the channel, and are kept by the engine until the centre has stored them.
They may hold telephone numbers (the channel is a local socket readable by one user); logs never print them.
"""

from datetime import datetime
from enum import StrEnum

import msgspec

from ringfence.control.recording_rules import TransferKind
from ringfence.kit.ids import (
    AgentId,
    CallId,
    ClientCode,
    ContentId,
    DeviceId,
    EntryId,
    FlowId,
    LegId,
    QueueId,
    RecordingId,
    TrunkId,
)


class Fact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag=True):
    """Base of all facts."""

    at: datetime
    """Aware UTC instant at which it happened."""


class Direction(StrEnum):
    INBOUND = "inbound"
    OUTBOUND = "outbound"
    INTERNAL = "internal"


class EndReason(StrEnum):
    """Why a call ended; a closed list, shown in the call log."""

    CALLER_HUNG_UP = "caller_hung_up"
    AGENT_HUNG_UP = "agent_hung_up"
    ABANDONED = "abandoned"
    """Left after queue entry, before an answer (domain C1)."""
    CLOSED = "closed"
    MESSAGE = "message"
    TRANSFERRED_OUT = "transferred_out"
    MERGED = "merged"
    """Its far side went on in another call: an attended transfer on a telephone."""
    REJECTED = "rejected"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    MEDIA_LOST = "media_lost"
    ENGINE_LOST = "engine_lost"
    SHUTDOWN = "shutdown"
    FAILED = "failed"


class AgentState(StrEnum):
    """Domain C5."""

    LOGGED_OUT = "logged_out"
    NOT_READY = "not_ready"
    AVAILABLE = "available"
    RINGING = "ringing"
    TALKING = "talking"
    HOLD = "hold"
    CONSULT = "consult"
    """Talks, or tries to talk, to a third person while the caller waits."""
    CONFERENCE = "conference"
    WRAP = "wrap"


class ConsultOutcome(StrEnum):
    """How a consultation ended."""

    RETURNED = "returned"
    """The agent is with the caller again."""
    TRANSFERRED = "transferred"
    CONFERENCE = "conference"
    UNREACHED = "unreached"
    """Nobody answered; the caller is back with the agent."""
    LEFT = "left"
    """The person consulted hung up; the caller is back with the agent."""
    AGENT_LEFT = "agent_left"
    CALLER_LEFT = "caller_left"


class StateCause(StrEnum):
    AGENT = "agent"
    SUPERVISOR = "supervisor"
    SYSTEM = "system"


class OfferOutcome(StrEnum):
    ANSWERED = "answered"
    MISSED = "missed"
    DECLINED = "declined"
    UNREACHABLE = "unreachable"
    CALLER_LEFT = "caller_left"
    LOGGED_OUT = "logged_out"


class SuppressionReason(StrEnum):
    """Domain C12: audio is written only while the set of these is empty."""

    PAYMENT = "payment"
    MASK = "mask"
    CONSULT_OUTSIDE = "consult_outside"
    HOLD = "hold"
    RULE = "rule"
    """The client's rules for transfers pause it here."""


class MaskCode(StrEnum):
    """Why an agent masked the recording; a closed list, kept with the span (R30)."""

    PAYMENT_SPOKEN = "payment_spoken"
    SPECIAL_CATEGORY = "special_category"
    THIRD_PARTY = "third_party"
    CHILD = "child"
    OTHER = "other"


class StopCode(StrEnum):
    """Why an agent stopped the recording for good; a closed list, counted per agent (R31)."""

    PERSONAL_CALL = "personal_call"
    NOT_FOR_THE_CENTRE = "not_for_the_centre"
    SAFEGUARDING = "safeguarding"
    SPECIAL_CATEGORY = "special_category"
    OTHER = "other"


class KeypadField(StrEnum):
    """What a caller is asked to key in."""

    CARD_NUMBER = "card_number"
    EXPIRY = "expiry"
    SECURITY_CODE = "security_code"


class KeypadOutcome(StrEnum):
    """What a payment adapter says of a field that a caller keyed in. Codes only."""

    ACCEPTED = "accepted"
    WRONG_LENGTH = "wrong_length"
    NOT_VALID = "not_valid"
    EXPIRED = "expired"
    UNAVAILABLE = "unavailable"


class StopReason(StrEnum):
    """Why a recording ended for good; a recording has exactly one."""

    HANG_UP = "hang_up"
    TRANSFER_CENTRE = "transfer_centre"
    """Another person inside the centre took the call; the next segment is a recording of its own."""
    AGENT_LEFT = "agent_left"
    """The agent's connection broke, or they left during a transfer: the caller may be served, and recorded, again."""
    MEDIA_FAILED = "media_failed"
    """The media engine did not say that a pause was in force, so nothing more is kept."""
    TRANSFER_OUTSIDE = "transfer_outside"
    CALLER_OBJECTS = "caller_objects"
    AGENT_STOP = "agent_stop"
    STORAGE_FAILED = "storage_failed"
    ENGINE_LOST = "engine_lost"
    RULE = "rule"
    """The client's rules for transfers end it here, or say nothing."""


class NotRecordedReason(StrEnum):
    """Coded exceptions of recording health (R23)."""

    NO_RULE = "no_rule"
    NOT_ANNOUNCED = "not_announced"
    CLIENT_OFF = "client_off"
    GENERAL_USER = "general_user"
    OUTBOUND = "outbound"
    STORAGE_FAILED = "storage_failed"
    MEDIA_FAILED = "media_failed"
    """The media engine could not hand over the audio."""
    CALLER_OBJECTS = "caller_objects"
    AGENT_STOP = "agent_stop"


class CallArrived(Fact, frozen=True, kw_only=True):
    """A call reached a dialled number, or a person placed one."""

    call_id: CallId
    direction: Direction
    client: ClientCode | None
    dialled: str
    caller_number: str | None
    """E.164 where it parses; None when withheld."""
    caller_name: str | None = None
    flow_id: FlowId | None = None
    flow_version: int | None = None
    trunk_id: TrunkId | None = None
    device_id: DeviceId | None = None
    agent_id: AgentId | None = None


class AnnouncementPlayed(Fact, frozen=True, kw_only=True):
    """The recording notice was heard to its end (R36, R37)."""

    call_id: CallId
    wording: str


class PromptFailed(Fact, frozen=True, kw_only=True):
    """A prompt could not be played; the call went on, unrecorded if it was the notice (R37). Raises an alarm."""

    call_id: CallId
    prompt: ContentId
    announcement: bool


class QueueEntered(Fact, frozen=True, kw_only=True):
    call_id: CallId
    queue_id: QueueId


class QueueLeft(Fact, frozen=True, kw_only=True):
    """The caller left the queue without an agent."""

    call_id: CallId
    queue_id: QueueId


class AgentOffered(Fact, frozen=True, kw_only=True):
    call_id: CallId
    queue_id: QueueId
    agent_id: AgentId
    device_id: DeviceId | None = None


class OfferEnded(Fact, frozen=True, kw_only=True):
    call_id: CallId
    queue_id: QueueId
    agent_id: AgentId
    outcome: OfferOutcome


class CallAnswered(Fact, frozen=True, kw_only=True):
    """A person answered and both sides can talk."""

    call_id: CallId
    leg_id: LegId
    agent_id: AgentId | None = None
    device_id: DeviceId | None = None


class CallHeld(Fact, frozen=True, kw_only=True):
    call_id: CallId
    agent_id: AgentId | None = None


class CallRetrieved(Fact, frozen=True, kw_only=True):
    call_id: CallId
    agent_id: AgentId | None = None


class CallTransferred(Fact, frozen=True, kw_only=True):
    """The far side took the transferred call; the agent has left it."""

    call_id: CallId
    agent_id: AgentId | None
    entry_id: EntryId | None
    outside: bool
    kind: TransferKind = TransferKind.BLIND
    """``blind``, ``attended`` or ``conference`` (the agent left one)."""


class TransferFailed(Fact, frozen=True, kw_only=True):
    """The destination did not take it; the caller is back with the agent."""

    call_id: CallId
    agent_id: AgentId | None
    entry_id: EntryId | None
    status: int


class ConsultStarted(Fact, frozen=True, kw_only=True):
    """The caller hears music, and the destination is rung for the agent."""

    call_id: CallId
    agent_id: AgentId | None
    entry_id: EntryId | None
    outside: bool


class ConsultAnswered(Fact, frozen=True, kw_only=True):
    """Agent and destination talk; the caller does not hear them."""

    call_id: CallId
    agent_id: AgentId | None
    entry_id: EntryId | None
    outside: bool


class ConsultEnded(Fact, frozen=True, kw_only=True):
    call_id: CallId
    agent_id: AgentId | None
    entry_id: EntryId | None
    outcome: ConsultOutcome


class ConferenceStarted(Fact, frozen=True, kw_only=True):
    """Three people hear each other."""

    call_id: CallId
    agent_id: AgentId | None
    entry_id: EntryId | None
    """None when a supervisor joined."""
    outside: bool


class PartyJoined(Fact, frozen=True, kw_only=True):
    """Somebody is heard in a conference from here on."""

    call_id: CallId
    leg_id: LegId
    role: str
    """``destination`` or ``supervisor``."""
    agent_id: AgentId | None = None
    """Who it is, when it is one of ours."""
    entry_id: EntryId | None = None


class PartyLeft(Fact, frozen=True, kw_only=True):
    """Somebody left a conference; the others go on."""

    call_id: CallId
    leg_id: LegId
    role: str
    agent_id: AgentId | None = None
    entry_id: EntryId | None = None


class CallEnded(Fact, frozen=True, kw_only=True):
    call_id: CallId
    reason: EndReason


class LegQuality(Fact, frozen=True, kw_only=True):
    """How one leg sounded, from RTCP and from counting (R175)."""

    call_id: CallId
    leg_id: LegId
    role: str
    """``caller``, ``agent``, ``destination`` or ``supervisor``."""
    packets_received: int
    packets_lost: int
    jitter_ms: float
    round_trip_ms: float | None
    mos: float | None


class AgentStateChanged(Fact, frozen=True, kw_only=True):
    agent_id: AgentId
    state: AgentState
    cause: StateCause
    reason: str | None = None
    """Not-ready reason code, e.g. ``break`` or ``missed``."""
    call_id: CallId | None = None
    device_id: DeviceId | None = None


class RecordingStarted(Fact, frozen=True, kw_only=True):
    recording_id: RecordingId
    call_id: CallId
    client: ClientCode
    agent_id: AgentId
    segment: int
    wording: str
    """Announcement wording version that allowed it."""
    key_id: str


class RecordingNotStarted(Fact, frozen=True, kw_only=True):
    call_id: CallId
    reason: NotRecordedReason


class RecordingSuppressed(Fact, frozen=True, kw_only=True):
    """``reason`` joined the suppression set; nothing is kept from this media time on."""

    recording_id: RecordingId
    call_id: CallId
    reason: SuppressionReason
    actor: str
    code: str = ""
    """Of a mask: a MaskCode."""


class RecordingResumed(Fact, frozen=True, kw_only=True):
    """``reason`` left the set; audio is kept again only if ``remaining`` is empty."""

    recording_id: RecordingId
    call_id: CallId
    reason: SuppressionReason
    actor: str
    remaining: frozenset[SuppressionReason]
    code: str = ""
    """The one with which it was suppressed."""


class MaskNamed(Fact, frozen=True, kw_only=True):
    """The agent said why they masked, or had masked, the recording."""

    call_id: CallId
    agent_id: AgentId
    code: MaskCode


class RecordingStopped(Fact, frozen=True, kw_only=True):
    recording_id: RecordingId
    call_id: CallId
    reason: StopReason
    actor: str = ""
    """Who stopped it, when a person did."""
    code: str = ""
    """Of an agent's stop: a StopCode."""


class CallerObjected(Fact, frozen=True, kw_only=True):
    """The caller does not want to be recorded (R38). No recording of this call runs or starts from here on.

    What was captured on it before, in any segment, is to be removed by the centre. Told once per call, whether or not
    anything was being recorded.
    """

    call_id: CallId
    agent_id: AgentId
    recording_ids: tuple[RecordingId, ...]
    """Every segment of the call so far, the running one included, oldest first."""


class PaymentOpened(Fact, frozen=True, kw_only=True):
    """A payment is open and the pause is in force: told only after the tap is paused (R25)."""

    call_id: CallId
    payment_id: str
    agent_id: AgentId
    recording_id: RecordingId | None
    """None: nothing was being recorded."""


class PaymentClosed(Fact, frozen=True, kw_only=True):
    """Somebody proved that the payment is over. The recording goes on when it was the last reason for silence."""

    call_id: CallId
    payment_id: str


class KeypadProgress(Fact, frozen=True, kw_only=True):
    """How far the caller is with the keypad. Never a digit."""

    call_id: CallId
    payment_id: str
    field: KeypadField
    digits: int
    outcome: str
    """``started``, ``typing``, ``cleared``, ``stopped``, ``too_many_tries``, or what the payment adapter answered.

    ``typing`` is not told for keys that follow each other faster than anybody types.
    """


class Span(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stretch of written silence: milliseconds from the start of the recording."""

    start_ms: int
    end_ms: int
    reason: SuppressionReason
    actor: str
    code: str = ""


class RecordingSealed(Fact, frozen=True, kw_only=True):
    """The sealed object is complete in the spool, ready for the object store."""

    recording_id: RecordingId
    call_id: CallId
    duration_ms: int
    size_bytes: int
    sha256: str
    """Of the sealed bytes, hexadecimal."""
    spans: tuple[Span, ...]
    stop: StopReason
    object_name: str
    recovered: bool = False
    """True when it was completed after the engine had died; at most 2 s are missing at its end."""


class RecordingFailed(Fact, frozen=True, kw_only=True):
    """Storage failed; the call went on, unrecorded from here (R182). Raises an alarm."""

    recording_id: RecordingId
    call_id: CallId
    detail: str
    """A coded cause, never content."""


class DeviceRegistered(Fact, frozen=True, kw_only=True):
    device_id: DeviceId
    transport: str


class DeviceUnregistered(Fact, frozen=True, kw_only=True):
    device_id: DeviceId
    cause: str


class TrunkChanged(Fact, frozen=True, kw_only=True):
    trunk_id: TrunkId
    up: bool
    detail: str


class EngineStarted(Fact, frozen=True, kw_only=True):
    """First fact of a run; calls of an older ``boot_id`` that never ended are closed as lost."""

    boot_id: str


class AlarmRaised(Fact, frozen=True, kw_only=True):
    """Something an operator must see on the health page."""

    code: str
    detail: str


AnyFact = (
    CallArrived
    | AnnouncementPlayed
    | PromptFailed
    | QueueEntered
    | QueueLeft
    | AgentOffered
    | OfferEnded
    | CallAnswered
    | CallHeld
    | CallRetrieved
    | CallTransferred
    | TransferFailed
    | ConsultStarted
    | ConsultAnswered
    | ConsultEnded
    | ConferenceStarted
    | PartyJoined
    | PartyLeft
    | CallEnded
    | LegQuality
    | AgentStateChanged
    | RecordingStarted
    | RecordingNotStarted
    | RecordingSuppressed
    | RecordingResumed
    | MaskNamed
    | RecordingStopped
    | CallerObjected
    | PaymentOpened
    | PaymentClosed
    | KeypadProgress
    | RecordingSealed
    | RecordingFailed
    | DeviceRegistered
    | DeviceUnregistered
    | TrunkChanged
    | EngineStarted
    | AlarmRaised
)
