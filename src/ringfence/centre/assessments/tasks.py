"""The register is looked through each day: review dates pass without anybody opening a page."""

from datetime import timedelta

from django.utils import timezone

from ringfence.centre.assessments.actions import watch
from ringfence.centre.jobs.registry import job


@job(
    name="watch_assessments",
    title="Look for impact assessments whose review is overdue",
    period=timedelta(hours=24),
    deadline=timedelta(minutes=10),
)
def watch_assessments() -> None:
    """An alarm stands for each assessment in force whose review date has passed (R172)."""
    watch(now=timezone.now())
