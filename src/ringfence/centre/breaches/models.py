"""Data breaches, one row for each client concerned: each controller has a clock, a decision and a record of its own."""

from datetime import datetime, timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from ringfence.centre.tenancy.models import TenantModel
from ringfence.kit.ids import new_id

ICO_TIME = timedelta(hours=72)
"""From becoming aware to the notification of the Information Commissioner: UK GDPR Article 33(1)."""
SHORT = timedelta(hours=24)
"""With so little left, an alarm is raised."""


class BreachKind(models.TextChoices):
    STOLEN_SIGN_IN = "stolen_sign_in", _("Stolen sign-in")
    LOST_DEVICE = "lost_device", _("Lost device")
    COPIED_STORAGE = "copied_storage", _("Copied storage")
    COPIED_DATABASE = "copied_database", _("Copied database")
    WRONG_DISCLOSURE = "wrong_disclosure", _("Disclosed to the wrong person")
    SUPPLIER = "supplier", _("Breach at a supplier")
    OTHER = "other", _("Something else")


class Decision(models.TextChoices):
    TOLD = "told", _("The Information Commissioner was told")
    NOT_NEEDED = "not_needed", _("The Information Commissioner need not be told")


class ClockState(models.TextChoices):
    RUNNING = "running", _("Running")
    SHORT = "short", _("Less than 24 hours left")
    PASSED = "passed", _("72 hours have passed")
    STOPPED = "stopped", _("Decided")


class Breach(TenantModel):
    """A breach of one client's data, or a drill of one. Never deleted: the controller must document it (Art. 33(5))."""

    breach_id = models.CharField(max_length=32, primary_key=True, default=new_id)
    incident_id = models.CharField(max_length=32, default=new_id)
    """Shared by the rows of all clients that one report named."""
    number = models.PositiveIntegerField()
    """Consecutive for each client, from 1."""
    drill = models.BooleanField()
    """Nothing is ended, revoked or rotated; what would be is counted."""
    kind = models.CharField(max_length=16, choices=BreachKind)
    summary = models.TextField()
    noticed_at = models.DateTimeField()
    """When somebody became aware; the clock counts from here."""
    since = models.DateTimeField()
    """First instant of the calls concerned."""
    until = models.DateTimeField()
    """First instant after them."""
    account_id = models.CharField(max_length=32, blank=True)
    """User id of the account that was used by somebody else."""
    opened_at = models.DateTimeField()
    opened_by = models.CharField(max_length=32)
    decision = models.CharField(max_length=12, choices=Decision, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=32, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)
    ico_reference = models.CharField(max_length=64, blank=True)
    reason = models.TextField(blank=True)
    """Why nobody need be told, or why the notification was late."""
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.CharField(max_length=32, blank=True)
    effect = models.TextField(blank=True)
    measures = models.TextField(blank=True)
    record = models.TextField(blank=True)
    """Canonical JSON of all of it; exactly these bytes are signed."""
    signature = models.CharField(max_length=128, blank=True)
    """Ed25519, in hex."""
    public_key = models.TextField(blank=True)
    """PEM; the same key signs access reviews and the audit's checkpoints."""

    class Meta(TenantModel.Meta):
        ordering = ["-opened_at", "client"]
        constraints = [
            models.UniqueConstraint(fields=["client", "number"], name="breach_number"),
            models.CheckConstraint(name="breach_period", condition=models.Q(since__lt=models.F("until"))),
            models.CheckConstraint(
                name="breach_decided_before_closed",
                condition=models.Q(closed_at__isnull=True) | models.Q(decided_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["noticed_at"], condition=models.Q(decided_at=None), name="breach_clock_runs"),
        ]

    @override
    def __str__(self) -> str:
        return self.reference

    @property
    def reference(self) -> str:
        """How people name it: ``BBC-3``; also the case that its exports serve."""
        return f"{self.client_id}-{self.number}"

    @property
    def due_at(self) -> datetime:
        """First instant at which a notification is late."""
        return self.noticed_at + ICO_TIME

    def clock(self, now: datetime) -> ClockState:
        """Where the 72 hours stand at ``now``."""
        if self.decided_at is not None:
            return ClockState.STOPPED
        if now >= self.due_at:
            return ClockState.PASSED
        return ClockState.SHORT if self.due_at - now <= SHORT else ClockState.RUNNING
