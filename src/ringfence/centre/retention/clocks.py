"""Calendar arithmetic of the tiers: whole local days, the same clock time, held as UTC instants (C1)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


def days_after(instant: datetime, days: int, zone: ZoneInfo) -> datetime:
    """The UTC instant ``days`` local calendar days after ``instant``, at the same local clock time.

    A clock time that the spring change skips is read with the offset before the change, so it falls an hour later on
    the clock; one that the autumn change repeats is its first occurrence. Neither makes a promise shorter than its
    days less the hour that the clock itself takes.
    """
    wall = instant.astimezone(zone).replace(tzinfo=None) + timedelta(days=days)
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def tier_instants(ended_at: datetime, *, live_days: int, back_days: int, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """First instant outside the live tier, and first instant at which nothing may be left. Day 0 is the call's end."""
    return days_after(ended_at, live_days, zone), days_after(ended_at, live_days + back_days, zone)


def local_midnight_after(instant: datetime, zone: ZoneInfo) -> datetime:
    """The UTC instant at which the local day of ``instant`` is over."""
    day = instant.astimezone(zone).date() + timedelta(days=1)
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
