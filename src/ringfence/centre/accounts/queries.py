"""Who may do what, now and at any past moment."""

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone

from ringfence.centre.accounts.errors import Refused
from ringfence.centre.accounts.models import (
    ENOUGH_FOR_THE_NETWORK,
    AccessReview,
    Agent,
    Device,
    Notice,
    RoleDefinition,
    RoleGrant,
    Suspension,
    TeamMember,
    User,
)
from ringfence.centre.accounts.rights import RIGHTS, Right, Role
from ringfence.centre.audit.actions import OPERATOR, Actor
from ringfence.centre.tenancy.queries import client_codes
from ringfence.kit.ids import AgentId, ClientCode

_NAMES = frozenset(right.value for right in Right)
"""Rights of this version; one that an old version had and this one has not opens nothing that could be asked about."""


def grants_at(moment: datetime) -> "QuerySet[RoleGrant]":
    """Grants in force at ``moment``, with their people and clients."""
    return (
        RoleGrant.objects.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=moment), starts_at__lte=moment)
        .filter(approved_at__lte=moment)
        .select_related("user")
        .prefetch_related("clients", "teams")
    )


def _grants_of(user: User | AnonymousUser, at: datetime | None) -> list[RoleGrant]:
    if not isinstance(user, User) or (at is None and not user.is_active):
        return []
    return list(grants_at(at or timezone.now()).filter(user=user))


def _role_rights(at: datetime | None) -> Mapping[Role, frozenset[Right]]:
    """What each role holds now, or held at a past moment under the version that ran then."""
    if at is None:
        return RIGHTS
    found = dict(RIGHTS)
    for row in RoleDefinition.objects.filter(since__lte=at).order_by("since", "id"):
        if row.role in Role.__members__:
            found[Role(row.role)] = frozenset(Right(name) for name in row.rights if name in _NAMES)
    return found


def _rights(grant: RoleGrant, roles: Mapping[Role, frozenset[Right]]) -> frozenset[Right]:
    return grant.rights_from(roles[Role(grant.role)])


def rights_of(user: User | AnonymousUser, *, at: datetime | None = None) -> frozenset[Right]:
    """Everything the person may do for at least one client; ``at`` None means now."""
    roles = _role_rights(at)
    return frozenset(right for grant in _grants_of(user, at) for right in _rights(grant, roles))


def roles_of(user: User | AnonymousUser, *, at: datetime | None = None) -> tuple[Role, ...]:
    """The roles held, in the order of the list of roles."""
    held = {Role(grant.role) for grant in _grants_of(user, at)}
    return tuple(role for role in Role if role in held)


def clients_of(user: User | AnonymousUser, right: Right | str, *, at: datetime | None = None) -> frozenset[ClientCode]:
    """Clients for which the person has ``right``. Raises ValueError on an unknown right."""
    wanted, roles = Right(right), _role_rights(at)
    found: set[ClientCode] = set()
    for grant in _grants_of(user, at):
        if wanted not in _rights(grant, roles):
            continue
        if grant.every_client:
            return client_codes()
        found |= {ClientCode(client.code) for client in grant.clients.all()}
    return frozenset(found)


def has_right(
    user: User | AnonymousUser, right: Right | str, client: str | None = None, *, at: datetime | None = None
) -> bool:
    """True when the person has ``right``: for ``client``, or for any when None. Raises ValueError on an unknown one."""
    wanted, roles = Right(right), _role_rights(at)
    return any(
        wanted in _rights(grant, roles) and (client is None or _counts_for(grant, client))
        for grant in _grants_of(user, at)
    )


def has_right_everywhere(user: User | AnonymousUser, right: Right | str) -> bool:
    """True when the person has ``right`` for every client, those still to come included."""
    wanted = Right(right)
    return any(grant.every_client and wanted in grant.rights for grant in _grants_of(user, None))


def agents_within(user: User, right: Right | str, client: str) -> frozenset[AgentId] | None:
    """Whose calls and recordings ``right`` reaches for ``client``: None when a grant without a team brings it."""
    wanted = Right(right)
    teams: set[int] = set()
    for grant in _grants_of(user, None):
        if wanted in grant.rights and _counts_for(grant, client):
            named = {team.pk for team in grant.teams.all()}
            if not named:
                return None
            teams |= named
    members = Agent.objects.filter(user__team_times__team__in=teams, user__team_times__ends_at__isnull=True)
    return frozenset(AgentId(agent_id) for agent_id in members.values_list("agent_id", flat=True))


def within_teams(user: User, right: Right | str) -> Q:
    """Narrows rows with ``client_id`` and ``agent_id`` to the teams that the person's grants name, client by client.

    It narrows nothing where a grant without a team brings the right. The client scope is somebody else's work.
    """
    wanted = Right(right)
    grants = [grant for grant in _grants_of(user, None) if wanted in grant.rights]
    if not any(grant.teams.all() for grant in grants):
        return Q()
    found = Q(pk__in=[])
    for grant in grants:
        rows = Q() if grant.every_client else Q(client_id__in=[client.code for client in grant.clients.all()])
        teams = [team.pk for team in grant.teams.all()]
        if teams:
            members = TeamMember.objects.filter(team__in=teams, ends_at__isnull=True).values("user")
            agents = Agent.objects.filter(user__in=members).values_list("agent_id", flat=True)
            rows &= Q(agent_id__in=list(agents))
        elif grant.every_client:
            return Q()
        found |= rows
    return found


def _counts_for(grant: RoleGrant, client: str) -> bool:
    return grant.every_client or any(one.code == client for one in grant.clients.all())


@dataclass(frozen=True)
class Could:
    """Somebody who could do something at a moment, and the grants that let them."""

    user: User
    grants: tuple[RoleGrant, ...]


def who_could_and_why(
    right: Right | str, *, at: datetime, client: str | None = None, agent: Agent | None = None
) -> tuple[Could, ...]:
    """Everybody who could use ``right`` at that moment: for ``client``, on calls of ``agent`` when one is named (R74).

    Suspended people could not sign in, so they are not among them.
    """
    wanted, roles = Right(right), _role_rights(at)
    away = set(
        Suspension.objects.filter(Q(ended_at__isnull=True) | Q(ended_at__gt=at), began_at__lte=at).values_list(
            "user_id", flat=True
        )
    )
    team = None
    if agent is not None:
        member = TeamMember.objects.filter(
            Q(ends_at__isnull=True) | Q(ends_at__gt=at), user=agent.user, starts_at__lte=at
        )
        team = member.values_list("team_id", flat=True).first()
    found: dict[uuid.UUID, list[RoleGrant]] = {}
    for grant in grants_at(at):
        if grant.user_id in away or wanted not in _rights(grant, roles):
            continue
        if client is not None and not _counts_for(grant, client):
            continue
        named = {one.pk for one in grant.teams.all()}
        if agent is not None and named and team not in named:
            continue
        found.setdefault(grant.user_id, []).append(grant)
    people = [Could(grants[0].user, tuple(grants)) for grants in found.values()]
    return tuple(sorted(people, key=lambda one: (one.user.display_name, one.user.email)))


def who_could(right: Right | str, *, at: datetime, client: str | None = None) -> tuple[User, ...]:
    """Everybody who had ``right`` at that moment."""
    return tuple(one.user for one in who_could_and_why(right, at=at, client=client))


def people_of(client: str, *, at: datetime) -> tuple[User, ...]:
    """Active people with a role in force for ``client``, whatever it lets them do."""
    return _with_roles((grant for grant in grants_at(at) if grant.user.is_active), client)


def people_ever_of(client: str) -> tuple[User, ...]:
    """Everybody who ever had a role for ``client``, those who left or are suspended included."""
    grants = RoleGrant.objects.filter(approved_at__isnull=False).select_related("user").prefetch_related("clients")
    return _with_roles(grants, client)


def _with_roles(grants: Iterable[RoleGrant], client: str) -> tuple[User, ...]:
    found = {grant.user.pk: grant.user for grant in grants if _counts_for(grant, client)}
    return tuple(sorted(found.values(), key=lambda user: (user.display_name, user.email)))


def overseers(clients: Collection[str] | None, *, at: datetime) -> tuple[User, ...]:
    """Active people who oversee access to one of ``clients``; None: to any."""
    found: dict[uuid.UUID, User] = {}
    for one in who_could_and_why(Right.OVERSEE_ACCESS, at=at):
        if one.user.is_active and (
            clients is None or any(_counts_for(grant, code) for grant in one.grants for code in clients)
        ):
            found[one.user.pk] = one.user
    return tuple(found.values())


def unseen_clients(clients: Iterable[str], *, at: datetime) -> tuple[str, ...]:
    """Those of ``clients`` whose access nobody oversees."""
    return tuple(code for code in clients if not overseers([code], at=at))


def dormant_users(*, now: datetime, after: timedelta) -> tuple[User, ...]:
    """Open accounts that nobody has used for ``after``, counted from the last sign-in, invitation or resumption."""
    before = now - after
    unused = User.objects.filter(Q(last_login__isnull=True) | Q(last_login__lt=before), is_active=True)
    unused = unused.filter(invited_at__lt=before).exclude(suspensions__ended_at__gte=before)
    return tuple(unused.distinct())


def review_overdue(*, now: datetime) -> bool:
    """True when no access review was signed within the set time, and the centre is older than that."""
    since = now - timedelta(days=settings.RINGFENCE_REVIEW_DAYS)
    if AccessReview.objects.filter(signed_at__gte=since).exists():
        return False
    return RoleGrant.objects.filter(starts_at__lt=since).exists()


def unread_notices(user: User) -> "QuerySet[Notice]":
    """What the person has not yet read, newest first."""
    return Notice.objects.filter(user=user, read_at__isnull=True).select_related("grant__user")


def support_session_of(user: User, *, now: datetime) -> RoleGrant | None:
    """The support session that the person is in."""
    return grants_at(now).filter(user=user, kind=RoleGrant.Kind.SUPPORT).first()


def actor_of(user: User | None) -> Actor:
    """How the audit trail names this person; None is the operator at the command line."""
    if user is None:
        return OPERATOR
    return Actor(user.id.hex, ", ".join(role.title for role in roles_of(user)) or "No role")


def agent_of(user: User | AnonymousUser) -> Agent | None:
    """The agent behind the person, if they take calls."""
    return Agent.objects.filter(user=user).first() if isinstance(user, User) else None


def agent_names(agent_ids: Iterable[str]) -> dict[AgentId, str]:
    """Display names by agent id; the engine knows ids only (R134)."""
    rows = Agent.objects.filter(agent_id__in=set(agent_ids)).values_list("agent_id", "user__display_name")
    return {AgentId(agent_id): name for agent_id, name in rows}


def user_names(user_ids: Iterable[str]) -> dict[str, str]:
    """Display names by the user ids that audit entries carry."""
    known: dict[uuid.UUID, str] = {}
    for text in set(user_ids):
        try:
            known[uuid.UUID(text)] = text
        except ValueError:
            continue
    return {known[user.id]: user.display_name for user in User.objects.filter(id__in=known)}


def browser_device_of(agent: Agent) -> Device | None:
    """The agent's browser telephone; it signs in with short-lived tokens (control.tokens)."""
    return agent.devices.filter(ha1_sealed__isnull=True, removed_at__isnull=True).first()


def handsets_below_minimum() -> "QuerySet[Device]":
    """Handsets in use without 802.1X, or whose method nobody has recorded (R130)."""
    used = Device.objects.filter(removed_at__isnull=True, ha1_sealed__isnull=False)
    return used.exclude(network_access__in=ENOUGH_FOR_THE_NETWORK).order_by("device_id")


def agents_with_devices() -> "QuerySet[Agent]":
    """Agents whose accounts are open, each with the telephones that are not removed."""
    live = Device.objects.filter(removed_at__isnull=True)
    return Agent.objects.filter(user__is_active=True).select_related("user").prefetch_related(Prefetch("devices", live))


@dataclass(frozen=True)
class DemoUser:
    """Somebody to sign in as in the demo."""

    role: Role
    user: User


def demo_signin_users() -> tuple[DemoUser, ...]:
    """One person per role, for the demo's sign-in links. Raises Refused outside the demo."""
    if not settings.RINGFENCE_DEMO:
        raise Refused("Sign-in links exist in the demo only.")
    found: dict[Role, User] = {}
    on_handsets = set(
        Device.objects.filter(ha1_sealed__isnull=False, removed_at__isnull=True).values_list(
            "agent__user_id", flat=True
        )
    )
    for grant in grants_at(timezone.now()).filter(user__is_active=True).order_by("id"):
        if grant.user_id not in on_handsets:  # those are answered by simulated people
            found.setdefault(Role(grant.role), grant.user)
    return tuple(DemoUser(role, found[role]) for role in Role if role in found)
