"""Forms of allauth that keep a secret open between two requests, or let a password be tried without end; here not."""

from typing import Any

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.account.forms import ChangePasswordForm
from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY
from typing_extensions import override

from ringfence.vault.errors import VaultError


class CountedChangePasswordForm(ChangePasswordForm):  # type: ignore[misc] # allauth carries no types
    """A wrong current password is audited and counts towards the lock, as at the sign-in."""

    @override
    def clean_oldpassword(self) -> str:
        password = str(self.cleaned_data["oldpassword"])
        adapter = get_account_adapter()
        if not adapter.reauthenticate(self.user, password):
            raise adapter.validation_error("enter_current_password")
        return password


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
