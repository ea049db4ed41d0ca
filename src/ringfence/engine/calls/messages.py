"""What a call's mailbox holds beside SIP and media events."""

import asyncio
from dataclasses import dataclass

from ringfence.control.commands import (
    ClosePayment,
    CompleteTransfer,
    ConsultCall,
    DropFromConference,
    HangUpCall,
    HoldCall,
    JoinCall,
    LeaveConference,
    MakeConference,
    MaskRecording,
    NameMask,
    ObjectToRecording,
    OpenPayment,
    Reply,
    RetrieveCall,
    ReturnToCaller,
    StopRecording,
    TransferCall,
    UnmaskRecording,
)
from ringfence.control.facts import EndReason
from ringfence.engine.calls.state import Leg
from ringfence.engine.media.port import LegProfile, MediaEvent
from ringfence.engine.sip.api import DialogId, SipEvent
from ringfence.kit.ids import AgentId, CallId, DeviceId, QueueId


@dataclass(frozen=True, kw_only=True)
class Started:
    """First message of every call."""


@dataclass(frozen=True, kw_only=True)
class Offered:
    """The queue gives this call to an agent."""

    offer_id: int
    agent_id: AgentId


@dataclass(frozen=True, kw_only=True)
class OfferWithdrawn:
    """Stop ringing that agent."""

    offer_id: int


@dataclass(frozen=True, kw_only=True)
class NoPlace:
    """The queue is full or gone."""

    queue_id: QueueId
    full: bool


@dataclass(frozen=True, kw_only=True)
class TimerFired:
    name: str
    serial: int


@dataclass(frozen=True, kw_only=True)
class Elsewhere:
    """Somebody in this call is, or is no longer, in another call with a telephone of theirs."""

    agent_id: AgentId
    busy: bool


@dataclass(frozen=True, kw_only=True)
class GiveLeg:
    """Another call wants the far side of the dialog ``dialog``, whose telephone asked for it."""

    dialog: DialogId
    device_id: DeviceId
    to: CallId


@dataclass(frozen=True, kw_only=True)
class LegGiven:
    """A leg of another call goes on in this one."""

    leg: Leg
    dialled: str
    """Number or extension by which it is reached."""


@dataclass(frozen=True, kw_only=True)
class LegRefused:
    status: int


@dataclass(frozen=True, kw_only=True)
class TakeOver:
    """A telephone calls with Replaces: it wants to be in this call instead of ``replaced``."""

    leg: Leg
    replaced: DialogId
    profile: LegProfile


@dataclass(frozen=True, kw_only=True)
class EndNow:
    reason: EndReason


CallCommand = (
    HoldCall
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
)
RecordingCommand = (
    MaskRecording | NameMask | UnmaskRecording | StopRecording | ObjectToRecording | OpenPayment | ClosePayment
)
"""These do not wait in the mailbox."""


@dataclass(frozen=True, kw_only=True)
class Commanded:
    command: CallCommand
    reply: asyncio.Future[Reply]


Message = (
    SipEvent
    | MediaEvent
    | Started
    | Offered
    | OfferWithdrawn
    | NoPlace
    | TimerFired
    | Elsewhere
    | GiveLeg
    | LegGiven
    | LegRefused
    | TakeOver
    | EndNow
    | Commanded
)
