"""Compares what published notices say with what is in force."""

from datetime import timedelta

from django.utils import timezone

from ringfence.centre.jobs.registry import job
from ringfence.centre.notices.actions import watch


@job(
    name="check_notices",
    title="Check that published privacy notices say how long recordings are kept and what for",
    period=timedelta(minutes=5),
    deadline=timedelta(minutes=2),
)
def check_notices() -> None:
    """An alarm is open for each client whose public notice has become wrong."""
    watch(now=timezone.now())
