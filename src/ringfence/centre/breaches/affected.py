"""The state of a recording as somebody asks who answers for a breach: can it still be heard, and by whom."""

from datetime import datetime

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ringfence.centre.recordings.models import GONE, Recording, RecordingState
from ringfence.centre.recordings.tiers import UNARMED, tier_at


class AffectedState(models.TextChoices):
    LIVE = "live", _("Live")
    BACK = "back", _("Back tier")
    HELD = "held", _("Held for a case")
    DESTROYED = "destroyed", _("Destroyed")
    """Its key is gone or going: a copy of the sealed file opens for nobody without a copy of the key."""
    NONE = "none", _("No audio stored")
    """Being recorded, or failed."""


_STORED = (RecordingState.SPOOLED, RecordingState.LIVE, RecordingState.BACK)


def state_of(recording: Recording, now: datetime) -> AffectedState:
    """By the instants, however late the run that moves rows is."""
    state = tier_at(recording, now)
    if state in GONE:
        return AffectedState.DESTROYED
    if state not in _STORED:
        return AffectedState.NONE
    if recording.held:
        return AffectedState.HELD
    return AffectedState.BACK if state == RecordingState.BACK else AffectedState.LIVE


def states(now: datetime) -> dict[AffectedState, Q]:
    """The same rule for counting in the database; rows carry ``stood``, when the recording stopped or else began."""
    stored, gone = Q(state__in=_STORED), Q(state__in=list(GONE))
    past = Q(back_at__lte=now) | Q(back_at=None, stood__lte=now - UNARMED) | Q(state=RecordingState.BACK)
    return {
        AffectedState.LIVE: stored & Q(held=False) & ~past,
        AffectedState.BACK: stored & Q(held=False) & past,
        AffectedState.HELD: stored & Q(held=True),
        AffectedState.DESTROYED: gone,
        AffectedState.NONE: ~stored & ~gone,
    }
