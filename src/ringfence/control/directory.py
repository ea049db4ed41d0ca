"""What the engine must know to answer a call, as one immutable snapshot.

The centre publishes a new snapshot whenever something in it changes; the engine swaps it in one step and a call
keeps the flow version with which it began. The engine never asks a database while somebody is on the line.
"""

from enum import StrEnum

import msgspec

from ringfence.control.recording_rules import EntryClass, RecordingRule
from ringfence.kit.ids import (
    AgentId,
    ClientCode,
    ContentId,
    DeviceId,
    EntryId,
    FlowId,
    QueueId,
    TrunkId,
)


class Struct(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A frozen value that crosses the control channel; unknown fields are refused."""


class UserKind(StrEnum):
    """AGENT devices take queue calls; GENERAL devices call and are called, and are never recorded (R8, R9)."""

    AGENT = "agent"
    GENERAL = "general"


class Transport(StrEnum):
    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"
    WS = "ws"
    WSS = "wss"


class ClientEntry(Struct, frozen=True, kw_only=True):
    """A council or other body served by the centre."""

    code: ClientCode
    name: str
    recording_enabled: bool = False
    """Default is off (R8); needs a published notice (R168), which the centre checks before it sets this."""
    outbound_number: str | None = None
    """E.164 number shown on calls that agents make for this client; never withheld."""
    recording_rules: tuple[RecordingRule, ...] = ()
    """What transfers do to recordings; what is not said here means that nothing is kept."""


class OpeningPeriod(Struct, frozen=True, kw_only=True):
    weekday: int
    """0 is Monday."""
    opens: str
    """Local wall time ``HH:MM``; the first open minute."""
    closes: str
    """Local wall time ``HH:MM``; the first closed minute (R16 to R19)."""


class HoursEntry(Struct, frozen=True, kw_only=True):
    """Opening hours of a line (R16 to R21)."""

    hours_id: str
    time_zone: str
    periods: tuple[OpeningPeriod, ...]
    closed_on: frozenset[str] = frozenset()
    """ISO dates, bank holidays and ad-hoc closures alike."""
    always_open: bool = False
    """Demonstration override, shown on the pages."""


class HoursNode(Struct, frozen=True, kw_only=True, tag="hours"):
    """Goes to ``open_to`` inside the hours, otherwise to ``closed_to``."""

    node_id: str
    hours_id: str
    open_to: str
    closed_to: str


class EmergencyNode(Struct, frozen=True, kw_only=True, tag="emergency"):
    """Plays the client's emergency message while it is switched on, then goes to ``next``."""

    node_id: str
    next: str
    prompt: ContentId | None = None
    """None while no emergency is declared."""


class PlayNode(Struct, frozen=True, kw_only=True, tag="play"):
    """Plays a prompt to its end, then goes to ``next``."""

    node_id: str
    prompt: ContentId
    next: str
    announcement: str | None = None
    """Wording version id when this prompt is the recording notice (R36, R37)."""


class QueueNode(Struct, frozen=True, kw_only=True, tag="queue"):
    node_id: str
    queue_id: QueueId


class EndNode(Struct, frozen=True, kw_only=True, tag="end"):
    """Hangs up; ``reason`` is what the call log says (closed, message)."""

    node_id: str
    reason: str


FlowNode = HoursNode | EmergencyNode | PlayNode | QueueNode | EndNode


class FlowVersion(Struct, frozen=True, kw_only=True):
    """A published call flow. A call keeps the version it started with."""

    flow_id: FlowId
    version: int
    client: ClientCode
    start: str
    nodes: tuple[FlowNode, ...]


class NumberEntry(Struct, frozen=True, kw_only=True):
    """A dialled number and the flow that answers it (R4)."""

    number: str
    """E.164, with the plus."""
    client: ClientCode
    flow_id: FlowId


class QueueEntry(Struct, frozen=True, kw_only=True):
    queue_id: QueueId
    client: ClientCode
    name: str
    music: ContentId | None = None
    position_prompts: tuple[ContentId, ...] = ()
    """Entry n tells the caller that n + 1 callers count with them; the last one serves for all longer queues."""
    position_every_seconds: int = 30
    ring_timeout_seconds: int = 20
    wrap_seconds: int = 10
    max_waiting: int = 500


class AgentEntry(Struct, frozen=True, kw_only=True):
    """A person who takes calls. Names stay in the centre (R134)."""

    agent_id: AgentId
    clients: frozenset[ClientCode]
    queues: frozenset[QueueId]
    signed_off: bool = False
    """Fails closed: an agent who has not signed their training takes no queue call (R104)."""


class DeviceEntry(Struct, frozen=True, kw_only=True):
    """A SIP account: a handset, or a person's browser softphone (``agent_id`` set and no ``ha1``)."""

    device_id: DeviceId
    """The SIP user name."""
    kind: UserKind
    agent_id: AgentId | None = None
    ha1: str | None = None
    """MD5(user:realm:password) as RFC 3261 section 22.4 needs it; None for token accounts."""
    extension: str | None = None
    """Short number other users dial."""


class TrunkEntry(Struct, frozen=True, kw_only=True):
    """A carrier account (R11)."""

    trunk_id: TrunkId
    name: str
    host: str
    port: int
    transport: Transport
    register: bool = False
    """True: register with ``username``; otherwise requests are known by source address."""
    username: str | None = None
    password: str | None = None
    allowed_networks: tuple[str, ...] = ()
    """CIDR networks whose requests belong to this trunk."""
    outbound: bool = True
    options_seconds: int = 30
    """Keep-alive interval; 0 switches it off."""
    plain_reason: str | None = None
    """Why this trunk may do without TLS and SRTP off loopback (R131); None means it may not."""
    advertised_host: str | None = None


class TransferEntry(Struct, frozen=True, kw_only=True):
    """A destination that agents may choose (R6)."""

    entry_id: EntryId
    name: str
    target: str
    """E.164 number or extension."""
    entry_class: EntryClass
    clients: frozenset[ClientCode] = frozenset()
    """Empty: offered for every client."""
    voicemail: bool = False
    """An answering machine: the voicemail row of the recording rules applies."""


class DirectorySnapshot(Struct, frozen=True, kw_only=True):
    """Everything at once; ``version`` only grows."""

    version: int
    clients: tuple[ClientEntry, ...] = ()
    numbers: tuple[NumberEntry, ...] = ()
    hours: tuple[HoursEntry, ...] = ()
    flows: tuple[FlowVersion, ...] = ()
    queues: tuple[QueueEntry, ...] = ()
    agents: tuple[AgentEntry, ...] = ()
    devices: tuple[DeviceEntry, ...] = ()
    trunks: tuple[TrunkEntry, ...] = ()
    entries: tuple[TransferEntry, ...] = ()
