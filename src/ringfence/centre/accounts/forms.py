"""Forms of allauth that keep a secret between two requests: here it rests sealed meanwhile."""

from typing import Any

from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY

from ringfence.vault.errors import VaultError


class SealedActivateTOTPForm(ActivateTOTPForm):  # type: ignore[misc] # allauth carries no types
    """Sets an authenticator app up; its secret is open in this process's memory only, never in the stored session."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        session, adapter = context.request.session, get_adapter()
        kept = session.pop(SECRET_SESSION_KEY, "")
        try:
            if kept:
                session[SECRET_SESSION_KEY] = adapter.decrypt(kept)
        except (VaultError, ValueError):
            pass  # sealed by nobody or under a key that is gone: a new secret is shown, and the code does not fit
        try:
            super().__init__(*args, **kwargs)
        finally:  # the session is stored after the response, and after a failure too
            if secret := session.pop(SECRET_SESSION_KEY, ""):
                session[SECRET_SESSION_KEY] = adapter.encrypt(secret)
