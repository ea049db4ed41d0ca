"""The demonstration: invented people whom a visitor on this machine may become with one click."""

from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import demo_signin_users
from ringfence.centre.accounts.rights import Role

LOOPBACK = frozenset({"127.0.0.1", "::1"})
PROXY_HEADERS = ("X-Forwarded-For", "Forwarded", "X-Real-IP")


@dataclass(frozen=True)
class DemoRole:
    slug: str
    label: str


def is_demonstration(request: HttpRequest) -> bool:
    """True in the demonstration for a request from this very machine, not one that a proxy passed on."""
    if not settings.RINGFENCE_DEMO:
        return False
    if any(header in request.headers for header in PROXY_HEADERS):
        return False
    return request.META.get("REMOTE_ADDR") in LOOPBACK


def demo_user(role: Role) -> User | None:
    """The invented person of ``role``; None when the sample centre has none."""
    return next((found.user for found in demo_signin_users() if found.role is role), None)


def demo_roles(request: HttpRequest) -> list[DemoRole]:
    """The links of the sign-in page; empty outside the demonstration."""
    if not is_demonstration(request):
        return []
    return [DemoRole(found.role.value.lower(), f"{found.role.title}: {found.user}") for found in demo_signin_users()]
