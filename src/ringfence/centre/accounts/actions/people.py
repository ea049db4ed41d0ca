"""Accounts of people: joining, moving, leaving, and being away too long."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from allauth.account.app_settings import PASSWORD_RESET_TOKEN_GENERATOR
from allauth.account.models import EmailAddress
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from ringfence.centre.accounts import entries
from ringfence.centre.accounts.actions.computers import revoke_computer
from ringfence.centre.accounts.actions.devices import remove_device
from ringfence.centre.accounts.actions.grants import (
    codes_of,
    end_grant,
    grant_role,
    keep_a_grantor,
    revoke_grant,
)
from ringfence.centre.accounts.actions.notices import tell_overseers
from ringfence.centre.accounts.actions.writing import id_of, one_change_of, why
from ringfence.centre.accounts.errors import Invalid, Refused
from ringfence.centre.accounts.models import Computer, Device, Notice, RoleGrant, Suspension, Team, TeamMember, User
from ringfence.centre.accounts.queries import (
    actor_of,
    clients_of,
    dormant_users,
    grants_at,
    has_right,
    has_right_everywhere,
)
from ringfence.centre.accounts.rights import TWO_PEOPLE, Right
from ringfence.centre.audit.actions import SYSTEM, record
from ringfence.centre.tenancy.actions import bump_directory


@dataclass(frozen=True)
class Invitation:
    """A new person."""

    user: User

    @property
    def path(self) -> str:
        """Of the page on which they choose their password; show it to nobody else."""
        return invitation_path(self.user)


@transaction.atomic
def invite_user(*, email: str, display_name: str, employer: str = "", by: User | None) -> Invitation:
    """An account without a password. The inviter vouches for the address. Raises Invalid."""
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        raise Invalid("The e-mail address is not complete. Write it as name@example.org.") from None
    if not display_name.strip():
        raise Invalid("A person needs a display name.")
    if User.objects.filter(email=email).exists():
        raise Invalid("There is an account with this e-mail address already.")
    user = User(email=email, display_name=display_name.strip(), employer=employer, invited_at=timezone.now())
    user.set_unusable_password()
    user.save()
    EmailAddress.objects.create(user=user, email=email, primary=True, verified=True)
    record(entries.UserInvited(user_id=user.id.hex, employer=employer), actor=actor_of(by))
    return Invitation(user)


def invitation_path(user: User) -> str:
    """A fresh one-time link to choose a password; it dies when used."""
    key = PASSWORD_RESET_TOKEN_GENERATOR().make_token(user)
    return reverse("account_reset_password_from_key", kwargs={"uidb36": user_pk_to_url_str(user), "key": key})


@transaction.atomic
def renew_link(*, user: User, by: User | None) -> str:
    """As :func:`invitation_path`, for somebody invited before; audited. Raises Refused for a closed account."""
    if user.closed_at is not None:
        raise Refused("This account is closed and stays so; no link opens it.")
    record(entries.LinkMade(user_id=user.id.hex), actor=actor_of(by))
    return invitation_path(user)


def may_manage(user: User, by: User | None) -> None:
    """Raises Refused unless ``by`` is somebody else who manages people for every client that ``user`` works for."""
    if by is None:
        return
    if by.pk == user.pk:
        raise Refused("Nobody does this to their own account. Ask somebody else who manages people.")
    for grant in grants_at(timezone.now()).filter(user=user):
        wanted = codes_of(grant)
        if wanted is None and not has_right_everywhere(by, Right.MANAGE_USERS):
            raise Refused("This person works for every client. Ask somebody who manages people for every client.")
        if wanted is not None and not set(wanted) <= clients_of(by, Right.MANAGE_USERS):
            raise Refused("This person works for other clients too. Ask somebody who manages people for them.")
    if not has_right(by, Right.MANAGE_USERS):
        raise Refused("You do not have the right to manage people.")


@transaction.atomic
def close_account(*, user: User, reason: str, by: User | None) -> None:
    """The person is out at once: roles end, sessions, telephones and computers stop, their agent takes no call.

    Raises Refused.
    """
    if user.closed_at is not None:
        raise Refused("This account is closed already.")
    may_manage(user, by)
    reason, now = why(reason), timezone.now()
    open_grants = [
        grant for grant in RoleGrant.objects.filter(user=user) if grant.ends_at is None or grant.ends_at > now
    ]
    keep_a_grantor(without=open_grants)
    one_change_of(user)
    for grant in open_grants:
        end_grant(grant, reason=reason, by=by, at=now)
    Suspension.objects.filter(user=user, ended_at__isnull=True).update(ended_at=now, ended_by=id_of(by))
    TeamMember.objects.filter(user=user, ends_at__isnull=True).update(ends_at=now)
    user.is_active, user.closed_at = False, now
    user.set_unusable_password()  # no link or cookie made before today works again
    user.save(update_fields=["is_active", "closed_at", "password"])
    Authenticator.objects.filter(user=user).delete()
    SocialAccount.objects.filter(user=user).delete()
    end_sessions(user)
    for device in Device.objects.filter(agent__user=user, removed_at__isnull=True):
        remove_device(device=device, by=by)
    for computer in Computer.objects.filter(user=user, revoked_at__isnull=True):
        revoke_computer(computer=computer, by=by)
    record(entries.UserClosed(user_id=user.id.hex, reason=reason), actor=actor_of(by))
    bump_directory()


@transaction.atomic
def rename_user(*, user: User, display_name: str, employer: str, by: User | None) -> bool:
    """Name and employer as given. True when something changed. Raises Invalid."""
    display_name, employer = display_name.strip(), employer.strip()
    if not display_name:
        raise Invalid("A person needs a display name.")
    if (display_name, employer) == (user.display_name, user.employer):
        return False
    may_manage(user, by)
    user.display_name, user.employer = display_name[:120], employer[:16]
    user.save(update_fields=["display_name", "employer"])
    record(entries.UserChanged(user_id=user.id.hex, employer=user.employer), actor=actor_of(by))
    return True


@transaction.atomic
def suspend_account(*, user: User, reason: str, by: User | None) -> Suspension:
    """Nobody signs in to the account until it is resumed; roles stay, and give nothing meanwhile. Raises Refused."""
    if not user.is_active:
        raise Refused("This account is suspended or closed already.")
    may_manage(user, by)
    keep_a_grantor(without=list(RoleGrant.objects.filter(user=user)))
    reason = why(reason)
    suspension = Suspension.objects.create(user=user, began_at=timezone.now(), reason=reason, began_by=id_of(by))
    user.is_active = False
    user.save(update_fields=["is_active"])
    end_sessions(user)
    record(entries.UserSuspended(user_id=user.id.hex, reason=reason), actor=actor_of(by) if by else SYSTEM)
    bump_directory()
    return suspension


@transaction.atomic
def resume_account(*, user: User, reason: str, by: User | None) -> None:
    """The account can be used again. Raises Refused for a closed one, and for one's own."""
    if user.is_active or user.closed_at is not None:
        raise Refused("Only a suspended account can be resumed.")
    may_manage(user, by)
    Suspension.objects.filter(user=user, ended_at__isnull=True).update(ended_at=timezone.now(), ended_by=id_of(by))
    user.is_active = True
    user.save(update_fields=["is_active"])
    record(entries.UserResumed(user_id=user.id.hex, reason=why(reason)), actor=actor_of(by))
    bump_directory()


@transaction.atomic
def suspend_dormant_accounts(*, now: datetime, after: timedelta) -> tuple[User, ...]:
    """Accounts that nobody used for ``after`` are suspended, the last grantor's excepted; overseers are told."""
    done = []
    for user in dormant_users(now=now, after=after):
        try:
            suspend_account(user=user, reason=f"Not used for {after.days} days", by=None)
        except Refused:  # nobody else could grant rights: an open door is worse than an unused account
            continue
        done.append(user)
    if done:
        tell_overseers(Notice.Code.DORMANT, clients=None, at=now)
    return tuple(done)


@transaction.atomic
def reset_second_factor(*, user: User, reason: str, by: User | None) -> None:
    """Passkeys, authenticator, recovery codes and sessions are gone; the next sign-in sets a new second factor up.

    Whoever helps somebody to sign in could sign in as them. So a role that needed two people waits for a second one
    again, unless the operator of the machine helped. Raises Refused.
    """
    may_manage(user, by)
    reason = why(reason)
    Authenticator.objects.filter(user=user).delete()
    end_sessions(user)
    entry = entries.SecondFactorReset(user_id=user.id.hex, reason=reason)
    record(entry, actor=actor_of(by))
    if by is not None:
        _ask_again(user, reason=reason, by=by)


def _ask_again(user: User, *, reason: str, by: User) -> None:
    in_force = grants_at(timezone.now()).filter(user=user, kind=RoleGrant.Kind.STANDING)
    again = [grant for grant in in_force if grant.rights & TWO_PEOPLE]
    keep_a_grantor(without=again)
    for grant in again:
        ends_at, teams = grant.ends_at, list(grant.teams.all())
        revoke_grant(grant=grant, reason=reason, by=by)
        grant_role(
            user=user,
            role=grant.role,
            clients=codes_of(grant),
            teams=teams,
            reason=grant.reason,
            by=by,
            ends_at=ends_at,
        )


@transaction.atomic
def create_team(*, name: str, by: User | None) -> Team:
    """A team without members. Raises Invalid."""
    name = name.strip()
    if not name or Team.objects.filter(name__iexact=name).exists():
        raise Invalid("Give the team a name that no other team has.")
    team = Team.objects.create(name=name[:60])
    record(entries.TeamCreated(team_id=team.pk), actor=actor_of(by))
    return team


@transaction.atomic
def move_to_team(*, user: User, team: Team | None, by: User | None) -> bool:
    """The person is in ``team``, or in none, from now on. True when that is a change. Raises Refused."""
    if team is not None and team.closed_at is not None:
        raise Refused("This team is closed.")
    one_change_of(user)
    now = timezone.now()
    current = TeamMember.objects.filter(user=user, ends_at__isnull=True).first()
    if (current.team_id if current else None) == (team.pk if team else None):
        return False
    may_manage(user, by)
    TeamMember.objects.filter(user=user, ends_at__isnull=True).update(ends_at=now)
    if team is not None:
        TeamMember.objects.create(user=user, team=team, starts_at=now)
    record(entries.TeamChanged(user_id=user.id.hex, team_id=team.pk if team else None), actor=actor_of(by))
    return True


def end_sessions(user: User) -> None:
    """Every browser of the person is signed out."""
    end_sessions_of([user])


def open_sessions(users: Collection[User], *, but: str = "") -> list[str]:
    """Keys of the sessions in which ``users`` are signed in now, without the session ``but``."""
    # The list that people see of their sessions can lack one; what is stored in the sessions themselves cannot.
    wanted = {str(user.pk) for user in users}
    return [
        session.session_key
        for session in Session.objects.filter(expire_date__gt=timezone.now()).exclude(session_key=but).iterator()
        if session.get_decoded().get("_auth_user_id") in wanted
    ]


def end_sessions_of(users: Collection[User], *, but: str = "") -> int:
    """Every browser of all of ``users`` is signed out, except the one with the session ``but``; how many were."""
    keys = open_sessions(users, but=but)
    Session.objects.filter(session_key__in=keys).delete()
    UserSession.objects.filter(user__in=list(users)).exclude(session_key=but).delete()
    return len(keys)
