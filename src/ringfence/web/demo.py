"""The demonstration: invented people whom a visitor on this machine may become with one click."""

from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from ringfence.centre.accounts.models import RoleGrant, User
from ringfence.centre.accounts.rights import Role
from ringfence.centre.tenancy import all_clients

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
    """The first invented person who holds ``role`` now."""
    now = timezone.now()
    with all_clients("demonstration people are found by role alone"):
        grant = (
            RoleGrant.objects.filter(role=role.value, starts_at__lte=now, user__is_active=True)
            .exclude(ends_at__lte=now)
            .select_related("user")
            .order_by("user__email")
            .first()
        )
    return grant.user if grant else None


def demo_roles(request: HttpRequest) -> list[DemoRole]:
    """The links of the sign-in page; empty outside the demonstration."""
    if not is_demonstration(request):
        return []
    return [DemoRole(role.value.lower(), str(role.title)) for role in Role if demo_user(role) is not None]
