"""Invented people with roles, for tests that need somebody to act."""

from django.conf import settings
from django.utils import timezone

from ringfence.centre.accounts.actions import create_agent, grant_role
from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import demo_signin_users
from ringfence.centre.accounts.rights import Role
from ringfence.centre.tenancy.models import Client
from ringfence.kit.ids import AgentId

COUNCILS = {"BBC": "Barford Borough Council", "ELDC": "East Lindow District Council"}


def create_clients() -> None:
    """Both councils exist."""
    for code, name in COUNCILS.items():
        Client.objects.get_or_create(code=code, defaults={"name": name, "greeting": f"{name}, how can I help?"})


def create_person(name: str, role: Role | None = None, *clients: str) -> User:
    """Somebody with ``role`` for ``clients``, or for every client when none is named."""
    user = User.objects.create(email=f"{name}@barford.example", display_name=name.title(), invited_at=timezone.now())
    if role is not None:
        grant_role(user=user, role=role, clients=clients or None, reason="a test", by=None)
    return user


def agent_id_of(user: User) -> AgentId:
    """The person takes calls from now on."""
    return AgentId(create_agent(user=user, by=None).agent_id)


def person_of_role(role: str) -> User:
    """The invented person of a role in a furnished centre."""
    assert settings.RINGFENCE_DEMO
    return next(found.user for found in demo_signin_users() if found.role == role)
