"""Writing events into the outbox. Emit last in a transaction: on PostgreSQL it holds a lock until the commit."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.utils import timezone

from ringfence.centre.live.models import OutboxEvent, Topic
from ringfence.kit.ids import AgentId, ClientCode

Payload = Mapping[str, str | int | bool | None | list[str]]

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
    topic: Topic,
    payload: Payload,
    *,
    client: ClientCode | None = None,
    agent: AgentId | None = None,
    at: datetime | None = None,
) -> None:
    """Followers see the event once the surrounding transaction has committed, and never if it does not."""
    emit_all(
        [Event(topic=topic, payload=payload, audience=client or "", agent_id=agent or "", at=at or timezone.now())]
    )


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
