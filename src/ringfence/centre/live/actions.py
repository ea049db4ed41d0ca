"""Writing events, presence and the cursor of stored facts.

Emit last in a transaction: on PostgreSQL it holds a lock until the commit.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction
from django.db.models import Model
from django.utils import timezone

from ringfence.centre.accounts.errors import Refused
from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of, has_right
from ringfence.centre.accounts.rights import Right
from ringfence.centre.audit.actions import record
from ringfence.centre.jobs.actions import clear_alarm as close_alarm
from ringfence.centre.jobs.models import Alarm
from ringfence.centre.live.entries import AlarmCleared
from ringfence.centre.live.models import AgentPresence, FactCursor, OutboxEvent, Topic, TrunkPresence
from ringfence.kit.ids import AgentId, ClientCode

Payload = Mapping[str, str | int | bool | list[str] | None]

ALL_CLIENTS_ONLY = "*"
MAX_PAYLOAD_BYTES = 2048
_OUTBOX_LOCK = 0x52464F42
"""Serialises emitting transactions, so that ids appear in the order of commits and no follower skips one."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """An event to be emitted."""

    topic: Topic
    payload: Payload
    audience: str = ""
    agent_id: str = ""
    at: datetime


def audience_of(clients: Iterable[ClientCode]) -> str:
    """The stored form of a set of clients."""
    return ",".join(sorted(clients))


def emit(
    topic: Topic | str,
    payload: Payload,
    *,
    client: ClientCode | str | None = None,
    agent: AgentId | None = None,
    everyone: bool = False,
    at: datetime | None = None,
) -> None:
    """Followers see the event once the surrounding transaction has committed, and never if it does not.

    Without ``client`` only those see it who see all clients; ``everyone`` says that it is for every signed-in person.
    """
    audience = "" if everyone else client or ALL_CLIENTS_ONLY
    event = Event(topic=Topic(topic), payload=payload, audience=audience, agent_id=agent or "", at=at or timezone.now())
    emit_all([event])


def emit_all(events: Iterable[Event]) -> None:
    """As :func:`emit`, for many at once and in order."""
    rows = []
    for event in events:
        if len(json.dumps(dict(event.payload))) > MAX_PAYLOAD_BYTES:
            raise ValueError("An outbox payload carries ids and codes only and stays under 2 KiB.")
        rows.append(
            OutboxEvent(
                topic=event.topic,
                payload=dict(event.payload),
                audience=event.audience,
                agent_id=event.agent_id,
                at=event.at,
            )
        )
    if not rows:
        return
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("An event is emitted inside the transaction of its change.")
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_OUTBOX_LOCK])
    OutboxEvent.objects.bulk_create(rows)


def store_presence(*, agents: Iterable[AgentPresence], trunks: Iterable[TrunkPresence]) -> None:
    """The rows stand as given, new or changed."""
    _upsert(AgentPresence, list(agents))
    _upsert(TrunkPresence, list(trunks))


def _upsert(model: type[Model], rows: list[Any]) -> None:
    if rows:
        key = model._meta.pk.name
        columns = [column.name for column in model._meta.concrete_fields if column.name != key]
        model._default_manager.bulk_create(rows, update_conflicts=True, unique_fields=[key], update_fields=columns)


def advance_cursor(boot_id: str, *, upto: int, now: datetime) -> None:
    """The facts of this engine run are stored up to and including ``upto``; call it in the storing transaction."""
    FactCursor.objects.filter(pk=boot_id).update(upto=upto, seen_at=now)


def take_cursor(boot_id: str, *, now: datetime) -> tuple[int, bool]:
    """How far this run is stored, locked until the transaction ends; and whether the run is new."""
    with transaction.atomic():
        row, created = FactCursor.objects.select_for_update().get_or_create(
            pk=boot_id, defaults={"started_at": now, "seen_at": now}
        )
    return row.upto, created


def clear_alarm(user: User, alarm_id: int) -> bool:
    """The alarm is closed and audited; False when there is none open that the user may see.

    Raises Refused without the right see_health.
    """
    if not has_right(user, Right.SEE_HEALTH):
        raise Refused
    with transaction.atomic():
        alarm = Alarm.objects.filter(pk=alarm_id, cleared_at=None).first()
        client = alarm.client_code or None if alarm is not None else None
        if alarm is None or (client is not None and not has_right(user, Right.SEE_HEALTH, client)):
            return False
        if not close_alarm(alarm_id, at=timezone.now(), by_id=user.pk):
            return False
        record(AlarmCleared(alarm=alarm.code, subject=alarm.subject), actor=actor_of(user), client=client)
        payload: Payload = {"code": alarm.code, "subject": alarm.subject, "cleared": True}
        emit(Topic.ALARM, payload, client=client, everyone=client is None)
    return True
