"""The second factor is compulsory for everybody, except in the demo; who confirms a sign-in comes back to a page."""

from collections.abc import Callable

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.reauthentication import STATE_SESSION_KEY
from allauth.core.exceptions import ReauthenticationRequired
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

REACHABLE_WITHOUT = frozenset(
    {
        "mfa_index",
        "mfa_activate_totp",
        "mfa_add_webauthn",
        "mfa_list_webauthn",
        "mfa_generate_recovery_codes",
        "mfa_view_recovery_codes",
        "account_login",
        "account_logout",
        "account_reauthenticate",
        "account_session",
        "mfa_reauthenticate",
    }
)
"""Pages a person needs in order to set a second factor up, or to leave."""


class SecondFactorMiddleware:
    """Sends a signed-in person who has no second factor to the page where they set one up, from every other page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: object) -> HttpResponse | None:
        if settings.RINGFENCE_DEMO or not request.user.is_authenticated:
            return None
        name = request.resolver_match.url_name if request.resolver_match else None
        if name in REACHABLE_WITHOUT or is_mfa_enabled(request.user):
            return None
        return HttpResponseRedirect(reverse("mfa_index"))


class ConfirmedByPageMiddleware:
    """Sends who must confirm that it is them to do so, then back to the page: what a form held is kept nowhere.

    allauth by itself puts the whole posted form into the session, and sends it again after the confirmation: passwords
    and personal data would rest in the database unsealed, for as long as the session lasts. It stands inside of
    allauth's middleware, so that it is asked first.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if not isinstance(error, ReauthenticationRequired):
            return None
        request.session.pop(STATE_SESSION_KEY, None)
        if request.method not in ("GET", "HEAD"):
            text = _("What you sent was not kept. Confirm that it is you, then send it again.")
            messages.info(request, text)
        methods = get_adapter().get_reauthentication_methods(request.user)
        to = methods[0]["url"] if methods else reverse("account_login")
        return HttpResponseRedirect(f"{to}?{urlencode({REDIRECT_FIELD_NAME: request.get_full_path()})}")
