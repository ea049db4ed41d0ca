"""Data in a region outside the allow-list: the officer assesses, the head of service accepts (R138, C29)."""

from datetime import date, datetime

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of
from ringfence.centre.accounts.rights import Right
from ringfence.centre.audit.actions import record
from ringfence.centre.suppliers import entries
from ringfence.centre.suppliers.actions.alarms import refresh_alarms
from ringfence.centre.suppliers.actions.writing import (
    MAX_REGION,
    MAX_TEXT,
    id_of,
    locked,
    need,
    one_line,
    paragraphs,
)
from ringfence.centre.suppliers.errors import Invalid, NotFound, Refused
from ringfence.centre.suppliers.models import Supplier, TransferAssessment
from ringfence.centre.suppliers.places import is_allowed


@transaction.atomic
def assess_transfer(
    *, code: str, region: str, safeguard: str, findings: str, review_on: date, now: datetime, by: User
) -> TransferAssessment:
    """The officer's assessment of data at ``region``; it counts once somebody else has accepted it.

    One that waits for the same region is replaced. Raises Invalid, Refused or NotFound.
    """
    need(by, Right.ASSESS_TRANSFER)
    supplier = locked(code)
    region, findings = one_line(region), paragraphs(findings)
    if not region or len(region) > MAX_REGION:
        raise Invalid(f"Name the region as the provider does, in at most {MAX_REGION} characters.", field="region")
    if is_allowed(region, settings.RINGFENCE_REGIONS):
        raise Invalid("This region is in the allow-list and needs no assessment.", field="region")
    if safeguard not in TransferAssessment.Safeguard.values:
        raise Invalid("Choose the safeguard from the list.", field="safeguard")
    if not findings or len(findings) > MAX_TEXT:
        raise Invalid(f"Say in at most {MAX_TEXT} characters what you found.", field="findings")
    if review_on <= timezone.localdate(now):
        raise Invalid("The review is later than today.", field="review_on")
    for waiting in _open_assessments(supplier, region):
        if waiting.accepted_at is None:
            _end_assessment(waiting, now=now, by=by)
    made = TransferAssessment.objects.create(
        supplier=supplier,
        region=region,
        safeguard=safeguard,
        findings=findings,
        review_on=review_on,
        assessed_at=now,
        assessed_by=id_of(by),
    )
    record(
        entries.TransferAssessed(
            supplier=code,
            assessment_id=made.pk,
            region=region,
            safeguard=safeguard,
            review_on=review_on.isoformat(),
        ),
        actor=actor_of(by),
    )
    return made


@transaction.atomic
def accept_transfer(*, assessment: TransferAssessment, now: datetime, by: User) -> None:
    """Data may be in the region from now on; an older assessment of it ends. Raises Refused or NotFound."""
    need(by, Right.ACCEPT_TRANSFER)
    supplier = locked(assessment.supplier_id)
    row = TransferAssessment.objects.select_for_update().filter(pk=assessment.pk, ended_at=None).first()
    if row is None:
        raise NotFound
    if row.accepted_at is not None:
        raise Refused("This assessment is accepted already.")
    if row.assessed_by == id_of(by):
        raise Refused("Somebody else than its author must accept an assessment.")
    for older in _open_assessments(supplier, row.region):
        if older.pk != row.pk and older.accepted_at is not None:
            _end_assessment(older, now=now, by=by)
    row.accepted_at, row.accepted_by = now, id_of(by)
    row.save(update_fields=["accepted_at", "accepted_by"])
    record(
        entries.TransferAccepted(supplier=row.supplier_id, assessment_id=row.pk, region=row.region), actor=actor_of(by)
    )
    refresh_alarms(now=now)


@transaction.atomic
def end_transfer(*, assessment: TransferAssessment, now: datetime, by: User) -> None:
    """The assessment counts no longer and stays readable. Raises Refused or NotFound."""
    need(by, Right.ASSESS_TRANSFER, Right.ACCEPT_TRANSFER)
    locked(assessment.supplier_id)
    row = TransferAssessment.objects.select_for_update().filter(pk=assessment.pk, ended_at=None).first()
    if row is None:
        raise NotFound
    _end_assessment(row, now=now, by=by)
    refresh_alarms(now=now)


def _open_assessments(supplier: Supplier, region: str) -> list[TransferAssessment]:
    return [one for one in supplier.assessments.filter(ended_at=None) if one.region.casefold() == region.casefold()]


def _end_assessment(assessment: TransferAssessment, *, now: datetime, by: User) -> None:
    assessment.ended_at, assessment.ended_by = now, id_of(by)
    assessment.save(update_fields=["ended_at", "ended_by"])
    record(
        entries.TransferEnded(supplier=assessment.supplier_id, assessment_id=assessment.pk, region=assessment.region),
        actor=actor_of(by),
    )
