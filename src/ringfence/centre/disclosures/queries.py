"""Reading disclosures: the register, one case with its sealed texts opened, its scope and its timeline."""

from dataclasses import dataclass
from datetime import datetime

from django.db import models
from django.db.models import Q

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import clients_of
from ringfence.centre.accounts.rights import Right
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.audit.queries import naming
from ringfence.centre.disclosures.access import ANY_OF_THEM
from ringfence.centre.disclosures.models import Disclosure, DisclosureItem
from ringfence.centre.disclosures.sealing import open_text
from ringfence.centre.disclosures.steps import State
from ringfence.centre.recordings.models import GONE, Recording, RecordingState
from ringfence.centre.recordings.tiers import tier_at

PLAYS = ("recording.purpose_stated", "recording.played")


def register(user: User) -> tuple[Disclosure, ...]:
    """The cases that ``user`` may see inside the active scope: those that go on first, then the newest."""
    codes = {code for right in ANY_OF_THEM for code in clients_of(user, right)}
    rows = list(Disclosure.objects.filter(client_id__in=codes).select_related("client"))
    return tuple(sorted(rows, key=lambda row: row.state == State.CLOSED))


def open_cases(user: User, client: str) -> tuple[Disclosure, ...]:
    """Cases of ``client`` whose scope ``user`` may still add to. Call it inside the client's scope."""
    if client not in clients_of(user, Right.OPEN_DISCLOSURE):
        return ()
    return tuple(Disclosure.objects.filter(client_id=client, state=State.OPEN).order_by("-number"))


@dataclass(frozen=True, kw_only=True)
class Texts:
    """What is sealed in a case, opened for showing; empty where there is nothing."""

    requester_name: str
    requester_post: str
    request: str
    advice: str
    override_reason: str
    reason: str
    answer: str
    outcome: str


def texts(row: Disclosure) -> Texts:
    """For people who may see the case."""
    return Texts(
        requester_name=open_text(row.client_id, row.requester_name),
        requester_post=open_text(row.client_id, row.requester_post),
        request=open_text(row.client_id, row.request),
        advice=open_text(row.client_id, row.advice_text),
        override_reason=open_text(row.client_id, row.override_reason),
        reason=open_text(row.client_id, row.reason),
        answer=open_text(row.client_id, row.answer),
        outcome=open_text(row.client_id, row.outcome),
    )


@dataclass(frozen=True, kw_only=True)
class ScopeLine:
    """A recording in the scope, and what there still is of it."""

    recording_id: str
    call_id: str
    started_at: datetime
    state: RecordingState | None
    """None: the call log has reached its age, and nothing but this line is left."""
    held: bool
    quarantined: bool
    purge_at: datetime | None
    destroyed_at: datetime | None

    @property
    def gone(self) -> bool:
        return self.state is None or self.state in GONE


def scope_of_case(row: Disclosure, *, now: datetime) -> tuple[ScopeLine, ...]:
    """What is attached, oldest first. Call it inside the client's scope."""
    items = list(DisclosureItem.objects.filter(disclosure=row, removed_at=None))
    found: dict[str, Recording] = Recording.objects.in_bulk([item.recording_id for item in items])
    return tuple(_line(item, found.get(item.recording_id), now) for item in items)


def _line(item: DisclosureItem, recording: Recording | None, now: datetime) -> ScopeLine:
    return ScopeLine(
        recording_id=item.recording_id,
        call_id=item.call_id,
        started_at=item.started_at,
        state=None if recording is None else tier_at(recording, now),
        held=recording is not None and recording.held,
        quarantined=recording is not None and recording.quarantined_at is not None,
        purge_at=None if recording is None else recording.purge_at,
        destroyed_at=None if recording is None else recording.destroyed_at,
    )


def timeline(row: Disclosure) -> "models.QuerySet[AuditEntry]":
    """What the audit trail tells of the case, oldest first; with it, plays for which its reference was stated.

    Call it inside a scope that holds the case's client.
    """
    mine = naming("disclosure", "disclosure_id", row.disclosure_id)
    plays = Q(code__in=PLAYS, fields__contains=f'"case_reference":"{row.reference}"', at__gte=row.opened_at)
    rows: models.QuerySet[AuditEntry] = AuditEntry.objects.filter(mine | plays, client_code=row.client_id)
    return rows.order_by("number")
