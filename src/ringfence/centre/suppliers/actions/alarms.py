"""Alarms of the register: while a certificate ends, an assessment waits for review, or data is where it may not be."""

from datetime import date, datetime

from django.db import transaction
from django.utils import timezone

from ringfence.centre.jobs.actions import clear_alarms, raise_alarm
from ringfence.centre.jobs.queries import open_alarms
from ringfence.centre.suppliers.queries import Fault, Whereabouts, suppliers_now, where_data_is

CERTIFICATE_ALARM = "supplier_certificate"
REGION_ALARM = "region_not_assessed"
REVIEW_ALARM = "transfer_review"


def refresh_alarms(*, now: datetime) -> None:
    """Alarms whose cause was mended end; what should be alarmed is left to the daily look."""
    today = timezone.localdate(now)
    standing = {
        CERTIFICATE_ALARM: _certificates_due(today).keys(),
        REGION_ALARM: _regions_refused(today).keys(),
        REVIEW_ALARM: _reviews_due(today).keys(),
    }
    for alarm in open_alarms(None):
        if alarm.code in standing and alarm.subject not in standing[alarm.code]:
            clear_alarms(alarm.code, at=now, subject=alarm.subject)


@transaction.atomic
def watch(*, now: datetime) -> int:
    """One alarm stands for each supplier whose certificate ends soon or has ended, for each whose transfer assessment
    is to be reviewed soon or was not, and for each setting and supplier with data where it may not be; those that were
    mended end. How many stand."""
    today = timezone.localdate(now)
    due, reviews, refused = _certificates_due(today), _reviews_due(today), _regions_refused(today)
    for code, days in due.items():
        raise_alarm(CERTIFICATE_ALARM, f"days={days}", at=now, subject=code)
    for code, days in reviews.items():
        raise_alarm(REVIEW_ALARM, f"days={days}", at=now, subject=code)
    for subject, regions in refused.items():
        raise_alarm(REGION_ALARM, f"region={regions}", at=now, subject=subject)
    refresh_alarms(now=now)
    return len(due) + len(reviews) + len(refused)


def _certificates_due(today: date) -> dict[str, int]:
    """Supplier to the days that its first certificate to end is still valid."""
    return _least_days(today, Fault.EXPIRED, Fault.EXPIRING)


def _reviews_due(today: date) -> dict[str, int]:
    """Supplier to the days until its first assessment that counts is to be reviewed."""
    return _least_days(today, Fault.REVIEW_DUE, Fault.REVIEW_SOON)


def _least_days(today: date, *faults: Fault) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in suppliers_now(today=today):
        days = [problem.days for problem in one.problems if problem.fault in faults]
        if days:
            found[one.supplier.code] = min(days)
    return found


def _regions_refused(today: date) -> dict[str, str]:
    """Setting or supplier to the regions in which data may not be."""
    found = {
        one.supplier.code: ", ".join(problem.about for problem in one.problems if problem.fault is Fault.REGION)
        for one in suppliers_now(today=today)
    }
    lines = where_data_is(today=today)
    found |= {line.place.setting: ", ".join(line.regions) for line in lines if line.known is Whereabouts.REFUSED}
    return {subject: regions for subject, regions in found.items() if regions}
