"""A call as plain data: everything another engine node would need to pick it up. Serialises with msgspec."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from ringfence.control.directory import FlowVersion, HoursEntry, UserKind
from ringfence.control.facts import Direction, EndReason, StopReason, SuppressionReason
from ringfence.control.recording_rules import EntryClass, TransferKind
from ringfence.engine.media.port import LegKind
from ringfence.engine.recorder.control import Suppression
from ringfence.engine.sip.api import DialogId
from ringfence.kit.ids import (
    AgentId,
    CallId,
    ClientCode,
    ContentId,
    DeviceId,
    EntryId,
    LegId,
    QueueId,
    RecordingId,
    SessionId,
    TrunkId,
)


class Role(StrEnum):
    """What a leg is in its call; also what LegQuality calls it."""

    CALLER = "caller"
    AGENT = "agent"
    DESTINATION = "destination"
    SUPERVISOR = "supervisor"


class LegPhase(StrEnum):
    NEW = "new"
    """Incoming and not answered, or outgoing and not ringing."""
    RINGING = "ringing"
    ANSWERED = "answered"
    """Incoming: our 2xx is out, its ACK is not in."""
    UP = "up"
    OVER = "over"


class CallPhase(StrEnum):
    """The words of LiveCall.phase."""

    FLOW = "flow"
    QUEUED = "queued"
    RINGING = "ringing"
    TALKING = "talking"
    HELD = "held"
    TRANSFERRING = "transferring"
    CONSULTING = "consulting"
    CONFERENCE = "conference"
    ENDED = "ended"


class HeldBy(StrEnum):
    COMMAND = "command"
    DEVICE = "device"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One way to reach somebody: a device or a trunk, with the protection its media gets."""

    kind: LegKind
    device_id: DeviceId | None = None
    trunk_id: TrunkId | None = None
    number: str | None = None
    """What to dial on the trunk."""
    agent_id: AgentId | None = None
    user: UserKind = UserKind.GENERAL


@dataclass(kw_only=True)
class Leg:
    leg_id: LegId
    role: Role
    dialog: DialogId | None = None
    phase: LegPhase = LegPhase.NEW
    incoming: bool = False
    kind: LegKind = LegKind.RTP
    device_id: DeviceId | None = None
    trunk_id: TrunkId | None = None
    agent_id: AgentId | None = None
    user: UserKind = UserKind.GENERAL
    local_sdp: str | None = None
    remote_sdp: str | None = None
    early: bool = False
    """Its provisional answer was applied, so early media flows."""
    silent: bool = False
    """It said that it sends nothing (its side is on hold), so silence is no loss."""
    holds: bool = False
    """Its telephone has put us on hold (RFC 3264 section 8.4)."""
    offering: bool = False
    """Our SDP is an offer whose answer comes with the ACK."""


@dataclass(kw_only=True)
class Attempt:
    """Reaching one person or number, candidate after candidate."""

    role: Role
    candidates: tuple[Candidate, ...]
    toward: LegId | None
    tried: int = 0
    leg: LegId | None = None
    rang: bool = False
    status: int = 480
    offer_id: int | None = None
    """Of the queue's offer, when a queue asked for it."""
    ringing: AgentId | None = None
    """Who is rung, when no queue asked for it."""
    caller_number: str | None = None
    caller_name: str | None = None


@dataclass(frozen=True, kw_only=True)
class Destination:
    """Where a transfer leads, as the rules for recordings see it."""

    entry_class: EntryClass
    where: TransferKind
    """Internal, external or voicemail."""
    entry_id: EntryId | None = None
    """None: dialled on a handset, and not in the directory; or a supervisor who joins."""

    @property
    def outside(self) -> bool:
        return self.entry_class is EntryClass.OUTSIDE


@dataclass(kw_only=True)
class Transfer:
    """A destination is rung, and the customer goes to it as soon as it answers."""

    to: Destination
    agent_id: AgentId | None
    """Who transferred."""
    agent_gone: bool = False


@dataclass(kw_only=True)
class Keeping:
    """What may be kept of the call, whether or not a recording runs: it outlives every segment (domain C12)."""

    suppressed: dict[SuppressionReason, Suppression] = field(default_factory=dict)
    payments: dict[str, AgentId] = field(default_factory=dict)
    """Open ones, and who opened each."""
    masked_at: float | None = None
    """Monotonic."""
    stopped: StopReason | None = None
    """Never recorded again."""
    objected: bool = False
    recordings: list[RecordingId] = field(default_factory=list)
    """Every segment so far."""


@dataclass(kw_only=True)
class Third:
    """A third person: asked for advice, in a conference, or a supervisor who joins."""

    to: Destination
    role: Role
    leg: LegId | None = None
    """None while their telephone rings."""
    agent_id: AgentId | None = None
    """Who it is, when it is one of ours."""


@dataclass(kw_only=True)
class CallState:
    call_id: CallId
    session: SessionId
    direction: Direction
    arrived_at: datetime
    arrived: float
    """Monotonic."""
    client: ClientCode | None
    dialled: str
    phase: CallPhase = CallPhase.FLOW
    caller_number: str | None = None
    caller_name: str | None = None
    caller_private: bool = False
    legs: dict[LegId, Leg] = field(default_factory=dict)
    customer: LegId | None = None
    """The leg that hears music on hold and is handed over by a transfer."""
    agent: LegId | None = None
    """The leg whose person works the call."""
    agent_id: AgentId | None = None
    flow: FlowVersion | None = None
    hours: tuple[HoursEntry, ...] = ()
    node_id: str | None = None
    wording: str | None = None
    """Of the notice that was heard to its end."""
    queue_id: QueueId | None = None
    attempt: Attempt | None = None
    transfer: Transfer | None = None
    third: Third | None = None
    refer: DialogId | None = None
    """Whose REFER asked for the transfer that is under way, and wants to be told."""
    pausing: frozenset[SuppressionReason] = frozenset()
    """What hold and third persons want suppressed."""
    elsewhere: set[AgentId] = field(default_factory=set)
    """People in this call who have another one on a telephone of theirs."""
    held_by: HeldBy | None = None
    keeping: Keeping = field(default_factory=Keeping)
    talked: bool = False
    agents_lost: int = 0
    handed_over: bool = False
    """Transferred to OUTSIDE: never recorded again."""
    playback_id: str | None = None
    playing: ContentId | None = None
    failed_prompts: set[ContentId] = field(default_factory=set)
    ended: EndReason | None = None

    def parties(self) -> tuple[str, ...]:
        """Roles of the people who hear each other now."""
        third = self.third.role.value if self.third is not None and self.third.leg is not None else None
        caller = Role.CALLER if self.direction is Direction.INBOUND else Role.DESTINATION
        match self.phase:
            case CallPhase.TALKING:
                other = Role.DESTINATION if self.agent_id is None and self.talked else Role.AGENT
                return (caller.value, other.value)
            case CallPhase.CONSULTING if third is not None:
                return (Role.AGENT.value, third)
            case CallPhase.CONFERENCE if third is not None:
                return (caller.value, Role.AGENT.value, third)
            case _:
                return ()
