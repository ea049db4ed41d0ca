"""The second factor is compulsory for everybody, except in the demo."""

from collections.abc import Callable

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

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
