"""Fixing the scope: recordings of the case's client, chosen by their own reference or by that of their call (R77)."""

from collections.abc import Collection
from datetime import datetime

from django.db import models, transaction
from django.db.models import Q

from ringfence.centre.accounts.models import User
from ringfence.centre.disclosures.access import access_disclosure
from ringfence.centre.disclosures.actions.taking import note, taking
from ringfence.centre.disclosures.entries import RecordingAttached, RecordingRemoved, ScopeSearched
from ringfence.centre.disclosures.errors import Invalid
from ringfence.centre.disclosures.models import Disclosure, DisclosureItem
from ringfence.centre.disclosures.steps import WHOSE, Step
from ringfence.centre.recordings.models import GONE, Recording, RecordingState

MAX_ITEMS = 50
_NOTHING = (*GONE, RecordingState.FAILED)


def look_up(user: User, case: Disclosure, reference: str, *, now: datetime) -> tuple[Recording, ...]:
    """Recordings of the case's client with this reference, or of the call with it; the look is audited.

    Raises NotFound, or Invalid when there is none to attach. Call it inside the client's scope.
    """
    row = access_disclosure(user, case.disclosure_id, *WHOSE[Step.ATTACH])
    wanted = reference.strip()
    rows = Recording.objects.filter(Q(pk=wanted) | Q(call_id=wanted), client_id=row.client_id)
    found = tuple(rows.exclude(state__in=_NOTHING).order_by("started_at", "recording_id")) if wanted else ()
    with transaction.atomic():
        note(ScopeSearched(disclosure_id=row.disclosure_id, found=len(found)), row, by=user, now=now)
    if not found:
        raise Invalid(
            "reference", "No recording of this client that still exists has this reference, nor has its call."
        )
    return found


def attach(user: User, case: Disclosure, recording_ids: Collection[str], *, now: datetime) -> int:
    """These recordings are in the scope; how many were not yet. Raises Invalid or Refused.

    Call it inside the client's scope.
    """
    wanted = sorted(set(recording_ids))
    with taking(user, case, Step.ATTACH, now=now) as row:
        if not wanted:
            raise Invalid("recordings", "Choose at least one recording.")
        there = set(_attached(row).values_list("recording_id", flat=True))
        if len(there | set(wanted)) > MAX_ITEMS:
            raise Invalid("recordings", f"A case has at most {MAX_ITEMS} recordings. Open another for the others.")
        known = Recording.objects.filter(pk__in=wanted, client_id=row.client_id).exclude(state__in=_NOTHING)
        found: dict[str, Recording] = {one.recording_id: one for one in known}
        if set(wanted) - set(found):
            raise Invalid("recordings", "One of these recordings is not this client's or does not exist any more.")
        for recording_id in wanted:
            if recording_id in there:
                continue
            recording = found[recording_id]
            DisclosureItem(
                client_id=row.client_id,
                disclosure=row,
                recording_id=recording_id,
                call_id=recording.call_id,
                started_at=recording.started_at,
                attached_at=now,
                attached_by=user.id.hex,
            ).save(force_insert=True)
            entry = RecordingAttached(
                disclosure_id=row.disclosure_id, recording_id=recording_id, call_id=recording.call_id
            )
            note(entry, row, by=user, now=now)
    return len(set(wanted) - there)


def take_out(user: User, case: Disclosure, recording_id: str, *, now: datetime) -> None:
    """The recording is not in the scope any more; that it was stays. Raises Invalid or Refused."""
    with taking(user, case, Step.REMOVE, now=now) as row:
        if not _attached(row).filter(recording_id=recording_id).update(removed_at=now, removed_by=user.id.hex):
            raise Invalid("recording", "This recording is not attached to the case.")
        entry = RecordingRemoved(disclosure_id=row.disclosure_id, recording_id=recording_id)
        note(entry, row, by=user, now=now)


def attached_ids(row: Disclosure) -> list[str]:
    """Ids of the recordings in the scope."""
    return list(_attached(row).values_list("recording_id", flat=True))


def _attached(row: Disclosure) -> "models.QuerySet[DisclosureItem]":
    rows: models.QuerySet[DisclosureItem] = DisclosureItem.objects.filter(disclosure=row, removed_at=None)
    return rows
