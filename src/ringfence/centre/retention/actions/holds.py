"""Holds: placed together with the search that found the calls, reviewed, released (R47, R85, R86)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import transaction

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of, has_right
from ringfence.centre.accounts.rights import Right
from ringfence.centre.audit.actions import record
from ringfence.centre.calls.sealing import party_sealer
from ringfence.centre.recordings.models import GONE, Recording, RecordingState
from ringfence.centre.retention import finding
from ringfence.centre.retention.access import access_hold
from ringfence.centre.retention.cases import stated_case, stated_reason
from ringfence.centre.retention.destroy import held_calls
from ringfence.centre.retention.entries import HoldExtended, HoldPlaced, HoldReleased, HoldReviewed
from ringfence.centre.retention.errors import AlreadyDecided, BadValue, NotAllowed, NotFound
from ringfence.centre.retention.models import Flag, FlagState, Hold, HoldItem
from ringfence.centre.retention.queries.rules import value_of, zone_of
from ringfence.centre.retention.schedule import Code
from ringfence.centre.tenancy import scope
from ringfence.kit.ids import new_id

BATCH = 500


@dataclass(frozen=True, kw_only=True)
class Placed:
    """What a hold now keeps."""

    hold_id: str
    calls: int
    recordings: int
    """Kept by it."""
    gone: int
    """Recordings of these calls that had been destroyed before; the answer to the request lists them (R84)."""


def place_hold(
    user: User,
    *,
    client: str,
    wanted: finding.Scope,
    kind: str,
    case_reference: str,
    review_on: date,
    reason: str = "",
    owner: User | None = None,
    now: datetime,
) -> Placed:
    """Every matching call is held with all that belongs to it, in the same transaction as the search (R85).

    From the commit on nothing of these calls changes tier or is destroyed. A hold that finds no call is placed all the
    same: it keeps asking for later calls that match. Raises NotAllowed, CaseMissing or BadValue.
    """
    if not has_right(user, Right.PLACE_HOLD, client):
        raise NotAllowed
    chosen, case = stated_case(kind, case_reference)
    owner = owner or user
    if not owner.is_active:
        raise BadValue("The owner's account is closed. Choose somebody else.")
    number = None if wanted.number is None else finding.exact_of(wanted.number)
    hold = Hold(
        hold_id=new_id(),
        client_id=client,
        kind=chosen,
        case_reference=case,
        reason=stated_reason(reason, least=0),
        owner=owner,
        placed_by=user,
        placed_at=now,
        review_on=_review(client, review_on, now),
        party_number=None if number is None else party_sealer().seal(client, number),
        party_index=None if number is None else party_sealer().index(client, number),
        since=wanted.since,
        until=wanted.until,
    )
    with transaction.atomic(), scope(client):
        found = list(finding.matching(client, wanted).values_list("call_id", flat=True))
        hold.save(force_insert=True)
        kept, gone = _cover(hold, found, now=now)
        record(
            HoldPlaced(
                hold_id=hold.pk,
                kind=chosen.value,
                case_reference=case,
                calls=len(found),
                recordings=kept,
                review=hold.review_on.isoformat(),
                filters=wanted.used,
            ),
            actor=actor_of(user),
            client=client,
            at=now,
        )
    return Placed(hold_id=hold.pk, calls=len(found), recordings=kept, gone=gone)


def _review(client: str, review_on: date, now: datetime) -> date:
    today = now.astimezone(zone_of(client)).date()
    most = value_of(Code.REVIEW_DAYS, client)
    if not today < review_on <= today + timedelta(days=most):
        raise BadValue(f"The review date must be after today and at most {most} days ahead.")
    return review_on


def _cover(hold: Hold, call_ids: Collection[str], *, now: datetime) -> tuple[int, int]:
    """Items for these calls exist and their recordings are marked; how many are kept, and how many were gone."""
    ids = list(call_ids)
    kept = gone = 0
    for start in range(0, len(ids), BATCH):
        some = ids[start : start + BATCH]
        # Locked first: a run that destroys one of these waits, and then finds it held.
        rows = list(Recording.objects.select_for_update().filter(call_id__in=some))
        HoldItem.objects.bulk_create(
            [HoldItem(hold=hold, client_id=hold.client_id, call_id=call_id) for call_id in some], ignore_conflicts=True
        )
        alive = [row.pk for row in rows if row.state not in GONE]
        late = Recording.objects.filter(pk__in=alive, state=RecordingState.LIVE, back_at__lte=now, held=False)
        late.update(state=RecordingState.BACK)  # what has left the live tier does not come back by a hold
        Recording.objects.filter(pk__in=alive).update(held=True)
        kept, gone = kept + len(alive), gone + len(rows) - len(alive)
    return kept, gone


def add_to_hold(user: User, hold_id: str, call_ids: Collection[str], *, now: datetime) -> int:
    """Further calls of the hold's client are held too; how many are new. Raises NotFound or AlreadyDecided."""
    hold = access_hold(user, hold_id, right=Right.PLACE_HOLD)
    with transaction.atomic(), scope(hold.client_id):
        _lock_open(hold)
        before = HoldItem.objects.filter(hold=hold).count()
        wanted = finding.Scope(call_ids=tuple(call_ids))
        found = list(finding.matching(hold.client_id, wanted).values_list("call_id", flat=True))
        if len(found) != len(set(call_ids)):
            raise NotFound
        kept, _ = _cover(hold, found, now=now)
        added: int = HoldItem.objects.filter(hold=hold).count() - before
        record(
            HoldExtended(hold_id=hold.pk, calls=added, recordings=kept),
            actor=actor_of(user),
            client=hold.client_id,
            at=now,
        )
    return added


def review_hold(user: User, hold_id: str, *, review_on: date, now: datetime) -> None:
    """Somebody has looked and the hold is still needed. Raises NotFound, BadValue or AlreadyDecided."""
    hold = access_hold(user, hold_id, right=Right.PLACE_HOLD)
    due = _review(hold.client_id, review_on, now)
    with transaction.atomic(), scope(hold.client_id):
        _lock_open(hold)
        Hold.objects.filter(pk=hold.pk).update(review_on=due)
        record(
            HoldReviewed(hold_id=hold.pk, review=due.isoformat()),
            actor=actor_of(user),
            client=hold.client_id,
            at=now,
        )


def release_hold(user: User, hold_id: str, *, reason: str, now: datetime) -> int:
    """The hold is over; how many recordings are past their age and go with the run that is queued at once (R47).

    A call that another hold covers stays held. Raises NotFound, BadValue or AlreadyDecided.
    """
    from ringfence.centre.retention.tasks import run_retention

    hold = access_hold(user, hold_id, right=Right.RELEASE_HOLD)
    why = stated_reason(reason)
    with transaction.atomic(), scope(hold.client_id):
        _lock_open(hold)
        calls = list(HoldItem.objects.filter(hold=hold).values_list("call_id", flat=True))
        Hold.objects.filter(pk=hold.pk).update(released_at=now, released_by=user, release_reason=why)
        overdue = 0
        for start in range(0, len(calls), BATCH):
            overdue += uncover(calls[start : start + BATCH], now=now)
        record(
            HoldReleased(hold_id=hold.pk, calls=len(calls), overdue=overdue),
            actor=actor_of(user),
            client=hold.client_id,
            at=now,
        )
        if overdue:
            run_retention.enqueue()
    return overdue


def uncover(call_ids: Collection[str], *, now: datetime) -> int:
    """Recordings of those calls that no hold covers any more are free; how many of them are past their age."""
    rows = Recording.objects.select_for_update().filter(call_id__in=call_ids, held=True)
    list(rows)
    free = set(call_ids) - held_calls(call_ids)
    mine = Recording.objects.filter(call_id__in=free, held=True)
    overdue: int = mine.filter(purge_at__lte=now).count()
    mine.update(held=False)
    # What the data protection officer was to settle has settled itself: the flag waits for the duty supervisor again.
    Flag.objects.filter(call_id__in=free, state=FlagState.CONFLICT).update(state=FlagState.OPEN)
    return overdue


def _lock_open(hold: Hold) -> None:
    locked = Hold.objects.select_for_update().filter(pk=hold.pk).values_list("released_at", flat=True).first()
    if locked is not None:
        raise AlreadyDecided("This hold was released already.")
