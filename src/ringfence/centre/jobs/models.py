"""Schedule state, job runs and alarms. They hold ids and codes only, so no tenant scope guards them.

An alarm about one client names it, and only whoever may see that client is shown it.
"""

from django.conf import settings
from django.db import models


class JobSchedule(models.Model):
    """When a periodic job was last put into the queue; one row per declared job."""

    name = models.CharField(max_length=64, primary_key=True)
    enqueued_at = models.DateTimeField()


class JobOutcome(models.TextChoices):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """It will be tried again."""
    GAVE_UP = "gave_up"
    """The limit of tries is reached; an alarm is open."""
    DIED = "died"
    """Its worker died or overran the deadline."""


class JobRun(models.Model):
    """One try of one job, kept for the health page until pruned."""

    name = models.CharField(max_length=64)
    task_id = models.UUIDField()
    attempt = models.PositiveSmallIntegerField()
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    outcome = models.CharField(max_length=16, choices=JobOutcome.choices)
    error = models.CharField(max_length=200, blank=True)
    """Class of the error; its text stays in the log."""

    class Meta:
        indexes = [
            models.Index(fields=["name", "outcome", "-finished_at"], name="jobrun_name_outcome"),
            models.Index(fields=["finished_at"], name="jobrun_finished"),
        ]


class Alarm(models.Model):
    """Something an operator must see; repeated raises count up on the one open row."""

    code = models.CharField(max_length=64)
    subject = models.CharField(max_length=64, blank=True)
    """Id of what it is about, so that two trunks have two alarms."""
    client_code = models.CharField(max_length=16, blank=True)
    """Whose it is; empty: the installation's, shown to everybody who sees alarms."""
    detail = models.CharField(max_length=500, blank=True)
    """A coded cause, never content."""
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    count = models.PositiveIntegerField(default=1)
    cleared_at = models.DateTimeField(null=True)
    cleared_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+")
    """Null: cleared by the system when the cause went away."""

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["code", "subject"], condition=models.Q(cleared_at=None), name="alarm_one_open"
            )
        ]
        indexes = [models.Index(fields=["-last_at"], name="alarm_last")]
