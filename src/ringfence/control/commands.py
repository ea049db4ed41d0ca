"""What the centre may ask of the engine. Each command gets exactly one reply: Done, a typed answer, or Refused."""

import msgspec

from ringfence.control.directory import DirectorySnapshot, Struct
from ringfence.control.facts import AgentState, AnyFact, KeypadField, MaskCode, StopCode, StopReason, SuppressionReason
from ringfence.kit.ids import AgentId, CallId, ClientCode, EntryId, QueueId, RecordingId, TrunkId


class Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag=True):
    """Base of all commands."""


class LoadDirectory(Command, frozen=True, kw_only=True):
    """Replace the directory. Refused when the version is older than the one in force."""

    snapshot: DirectorySnapshot


class SetAgentState(Command, frozen=True, kw_only=True):
    """Log in, go Available, go Not ready, log out. Refused while the state machine forbids it, with the reason."""

    agent_id: AgentId
    state: AgentState
    reason: str | None = None
    by_supervisor: bool = False


class HoldCall(Command, frozen=True, kw_only=True):
    call_id: CallId
    agent_id: AgentId


class RetrieveCall(Command, frozen=True, kw_only=True):
    call_id: CallId
    agent_id: AgentId


class HangUpCall(Command, frozen=True, kw_only=True):
    call_id: CallId
    agent_id: AgentId


class TransferCall(Command, frozen=True, kw_only=True):
    """Blind transfer to a directory entry; the caller comes back to the agent if it fails."""

    call_id: CallId
    agent_id: AgentId
    entry_id: EntryId


class ConsultCall(Command, frozen=True, kw_only=True):
    """Ring a directory entry for the agent while the caller hears music; the caller comes back if it fails."""

    call_id: CallId
    agent_id: AgentId
    entry_id: EntryId


class CompleteTransfer(Command, frozen=True, kw_only=True):
    """Hand the caller to the person consulted; while they are still rung it becomes a blind transfer."""

    call_id: CallId
    agent_id: AgentId


class ReturnToCaller(Command, frozen=True, kw_only=True):
    """End the consultation, and talk to the caller again."""

    call_id: CallId
    agent_id: AgentId


class MakeConference(Command, frozen=True, kw_only=True):
    """Let caller, agent and the person consulted hear each other."""

    call_id: CallId
    agent_id: AgentId


class LeaveConference(Command, frozen=True, kw_only=True):
    """The one who asks leaves, the others stay: a transfer if it is the agent, the end of a visit if not."""

    call_id: CallId
    agent_id: AgentId


class DropFromConference(Command, frozen=True, kw_only=True):
    """The agent sends the third person away and talks to the caller alone again."""

    call_id: CallId
    agent_id: AgentId
    role: str
    """``destination`` or ``supervisor``."""


class JoinCall(Command, frozen=True, kw_only=True):
    """Ring the telephone of ``agent_id``, a supervisor, and let them be heard by both as a third person."""

    call_id: CallId
    agent_id: AgentId


class MaskRecording(Command, frozen=True, kw_only=True):
    """Done when nothing is kept any more (R30); also when nothing was being recorded."""

    call_id: CallId
    agent_id: AgentId
    code: MaskCode


class NameMask(Command, frozen=True, kw_only=True):
    """Say why the agent's mask is in force, or was; asked after the mask, so that silence waits for no answer (R30)."""

    call_id: CallId
    agent_id: AgentId
    code: MaskCode


class UnmaskRecording(Command, frozen=True, kw_only=True):
    """The agent's mask ends; another reason for silence, such as an open payment, stays."""

    call_id: CallId
    agent_id: AgentId


class StopRecording(Command, frozen=True, kw_only=True):
    """Final for the rest of the call (R31)."""

    call_id: CallId
    agent_id: AgentId
    code: StopCode


class ObjectToRecording(Command, frozen=True, kw_only=True):
    """The caller objects (R38): final, and what was captured on this call is removed."""

    call_id: CallId
    agent_id: AgentId


class OpenPayment(Command, frozen=True, kw_only=True):
    """Done ONLY when the pause is in force, so that the payment page may open (R25). Several may be open at a time."""

    call_id: CallId
    agent_id: AgentId
    payment_id: str


class ClosePayment(Command, frozen=True, kw_only=True):
    """To be sent on a proven close only. The pause ends with the last payment. Unknown ids are Done."""

    call_id: CallId
    payment_id: str
    agent_id: AgentId | None = None
    """None: the provider, or a late close, closed it."""


class StartKeypad(Command, frozen=True, kw_only=True):
    """The caller keys ``field`` in: from Done on, their digits reach the payment adapter and nobody else (R29).

    A refused field is typed again without a new command. After an accepted one digits are still kept back, and thrown
    away, until the next StartKeypad, StopKeypad or the close of the payment.
    """

    call_id: CallId
    agent_id: AgentId
    payment_id: str
    field: KeypadField


class StopKeypad(Command, frozen=True, kw_only=True):
    """Digits reach the agent again; what was typed of an unfinished field is wiped. Unknown ids are Done."""

    call_id: CallId
    agent_id: AgentId
    payment_id: str


class PlaceCall(Command, frozen=True, kw_only=True):
    """Ring the agent's own device, then the number; not recorded by default (R23 note)."""

    agent_id: AgentId
    number: str
    client: ClientCode


class GetStatus(Command, frozen=True, kw_only=True):
    """Ask for an EngineStatus."""


class Shutdown(Command, frozen=True, kw_only=True):
    """Refuse new calls, drain for ``drain_seconds``, seal recordings, exit."""

    drain_seconds: float = 0.0


AnyCommand = (
    LoadDirectory
    | SetAgentState
    | HoldCall
    | RetrieveCall
    | HangUpCall
    | TransferCall
    | ConsultCall
    | CompleteTransfer
    | ReturnToCaller
    | MakeConference
    | LeaveConference
    | DropFromConference
    | JoinCall
    | MaskRecording
    | NameMask
    | UnmaskRecording
    | StopRecording
    | ObjectToRecording
    | OpenPayment
    | ClosePayment
    | StartKeypad
    | StopKeypad
    | PlaceCall
    | GetStatus
    | Shutdown
)


class LiveAgent(Struct, frozen=True, kw_only=True):
    agent_id: AgentId
    state: AgentState
    since: float
    """Seconds in this state."""
    reason: str | None = None
    reachable: bool = False
    """A device of theirs is registered."""
    call_id: CallId | None = None


class LiveCall(Struct, frozen=True, kw_only=True):
    call_id: CallId
    client: ClientCode | None
    queue_id: QueueId | None
    agent_id: AgentId | None
    phase: str
    """``flow``, ``queued``, ``ringing``, ``talking``, ``held``, ``transferring``, ``consulting``, ``conference``,
    ``ended``."""
    seconds: float
    recording_id: RecordingId | None = None
    """Of the one that runs."""
    suppressed: frozenset[SuppressionReason] = frozenset()
    """The call's reasons for silence, whether or not a recording runs now."""
    payments: frozenset[str] = frozenset()
    """Ids of those that are open."""
    stopped: StopReason | None = None
    """Set when this call is never recorded again."""
    mask_since: float | None = None
    """Seconds for which the agent's mask has been in force."""
    keypad: KeypadField | None = None
    """What the caller is keying in now."""
    consult: EntryId | None = None
    """Who is consulted, or was before the conference began."""
    parties: tuple[str, ...] = ()
    """Roles of the people who hear each other now: ``caller``, ``agent``, ``destination``, ``supervisor``."""


class LiveTrunk(Struct, frozen=True, kw_only=True):
    trunk_id: TrunkId
    up: bool
    detail: str


class EngineStatus(Struct, frozen=True, kw_only=True, tag="EngineStatus"):
    """A look at the engine as it is now."""

    boot_id: str
    uptime_seconds: float
    directory_version: int
    calls: tuple[LiveCall, ...]
    agents: tuple[LiveAgent, ...]
    trunks: tuple[LiveTrunk, ...]
    listeners: tuple[str, ...]
    """``transport host:port`` of each."""
    loop_lag_ms: float
    facts_waiting: int
    registered_devices: int
    transactions: int
    dialogs: int


class Done(Struct, frozen=True, kw_only=True, tag="Done"):
    """The command took effect."""

    call_id: CallId | None = None


class Refused(Struct, frozen=True, kw_only=True, tag="Refused"):
    """The command did not take effect."""

    code: str
    message: str
    """A sentence a person can act on."""


Reply = Done | Refused | EngineStatus


class Request(Struct, frozen=True, kw_only=True, tag="Request"):
    """Client to engine."""

    request_id: int
    command: AnyCommand


class Answer(Struct, frozen=True, kw_only=True, tag="Answer"):
    """Engine to client, in reply to the Request of the same id."""

    request_id: int
    reply: Reply


class Follow(Struct, frozen=True, kw_only=True, tag="Follow"):
    """Client to engine: send me facts that are not acknowledged yet, and those to come."""

    consumer: str = "bridge"


class Facts(Struct, frozen=True, kw_only=True, tag="Facts"):
    """Engine to follower: consecutive facts, the first numbered ``first``."""

    boot_id: str
    first: int
    facts: tuple[AnyFact, ...]


class Acknowledge(Struct, frozen=True, kw_only=True, tag="Acknowledge"):
    """Follower to engine: everything up to and including ``upto`` is stored for good."""

    boot_id: str
    upto: int


ToEngine = Request | Follow | Acknowledge
FromEngine = Answer | Facts
