"""Who may open which page. Every view carries exactly one of the three decorators; a test walks the URLconf.

A view that passes runs inside the scope of the clients for which the person holds the right, so that rows of other
clients do not exist for it (house rules 31 to 33).
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils.translation import gettext as _

from ringfence.centre.accounts.entries import AccessRefused
from ringfence.centre.accounts.queries import actor_of
from ringfence.centre.accounts.rights import Right
from ringfence.centre.audit.actions import record
from ringfence.web.person import Person, person_of

View = Callable[..., Any]


@dataclass(frozen=True)
class Permission:
    """What a view demands; read by the test that walks the URLconf."""

    public: bool = False
    rights: frozenset[Right] = frozenset()
    """One of these is enough; empty: any signed-in person."""


class PersonRequest(HttpRequest):
    """A request whose person is known; what the views of this package are given."""

    person: Person
    csp_nonce: str


def wants_json(request: HttpRequest) -> bool:
    """True for requests of the pages' scripts, which can show a sentence but not a page."""
    return "application/json" in request.headers.get("Accept", "")


def _refusal(request: HttpRequest, permission: Permission) -> HttpResponseBase | None:
    if not request.user.is_authenticated:
        if wants_json(request):
            return JsonResponse({"message": _("You are signed out. Sign in again.")}, status=401)
        return redirect_to_login(request.get_full_path())
    person = person_of(request)
    if permission.rights and not any(person.may(right) for right in permission.rights):
        _audit_refusal(request, person, permission)
        if wants_json(request):
            return JsonResponse({"message": _("You do not have permission to do this.")}, status=403)
        raise PermissionDenied
    return None


def _audit_refusal(request: HttpRequest, person: Person, permission: Permission) -> None:
    """The refusal stands in the trail by the page's name: its address could hold what somebody searched for (R66)."""
    page = request.resolver_match.url_name if request.resolver_match else None
    rights = " or ".join(sorted(right.value for right in permission.rights))
    with transaction.atomic():
        record(AccessRefused(right=rights, page=page or "unnamed"), actor=actor_of(person.user))


def _guarded(view: View, permission: Permission) -> View:
    if inspect.iscoroutinefunction(view):

        @wraps(view)
        async def follow(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            refusal = await sync_to_async(_refusal)(request, permission)
            if refusal is not None:
                return refusal
            answer: HttpResponseBase = await view(request, *args, **kwargs)
            return answer

        guarded: View = follow
    else:

        @wraps(view)
        def open_page(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            refusal = _refusal(request, permission)
            if refusal is not None:
                return refusal
            with person_of(request).scope(*permission.rights):
                answer: HttpResponseBase = view(request, *args, **kwargs)
                return answer

        guarded = open_page
    guarded.permission = permission  # type: ignore[attr-defined] # read by the test that walks the URLconf
    return guarded


def needs(*rights: Right) -> Callable[[View], View]:
    """Only people who hold one of ``rights``, inside the scope of the clients for which they hold it."""
    if not rights:
        raise ValueError("Name at least one right, or use signed_in.")
    return lambda view: _guarded(view, Permission(rights=frozenset(rights)))


def signed_in(view: View) -> View:
    """Anybody with an account, inside the scope of the clients for which they hold any right."""
    return _guarded(view, Permission())


def public(view: View) -> View:
    """Anybody at all; no client's rows exist inside."""

    @wraps(view)
    def open_page(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return view(request, *args, **kwargs)

    open_page.permission = Permission(public=True)  # type: ignore[attr-defined] # read by the same test
    return open_page
