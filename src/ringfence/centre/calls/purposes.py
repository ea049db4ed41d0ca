"""The closed list of reasons for which personal data of a call may be looked at (R80)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from ringfence.centre.calls.errors import PurposeMissing

MAX_CASE = 64


class Purpose(models.TextChoices):
    """Nobody hears a recording or sees a full number for any other reason."""

    QUALITY = "quality", _("Quality assessment")
    SATISFACTION = "satisfaction", _("Customer satisfaction survey")
    COMPLAINT = "complaint", _("Complaint")
    ALLEGATION = "allegation", _("Allegation")
    CLARIFICATION = "clarification", _("Client clarification")
    DATA_PROTECTION = "data_protection", _("Data protection (GDPR)")


NEEDS_CASE = frozenset({Purpose.COMPLAINT, Purpose.ALLEGATION, Purpose.CLARIFICATION, Purpose.DATA_PROTECTION})
"""Purposes that must name the case they serve."""


def stated(purpose: str, case_reference: str) -> tuple[Purpose, str]:
    """The purpose and the tidied case reference. Raises PurposeMissing with the cure."""
    case = " ".join(case_reference.split())
    try:
        chosen = Purpose(purpose)
    except ValueError:
        raise PurposeMissing("Choose a purpose from the list.") from None
    if chosen in NEEDS_CASE and not case:
        raise PurposeMissing("This purpose needs the reference of the case it serves.")
    if len(case) > MAX_CASE:
        raise PurposeMissing(f"Shorten the case reference to {MAX_CASE} characters.")
    return chosen, case
