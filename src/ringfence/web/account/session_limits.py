"""A session that nobody uses ends at its next request, and the sign-in page says why (R136, WCAG 2.2.1).

A person does something when the browser opens a page or sends a form. What scripts fetch by themselves counts never;
they say so instead when somebody is there (``frontend/src/session.ts``). The desk's own looks count while
the exchange has the agent Available, in a call or wrapping up: somebody who listens to a caller touches no key. An
agent who walked away misses the next call and is Not ready from then on, which counts no longer. The payment window's
signs of life count as the desk's: keys pressed in the payment page are another site's, and not seen by ours.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME, logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render, resolve_url
from django.urls import Resolver404, resolve
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.utils.translation import gettext as _

from ringfence.centre.accounts.sessions import (
    SessionEnd,
    SessionTimes,
    end_session,
    note_activity,
    times_of_request,
)
from ringfence.centre.live.access import at_work
from ringfence.web.access import wants_json

DESK = frozenset({"desk_state", "desk_token", "payment_beat"})
"""Routes that the desk and its payment window ask by themselves."""
REPORT = "account_session"
"""The route at which a page's script says that somebody is there."""
NEVER_SHOWN = frozenset({"csrfmiddlewaretoken", "sha256"})


@dataclass(frozen=True)
class Typed:
    """A field of a form that came too late."""

    name: str
    text: str


class SessionLimitsMiddleware:
    """Ends what nobody uses, before any view is reached. ``request.session_times`` are the times of what goes on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated:
            _keep_limits(request, now=timezone.now())
        response = self.get_response(request)
        ended: SessionEnd | None = getattr(request, "session_ended", None)
        name = _cookie()
        if ended is not None and not request.user.is_authenticated:
            response.set_cookie(name, ended, secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax")
        elif name in request.COOKIES and request.user.is_authenticated:
            response.delete_cookie(name, samesite="Lax")
        return response

    def process_view(self, request: HttpRequest, view: object, *_view: object) -> HttpResponse | None:
        return _too_late(request, view) if hasattr(request, "session_ended") else None


def _keep_limits(request: HttpRequest, *, now: datetime) -> None:
    route, times = _route(request), times_of_request(request)
    if times is None:
        logout(request)
        return
    works = route in DESK and at_work(request.user)
    because = times.end(now)
    if (because is SessionEnd.IDLE and not works) or (
        because is SessionEnd.HOURS and not at_work(request.user, in_call=True)
    ):
        end_session(request, because)
        request.session_ended = because  # type: ignore[attr-defined] # read above and by ended_words
        return
    if works or by_hand(request, route):
        times = note_activity(times, at=now)
    request.session_times = times  # type: ignore[attr-defined] # read by the frame and by the session's own route


def _route(request: HttpRequest) -> str | None:
    # Before Django has found the view: an address that leads nowhere is a request of the session like any other.
    try:
        return resolve(request.path_info).url_name
    except Resolver404:
        return None


def by_hand(request: HttpRequest, route: str | None) -> bool:
    """True when a person did this: opened a page, sent a form, or is there by the word of an open page."""
    if route == REPORT:
        return request.method == "POST"
    # Fetch Metadata tells an opened page from a script's request; browsers leave it out on plain HTTP.
    mode = request.headers.get("Sec-Fetch-Mode")
    return mode == "navigate" if mode else "text/html" in request.headers.get("Accept", "")


def _too_late(request: HttpRequest, view: object) -> HttpResponse | None:
    """For a form of ours that a person sent: what they typed, to copy. Else the view refuses as for anybody unknown."""
    permission = getattr(view, "permission", None)
    if request.method != "POST" or permission is None or permission.public or wants_json(request):
        return None
    typed = [
        Typed(name.replace("_", " "), text)
        for name, texts in request.POST.lists()
        for text in texts
        if name not in NEVER_SHOWN and "password" not in name and text.strip()
    ]
    back = _page_before(request)
    context = {
        "words": ended_words(request),
        "typed": typed,
        "sign_in": f"{resolve_url(settings.LOGIN_URL)}?{urlencode({REDIRECT_FIELD_NAME: back})}",
    }
    return render(request, "account/signed_out.html", context, status=403)


def _page_before(request: HttpRequest) -> str:
    """The page that held the form; addresses that only take forms cannot be come back to."""
    referer = request.headers.get("Referer", "")
    parts = urlsplit(referer)
    if not url_has_allowed_host_and_scheme(referer, {request.get_host()}) or not parts.path.startswith("/"):
        return "/"
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def ended_words(request: HttpRequest) -> str:
    """Why this browser was signed out; empty when it was not, or when somebody did it."""
    ended = getattr(request, "session_ended", None) or request.COOKIES.get(_cookie(), "")
    if ended == SessionEnd.IDLE:
        minutes = settings.RINGFENCE_IDLE_MINUTES
        return _("You were signed out because nobody used this browser for %(minutes)d minutes.") % {"minutes": minutes}
    if ended == SessionEnd.HOURS:
        hours = settings.RINGFENCE_SESSION_HOURS
        return _("You were signed out because everybody signs in again after %(hours)d hours.") % {"hours": hours}
    return ""


def left(request: HttpRequest) -> dict[str, object]:
    """What an open page's script needs to warn in time: how long, and what would end then."""
    times: SessionTimes = request.session_times  # type: ignore[attr-defined] # set above
    at, because = times.next_end
    return {
        "left_ms": max(round((at - timezone.now()).total_seconds() * 1000), 0),
        "because": because.value,
        "person": request.user.pk.hex if request.user.is_authenticated else "",
    }


def _cookie() -> str:
    return "__Host-ended" if settings.SESSION_COOKIE_SECURE else "ended"
