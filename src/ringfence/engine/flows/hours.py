"""Opening hours by the local wall clock, exact to the second on both sides of a clock change (R16 to R21)."""

from datetime import datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ringfence.control.directory import HoursEntry, OpeningPeriod

_MIDNIGHT_AFTER = "24:00"


def _wall_time(text: str) -> time:
    hour, colon, minute = text.partition(":")
    if not (colon and len(hour) == len(minute) == 2 and (hour + minute).isdigit() and (hour + minute).isascii()):
        raise ValueError("An opening time is written HH:MM, e.g. 08:45.")
    return time(int(hour), int(minute))


def is_open(hours: HoursEntry, at: datetime) -> bool:
    """Open from the first second of ``opens`` to the last before ``closes``; never on a date in ``closed_on``."""
    if hours.always_open:
        return True
    local = at.astimezone(ZoneInfo(hours.time_zone))
    if local.date().isoformat() in hours.closed_on:
        return False
    return any(_covers(period, local) for period in hours.periods)


def _covers(period: OpeningPeriod, local: datetime) -> bool:
    if period.weekday != local.weekday() or local.time() < _wall_time(period.opens):
        return False
    return period.closes == _MIDNIGHT_AFTER or local.time() < _wall_time(period.closes)


def problems(hours: HoursEntry) -> list[str]:
    """What is wrong with these hours, each with its cure; empty when they can be used."""
    found = []
    name = f"Hours {hours.hours_id}"
    try:
        ZoneInfo(hours.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        found.append(f"{name}: the time zone {hours.time_zone!r} is unknown. Write one such as Europe/London.")
    for number, period in enumerate(hours.periods, start=1):
        if not 0 <= period.weekday <= 6:
            found.append(f"{name}, period {number}: weekday {period.weekday} does not exist. Use 0 (Monday) to 6.")
        try:
            opens = _wall_time(period.opens)
            if period.closes != _MIDNIGHT_AFTER and _wall_time(period.closes) <= opens:
                found.append(f"{name}, period {number}: it closes before it opens. Split it at midnight.")
        except ValueError:
            found.append(f"{name}, period {number}: times are written HH:MM, from 00:00 to 24:00.")
    return found
