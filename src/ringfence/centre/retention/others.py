"""Deleting what is not a recording at its age: the call log, stated purposes, requests, holds, the rota (R53, R55)."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from ringfence.centre.audit.actions import SYSTEM, record
from ringfence.centre.calls.models import Call
from ringfence.centre.calls.parts import erase_parts
from ringfence.centre.recordings.models import GONE, PlayGrant, Recording
from ringfence.centre.retention.clocks import days_after
from ringfence.centre.retention.entries import RecordsDestroyed
from ringfence.centre.retention.log import log_line
from ringfence.centre.retention.models import (
    Cause,
    Decision,
    Destruction,
    DutyShift,
    Flag,
    Hold,
    HoldItem,
    RestoreRequest,
    RetentionRun,
)
from ringfence.centre.retention.queries.rules import value_of, zone_of
from ringfence.centre.retention.schedule import Code
from ringfence.centre.tenancy import all_clients
from ringfence.centre.tenancy.queries import client_codes

BATCH = 500
RUNS_KEPT = timedelta(days=90)


@dataclass(frozen=True)
class Kind:
    """One kind of record with an age of its own."""

    code: Code
    due: Callable[[str | None, datetime], "QuerySet[Any]"]
    """Rows of one client whose trigger lies before the instant."""
    delete: Callable[[Collection[Any]], int]
    """These rows, by primary key, are gone with everything attached to them; how many of the kind went."""


def _held(path: str) -> Exists:
    return Exists(HoldItem.objects.filter(call_id=OuterRef(path), removed_at=None, hold__released_at=None))


def _grants(client: str | None, before: datetime) -> "QuerySet[Any]":
    rows: QuerySet[Any] = PlayGrant.objects.filter(~_held("recording__call_id"), client_id=client)
    return rows.filter(granted_at__lte=before)


def _requests(client: str | None, before: datetime) -> "QuerySet[Any]":
    rows: QuerySet[Any] = RestoreRequest.objects.filter(~_held("recording__call_id"), client_id=client)
    return rows.filter(decided_at__lte=before).exclude(decision=Decision.WAITING)


def _calls(client: str | None, before: datetime) -> "QuerySet[Any]":
    """Calls that no hold covers and of which no sound is left; one whose end was never told counts from its start."""
    alive = Recording.objects.filter(call_id=OuterRef("pk")).exclude(state__in=GONE)
    unfinished = Destruction.objects.filter(call_id=OuterRef("pk"), finished_at=None)
    rows: QuerySet[Any] = Call.objects.filter(~_held("pk"), ~Exists(alive), ~Exists(unfinished), client_id=client)
    return rows.filter(Q(ended_at__lte=before) | Q(ended_at=None, arrived_at__lte=before))


def _holds(client: str | None, before: datetime) -> "QuerySet[Any]":
    rows: QuerySet[Any] = Hold.objects.filter(client_id=client, released_at__lte=before)
    return rows


def _shifts(client: str | None, before: datetime) -> "QuerySet[Any]":
    rows: QuerySet[Any] = DutyShift.objects.filter(client_id=client, ends_at__lte=before)
    return rows


def _deleter(model: Any) -> Callable[[Collection[Any]], int]:
    def delete(ids: Collection[Any]) -> int:
        model.objects.filter(pk__in=ids).delete()
        return len(ids)

    return delete


def _delete_calls(ids: Collection[Any]) -> int:
    """The calls, their history and quality, and the stubs of their recordings with notes and certificates."""
    erase_parts(ids)
    PlayGrant.objects.filter(recording__call_id__in=ids).delete()
    RestoreRequest.objects.filter(recording__call_id__in=ids).delete()
    Flag.objects.filter(call_id__in=ids).delete()
    HoldItem.objects.filter(call_id__in=ids).delete()
    Destruction.objects.filter(call_id__in=ids).delete()
    Recording.objects.filter(call_id__in=ids).delete()
    Call.objects.filter(pk__in=ids).delete()
    return len(ids)


KINDS = (
    Kind(Code.PLAY_GRANTS, _grants, _deleter(PlayGrant)),
    Kind(Code.RESTORATIONS, _requests, _deleter(RestoreRequest)),
    Kind(Code.CALL_LOG, _calls, _delete_calls),
    Kind(Code.HOLDS, _holds, _deleter(Hold)),
    Kind(Code.DUTY, _shifts, _deleter(DutyShift)),
)


def delete_others(*, now: datetime) -> tuple[int, int]:
    """How many records went, and how many kinds of a client failed."""
    deleted = failed = 0
    RetentionRun.objects.filter(started_at__lt=now - RUNS_KEPT).delete()
    with all_clients("every client's records reach their age"):
        for client in [*sorted(client_codes()), None]:
            for kind in KINDS:
                try:
                    deleted += _delete_kind(kind, client, now=now)
                except DatabaseError:
                    failed += 1
    return deleted, failed


def _delete_kind(kind: Kind, client: str | None, *, now: datetime) -> int:
    before = days_after(now, -value_of(kind.code, client), zone_of(client))
    total = 0
    while True:
        with transaction.atomic():
            ids = list(kind.due(client, before).order_by("pk").values_list("pk", flat=True)[:BATCH])
            if not ids:
                return total
            count = kind.delete(ids)
            log_line(client, kind.code, Cause.AGE, count, now=now)
            record(RecordsDestroyed(kind=kind.code.value, count=count), actor=SYSTEM, client=client, at=now)
        total += count
