"""Home and the account page."""

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from ringfence.centre.accounts.models import Notice
from ringfence.centre.accounts.queries import unread_notices
from ringfence.centre.assessments.access import READERS
from ringfence.centre.assessments.queries import without_any
from ringfence.centre.breaches.access import ANY_OF_THEM
from ringfence.centre.breaches.queries import open_clocks
from ringfence.web.access import PersonRequest, signed_in
from ringfence.web.account.session_limits import left
from ringfence.web.breaches.shared import clock_line
from ringfence.web.menu import places
from ringfence.web.names import client_choices

NOTICES = 20
ABOUT = {
    Notice.Code.BREACH: "breach",
    Notice.Code.DRILL: "breach",
    Notice.Code.DISCLOSURE: "disclosure",
    Notice.Code.OVERRIDDEN: "disclosure",
    Notice.Code.AGAINST_ADVICE: "assessment",
}
"""The route to what a notice is about, for those that name a subject."""


@signed_in
@require_safe
def home(request: PersonRequest) -> HttpResponse:
    """What this person may do here, and the clocks that run for them."""
    person, now = request.person, timezone.now()
    clocks = open_clocks(person.user) if any(person.may(right) for right in ANY_OF_THEM) else ()
    cards = [{"url": reverse(p.name), "label": p.label, "purpose": p.purpose} for p in places(request.person)]
    context = {
        "all_off": _all_off(request),
        "cards": cards,
        "clocks": [clock_line(breach, now) for breach in clocks],
        "demo": settings.RINGFENCE_DEMO,
        "notices": [
            {"notice": notice, "url": _subject_url(notice)} for notice in unread_notices(request.person.user)[:NOTICES]
        ],
    }
    return render(request, "home/home.html", context)


def _subject_url(notice: Notice) -> str:
    """The page of what the notice is about; empty when it has none."""
    if notice.grant_id is not None:
        return reverse("end_grant", args=[notice.grant_id])
    return reverse(ABOUT[Notice.Code(notice.code)], args=[notice.subject]) if notice.subject else ""


def _all_off(request: PersonRequest) -> str:
    """Names of the clients without any purpose, for those who can change that and those who wait for it."""
    names = (
        dict(client_choices(request.person, *READERS)) if any(request.person.may(right) for right in READERS) else {}
    )
    return ", ".join(names[code] for code in without_any(names, at=timezone.now()))


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
