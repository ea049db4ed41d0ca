"""The rota of duty supervisors."""

from datetime import datetime, timedelta

from django.db import transaction

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of, has_right
from ringfence.centre.accounts.rights import Right
from ringfence.centre.audit.actions import record
from ringfence.centre.calls.access import scope_of
from ringfence.centre.retention.entries import DutyRemoved, DutySet
from ringfence.centre.retention.errors import BadValue, NotAllowed, NotFound
from ringfence.centre.retention.models import DutyShift
from ringfence.centre.tenancy import scope

LONGEST = timedelta(hours=16)
FURTHEST = timedelta(days=92)


def set_duty(
    user: User, *, client: str, supervisor: User, starts_at: datetime, ends_at: datetime, now: datetime
) -> int:
    """The id of a shift in the rota, audited. Raises NotAllowed or BadValue."""
    if not (has_right(user, Right.MANAGE_USERS, client) and has_right(user, Right.DELETE_EARLY, client)):
        raise NotAllowed
    if not supervisor.is_active or not has_right(supervisor, Right.DELETE_EARLY, client):
        raise BadValue("This person may not delete recordings of the client, so they cannot be on duty.")
    if not starts_at < ends_at:
        raise BadValue("The duty must end after it starts.")
    if ends_at - starts_at > LONGEST:
        raise BadValue("A duty lasts at most 16 hours. Set the next one for the rest.")
    if ends_at <= now:
        raise BadValue("The duty is over already. Choose a later end.")
    if starts_at > now + FURTHEST:
        raise BadValue("The rota goes three months ahead. Choose an earlier day.")
    shift = DutyShift(client_id=client, user=supervisor, starts_at=starts_at, ends_at=ends_at, set_by=user, set_at=now)
    with transaction.atomic(), scope(client):
        shift.save(force_insert=True)
        record(
            DutySet(user_id=supervisor.pk.hex, starts=starts_at.isoformat(), ends=ends_at.isoformat()),
            actor=actor_of(user),
            client=client,
            at=now,
        )
    return int(shift.pk)


def remove_duty(user: User, shift_id: int, *, now: datetime) -> None:
    """A shift that has not begun is gone; a running one ends now. Raises NotFound or BadValue (it is over)."""
    with scope_of(user, Right.MANAGE_USERS), transaction.atomic():
        shift: DutyShift | None = DutyShift.objects.select_for_update().filter(pk=shift_id).first()
        if shift is None or not has_right(user, Right.DELETE_EARLY, shift.client_id):
            raise NotFound
        if shift.ends_at <= now:
            raise BadValue("This duty is over. The rota keeps it, because somebody may ask who was on duty.")
        if shift.starts_at >= now:
            shift.delete()
        else:
            DutyShift.objects.filter(pk=shift_id).update(ends_at=now)
        record(
            DutyRemoved(user_id=shift.user_id.hex, starts=shift.starts_at.isoformat(), ends=shift.ends_at.isoformat()),
            actor=actor_of(user),
            client=shift.client_id,
            at=now,
        )
