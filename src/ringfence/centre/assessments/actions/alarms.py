"""An alarm stands while the review of an assessment in force is overdue; the entry stays in force (R172)."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from ringfence.centre.assessments.queries import overdue
from ringfence.centre.assessments.stating import in_force
from ringfence.centre.jobs.actions import clear_alarms, raise_alarm
from ringfence.centre.jobs.queries import open_alarms

REVIEW_ALARM = "assessment_review_due"


@transaction.atomic
def watch(*, now: datetime) -> int:
    """One alarm stands for each overdue entry, and none for any other; how many stand."""
    today = timezone.localdate(now)
    late = {row.pk: (today - row.review_on).days for row in in_force(now) if overdue(row, today=today)}
    for assessment_id, days in late.items():
        raise_alarm(REVIEW_ALARM, f"days={days}", at=now, subject=assessment_id)
    for alarm in open_alarms(None):
        if alarm.code == REVIEW_ALARM and alarm.subject not in late:
            clear_alarms(REVIEW_ALARM, at=now, subject=alarm.subject)
    return len(late)
