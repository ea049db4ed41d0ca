"""Reading the outbox and the presence rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Max, Min

from ringfence.centre.live.models import AgentPresence, FactCursor, OutboxEvent, Topic, TrunkPresence
from ringfence.control.facts import AgentState, StateCause
from ringfence.kit.ids import AgentId, CallId, ClientCode, TrunkId

MAX_EVENTS = 500
OVERSEER_TOPICS = frozenset({Topic.PEOPLE})
OPERATOR_TOPICS = frozenset({Topic.DEVICE, Topic.TRUNK, Topic.ALARM})


@dataclass(frozen=True, kw_only=True)
class Audience:
    """What a follower may see."""

    clients: frozenset[ClientCode] | None
    """None: every client, and what belongs to none."""
    agents: frozenset[AgentId] | None
    """Whose events they see; None: every agent's within the clients."""
    own: frozenset[AgentId] = frozenset()
    """Their own agent, whose events they see whatever the client."""
    operator: bool = False
    """Also sees devices, trunks and alarms."""
    overseer: bool = False
    """Also sees that people's rights changed."""

    def sees(self, event: "LiveEvent") -> bool:
        """True when ``event`` may be shown to this follower."""
        if event.topic in OPERATOR_TOPICS and not self.operator:
            return False
        if event.topic in OVERSEER_TOPICS and not self.overseer:
            return False
        if event.agent_id and AgentId(event.agent_id) in self.own:
            return True
        if event.agent_id and self.agents is not None and AgentId(event.agent_id) not in self.agents:
            return False
        if self.clients is None or not event.audience:
            return True
        return not self.clients.isdisjoint(event.audience)


@dataclass(frozen=True, kw_only=True)
class LiveEvent:
    event_id: int
    topic: Topic
    audience: frozenset[str]
    agent_id: str
    payload: dict[str, Any]
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Presence:
    agent_id: AgentId
    state: AgentState
    since: datetime
    cause: StateCause
    reason: str | None
    call_id: CallId | None


@dataclass(frozen=True, kw_only=True)
class TrunkState:
    trunk_id: TrunkId
    up: bool
    detail: str
    since: datetime


def newest_event_id() -> int:
    """Where a follower begins who wants only what comes; 0 while the outbox is empty."""
    return OutboxEvent.objects.aggregate(newest=Max("id"))["newest"] or 0


def oldest_event_id() -> int | None:
    """The oldest event that is still kept; None while the outbox is empty."""
    oldest: int | None = OutboxEvent.objects.aggregate(oldest=Min("id"))["oldest"]
    return oldest


def raw_events_after(last_event_id: int, *, limit: int = MAX_EVENTS) -> list[LiveEvent]:
    """Events in order of commit, whoever may see them; the caller filters with :meth:`Audience.sees`."""
    rows = OutboxEvent.objects.filter(id__gt=last_event_id).order_by("id")[:limit]
    return [
        LiveEvent(
            event_id=row.id,
            topic=Topic(row.topic),
            audience=frozenset(row.audience.split(",")) if row.audience else frozenset(),
            agent_id=row.agent_id,
            payload=row.payload,
            at=row.at,
        )
        for row in rows
    ]


def events_after(
    last_event_id: int,
    *,
    clients: Iterable[ClientCode] | None,
    agent: AgentId | None,
    operator: bool = False,
    limit: int = MAX_EVENTS,
) -> list[LiveEvent]:
    """What one follower may see of the next ``limit`` events; ``agent`` narrows to that agent's own and nobody's."""
    own = None if agent is None else frozenset({agent})
    audience = Audience(
        clients=None if clients is None else frozenset(clients),
        agents=own,
        own=own or frozenset(),
        operator=operator,
    )
    return [event for event in raw_events_after(last_event_id, limit=limit) if audience.sees(event)]


def presences(*, clients: frozenset[ClientCode] | None) -> list[Presence]:
    """Agents who serve one of ``clients`` (None: all), signed in or not, by id."""
    return [
        _presence(row)
        for row in AgentPresence.objects.order_by("agent_id")
        if clients is None or not clients.isdisjoint(ClientCode(code) for code in row.clients.split(","))
    ]


def presence_of(agent_id: AgentId) -> Presence | None:
    """One agent's state, or None when the engine never told of them."""
    row = AgentPresence.objects.filter(pk=agent_id).first()
    return _presence(row) if row else None


def _presence(row: AgentPresence) -> Presence:
    return Presence(
        agent_id=AgentId(row.agent_id),
        state=AgentState(row.state),
        since=row.since,
        cause=StateCause(row.cause),
        reason=row.reason or None,
        call_id=CallId(row.call_id) if row.call_id else None,
    )


def trunk_states() -> list[TrunkState]:
    """Every trunk the engine has told of."""
    return [
        TrunkState(trunk_id=TrunkId(row.trunk_id), up=row.up, detail=row.detail, since=row.since)
        for row in TrunkPresence.objects.order_by("trunk_id")
    ]


def last_facts_at() -> datetime | None:
    """When facts were last stored; the health page shows how fresh the centre is."""
    last: datetime | None = FactCursor.objects.aggregate(last=Max("seen_at"))["last"]
    return last
