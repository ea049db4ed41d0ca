"""Opening hours at their boundaries, on a GMT and a BST date (R16 to R21)."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ringfence.control.directory import HoursEntry, OpeningPeriod
from ringfence.engine.flows.hours import is_open, problems

LONDON = ZoneInfo("Europe/London")
GMT_DAY, BST_DAY = "2026-01-14", "2026-07-15"  # both Wednesdays


def week(opens: str, closes: str, *, closed_on: frozenset[str] = frozenset(), always_open: bool = False) -> HoursEntry:
    periods = tuple(OpeningPeriod(weekday=day, opens=opens, closes=closes) for day in range(5))
    return HoursEntry(
        hours_id="h", time_zone="Europe/London", periods=periods, closed_on=closed_on, always_open=always_open
    )


BBC, OTHERS = week("08:45", "17:15"), week("09:00", "17:00")


def local(day: str, clock: str) -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=LONDON).astimezone(UTC)


@pytest.mark.parametrize("day", [GMT_DAY, BST_DAY])
@pytest.mark.parametrize(
    ("hours", "clock", "expected"),
    [
        (BBC, "08:44:59", False),
        (BBC, "08:45:00", True),
        (BBC, "17:14:59", True),
        (BBC, "17:15:00", False),
        (OTHERS, "08:59:59", False),
        (OTHERS, "09:00:00", True),
        (OTHERS, "16:59:59", True),
        (OTHERS, "17:00:00", False),
        (BBC, "08:44:59.999999", False),
        (BBC, "17:14:59.999999", True),
    ],
)
def test_lines_open_and_close_on_the_second(hours: HoursEntry, day: str, clock: str, expected: bool) -> None:
    assert is_open(hours, local(day, clock)) is expected


def test_the_same_utc_instant_is_open_in_summer_and_closed_in_winter() -> None:
    assert not is_open(BBC, datetime(2026, 1, 14, 8, 0, tzinfo=UTC))
    assert is_open(BBC, datetime(2026, 7, 15, 8, 0, tzinfo=UTC))


def test_closures_and_days_off_win_over_the_week() -> None:
    hours = week("09:00", "17:00", closed_on=frozenset({GMT_DAY}))
    assert not is_open(hours, local(GMT_DAY, "12:00:00"))
    assert is_open(hours, local("2026-01-15", "12:00:00"))
    assert not is_open(hours, local("2026-01-17", "12:00:00"))  # a Saturday


def test_a_closure_is_the_local_date_not_the_utc_one() -> None:
    late = HoursEntry(
        hours_id="h",
        time_zone="Europe/London",
        periods=(OpeningPeriod(weekday=3, opens="00:00", closes="24:00"),),
        closed_on=frozenset({"2026-07-15"}),
    )
    assert is_open(late, datetime(2026, 7, 15, 23, 30, tzinfo=UTC))  # 00:30 on the 16th in London


def test_always_open_wins_over_everything() -> None:
    assert is_open(week("09:00", "17:00", closed_on=frozenset({GMT_DAY}), always_open=True), local(GMT_DAY, "03:00:00"))


def test_a_period_may_end_at_midnight() -> None:
    night = week("22:00", "24:00")
    assert is_open(night, local(GMT_DAY, "23:59:59"))
    assert not is_open(night, local("2026-01-15", "00:00:00"))


@pytest.mark.parametrize(
    ("hours", "sentence"),
    [
        (HoursEntry(hours_id="x", time_zone="Europe/Atlantis", periods=()), "time zone"),
        (week("9:00", "17:00"), "HH:MM"),
        (week("17:00", "09:00"), "closes before it opens"),
        (
            HoursEntry(
                hours_id="x", time_zone="UTC", periods=(OpeningPeriod(weekday=7, opens="09:00", closes="10:00"),)
            ),
            "weekday 7",
        ),
    ],
)
def test_unusable_hours_are_named_with_their_cure(hours: HoursEntry, sentence: str) -> None:
    found = problems(hours)
    assert found
    assert sentence in found[0]


def test_usable_hours_have_no_problems() -> None:
    assert problems(BBC) == []
