"""The append-only chain of audit entries. Rows are written by ``actions.record`` only; the database refuses changes."""

from typing import ClassVar

from django.db import models
from typing_extensions import override

from ringfence.centre.tenancy.scope import current_scope


class AuditEntryManager(models.Manager["AuditEntry"]):
    """Inside the scope of named clients only their entries exist; entries of no client need all_clients."""

    @override
    def get_queryset(self) -> models.QuerySet["AuditEntry"]:
        active = current_scope()
        rows = super().get_queryset()
        return rows if active.everything else rows.filter(client_code__in=active.codes)


class AuditEntry(models.Model):
    """One thing that happened. It outlives its actor, its client and its subject, so it points at none of them."""

    number = models.PositiveBigIntegerField(primary_key=True)
    """Consecutive from 1."""
    at = models.DateTimeField()
    code = models.CharField(max_length=60)
    actor_id = models.CharField(max_length=32, blank=True)
    """The user's id, or empty when the installation itself acted."""
    actor_role = models.CharField(max_length=80)
    """The actor's roles in words at that moment."""
    client_code = models.CharField(max_length=16, blank=True)
    """Empty for what concerns no single client."""
    fields = models.TextField()
    """Canonical JSON of the entry's declared fields, exactly as hashed."""
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    objects = AuditEntryManager()

    class Meta:
        base_manager_name = "objects"
        ordering = ["-number"]
        indexes = [
            models.Index(fields=["client_code", "at", "number"], name="audit_client_at"),
            models.Index(fields=["client_code", "code", "at", "number"], name="audit_client_code_at"),
            models.Index(fields=["actor_id", "at", "number"], name="audit_actor_at"),
            models.Index(fields=["code", "at", "number"], name="audit_code_at"),
            models.Index(fields=["at", "number"], name="audit_at"),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.number} {self.code}"


class AuditHead(models.Model):
    """The end of the chain: locked while an entry is appended, and the proof that the last entries still stand."""

    ROW: ClassVar[int] = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    number = models.PositiveBigIntegerField(default=0)
    hash = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [models.CheckConstraint(name="audit_head_is_one_row", condition=models.Q(id=1))]

    @override
    def __str__(self) -> str:
        return str(self.number)


class AuditCheckpoint(models.Model):
    """A signed statement of where the chain stood; the database refuses changes, as for entries."""

    sequence = models.PositiveBigIntegerField(primary_key=True)
    """Consecutive from 1."""
    entry = models.PositiveBigIntegerField()
    """Number of the last entry it vouches for."""
    hash = models.CharField(max_length=64)
    """Of that entry."""
    at = models.DateTimeField()
    line = models.TextField()
    """The signed line, byte for byte as it is written elsewhere: docs/reference/audit-format.md."""

    class Meta:
        ordering = ["sequence"]

    @override
    def __str__(self) -> str:
        return f"{self.sequence} at entry {self.entry}"


class CheckpointCopy(models.Model):
    """A checkpoint stands in one of the second places."""

    checkpoint = models.ForeignKey(AuditCheckpoint, on_delete=models.PROTECT, related_name="copies")
    place = models.CharField(max_length=40)
    written_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["checkpoint", "place"], name="checkpoint_copy_once")]

    @override
    def __str__(self) -> str:
        return f"{self.checkpoint_id} in {self.place}"
