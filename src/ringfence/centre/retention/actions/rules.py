"""Changing a rule: one proposes, the head of service and the data protection officer agree, ICT applies (R76)."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Q

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of, has_right
from ringfence.centre.accounts.rights import Right
from ringfence.centre.audit.actions import record
from ringfence.centre.calls.access import scope_of
from ringfence.centre.recordings.models import GONE, Recording
from ringfence.centre.retention.arming import arm_rows
from ringfence.centre.retention.entries import RuleApproved, RuleInForce, RuleProposed, RuleRefused
from ringfence.centre.retention.errors import AlreadyDecided, BadValue, NotAllowed, NotFound, SamePerson
from ringfence.centre.retention.models import RuleChange
from ringfence.centre.retention.queries.rules import value_of
from ringfence.centre.retention.schedule import Code, rule_of
from ringfence.centre.tenancy import scope

BATCH = 1000


def propose_rule(user: User, *, client: str, code: str, value: int, reason: str, now: datetime) -> int:
    """The id of a new proposal, audited. Raises NotAllowed, BadValue or AlreadyDecided (one is waiting)."""
    if not has_right(user, Right.EDIT_RETENTION, client):
        raise NotAllowed
    try:
        rule = rule_of(code)
    except ValueError:
        raise BadValue("Choose a rule from the schedule.") from None
    reason = " ".join(reason.split())
    if rule.lowest is None or rule.highest is None:
        raise BadValue("This rule is the same for all clients and cannot be changed here.")
    if not rule.lowest <= value <= rule.highest:
        raise BadValue(f"The value must be from {rule.lowest} to {rule.highest}.")
    if len(reason) < 10 or len(reason) > 500:
        raise BadValue("Give a reason of 10 to 500 characters.")
    before = value_of(rule.code, client)
    if value == before:
        raise BadValue("That is the value in force already.")
    change = RuleChange(
        client_id=client,
        code=rule.code.value,
        value=value,
        before=before,
        reason=reason,
        proposed_by=user,
        proposed_at=now,
    )
    try:
        with transaction.atomic(), scope(client):
            change.save(force_insert=True)
            record(
                RuleProposed(change_id=change.pk, rule=rule.code.value, value=value, before=before),
                actor=actor_of(user),
                client=client,
                at=now,
            )
    except IntegrityError:
        raise AlreadyDecided("A proposal for this rule is waiting. Decide that one first.") from None
    return int(change.pk)


def _waiting(user: User, change_id: int, right: Right) -> RuleChange:
    """Locked until the transaction ends. Raises NotFound, AlreadyDecided."""
    with scope_of(user, right):
        change: RuleChange | None = RuleChange.objects.select_for_update().filter(pk=change_id).first()
    if change is None:
        raise NotFound
    if change.in_force_at is not None or change.refused_at is not None:
        raise AlreadyDecided
    return change


def approve_rule(user: User, change_id: int, *, now: datetime) -> None:
    """The head of service says yes. Raises NotFound, SamePerson or AlreadyDecided."""
    with transaction.atomic():
        change = _waiting(user, change_id, Right.APPROVE_RETENTION)
        if change.approved_at is not None:
            raise AlreadyDecided
        if user.pk in (change.proposed_by_id, change.agreed_by_id):
            raise SamePerson
        _set(change, approved_by=user, approved_at=now)
        _say(user, change, "head of service", now)


def agree_rule(user: User, change_id: int, *, now: datetime) -> None:
    """The data protection officer says yes; without that nothing changes. Raises as :func:`approve_rule`."""
    with transaction.atomic():
        change = _waiting(user, change_id, Right.AGREE_RETENTION)
        if change.agreed_at is not None:
            raise AlreadyDecided
        if user.pk in (change.proposed_by_id, change.approved_by_id):
            raise SamePerson
        _set(change, agreed_by=user, agreed_at=now)
        _say(user, change, "data protection officer", now)


def refuse_rule(user: User, change_id: int, *, now: datetime) -> None:
    """Either of the two says no, or the proposer takes it back; it is over. Raises NotFound or AlreadyDecided."""
    for right in (Right.APPROVE_RETENTION, Right.AGREE_RETENTION, Right.EDIT_RETENTION):
        if not has_right(user, right):
            continue
        with transaction.atomic():
            change = _waiting(user, change_id, right)
            if right == Right.EDIT_RETENTION and change.proposed_by_id != user.pk:
                break
            _set(change, refused_by=user, refused_at=now)
            record(
                RuleRefused(change_id=change.pk, rule=change.code, value=change.value),
                actor=actor_of(user),
                client=change.client_id,
                at=now,
            )
        return
    raise NotFound


def apply_rule(user: User, change_id: int, *, now: datetime) -> int:
    """The agreed value is in force, for existing recordings too; how many follow it. Raises NotFound, AlreadyDecided.

    A shorter period takes effect with the next run: what is then past its age is destroyed. A longer live period does
    not bring back what has left the live tier; that needs a restoration as before.
    """
    with transaction.atomic():
        change = _waiting(user, change_id, Right.APPLY_RETENTION)
        if change.approved_at is None or change.agreed_at is None:
            raise AlreadyDecided("Both the head of service and the data protection officer must agree first.")
        _set(change, applied_by=user, in_force_at=now)
        changed = _rearm(change.client_id) if change.code in (Code.LIVE, Code.BACK) else 0
        record(
            RuleInForce(
                change_id=change.pk, rule=change.code, value=change.value, before=change.before, changed=changed
            ),
            actor=actor_of(user),
            client=change.client_id,
            at=now,
        )
    return changed


def _set(change: RuleChange, **values: object) -> None:
    with scope(change.client_id):
        RuleChange.objects.filter(pk=change.pk).update(**values)


def _say(user: User, change: RuleChange, part: str, now: datetime) -> None:
    record(
        RuleApproved(change_id=change.pk, rule=change.code, value=change.value, part=part),
        actor=actor_of(user),
        client=change.client_id,
        at=now,
    )


def _rearm(client: str) -> int:
    """Every existing recording of the client has the instants that the periods in force give it."""
    changed, last = 0, ""
    with scope(client):
        while True:
            rows = list(
                Recording.objects.filter(~Q(state__in=GONE), pk__gt=last, back_at__isnull=False)
                .select_related("call")
                .order_by("pk")[:BATCH]
            )
            if not rows:
                return changed
            armed = arm_rows(rows)
            Recording.objects.bulk_update(armed, ["back_at", "purge_at"])
            changed, last = changed + len(armed), rows[-1].pk
