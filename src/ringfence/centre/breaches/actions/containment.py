"""Containing a breach: people signed out, worthless telephone passwords, a suspended account, a new key (R135).

Each step is planned first, with counts; done, it does exactly that; in a drill the plan is recorded and nothing else.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from ringfence.centre.accounts.actions import (
    end_enrolment,
    end_sessions_of,
    may_manage,
    open_sessions,
    renew_browser_device,
    revoke_device_password,
    suspend_account,
)
from ringfence.centre.accounts.models import Computer, Device, User
from ringfence.centre.accounts.queries import actor_of, has_right, has_right_everywhere, people_of
from ringfence.centre.accounts.remote_work import could_be_known
from ringfence.centre.accounts.rights import Right
from ringfence.centre.audit.actions import record
from ringfence.centre.breaches.entries import BreachContained
from ringfence.centre.breaches.errors import Invalid, Refused
from ringfence.centre.breaches.keys import keys_of, rotate_key
from ringfence.centre.breaches.models import Breach
from ringfence.centre.breaches.words import Reach, Step


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a step will do, or has done."""

    step: Step
    reach: Reach
    person: User | None
    """None: not about one person."""
    people: tuple[User, ...]
    sessions: int
    browsers: tuple[Device, ...]
    computers: tuple[Computer, ...]
    """Managed computers that a browser proves itself with no more. Shared ones only where everybody is concerned."""
    handsets: tuple[Device, ...]
    recording_keys: int
    """Keys of recordings that go under the client's new key."""


def plan(
    user: User,
    breach: Breach,
    *,
    step: str,
    reach: str = Reach.PERSON,
    account_id: str = "",
    session_key: str,
    now: datetime,
) -> Plan:
    """What the step would do. The session ``session_key``, in which somebody works on the breach, is spared.

    Raises Invalid, Refused, the Refused of accounts, or VaultError. Call it inside the client's scope.
    """
    _may_contain(user, breach)
    if step not in set(Step):
        raise Invalid("step", "Choose what to do from the list.")
    chosen = Step(step)
    if chosen is Step.KEY:
        return _planned(chosen, Reach.CLIENT, keys=keys_of(breach.client_id))
    if chosen is not Step.SESSIONS:
        reach = Reach.PERSON
    if reach not in set(Reach):
        raise Invalid("reach", "Choose whom to sign out.")
    match Reach(reach):
        case Reach.EVERYBODY:
            if not has_right_everywhere(user, Right.CONTAIN_BREACH):
                raise Refused("You contain breaches of some clients only. Sign out the people of this client.")
            people = tuple(User.objects.filter(is_active=True))
        case Reach.CLIENT:
            people = people_of(breach.client_id, at=now)
        case Reach.PERSON:
            people = tuple(one for one in people_of(breach.client_id, at=now) if one.id.hex == account_id)
            if not people:
                raise Invalid("account", "Choose somebody who works for this client.")
    if chosen is Step.SUSPEND:
        if not has_right(user, Right.MANAGE_USERS):
            raise Refused("Whoever manages people suspends accounts. You can sign this person out.")
        may_manage(people[0], user)
    devices = Device.objects.filter(agent__user__in=people, removed_at__isnull=True).select_related("agent")
    signs_out = chosen in (Step.SESSIONS, Step.SUSPEND)
    computers = could_be_known(now=now)
    if reach != Reach.EVERYBODY:
        computers = computers.filter(user__in=people)
    return _planned(
        chosen,
        Reach(reach),
        people=people,
        sessions=len(open_sessions(people, but=session_key)) if signs_out else 0,
        browsers=tuple(devices.filter(ha1_sealed__isnull=True)) if signs_out else (),
        computers=tuple(computers) if signs_out else (),
        handsets=tuple(devices.filter(ha1_sealed__isnull=False)) if chosen is Step.TELEPHONES else (),
    )


def _planned(
    step: Step,
    reach: Reach,
    *,
    people: tuple[User, ...] = (),
    sessions: int = 0,
    browsers: tuple[Device, ...] = (),
    computers: tuple[Computer, ...] = (),
    handsets: tuple[Device, ...] = (),
    keys: int = 0,
) -> Plan:
    return Plan(
        step=step,
        reach=reach,
        person=people[0] if reach is Reach.PERSON and people else None,
        people=people,
        sessions=sessions,
        browsers=browsers,
        computers=computers,
        handsets=handsets,
        recording_keys=keys,
    )


@transaction.atomic
def contain(
    user: User,
    breach: Breach,
    *,
    step: str,
    reach: str = Reach.PERSON,
    account_id: str = "",
    session_key: str,
    now: datetime,
) -> Plan:
    """The step is done, for a drill only told; returns what was or would have been done. Raises as :func:`plan`.

    A client's new key goes into use by a job, which says in the trail when it began and when the old key ended.
    """
    breach = Breach.objects.select_for_update(of=("self",)).get(pk=breach.pk)
    if breach.closed_at is not None:
        raise Refused("This breach is closed. Open another one to act again.")
    made = plan(user, breach, step=step, reach=reach, account_id=account_id, session_key=session_key, now=now)
    if not breach.drill:
        _do(made, breach, by=user, session_key=session_key)
    entry = BreachContained(
        breach_id=breach.breach_id,
        step=made.step.value,
        reach=made.reach.value,
        user_id=made.person.id.hex if made.person else "",
        outcome="drill" if breach.drill else "done",
        people=len(made.people),
        sessions=made.sessions,
        browser_telephones=len(made.browsers),
        computers=len(made.computers),
        handsets=len(made.handsets),
        recording_keys=made.recording_keys,
    )
    record(entry, actor=actor_of(user), client=breach.client_id, at=now)
    return made


def _do(planned: Plan, breach: Breach, *, by: User, session_key: str) -> None:
    if planned.step is Step.KEY:
        rotate_key.enqueue(breach.client_id)
        return
    if planned.step is Step.SUSPEND:
        suspend_account(user=planned.people[0], reason=f"Data breach {breach.reference}", by=by)
    if planned.step is Step.SESSIONS:
        end_sessions_of(planned.people, but=session_key)
    for device in planned.browsers:
        renew_browser_device(device=device, by=by)
    for computer in planned.computers:
        end_enrolment(computer=computer, by=by)
    for device in planned.handsets:
        revoke_device_password(device=device, by=by)


def _may_contain(user: User, breach: Breach) -> None:
    if not has_right(user, Right.CONTAIN_BREACH, breach.client_id):
        raise Refused("You do not have the right to contain breaches of this client.")
