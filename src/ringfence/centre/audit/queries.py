"""Reading and verifying the audit trail."""

import heapq
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import models, transaction
from django.db.models import Q

from ringfence.centre.audit.chain import stored_lines
from ringfence.centre.audit.entries import entry_types, read_entry
from ringfence.centre.audit.errors import AuditError, BadPageMark
from ringfence.centre.audit.models import AuditEntry, AuditHead
from ringfence.centre.tenancy.scope import all_clients, current_scope, scope
from ringfence.kit.verify_audit import Walk

MARK_DIGITS = 19


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


@dataclass(frozen=True)
class PageMark:
    """The entry with which a page ended."""

    at: datetime
    number: int


def read_mark(mark: str | None) -> PageMark | None:
    """The mark of :class:`EntryPage`; None for the first page. Raises BadPageMark.

    It is the number of an entry; one that is not in the scope is as bad as none.
    """
    if mark is None:
        return None
    number = int(mark) if mark.isascii() and mark.isdigit() and len(mark) < MARK_DIGITS else 0
    at = AuditEntry.objects.filter(number=number).values_list("at", flat=True).first()
    if at is None:
        raise BadPageMark
    return PageMark(at, number)


def newest_first(after: PageMark | None, until: datetime | None = None) -> "models.QuerySet[AuditEntry]":
    """Entries inside the active scope that stand behind the mark and happened before ``until``."""
    rows = AuditEntry.objects.order_by("-at", "-number")
    if after is not None:
        rows = rows.exclude(at=after.at, number__gte=after.number)
        behind = after.at + timedelta(microseconds=1)
        until = behind if until is None else min(until, behind)  # SQLite seeks to one bound only, so give it the nearer
    return rows if until is None else rows.filter(at__lt=until)


def entries(wanted: AuditFilter | None = None, *, after: PageMark | None = None) -> "list[models.QuerySet[AuditEntry]]":
    """Entries inside the active scope, newest first, for :func:`page_of`; those of no client under all_clients only.

    Newest by when it happened: then days and order are one stretch of one index. A query for each client of the scope
    and each technical code: what is rare is found on its own index, not by reading through what others have of it.
    """
    wanted = wanted or AuditFilter()
    active = current_scope()
    codes: list[str | None] = [wanted.code]
    if wanted.technical_only:
        codes = [code for code, kind in entry_types().items() if kind.technical and wanted.code in (None, code)]
    if wanted.client is not None:
        narrow: list[AbstractContextManager[object]] = [scope(wanted.client)] if active.allows(wanted.client) else []
    else:
        narrow = [nullcontext()] if active.everything else [scope(code) for code in sorted(active.codes)]
    found = []
    for one in narrow:
        with one:
            rows = newest_first(after, wanted.until)
        if wanted.actor_id is not None:
            rows = rows.filter(actor_id=wanted.actor_id)
        if wanted.since is not None:
            rows = rows.filter(at__gte=wanted.since)
        found += [rows if code is None else rows.filter(code=code) for code in codes]
    return found


@dataclass(frozen=True, kw_only=True)
class EntryPage:
    """One page of entries."""

    rows: tuple[AuditEntry, ...]
    next_mark: str | None
    """Where the next page begins; None on the last."""


def page_of(*found: "models.QuerySet[AuditEntry]", limit: int) -> EntryPage:
    """The first ``limit`` entries of all of ``found`` together, newest first; each entry once."""
    merged = heapq.merge(*(rows[: limit + 1] for rows in found), key=lambda row: (row.at, row.number), reverse=True)
    rows = list({row.number: row for row in merged}.values())
    more = len(rows) > limit
    return EntryPage(rows=tuple(rows[:limit]), next_mark=str(rows[limit - 1].number) if more else None)


def count_up_to(limit: int, *found: "models.QuerySet[AuditEntry]") -> int:
    """How many there are in ``found`` together, each entry in one of them only; ``limit`` when there are more."""
    count = 0
    for rows in found:
        count += rows[: limit - count].count() if count < limit else 0
    return count


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


def naming(family: str, field: str, value: str) -> Q:
    """Entries whose codes begin with ``family`` and of which ``field`` is ``value``: the trail of one thing."""
    codes = [code for code in entry_types() if code.startswith(f"{family}.")]
    return Q(code__in=codes, fields__contains=f'"{field}":"{value}"')


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
