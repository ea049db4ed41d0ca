"""A new entry of the register. It switches nothing on."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from django.utils import timezone

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of
from ringfence.centre.accounts.rights import Right
from ringfence.centre.assessments.actions.writing import line_of, locked, need, step
from ringfence.centre.assessments.entries import AssessmentDrafted, AssessmentEnded
from ringfence.centre.assessments.errors import Invalid, Refused
from ringfence.centre.assessments.models import Assessment
from ringfence.centre.assessments.purposes import Purpose
from ringfence.centre.audit.actions import record
from ringfence.centre.tenancy.queries import client_codes

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Details:
    """What the drafter says of the document and of what it is to switch on."""

    title: str
    reference: str
    kept_at: str
    owner: str
    clients: Collection[str]
    purposes: Collection[str]
    review_on: date
    sha256: str = ""


def draft(*, details: Details, replaces: str = "", now: datetime, by: User) -> Assessment:
    """A draft that waits for advice. ``replaces`` names an entry that has not ended: an approved one ends when this one
    is approved, a draft at once. Raises Invalid, Refused or NotFound.
    """
    told = _tidy(details, today=timezone.localdate(now))
    with step("draft", replaces, by=by):
        need(by, told.clients, Right.DRAFT_ASSESSMENT)
        before = locked(replaces) if replaces else None
        if before is not None:
            need(by, before.clients, Right.DRAFT_ASSESSMENT)
            if before.ended_at is not None:
                raise Refused("state", "The assessment that this one was to replace has ended. Draft a new one.")
        made = Assessment(replaces=before, drafted_by=by.id.hex, drafted_at=now, **vars(told))
        made.save(force_insert=True)
        record(
            AssessmentDrafted(
                assessment_id=made.pk,
                clients=tuple(made.clients),
                purposes=tuple(made.purposes),
                review_on=made.review_on.isoformat(),
                replaces=replaces,
            ),
            actor=actor_of(by),
        )
        if before is not None and before.approved_at is None:
            end_replaced(before, now=now, by=by)
    return made


def end_replaced(row: Assessment, *, now: datetime, by: User) -> None:
    """The locked entry has a successor from now on."""
    row.ended_at, row.ended_by = now, by.id.hex
    row.save(update_fields=["ended_at", "ended_by"])
    record(AssessmentEnded(assessment_id=row.pk, how="replaced"), actor=actor_of(by))


def _tidy(details: Details, *, today: date) -> Details:
    sha256 = "".join(details.sha256.split()).lower()
    if sha256 and not _SHA256.fullmatch(sha256):
        raise Invalid("sha256", "A SHA-256 has 64 characters, 0 to 9 and a to f. Copy all of it, or leave it blank.")
    if not details.clients:
        raise Invalid("clients", "Choose at least one client.")
    if not set(details.clients) <= set(client_codes()):
        raise Invalid("clients", "Choose clients from the list.")
    if not details.purposes:
        raise Invalid("purposes", "Choose at least one purpose.")
    if not set(details.purposes) <= set(Purpose.values):
        raise Invalid("purposes", "Choose purposes from the list.")
    if details.review_on <= today:
        raise Invalid("review_on", "The review is later than today.")
    return Details(
        title=line_of("title", details.title, "Say what is assessed.", most=120),
        reference=line_of("reference", details.reference, "Enter the reference of the document.", most=80),
        kept_at=line_of("kept_at", details.kept_at, "Say where the document is kept.", most=300),
        owner=line_of("owner", details.owner, "Name the post that looks after it.", most=120),
        clients=sorted(set(details.clients)),
        purposes=[purpose.value for purpose in Purpose if purpose.value in details.purposes],
        review_on=details.review_on,
        sha256=sha256,
    )
