"""The closed list of reasons for which personal data of a call may be looked at (R80)."""

from django.db import models
from django.utils.translation import gettext_lazy as _

MAX_CASE = 64


class Purpose(models.TextChoices):
    """Nobody hears a recording or sees a full number for any other reason.

    A new member is off for every client until an approved assessment names it (R81): see ``stating``.
    """

    QUALITY = "quality", _("Quality assessment")
    SATISFACTION = "satisfaction", _("Customer satisfaction survey")
    COMPLAINT = "complaint", _("Complaint")
    ALLEGATION = "allegation", _("Allegation")
    CLARIFICATION = "clarification", _("Client clarification")
    DATA_PROTECTION = "data_protection", _("Data protection (GDPR)")


NEEDS_CASE = frozenset({Purpose.COMPLAINT, Purpose.ALLEGATION, Purpose.CLARIFICATION, Purpose.DATA_PROTECTION})
"""Purposes that must name the case they serve."""
