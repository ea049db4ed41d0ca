"""Django's sign-in signals become audit entries and limits; sign-in itself is allauth's."""

from django.db import transaction

from ringfence.centre.accounts.entries import UserSignedIn
from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of
from ringfence.centre.audit.actions import record


def audit_sign_in(*, user: User, **_signal: object) -> None:
    """The sign-in stands in the audit trail, or does not happen."""
    with transaction.atomic():
        record(UserSignedIn(user_id=user.id.hex), actor=actor_of(user))
