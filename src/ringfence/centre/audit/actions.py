"""Appending to the audit trail, inside the transaction of the change that an entry tells of."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import transaction
from django.utils import timezone

from ringfence.centre.audit.chain import GENESIS, chain_hash
from ringfence.centre.audit.entries import Entry, canonical
from ringfence.centre.audit.errors import NoTransaction
from ringfence.centre.audit.models import AuditEntry, AuditHead
from ringfence.centre.tenancy.scope import all_clients


@dataclass(frozen=True)
class Actor:
    """Who did it."""

    user_id: str
    """Empty when no signed-in person acted."""
    role: str
    """In words, as it was at that moment."""


SYSTEM = Actor("", "Ringfence")
"""The installation itself: the engine's facts, the schedule."""
OPERATOR = Actor("", "Operator at the command line")


@dataclass(frozen=True, kw_only=True)
class Occurrence:
    """An entry with its circumstances, for :func:`record_all`."""

    entry: Entry
    actor: Actor = SYSTEM
    client: str | None = None
    at: datetime | None = None


def record(entry: Entry, *, actor: Actor, client: str | None = None, at: datetime | None = None) -> int:
    """The entry's number. Raises NoTransaction outside ``transaction.atomic``."""
    return record_all([Occurrence(entry=entry, actor=actor, client=client, at=at)])[0]


def record_all(occurrences: Iterable[Occurrence]) -> list[int]:
    """As :func:`record`, for many at once and in order."""
    todo = list(occurrences)
    if not todo:
        return []
    if not transaction.get_connection().in_atomic_block:
        raise NoTransaction
    # Locked until the commit: entries are numbered and chained in the order in which they become visible.
    head, _ = AuditHead.objects.select_for_update().get_or_create(id=AuditHead.ROW, defaults={"hash": GENESIS})
    rows = []
    for one in todo:
        row = AuditEntry(
            number=head.number + 1,
            at=(one.at or timezone.now()).astimezone(UTC),
            code=one.entry.code,
            actor_id=one.actor.user_id,
            actor_role=one.actor.role,
            client_code=one.client or "",
            fields=canonical(one.entry.as_fields()),
            previous_hash=head.hash,
        )
        row.hash = chain_hash(row)
        head.number, head.hash = row.number, row.hash
        rows.append(row)
    with all_clients("an entry is appended whatever the actor may see"):
        AuditEntry.objects.bulk_create(rows)
    head.save(update_fields=["number", "hash"])
    return [row.number for row in rows]
