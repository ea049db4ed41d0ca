"""The 72 hours: alarms while nobody has decided, and the decision of the data protection officer (Article 33)."""

from datetime import datetime

from django.db import transaction

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of, has_right
from ringfence.centre.accounts.rights import Right
from ringfence.centre.audit.actions import SYSTEM, record
from ringfence.centre.breaches.actions.opening import PASSED_ALARM, SHORT_ALARM, detail_of, text_of
from ringfence.centre.breaches.entries import BreachAlarmed, CommissionerNeedNotBeTold, CommissionerTold
from ringfence.centre.breaches.errors import Invalid, Refused
from ringfence.centre.breaches.models import ICO_TIME, SHORT, Breach, ClockState, Decision
from ringfence.centre.jobs.actions import clear_alarms, raise_alarm
from ringfence.centre.tenancy import all_clients

_ALARMS = {ClockState.SHORT: SHORT_ALARM, ClockState.PASSED: PASSED_ALARM}
MAX_REFERENCE = 64


def watch_clocks(*, now: datetime) -> int:
    """An alarm stands for every undecided breach with 24 hours or less, and another once all 72 passed; how many."""
    raised = 0
    with all_clients("the clocks of every client"):
        running = list(Breach.objects.filter(decided_at=None, noticed_at__lte=now - ICO_TIME + SHORT))
    for breach in running:
        state = breach.clock(now)
        with transaction.atomic():
            whose = {"subject": breach.breach_id, "client": breach.client_id}
            if raise_alarm(_ALARMS[state], detail_of(breach), at=now, **whose):
                entry = BreachAlarmed(breach_id=breach.breach_id, clock=state.value)
                record(entry, actor=SYSTEM, client=breach.client_id, at=now)
            if state is ClockState.PASSED:
                clear_alarms(SHORT_ALARM, at=now, subject=breach.breach_id)
        raised += 1
    return raised


@transaction.atomic
def tell_commissioner(
    user: User, breach: Breach, *, told_at: datetime, reference: str, reason: str, now: datetime
) -> Breach:
    """The Information Commissioner was told; after 72 hours only with the reason for the delay (Article 33(1)).

    Raises Invalid or Refused. Call it inside the client's scope.
    """
    row = _deciding(user, breach)
    if row.decision == Decision.TOLD:
        raise Refused("This decision is recorded already.")
    reference = " ".join(reference.split())
    if not reference:
        raise Invalid("reference", "Enter the reference that the Commissioner's office gave.")
    if len(reference) > MAX_REFERENCE:
        raise Invalid("reference", f"Shorten the reference to {MAX_REFERENCE} characters.")
    if told_at > now:
        raise Invalid("told_at", "The moment must not be in the future.")
    if told_at < row.noticed_at:
        raise Invalid("told_at", "The Commissioner cannot have been told before the breach was noticed.")
    late = told_at >= row.due_at
    if late:
        reason = text_of("reason", reason, "More than 72 hours had passed: give the reasons for the delay.")
    row.told_at, row.ico_reference = told_at, reference
    _decide(user, row, Decision.TOLD, reason, now)
    entry = CommissionerTold(breach_id=row.breach_id, told_at=told_at.isoformat(timespec="seconds"), late=late)
    record(entry, actor=actor_of(user), client=row.client_id, at=now)
    return row


@transaction.atomic
def need_not_tell(user: User, breach: Breach, *, reason: str, now: datetime) -> Breach:
    """No risk to anybody's rights and freedoms, so nobody need be told; new facts may still change that.

    Raises Invalid or Refused. Call it inside the client's scope.
    """
    row = _deciding(user, breach)
    if row.decision:
        raise Refused("A decision is recorded already.")
    _decide(user, row, Decision.NOT_NEEDED, text_of("reason", reason, "Say why nobody is at risk."), now)
    record(CommissionerNeedNotBeTold(breach_id=row.breach_id), actor=actor_of(user), client=row.client_id, at=now)
    return row


def _deciding(user: User, breach: Breach) -> Breach:
    row: Breach = Breach.objects.select_for_update(of=("self",)).get(pk=breach.pk)
    if not has_right(user, Right.DECIDE_BREACH, row.client_id):
        raise Refused("The data protection officer decides this.")
    if row.closed_at is not None:
        raise Refused("This breach is closed.")
    return row


def _decide(user: User, row: Breach, decision: Decision, reason: str, now: datetime) -> None:
    row.decision, row.reason = decision.value, reason.strip()
    row.decided_at, row.decided_by = now, user.id.hex
    row.save()
    for code in _ALARMS.values():
        clear_alarms(code, at=now, subject=row.breach_id)
