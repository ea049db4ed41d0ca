"""Reading and verifying the audit trail."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import models, transaction

from ringfence.centre.audit.chain import stored_lines
from ringfence.centre.audit.entries import entry_types, read_entry
from ringfence.centre.audit.errors import AuditError
from ringfence.centre.audit.models import AuditEntry, AuditHead
from ringfence.centre.tenancy.scope import all_clients
from ringfence.kit.verify_audit import Walk


@dataclass(frozen=True, kw_only=True)
class AuditFilter:
    """What a reader asks for; None leaves a field open."""

    actor_id: str | None = None
    code: str | None = None
    client: str | None = None
    since: datetime | None = None
    """First instant."""
    until: datetime | None = None
    """First instant that is too late."""
    technical_only: bool = False


def entries(wanted: AuditFilter | None = None) -> "models.QuerySet[AuditEntry]":
    """Entries inside the active scope, newest first; those of no client appear under all_clients only."""
    wanted = wanted or AuditFilter()
    rows = AuditEntry.objects.all()
    if wanted.actor_id is not None:
        rows = rows.filter(actor_id=wanted.actor_id)
    if wanted.code is not None:
        rows = rows.filter(code=wanted.code)
    if wanted.client is not None:
        rows = rows.filter(client_code=wanted.client)
    if wanted.since is not None:
        rows = rows.filter(at__gte=wanted.since)
    if wanted.until is not None:
        rows = rows.filter(at__lt=wanted.until)
    if wanted.technical_only:
        rows = rows.filter(code__in=[code for code, kind in entry_types().items() if kind.technical])
    return rows.order_by("-number")


def describe(row: AuditEntry) -> str:
    """The entry as a sentence; an entry of a newer version reads as its code."""
    try:
        return read_entry(row.code, row.fields).reads()
    except AuditError:
        return row.code


@dataclass(frozen=True)
class BadEntry:
    """Where the chain first breaks."""

    number: int
    problem: str


def verify(first: int = 1, last: int | None = None, *, vouched: Mapping[int, str] | None = None) -> BadEntry | None:
    """The first entry in ``first..last`` that is not as it was recorded, or None. ``last`` None: to the end.

    ``vouched`` are hashes that signed checkpoints hold against the chain, by entry number.
    """
    with all_clients("the chain is one across all clients"):
        with transaction.atomic():
            # Appending holds this lock, so the head and the highest number are of one moment.
            head = AuditHead.objects.select_for_update().filter(id=AuditHead.ROW).first()
            highest = AuditEntry.objects.aggregate(models.Max("number"))["number__max"] or 0
        end = head.number if head else 0
        stop = end if last is None else min(last, end)
        if first <= 1 and AuditEntry.objects.filter(number=0).exists():  # the column cannot hold less
            return BadEntry(0, "This entry stands before the start of the chain: it was inserted.")
        walk = _walk(max(first, 1))
        walk.wanted = {
            number: known for number, known in (vouched or {}).items() if first <= number <= (last or number)
        }
        if (fault := walk.follow(stored_lines(walk.expected, stop))) is not None:
            return BadEntry(fault.entry, fault.problem)
        if walk.expected <= stop:
            return BadEntry(walk.expected, "This entry is missing: it was removed.")
        if last is not None and last < end:
            return None
        if highest > end:
            return BadEntry(end + 1, "This entry stands behind the end of the chain: it was inserted.")
        if head and end and walk.previous != head.hash:
            return BadEntry(end, "The last entry is not the one with which the chain ends.")
        if (fault := walk.end()) is not None:
            return BadEntry(fault.entry, fault.problem)
        return None


def _walk(first: int) -> Walk:
    if first == 1:
        return Walk()
    before = AuditEntry.objects.filter(number=first - 1).values_list("hash", flat=True).first()
    return Walk(expected=first, previous=before or "")
