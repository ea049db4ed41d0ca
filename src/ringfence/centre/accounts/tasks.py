"""Lets roles that begin or end by themselves take effect on the telephones too."""

from datetime import timedelta

from django.utils import timezone

from ringfence.centre.accounts.actions import apply_due_grants
from ringfence.centre.jobs.registry import job


@job(
    name="apply_due_grants",
    title="Apply roles that begin or end",
    period=timedelta(minutes=1),
    deadline=timedelta(minutes=1),
)
def apply_due_grants_now() -> None:
    """A role that has begun or ended since the last directory is in the next one."""
    apply_due_grants(now=timezone.now())
