"""Home and the account page."""

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from ringfence.centre.accounts.queries import unread_notices
from ringfence.centre.breaches.access import ANY_OF_THEM
from ringfence.centre.breaches.queries import open_clocks
from ringfence.web.access import PersonRequest, signed_in
from ringfence.web.account.session_limits import left
from ringfence.web.breaches.shared import clock_line
from ringfence.web.menu import places

NOTICES = 20


@signed_in
@require_safe
def home(request: PersonRequest) -> HttpResponse:
    """What this person may do here, and the clocks that run for them."""
    person, now = request.person, timezone.now()
    clocks = open_clocks(person.user) if any(person.may(right) for right in ANY_OF_THEM) else ()
    cards = [{"url": reverse(p.name), "label": p.label, "purpose": p.purpose} for p in places(request.person)]
    context = {
        "cards": cards,
        "clocks": [clock_line(breach, now) for breach in clocks],
        "demo": settings.RINGFENCE_DEMO,
        "notices": unread_notices(request.person.user)[:NOTICES],
    }
    return render(request, "home/home.html", context)


@signed_in
@require_safe
def account(request: PersonRequest) -> HttpResponse:
    """Who this person is here: roles, clients, and how they sign in."""
    person, codes = request.person, request.person.reach()
    context = {"person": person, "roles": person.roles, "every_client": codes is None, "clients": sorted(codes or ())}
    return render(request, "home/account.html", context)


@signed_in
@require_http_methods(["GET", "POST"])
def session(request: PersonRequest) -> HttpResponse:
    """How long this session lasts unless somebody does something; a POST says that somebody did.

    The token lets a form that was open while somebody signed in again be sent all the same.
    """
    return JsonResponse({**left(request), "csrf": get_token(request)})
