"""Who may do what, now and at any past moment."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db.models import Prefetch, Q, QuerySet
from django.utils import timezone

from ringfence.centre.accounts.errors import Refused
from ringfence.centre.accounts.models import Agent, Device, RoleGrant, User
from ringfence.centre.accounts.rights import Right, Role
from ringfence.centre.audit.actions import OPERATOR, Actor
from ringfence.centre.tenancy.queries import client_codes
from ringfence.kit.ids import AgentId, ClientCode


def grants_at(moment: datetime) -> "QuerySet[RoleGrant]":
    """Grants in force at ``moment``, with their people and clients."""
    return (
        RoleGrant.objects.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=moment), starts_at__lte=moment)
        .filter(approved_at__lte=moment)
        .select_related("user")
        .prefetch_related("clients")
    )


def _grants_of(user: User | AnonymousUser, at: datetime | None) -> list[RoleGrant]:
    if not isinstance(user, User) or (at is None and not user.is_active):
        return []
    return list(grants_at(at or timezone.now()).filter(user=user))


def _clients(grants: Iterable[RoleGrant], right: Right) -> frozenset[ClientCode]:
    found: set[ClientCode] = set()
    for grant in grants:
        if right not in Role(grant.role).rights:
            continue
        if grant.every_client:
            return client_codes()
        found |= {ClientCode(client.code) for client in grant.clients.all()}
    return frozenset(found)


def rights_of(user: User | AnonymousUser, *, at: datetime | None = None) -> frozenset[Right]:
    """Everything the person may do for at least one client; ``at`` None means now."""
    return frozenset(right for grant in _grants_of(user, at) for right in Role(grant.role).rights)


def roles_of(user: User | AnonymousUser, *, at: datetime | None = None) -> tuple[Role, ...]:
    """The roles held, in the order of the list of roles."""
    held = {Role(grant.role) for grant in _grants_of(user, at)}
    return tuple(role for role in Role if role in held)


def clients_of(user: User | AnonymousUser, right: Right | str, *, at: datetime | None = None) -> frozenset[ClientCode]:
    """Clients for which the person has ``right``. Raises ValueError on an unknown right."""
    return _clients(_grants_of(user, at), Right(right))


def has_right(
    user: User | AnonymousUser, right: Right | str, client: str | None = None, *, at: datetime | None = None
) -> bool:
    """True when the person has ``right``: for ``client``, or for any when None. Raises ValueError on an unknown one."""
    wanted = Right(right)
    for grant in _grants_of(user, at):
        if wanted in Role(grant.role).rights and (
            client is None or grant.every_client or any(one.code == client for one in grant.clients.all())
        ):
            return True
    return False


def has_right_everywhere(user: User | AnonymousUser, right: Right | str) -> bool:
    """True when the person has ``right`` for every client, those still to come included."""
    wanted = Right(right)
    return any(grant.every_client and wanted in Role(grant.role).rights for grant in _grants_of(user, None))


def who_could(right: Right | str, *, at: datetime, client: str | None = None) -> tuple[User, ...]:
    """Everybody who had ``right`` at that moment (R74)."""
    wanted = Right(right)
    people: dict[uuid.UUID, User] = {}
    for grant in grants_at(at):
        codes = {one.code for one in grant.clients.all()}
        if wanted in Role(grant.role).rights and (client is None or grant.every_client or client in codes):
            people[grant.user_id] = grant.user
    return tuple(sorted(people.values(), key=lambda person: (person.display_name, person.email)))


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
