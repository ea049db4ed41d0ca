"""The register of impact assessments. An entry can cover several clients, so no tenant scope guards it; readers see
entries of their clients only. Nothing here is about a caller."""

from django.db import models
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from ringfence.kit.ids import new_id


class Outcome(models.TextChoices):
    """What the data protection officer advises."""

    FOR = "for", _("May be approved")
    AGAINST = "against", _("Must not be approved")


class State(models.TextChoices):
    DRAFT = "draft", _("Draft")
    ADVISED = "advised", _("Advised")
    APPROVED = "approved", _("In force")
    ENDED = "ended", _("Ended")


class Assessment(models.Model):
    """One signed assessment of what purposes mean for the people concerned, and what it switches on (R81).

    Nothing that was drafted is ever changed: another wording is another entry, which replaces this one. Once approved
    the database itself refuses every change but its end (``guard``).
    """

    assessment_id = models.CharField(max_length=32, primary_key=True, default=new_id)
    title = models.CharField(max_length=120)
    reference = models.CharField(max_length=80)
    """Under which the document is known, for instance DPIA-2026-04."""
    kept_at = models.CharField(max_length=300)
    """Where the document is kept."""
    sha256 = models.CharField(max_length=64, blank=True)
    """Of the document, in hex; empty when nobody gave it."""
    owner = models.CharField(max_length=120)
    """The post that looks after it and its review; never a person's name (R172)."""
    clients = models.JSONField()
    """Codes, sorted."""
    purposes = models.JSONField()
    """Values of ``Purpose``, in the order of the list."""
    review_on = models.DateField()
    replaces = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="successors")
    drafted_by = models.CharField(max_length=32)
    """User id, as all of these."""
    drafted_at = models.DateTimeField()
    outcome = models.CharField(max_length=8, choices=Outcome, blank=True)
    advice = models.TextField(blank=True)
    advised_by = models.CharField(max_length=32, blank=True)
    advised_at = models.DateTimeField(null=True, blank=True)
    approved_by = models.CharField(max_length=32, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    """From this instant on it switches purposes on."""
    against_advice = models.CharField(max_length=500, blank=True)
    """Why it was approved without the officer's advice, or against it."""
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=32, blank=True)
    end_reason = models.CharField(max_length=500, blank=True)
    """Empty when it was replaced."""

    class Meta:
        ordering = ["-drafted_at", "assessment_id"]
        constraints = [
            models.CheckConstraint(
                name="assessment_three_people",
                condition=models.Q(approved_by="")
                | ~models.Q(approved_by=models.F("drafted_by")) & ~models.Q(approved_by=models.F("advised_by")),
            ),
            models.CheckConstraint(
                name="assessment_advised_or_reasoned",
                condition=models.Q(approved_at=None) | models.Q(outcome=Outcome.FOR) | ~models.Q(against_advice=""),
            ),
            models.CheckConstraint(
                name="assessment_approved_by_somebody",
                condition=models.Q(approved_at=None, approved_by="")
                | models.Q(approved_at__isnull=False) & ~models.Q(approved_by=""),
            ),
        ]
        indexes = [models.Index(fields=["approved_at"], condition=models.Q(ended_at=None), name="assessment_in_force")]

    @override
    def __str__(self) -> str:
        return self.reference

    @property
    def state(self) -> State:
        if self.ended_at is not None:
            return State.ENDED
        if self.approved_at is not None:
            return State.APPROVED
        return State.ADVISED if self.advised_at is not None else State.DRAFT
