"""Who may come in through an identity provider: invited people, by an address within the provider's own domains.

A provider is trusted for its domains and for nothing else: one council's directory can never sign in another's staff.
The second factor of this centre is asked for all the same.
"""

from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount
from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import render
from typing_extensions import override

from ringfence.centre.accounts.entries import SingleSignOnRefused
from ringfence.centre.accounts.models import User
from ringfence.centre.audit.actions import SYSTEM, record

_REASONS = (  # words of python3-saml and PyJWT, the first that fits
    ("expired", "time"),
    ("timing", "time"),
    ("not yet valid", "time"),
    ("signature", "signature"),
    ("signed", "signature"),
    ("audience", "audience"),
    ("issuer", "issuer"),
    ("inresponseto", "not_asked_for"),
    ("recipient", "recipient"),
    ("already used", "replayed"),
)


class InvitedOnlySocialAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc] # allauth carries no types
    """Refuses with a page in plain words, and tells the audit trail why by a closed code."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:  # noqa: ARG002 - allauth's signature
        return False

    @override
    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        app = sociallogin.provider.app
        # What the provider says now; an account that is linked already would name its own address instead.
        emails = {str(address.email).strip().lower() for address in sociallogin.email_addresses}
        if len(emails) != 1:
            raise refused(request, app.provider_id, "domain")
        (email,) = emails
        if email.rpartition("@")[2] not in app.settings["domains"]:
            raise refused(request, app.provider_id, "domain")
        user = User.objects.filter(email=email).first()
        if user is None:
            raise refused(request, app.provider_id, "not_invited")
        if not user.is_active:
            raise refused(request, app.provider_id, "inactive", user)
        if request.user.is_authenticated and request.user.pk != user.pk:
            raise refused(request, app.provider_id, "other_person", user)
        account = sociallogin.account
        linked = SocialAccount.objects.filter(provider=account.provider, uid=account.uid).first()
        if linked is not None and linked.user_id != user.pk:
            raise refused(request, app.provider_id, "other_person", user)

    @override
    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> None:
        said = (
            "inresponseto"
            if "state_id" in (extra_context or {})
            else " ".join(
                str(part)
                for part in (
                    (extra_context or {}).get("saml_last_error_reason"),
                    exception,
                    exception.__cause__ if exception else None,
                )
                if part
            )
        )
        provider_id = provider.app.provider_id if provider.app else provider.id
        raise refused(request, provider_id, reason_code(said) if error != "cancelled" else "cancelled")


def reason_code(said: str) -> str:
    """The closed code of what a library said; its words are neither kept nor shown."""
    low = said.lower()
    return next((code for words, code in _REASONS if words in low), "answer")


def refused(request: HttpRequest, provider: str, code: str, user: User | None = None) -> ImmediateHttpResponse:
    """The refusal to raise: audited, and a page that says what to do."""
    with transaction.atomic():
        entry = SingleSignOnRefused(provider=provider[:32], because=code, user_id=user.id.hex if user else "")
        record(entry, actor=SYSTEM)
    page = render(request, "socialaccount/refused.html", {"because": code}, status=403)
    return ImmediateHttpResponse(page)
