"""What breaches do by themselves: alarms about the 72 hours, and the new key of a client."""

from datetime import timedelta

from django.utils import timezone

from ringfence.centre.breaches.actions.telling import watch_clocks
from ringfence.centre.jobs.registry import job


@job(
    name="watch_breaches",
    title="Watch the 72 hours of data breaches",
    period=timedelta(minutes=1),
    deadline=timedelta(minutes=2),
)
def watch_breaches() -> None:
    """Nobody finds out too late that a breach waits for a decision (R135)."""
    watch_clocks(now=timezone.now())
