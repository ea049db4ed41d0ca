"""Who is on duty for a client: the supervisor of the rota, else a team leader; in opening hours somebody is (R51)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from ringfence.centre.accounts.models import Agent, User
from ringfence.centre.accounts.queries import has_right, who_could
from ringfence.centre.accounts.rights import Right
from ringfence.centre.directory.queries import hours_of, is_open
from ringfence.centre.live.models import AgentPresence
from ringfence.centre.retention.models import DutyShift
from ringfence.centre.tenancy import scope
from ringfence.centre.tenancy.queries import client_codes
from ringfence.control.facts import AgentState
from ringfence.kit.ids import ClientCode

STEP = timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True)
class Duty:
    """The person who decides about flags now."""

    user_id: str
    name: str
    fallback: bool
    """True when nobody of the rota is on duty and a team leader stands in."""
    until: datetime | None
    """End of the duty; None for a stand-in."""


@dataclass(frozen=True, kw_only=True)
class Shift:
    shift_id: int
    client: ClientCode
    user_id: str
    name: str
    starts_at: datetime
    ends_at: datetime


def has_manager_permission(user: User, client: str | None) -> bool:
    """True for those who may delete at any time: C3's 'Manager permission' is deletion and people together."""
    if client is None:
        return has_right(user, Right.DELETE_EARLY) and has_right(user, Right.MANAGE_USERS)
    return has_right(user, Right.DELETE_EARLY, client) and has_right(user, Right.MANAGE_USERS, client)


def on_duty(user: User, client: str | None, now: datetime) -> bool:
    """True while the rota names this person, who still holds the right, for the client."""
    if client is None or not user.is_active or not has_right(user, Right.DELETE_EARLY, client):
        return False
    with scope(client):
        return bool(DutyShift.objects.filter(user=user, starts_at__lte=now, ends_at__gt=now).exists())


def may_decide(user: User, client: str | None, now: datetime) -> bool:
    """True for the duty supervisor, and for whoever may delete at any time."""
    return has_manager_permission(user, client) or on_duty(user, client, now)


def duty_supervisor(client: str, now: datetime) -> Duty | None:
    """Who is on duty for ``client``; None only when nobody at all may delete, of which an alarm tells."""
    with scope(client):
        shifts = (
            DutyShift.objects.filter(starts_at__lte=now, ends_at__gt=now).select_related("user").order_by("-starts_at")
        )
        for shift in shifts:
            user = shift.user
            if user.is_active and has_right(user, Right.DELETE_EARLY, client):
                return Duty(user_id=user.pk.hex, name=user.display_name, fallback=False, until=shift.ends_at)
    return _stand_in(client, now)


def _stand_in(client: str, now: datetime) -> Duty | None:
    """Somebody with manager permission: first who is signed in at a telephone, then team leaders, who take calls."""
    people = {user.pk for user in who_could(Right.MANAGE_USERS, at=now, client=client)}
    able = [user for user in who_could(Right.DELETE_EARLY, at=now, client=client) if user.pk in people]
    able = [user for user in able if user.is_active]
    if not able:
        return None
    agents = dict(Agent.objects.filter(user__in=able).values_list("user_id", "agent_id"))
    here = set(
        AgentPresence.objects.filter(agent_id__in=agents.values())
        .exclude(state=AgentState.LOGGED_OUT.value)
        .values_list("agent_id", flat=True)
    )

    def rank(user: User) -> tuple[bool, bool, str]:
        return (agents.get(user.pk) not in here, not has_right(user, Right.TAKE_CALLS, client), user.display_name)

    chosen = min(able, key=rank)
    return Duty(user_id=chosen.pk.hex, name=chosen.display_name, fallback=True, until=None)


def shifts(*, since: datetime, until: datetime) -> list[Shift]:
    """The rota of the clients in scope between two instants, in order."""
    rows = (
        DutyShift.objects.filter(ends_at__gt=since, starts_at__lt=until)
        .select_related("user")
        .order_by("starts_at", "client_id")
    )
    return [
        Shift(
            shift_id=row.pk,
            client=ClientCode(row.client_id),
            user_id=row.user_id.hex,
            name=row.user.display_name,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
        )
        for row in rows
    ]


@dataclass(frozen=True, kw_only=True)
class Gap:
    """Opening time without anybody of the rota; a team leader stands in."""

    client: ClientCode
    starts_at: datetime
    ends_at: datetime


def rota_gaps(clients: Collection[str], *, since: datetime, until: datetime) -> list[Gap]:
    """Opening time in steps of a quarter of an hour for which the rota names nobody."""
    found = []
    for client in sorted(clients):
        with scope(client):
            covered = list(
                DutyShift.objects.filter(ends_at__gt=since, starts_at__lt=until).values_list("starts_at", "ends_at")
            )
        at = since.replace(minute=since.minute - since.minute % 15, second=0, microsecond=0)
        gap: datetime | None = None
        hours = hours_of(client)
        while at < until:
            bare = is_open(hours, at) and not any(start <= at < end for start, end in covered)
            if bare and gap is None:
                gap = at
            elif not bare and gap is not None:
                found.append(Gap(client=ClientCode(client), starts_at=gap, ends_at=at))
                gap = None
            at += STEP
        if gap is not None:
            found.append(Gap(client=ClientCode(client), starts_at=gap, ends_at=until))
    return found


def clients_without_anybody(now: datetime) -> list[ClientCode]:
    """Clients that are open now and for which nobody at all could decide about a flag."""
    return sorted(
        client for client in client_codes() if is_open(hours_of(client), now) and duty_supervisor(client, now) is None
    )


def supervisors(client: str, now: datetime) -> list[tuple[str, str]]:
    """Who can be put on duty for a client: id and name."""
    people = who_could(Right.DELETE_EARLY, at=now, client=client)
    return [(user.pk.hex, user.display_name) for user in people if user.is_active]
