"""Recordings with their silent spans and storage life, and the grants under which people hear them."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from ringfence.centre.assessments.purposes import Purpose
from ringfence.centre.calls.models import Call
from ringfence.centre.tenancy.models import Client, TenantModel
from ringfence.control.facts import StopReason, SuppressionReason


class RecordingState(models.TextChoices):
    """Storage life (domain C12). The last three are never left for an earlier one."""

    CAPTURING = "capturing", _("Being recorded")
    SPOOLED = "spooled", _("Waiting for the store")
    LIVE = "live", _("Live")
    BACK = "back", _("Back tier")
    FAILED = "failed", _("Failed")
    DESTROYING = "destroying", _("Being deleted")
    """Decided and committed: nobody hears it any more; key and object go next."""
    PURGED = "purged", _("Deleted at its age")
    DELETED = "deleted", _("Deleted early")


GONE = frozenset({RecordingState.DESTROYING, RecordingState.PURGED, RecordingState.DELETED})
"""Only a stub without content is left, or soon will be."""


class Recording(TenantModel):
    """One sealed segment of one call. Without a client (an orphan of lost facts) it exists only under all clients."""

    recording_id = models.CharField(max_length=64, primary_key=True)
    client = models.ForeignKey(  # type: ignore[assignment] # null, unlike the base: see above
        Client, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    call = models.ForeignKey(Call, on_delete=models.PROTECT, related_name="recordings")
    agent_id = models.CharField(max_length=64, blank=True)
    segment = models.PositiveSmallIntegerField(default=1)
    key_id = models.CharField(max_length=64, blank=True)
    wording = models.CharField(max_length=64, blank=True)
    started_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True)
    stop_reason = models.CharField(max_length=24, blank=True, choices=[(item.value, item.value) for item in StopReason])
    duration_ms = models.PositiveIntegerField(null=True)
    size_bytes = models.PositiveBigIntegerField(null=True)
    sha256 = models.CharField(max_length=64, blank=True)
    """Of the sealed bytes."""
    state = models.CharField(max_length=16, choices=RecordingState.choices, default=RecordingState.CAPTURING)
    object_name = models.CharField(max_length=200, blank=True)
    recovered = models.BooleanField(default=False)
    """Completed after the engine had died; at most 2 s are missing at its end."""
    failure = models.CharField(max_length=200, blank=True)
    """Coded cause when it failed."""
    back_at = models.DateTimeField(null=True)
    """First instant outside the live tier; null until its call has ended (R44)."""
    purge_at = models.DateTimeField(null=True)
    """First instant at which nothing of it may be left but a stub (R45)."""
    held = models.BooleanField(default=False)
    """An open hold covers its call: it neither changes tier nor is destroyed (R47)."""
    quarantined_at = models.DateTimeField(null=True)
    """Set: nobody but the duty supervisor hears it (R59)."""
    destroyed_at = models.DateTimeField(null=True)
    """When key, object and everything derived were gone."""

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(fields=["-started_at", "-recording_id"], name="recording_started"),
            models.Index(fields=["client", "-started_at", "-recording_id"], name="recording_client"),
            models.Index(fields=["agent_id", "-started_at"], name="recording_agent"),
            models.Index(fields=["state", "started_at"], name="recording_state"),
            models.Index(fields=["state", "back_at"], name="recording_back"),
            models.Index(fields=["state", "purge_at"], name="recording_purge"),
        ]


class RecordingSpan(TenantModel):
    """A stretch of written silence and why; the list rebuilds the file's silence exactly (R41)."""

    client = models.ForeignKey(  # type: ignore[assignment] # null, unlike the base: see above
        Client, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    recording = models.ForeignKey(Recording, on_delete=models.CASCADE, related_name="spans")
    start_ms = models.PositiveIntegerField()
    end_ms = models.PositiveIntegerField()
    reason = models.CharField(max_length=24, choices=[(item.value, item.value) for item in SuppressionReason])
    actor = models.CharField(max_length=64)
    code = models.CharField(max_length=32, blank=True)
    """Of a mask: its coded reason."""

    class Meta(TenantModel.Meta):
        ordering = ["start_ms", "id"]


class Restoration(TenantModel):
    """A time-boxed way for one person to one recording under one case: of the back tier (R46), or of a disclosure."""

    client = models.ForeignKey(  # type: ignore[assignment] # null, unlike the base: see above
        Client, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    recording = models.ForeignKey(Recording, on_delete=models.CASCADE, related_name="restorations")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    case_reference = models.CharField(max_length=64)
    serves = models.CharField(max_length=32, blank=True)
    """Id of what it belongs to and ends with, of an app above this one; empty: an approved request."""
    opened_at = models.DateTimeField()
    until = models.DateTimeField()

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["recording", "user", "-until"], name="restoration_person")]


class PlayGrant(TenantModel):
    """A stated purpose: for a limited time one person may hear one recording in one signed-in session."""

    grant_id = models.CharField(max_length=32, primary_key=True)
    client = models.ForeignKey(  # type: ignore[assignment] # null, unlike the base: see above
        Client, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    recording = models.ForeignKey(Recording, on_delete=models.PROTECT, related_name="grants")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    session_digest = models.CharField(max_length=64)
    """SHA-256 of the session key, so that the row is no ticket into the session."""
    purpose = models.CharField(max_length=24, choices=Purpose.choices)
    case_reference = models.CharField(max_length=64, blank=True)
    granted_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    first_played_at = models.DateTimeField(null=True)
    last_played_at = models.DateTimeField(null=True)
    openings = models.PositiveIntegerField(default=0)
    """How often audio was fetched under it; a player fetches many ranges of one play."""

    class Meta(TenantModel.Meta):
        indexes = [models.Index(fields=["purpose", "first_played_at"], name="grant_purpose")]
