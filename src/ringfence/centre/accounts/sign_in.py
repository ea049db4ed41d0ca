"""Django's and allauth's sign-in signals become audit entries and limits; sign-in itself is allauth's."""

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest

from ringfence.centre.accounts.entries import SessionsEnded, SignInFailed, UserSignedIn
from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of
from ringfence.centre.audit.actions import SYSTEM, record


def audit_sign_in(*, user: User, **_signal: object) -> None:
    """The sign-in stands in the audit trail, or does not happen."""
    with transaction.atomic():
        record(UserSignedIn(user_id=user.id.hex), actor=actor_of(user))


def limit_sessions(*, user: User, request: HttpRequest | None = None, **_signal: object) -> None:
    """One more browser signs the oldest out when a person has more than the set number (R136)."""
    mine = request.session.session_key if request is not None else None
    others = UserSession.objects.filter(user=user).exclude(session_key=mine).order_by("-created_at", "-pk")
    over = [session.session_key for session in others[settings.RINGFENCE_SESSIONS_PER_PERSON - 1 :]]
    if not over:
        return
    with transaction.atomic():
        ended, _ = Session.objects.filter(session_key__in=over).delete()
        UserSession.objects.filter(session_key__in=over).delete()
        if ended:
            record(SessionsEnded(user_id=user.id.hex, count=ended), actor=actor_of(user))


def audit_wrong_password(*, credentials: dict[str, object], **_signal: object) -> None:
    """A failed try, by the account's id; what was typed is never kept, for it may be a password."""
    email = str(credentials.get("email") or credentials.get("username") or "").strip().lower()
    user = User.objects.filter(email=email).first()
    with transaction.atomic():
        record(SignInFailed(user_id=user.id.hex if user else "", step="password"), actor=SYSTEM)


def audit_wrong_code(*, user: User, **_signal: object) -> None:
    """A wrong code of an authenticator app, a passkey or a recovery code."""
    with transaction.atomic():
        record(SignInFailed(user_id=user.id.hex, step="second factor"), actor=SYSTEM)
