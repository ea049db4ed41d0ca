"""Sign-in rules that differ from allauth's defaults."""

import base64
import hashlib
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from typing_extensions import override

from ringfence.centre.accounts.entries import SessionsEnded, SignInLocked
from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of
from ringfence.centre.accounts.sealing import seal, unseal
from ringfence.centre.audit.actions import SYSTEM, record

AUTHENTICATOR_PURPOSE = "authenticator"
SEALED = "sealed:"
"""Begins what the database holds of an authenticator app or of recovery codes."""


class InvitedOnlyAdapter(DefaultAccountAdapter):  # type: ignore[misc] # allauth carries no types
    """Nobody signs up: accounts are made by invitation. A locked account is told to the audit trail, once a lock."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002 - allauth's signature
        return False

    @override
    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError:
            note_lock(str(credentials.get("email") or credentials.get("username") or ""))
            raise


def note_lock(email: str) -> None:
    """An entry for the first refused try of a lock; whoever hammers on does not fill the trail."""
    mark = f"locked:{hashlib.sha256(email.lower().encode()).hexdigest()}"
    if not cache.add(mark, True, timeout=settings.RINGFENCE_LOCK_SECONDS):
        return
    user = User.objects.filter(email=email.strip().lower()).first()
    with transaction.atomic():
        record(SignInLocked(user_id=user.id.hex if user else ""), actor=SYSTEM)


class AuditedSessionsAdapter(DefaultUserSessionsAdapter):  # type: ignore[misc] # allauth carries no types
    """Signing out everywhere else is told to the audit trail."""

    @override
    def end_sessions(self, sessions: list[UserSession]) -> None:
        if not sessions:
            return
        user = sessions[0].user
        with transaction.atomic():
            super().end_sessions(sessions)
            record(SessionsEnded(user_id=user.id.hex, count=len(sessions)), actor=actor_of(user))


class SealedSecretsAdapter(DefaultMFAAdapter):  # type: ignore[misc] # allauth carries no types
    """Secrets of authenticator apps and recovery codes reach the database sealed; a stolen copy signs nobody in."""

    @override
    def encrypt(self, text: str) -> str:
        return SEALED + base64.b64encode(seal(AUTHENTICATOR_PURPOSE, text)).decode("ascii")

    @override
    def decrypt(self, encrypted_text: str) -> str:
        """Raises VaultError for what was not sealed by this installation."""
        return unseal(AUTHENTICATOR_PURPOSE, base64.b64decode(encrypted_text.removeprefix(SEALED)))
