"""The signed-in person as the pages see them: rights, and the clients for which each right counts."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from django.http import HttpRequest
from django.utils import timezone

from ringfence.centre.accounts.models import Agent, RoleGrant, User
from ringfence.centre.accounts.queries import agent_of, grants_at
from ringfence.centre.accounts.rights import Right, Role
from ringfence.centre.tenancy import all_clients, scope
from ringfence.kit.ids import AgentId


@dataclass(frozen=True, kw_only=True)
class Person:
    """Read once per request."""

    user: User
    roles: tuple[str, ...]
    """Titles."""
    rights: Mapping[Right, frozenset[str] | None] = field(default_factory=dict)
    """Client codes for which each right counts; None: every client."""
    agent: Agent | None = None
    """The side of the person that takes calls."""
    support_until: datetime | None = None
    """When the support session ends that the person is in."""

    @property
    def agent_id(self) -> AgentId | None:
        return AgentId(self.agent.agent_id) if self.agent else None

    def may(self, right: Right) -> bool:
        """True when the right counts for at least one client, or concerns none."""
        return right in self.rights

    def reach(self, *rights: Right) -> frozenset[str] | None:
        """Codes of the clients for which one of ``rights`` counts; with none named, any right. None: every client."""
        held = [self.rights[right] for right in rights or self.rights if right in self.rights]
        if any(codes is None for codes in held):
            return None
        return frozenset(code for codes in held if codes for code in codes)

    @contextmanager
    def scope(self, *rights: Right) -> Iterator[None]:
        """The rows of the clients within ``reach``."""
        codes = self.reach(*rights)
        if codes is None:
            with all_clients("the person's role covers every client"):
                yield
        else:
            with scope(*sorted(codes)):
                yield


def person_of(request: HttpRequest) -> Person:
    """The person behind a signed-in request."""
    person: Person | None = getattr(request, "person", None)
    if person is None:
        person = read_person(cast("User", request.user))
        request.person = person  # type: ignore[attr-defined] # declared by PersonRequest
    return person


def read_person(user: User) -> Person:
    """What ``user`` may do at this moment."""
    rights: dict[Right, frozenset[str] | None] = {}
    roles: list[Role] = []
    support_until = None
    for grant in grants_at(timezone.now()).filter(user=user) if user.is_active else ():
        roles.append(Role(grant.role))
        if grant.kind == RoleGrant.Kind.SUPPORT:
            support_until = grant.ends_at
        codes = None if grant.every_client else frozenset(client.code for client in grant.clients.all())
        for right in grant.rights:
            before = rights.get(right, frozenset())
            rights[right] = None if codes is None or before is None else before | codes
    agent = agent_of(user)
    return Person(
        user=user,
        roles=tuple(role.title for role in Role if role in roles),
        rights=rights,
        agent=agent,
        support_until=support_until,
    )
