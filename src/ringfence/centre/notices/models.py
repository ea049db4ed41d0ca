"""Versions of the privacy notices."""

from django.db import models
from typing_extensions import override

from ringfence.centre.tenancy.models import TenantModel


class Notice(TenantModel):
    """One version of a client's notice. Once published it never changes: callers heard a message that points at it."""

    version = models.PositiveIntegerField()
    """Consecutive for each client, from 1."""
    text = models.TextField()
    """Paragraphs in the client's own words, before the parts that every notice has."""
    purposes = models.JSONField()
    """Values of ``Purpose`` for which it says that recordings are used, in the order of the list."""
    live_days = models.PositiveSmallIntegerField()
    """Those of the client's retention schedule when it was drafted."""
    back_days = models.PositiveSmallIntegerField()
    contact = models.CharField(max_length=300)
    """How to reach the client's data protection officer: a post, an address, a telephone; never a person's name."""
    drafted_by = models.CharField(max_length=32, blank=True)
    """User id; empty for the operator."""
    drafted_at = models.DateTimeField()
    agreed_by = models.CharField(max_length=32, blank=True)
    agreed_at = models.DateTimeField(null=True, blank=True)
    """When the data protection officer agreed; without it nothing is published."""
    published_by = models.CharField(max_length=32, blank=True)
    published_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        ordering = ["client", "-version"]
        constraints = [
            models.UniqueConstraint(fields=["client", "version"], name="notice_version"),
            models.CheckConstraint(
                name="notice_agreed_before_published",
                condition=models.Q(published_at__isnull=True) | models.Q(agreed_at__isnull=False),
            ),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.client_id} version {self.version}"
