"""What the queue rules tell their shell to do or to publish, in order."""

from dataclasses import dataclass
from enum import StrEnum

from ringfence.control.facts import AgentState, OfferOutcome, StateCause
from ringfence.kit.ids import AgentId, CallId, QueueId


class Output:
    """Base of what the rules say."""


class TurnAwayCause(StrEnum):
    FULL = "full"
    UNKNOWN_QUEUE = "unknown_queue"


@dataclass(frozen=True, kw_only=True)
class Entered(Output):
    call_id: CallId
    queue_id: QueueId


@dataclass(frozen=True, kw_only=True)
class Left(Output):
    """The call is out of the queue, without an agent."""

    call_id: CallId
    queue_id: QueueId


@dataclass(frozen=True, kw_only=True)
class TurnedAway(Output):
    """The queue is full or gone; the call must end."""

    call_id: CallId
    queue_id: QueueId
    cause: TurnAwayCause


@dataclass(frozen=True, kw_only=True)
class Offer(Output):
    """Ring this agent for this call; answer with the same ``offer_id``."""

    offer_id: int
    call_id: CallId
    queue_id: QueueId
    agent_id: AgentId


@dataclass(frozen=True, kw_only=True)
class OfferOver(Output):
    """The offer is decided. Unless it was answered, stop ringing that agent."""

    offer_id: int
    call_id: CallId
    queue_id: QueueId
    agent_id: AgentId
    outcome: OfferOutcome


@dataclass(frozen=True, kw_only=True)
class StateChanged(Output):
    agent_id: AgentId
    state: AgentState
    cause: StateCause
    reason: str | None = None
    call_id: CallId | None = None
