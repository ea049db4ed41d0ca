"""Tiers end after whole local days at the same clock time, whatever the clocks and the calendar do."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.centre.retention.clocks import days_after, local_midnight_after, tier_instants

LONDON = ZoneInfo("Europe/London")


def local(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=LONDON, fold=fold).astimezone(UTC)


@pytest.mark.parametrize(
    ("ended", "back", "purge"),
    [
        ("2026-05-04T10:30:00", "2026-06-03T10:30:00", "2026-07-03T10:30:00"),
        ("2026-03-10T10:30:00", "2026-04-09T10:30:00", "2026-05-09T10:30:00"),  # over the spring change
        ("2026-10-10T10:30:00", "2026-11-09T10:30:00", "2026-12-09T10:30:00"),  # over the autumn change
        ("2028-01-30T09:00:00", "2028-02-29T09:00:00", "2028-03-30T09:00:00"),  # 29 February
        ("2028-02-29T09:00:00", "2028-03-30T09:00:00", "2028-04-29T09:00:00"),
        ("2027-01-30T09:00:00", "2027-03-01T09:00:00", "2027-03-31T09:00:00"),  # a year without one
        ("2026-12-31T23:59:59.999999", "2027-01-30T23:59:59.999999", "2027-03-01T23:59:59.999999"),
    ],
)
def test_both_tiers_end_at_the_same_clock_time(ended: str, back: str, purge: str) -> None:
    assert tier_instants(local(ended), live_days=30, back_days=30, zone=LONDON) == (local(back), local(purge))


def test_a_change_of_the_clocks_makes_a_tier_an_hour_shorter_or_longer_in_real_time() -> None:
    for month, hours in ((3, -1), (10, 1), (6, 0)):
        ended = local(f"2026-{month:02}-10T10:30:00")
        back, _ = tier_instants(ended, live_days=30, back_days=30, zone=LONDON)
        assert back - ended == timedelta(days=30, hours=hours)


def test_a_clock_time_that_does_not_exist_falls_an_hour_later() -> None:
    # 29 March 2026, 01:30 does not exist in London.
    assert days_after(local("2026-02-27T01:30:00"), 30, LONDON) == local("2026-03-29T02:30:00")


def test_a_clock_time_that_exists_twice_is_its_first_occurrence() -> None:
    # 25 October 2026, 01:30 exists in summer time and again in winter time.
    assert days_after(local("2026-09-25T01:30:00"), 30, LONDON) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_a_call_that_ended_in_the_repeated_hour_counts_from_its_own_clock_time() -> None:
    second = local("2026-10-25T01:30:00", fold=1)
    assert second == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert days_after(second, 30, LONDON) == local("2026-11-24T01:30:00")


@given(
    minutes=st.integers(0, 16 * 366 * 24 * 60),
    live=st.integers(0, 365),
    back=st.integers(0, 365),
    zone=st.sampled_from([LONDON, ZoneInfo("UTC"), ZoneInfo("Europe/Dublin"), ZoneInfo("Pacific/Auckland")]),
)
def test_tiers_are_in_order_on_the_right_local_day_and_never_off_by_more_than_the_clock(
    minutes: int, live: int, back: int, zone: ZoneInfo
) -> None:
    ended = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes, seconds=7)
    back_at, purge_at = tier_instants(ended, live_days=live, back_days=back, zone=zone)
    assert ended - timedelta(hours=1) <= back_at <= purge_at
    for instant, days in ((back_at, live), (purge_at, live + back)):
        assert abs(instant - ended - timedelta(days=days)) <= timedelta(hours=1)
        shown, wall = instant.astimezone(zone), ended.astimezone(zone)
        if shown.time() == wall.time():
            assert shown.date() == wall.date() + timedelta(days=days)


def test_the_local_day_is_over_at_local_midnight() -> None:
    assert local_midnight_after(local("2026-03-28T23:30:00"), LONDON) == local("2026-03-29T00:00:00")
    assert local_midnight_after(local("2026-03-29T00:00:00"), LONDON) == local("2026-03-30T00:00:00")
    assert local_midnight_after(datetime(2026, 7, 1, 23, 30, tzinfo=UTC), LONDON) == local("2026-07-03T00:00:00")
