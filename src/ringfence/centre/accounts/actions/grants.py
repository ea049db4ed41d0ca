"""Giving, approving and ending roles (R66 to R72). Nothing here ever deletes a grant: the past must stay tellable."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from ringfence.centre.accounts import entries
from ringfence.centre.accounts.actions.writing import id_of, one_at_a_time, one_change_of, single, why
from ringfence.centre.accounts.errors import Invalid, Refused
from ringfence.centre.accounts.models import RoleGrant, Team, User
from ringfence.centre.accounts.queries import actor_of, clients_of, grants_at, has_right_everywhere
from ringfence.centre.accounts.rights import APART, TEAM_RIGHTS, TWO_PEOPLE, Right, Role
from ringfence.centre.accounts.signals import access_changed
from ringfence.centre.audit.actions import record
from ringfence.centre.tenancy.actions import bump_directory
from ringfence.centre.tenancy.models import Client, DirectoryRevision
from ringfence.centre.tenancy.queries import client_codes


@transaction.atomic
def grant_role(
    *,
    user: User,
    role: Role | str,
    clients: Collection[str] | None,
    reason: str,
    by: User | None,
    teams: Collection[Team] = (),
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> RoleGrant:
    """The role for the named clients, or for every client when None. Raises Refused or Invalid.

    A role with playback or with rights over rights waits for a second person, unless the operator of the machine
    gives it (R72). With ``teams`` it brings only what can be kept to those teams.
    """
    role = role_named(role)
    now = timezone.now()
    wanted = clients_named(clients)
    reason = why(reason)
    if ends_at is not None and ends_at <= max(now, starts_at or now):
        raise Invalid("The role would end before it begins. Choose a later end.")
    if user.closed_at is not None:
        raise Refused("This account is closed. Invite the person anew.")
    brings = role.rights & TEAM_RIGHTS if teams else role.rights
    if not brings:
        raise Invalid("This role brings nothing that can be kept to a team. Give it without a team.")
    may_grant(user=user, wanted=wanted, by=by)
    keep_apart(user, role, starts_at=starts_at or now, ends_at=ends_at)
    pending = bool(TWO_PEOPLE & brings) and by is not None
    grant = RoleGrant.objects.create(
        user=user,
        role=role.value,
        every_client=wanted is None,
        starts_at=max(starts_at or now, now),
        ends_at=ends_at,
        given_by=id_of(by),
        reason=reason,
        approved_at=None if pending else now,
    )
    if wanted is not None:
        grant.clients.set(Client.objects.filter(code__in=wanted))
    grant.teams.set(teams)
    entry = entries.RoleGranted(
        grant_id=grant.pk,
        user_id=user.id.hex,
        role=role.value,
        clients=named(wanted),
        reason=grant.reason,
        ends_at=ends_at.isoformat() if ends_at else None,
        pending=pending,
    )
    record(entry, actor=actor_of(by), client=single(wanted))
    announce("granted", wanted)
    return grant


@transaction.atomic
def approve_grant(*, grant: RoleGrant, by: User | None) -> None:
    """The second person's yes. Raises Refused for the giver, for the receiver and for those who may not grant."""
    grant = locked(grant)
    if grant.kind != RoleGrant.Kind.STANDING:
        raise Refused("An urgent role is approved on its own page, by two people.")
    if grant.approved_at is not None:
        raise Refused("This role has been approved already.")
    if not grant.is_pending(timezone.now()):
        raise Refused("This role was declined, or its end has passed. Give it again if it is still needed.")
    if by is not None and grant.given_by == by.id.hex:
        raise Refused("The person who gave the role cannot approve it too. Ask a second person.")
    wanted = codes_of(grant)
    may_grant(user=grant.user, wanted=wanted, by=by)
    keep_apart(grant.user, Role(grant.role), starts_at=grant.starts_at, ends_at=grant.ends_at, but=grant)
    grant.approved_at, grant.approved_by = timezone.now(), id_of(by)
    grant.save(update_fields=["approved_at", "approved_by"])
    entry = entries.RoleApproved(grant_id=grant.pk, user_id=grant.user.id.hex, role=grant.role)
    record(entry, actor=actor_of(by), client=single(wanted))
    announce("approved", wanted)


@transaction.atomic
def revoke_grant(*, grant: RoleGrant, reason: str, by: User | None) -> None:
    """The role ends now. Raises Refused when it already has, or when nobody could grant rights any more."""
    grant = locked(grant)
    now = timezone.now()
    if grant.ends_at is not None and grant.ends_at <= now:
        raise Refused("This role has ended already.")
    if by is None or by.pk != grant.user_id:  # laying down one's own role needs no right
        may_grant(user=grant.user, wanted=codes_of(grant), by=by)
    keep_a_grantor(without=[grant])
    end_grant(grant, reason=why(reason), by=by, at=now)
    bump_directory()


def end_grant(grant: RoleGrant, *, reason: str, by: User | None, at: datetime) -> None:
    """The row, the entry and the signal of an end that somebody has checked."""
    grant.ends_at, grant.revoked_by, grant.end_reason = at, id_of(by), reason
    grant.save(update_fields=["ends_at", "revoked_by", "end_reason"])
    wanted = codes_of(grant)
    entry = entries.RoleRevoked(grant_id=grant.pk, user_id=grant.user.id.hex, role=grant.role, reason=reason)
    record(entry, actor=actor_of(by), client=single(wanted))
    access_changed.send(sender=RoleGrant, what="ended", clients=wanted)


@transaction.atomic
def apply_due_grants(*, now: datetime) -> bool:
    """Roles that began or ended by themselves since the last change reach the engine. True when there were any."""
    since = DirectoryRevision.objects.filter(id=1).values_list("bumped_at", flat=True).first()
    if since is None:
        return False
    began = Q(starts_at__gt=since, starts_at__lte=now)
    ended = Q(ends_at__gt=since, ends_at__lte=now)
    if not RoleGrant.objects.filter(began | ended).exists():
        return False
    bump_directory()
    return True


def role_named(role: Role | str) -> Role:
    """Raises Invalid for a name that is not in the list."""
    try:
        return Role(role)
    except ValueError:
        raise Invalid(f"There is no such role. Choose one of {', '.join(Role)}.") from None


def clients_named(clients: Collection[str] | None) -> list[str] | None:
    """The codes in order, each once. Raises Invalid for none at all and for one that does not exist."""
    wanted = None if clients is None else sorted(set(clients))
    if wanted is not None and (not wanted or set(wanted) - client_codes()):
        raise Invalid("Name at least one client of this centre, or give the role for every client.")
    return wanted


def codes_of(grant: RoleGrant) -> list[str] | None:
    """The clients a grant counts for; None: every client."""
    return None if grant.every_client else sorted(grant.clients.values_list("code", flat=True))


def named(wanted: list[str] | None) -> tuple[str, ...]:
    """Clients as an audit entry tells them."""
    return ("every client",) if wanted is None else tuple(wanted)


def locked(grant: RoleGrant) -> RoleGrant:
    """The row as it is now, kept from others until the transaction ends, so that two decisions cannot both count."""
    return RoleGrant.objects.select_for_update().get(pk=grant.pk)


def announce(what: str, wanted: list[str] | None) -> None:
    """The engine and the pages that are open learn of it."""
    bump_directory()
    access_changed.send(sender=RoleGrant, what=what, clients=wanted)


def may_grant(*, user: User, wanted: list[str] | None, by: User | None, right: Right = Right.GRANT_RIGHTS) -> None:
    """Raises Refused unless ``by`` is somebody else who holds ``right`` for all that is wanted."""
    if by is None:
        return
    if by.pk == user.pk:
        raise Refused("Nobody can change their own rights. Ask somebody else who may grant them.")
    if wanted is None and not has_right_everywhere(by, right):
        raise Refused("To change a role for every client you need the right to grant for every client yourself.")
    if wanted is not None and not set(wanted) <= clients_of(by, right):
        raise Refused("You do not have the right to grant for these clients.")


def keep_apart(
    user: User, role: Role, *, starts_at: datetime, ends_at: datetime | None, but: RoleGrant | None = None
) -> None:
    """Raises Refused when the person holds, or is about to hold, a role that may not meet this one (C29, R76, R82)."""
    one_change_of(user)  # two grants at once must see each other
    others = RoleGrant.objects.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=starts_at), user=user)
    if ends_at is not None:
        others = others.filter(starts_at__lt=ends_at)
    for other in others:
        if but is not None and other.pk == but.pk:
            continue
        if frozenset({role, Role(other.role)}) in APART:
            raise Refused(
                f"One person cannot be {role.title} and {Role(other.role).title} at the same time: "
                "these posts check each other. End the other role first."
            )


def keep_a_grantor(*, without: list[RoleGrant]) -> None:
    """Raises Refused when, without these grants, some client would have nobody for good who may grant rights."""
    one_at_a_time()  # so that two grantors cannot remove each other in the same moment
    gone = {grant.pk for grant in without}
    granting = [role.value for role in Role if Right.GRANT_RIGHTS in role.rights]
    in_force = grants_at(timezone.now()).filter(role__in=granting, user__is_active=True)
    before = [grant for grant in in_force if Right.GRANT_RIGHTS in grant.rights]
    if not any(grant.pk in gone for grant in before):
        return
    left = [grant for grant in before if grant.pk not in gone and grant.ends_at is None]
    if any(grant.every_client for grant in left):
        return
    reached = {client.code for grant in left for client in grant.clients.all()}
    if not client_codes() <= reached or not left:
        raise Refused(
            "This would leave nobody who may grant rights without an end date. Give that role to somebody else first."
        )
