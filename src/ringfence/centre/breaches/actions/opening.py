"""Opening a breach or a drill: the clock starts, and those who lead are told in the same moment."""

from collections.abc import Collection
from datetime import datetime
from functools import partial

from django.db import transaction
from django.db.models import Max

from ringfence.centre.accounts.actions import tell
from ringfence.centre.accounts.models import Notice, User
from ringfence.centre.accounts.queries import actor_of, clients_of, people_ever_of, who_could
from ringfence.centre.accounts.rights import Right
from ringfence.centre.audit.actions import record
from ringfence.centre.breaches.entries import BreachOpened
from ringfence.centre.breaches.errors import Invalid, Refused
from ringfence.centre.breaches.models import Breach, BreachKind
from ringfence.centre.jobs.actions import raise_alarm
from ringfence.centre.tenancy import scope
from ringfence.centre.tenancy.models import Client
from ringfence.kit.ids import new_id
from ringfence.kit.typed import paragraphs

MAX_TEXT = 5_000
text_of = partial(paragraphs, most=MAX_TEXT, unfit=Invalid)
"""A text of a breach as it is kept. Raises Invalid."""
OPEN_ALARM = "breach_open"
SHORT_ALARM = "breach_short"
PASSED_ALARM = "breach_passed"


@transaction.atomic
def open_breach(
    user: User,
    *,
    clients: Collection[str],
    kind: str,
    drill: bool,
    summary: str,
    noticed_at: datetime,
    since: datetime,
    until: datetime,
    account_id: str = "",
    now: datetime,
) -> tuple[Breach, ...]:
    """A breach for each of ``clients``, its clock running since ``noticed_at``; its leads are told at once (R135).

    Raises Invalid, or Refused for a client for which ``user`` may not report.
    """
    wanted = sorted(set(clients))
    if not wanted:
        raise Invalid("clients", "Choose at least one client.")
    if not set(wanted) <= clients_of(user, Right.REPORT_BREACH):
        raise Refused("You do not have the right to report a breach of these clients.")
    if kind not in BreachKind.values:
        raise Invalid("kind", "Choose what happened from the list.")
    summary = text_of("summary", summary, "Say in a few sentences what happened.")
    if noticed_at > now:
        raise Invalid("noticed_at", "The moment it was noticed must not be in the future.")
    if since >= until:
        raise Invalid("until", "The last day must not come before the first.")
    if account_id and not any(one.id.hex == account_id for code in wanted for one in people_ever_of(code)):
        raise Invalid("account", "Choose somebody who works or worked for one of these clients.")
    incident_id, made = new_id(), []
    with scope(*wanted):
        for code in wanted:
            Client.objects.select_for_update(no_key=True).get(code=code)  # two at once get two numbers
            last = Breach.objects.filter(client_id=code).aggregate(Max("number"))["number__max"] or 0
            breach = Breach(
                client_id=code,
                incident_id=incident_id,
                number=last + 1,
                drill=drill,
                kind=kind,
                summary=summary,
                noticed_at=noticed_at,
                since=since,
                until=until,
                account_id=account_id,
                opened_at=now,
                opened_by=user.id.hex,
            )
            breach.save(force_insert=True)
            made.append(breach)
    for breach in made:
        _tell(breach, by=user, now=now)
    return tuple(made)


def _tell(breach: Breach, *, by: User, now: datetime) -> None:
    """Officers and heads of the client find a message, the health page an alarm."""
    told = [one for one in who_could(Right.LEAD_BREACH, at=now, client=breach.client_id) if one.is_active]
    entry = BreachOpened(
        breach_id=breach.breach_id,
        incident_id=breach.incident_id,
        kind=breach.kind,
        drill=breach.drill,
        noticed_at=breach.noticed_at.isoformat(timespec="seconds"),
        told=len(told),
    )
    record(entry, actor=actor_of(by), client=breach.client_id, at=now)
    code = Notice.Code.DRILL if breach.drill else Notice.Code.BREACH
    tell(told, code, clients=[breach.client_id], at=now, subject=breach.breach_id)
    raise_alarm(OPEN_ALARM, detail_of(breach), at=now, subject=breach.breach_id, client=breach.client_id)


def detail_of(breach: Breach) -> str:
    """What alarms add to their code; they hold no text."""
    return "drill" if breach.drill else ""
