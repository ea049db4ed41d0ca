"""Raising and clearing alarms."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F

from ringfence.centre.jobs.models import Alarm

MAX_DETAIL = 500


def raise_alarm(
    code: str,
    detail: str = "",
    *,
    at: datetime,
    subject: str = "",
    client: str = "",
    count: int = 1,
    first_at: datetime | None = None,
) -> bool:
    """Exactly one alarm is open for ``code`` and ``subject`` afterwards. True when it is a new one.

    ``client``: whose it is; others do not see it. ``count`` raises may be told at once: the first at ``first_at``, the
    last at ``at``.
    """
    values = {"last_at": at, "detail": detail[:MAX_DETAIL], "client_code": client}
    code, subject = code[:64], subject[:64]
    still_open = Alarm.objects.filter(code=code, subject=subject, cleared_at=None)
    if still_open.update(count=F("count") + count, **values):
        return False
    try:
        with transaction.atomic():
            Alarm.objects.create(code=code, subject=subject, first_at=first_at or at, count=count, **values)
    except IntegrityError:
        still_open.update(count=F("count") + count, **values)
        return False
    return True


def clear_alarm(alarm_id: int, *, at: datetime, by_id: object | None = None) -> bool:
    """The alarm is closed and its history kept. False when it was not open."""
    return bool(Alarm.objects.filter(pk=alarm_id, cleared_at=None).update(cleared_at=at, cleared_by_id=by_id))


def clear_alarms(code: str, *, at: datetime, subject: str = "") -> int:
    """Closes what is open for ``code`` and ``subject`` because the cause has gone."""
    return Alarm.objects.filter(code=code, subject=subject, cleared_at=None).update(cleared_at=at)
