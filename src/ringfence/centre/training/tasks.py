"""The gate closes by itself when a grace period ends; a library that nobody looks after raises an alarm."""

from datetime import timedelta

from django.utils import timezone

from ringfence.centre.jobs.actions import clear_alarms, raise_alarm
from ringfence.centre.jobs.registry import job
from ringfence.centre.training.actions import apply_gate
from ringfence.centre.training.queries import review_due


@job(
    name="apply_training_gate",
    title="Stop calls to agents whose training is not signed",
    period=timedelta(minutes=5),
    deadline=timedelta(minutes=5),
)
def apply_training_gate() -> None:
    """Within five minutes of the end of a grace period the agent is offered no further call (R104)."""
    apply_gate(now=timezone.now())


@job(
    name="watch_library_reviews",
    title="Look for documents whose review is due",
    period=timedelta(hours=24),
    deadline=timedelta(minutes=10),
)
def watch_library_reviews() -> None:
    """An alarm stands while a document's review date has passed (R101)."""
    now = timezone.now()
    if count := review_due(timezone.localdate()).count():
        raise_alarm("library_review_due", f"documents={count}", at=now)
    else:
        clear_alarms("library_review_due", at=now)
