"""Alarms count up while open and keep their history."""

from datetime import UTC, datetime, timedelta

import pytest

from ringfence.centre.jobs.actions import clear_alarm, clear_alarms, raise_alarm
from ringfence.centre.jobs.models import Alarm
from ringfence.centre.jobs.queries import open_alarms

AT = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def test_raising_again_counts_up_on_the_open_alarm() -> None:
    assert raise_alarm("trunk_down", "408", at=AT, subject="one")
    assert not raise_alarm("trunk_down", "503", at=AT + timedelta(minutes=1), subject="one")
    assert raise_alarm("trunk_down", "408", at=AT, subject="two")
    alarms = {alarm.subject: alarm for alarm in open_alarms(None)}
    assert (alarms["one"].count, alarms["one"].detail, alarms["two"].count) == (2, "503", 1)
    assert (alarms["one"].first_at, alarms["one"].last_at) == (AT, AT + timedelta(minutes=1))


def test_a_cleared_alarm_stays_in_the_history_and_a_new_raise_opens_another() -> None:
    raise_alarm("trunk_down", at=AT)
    assert clear_alarm(Alarm.objects.get().pk, at=AT)
    assert not clear_alarm(Alarm.objects.get().pk, at=AT)
    assert open_alarms(None) == []
    assert raise_alarm("trunk_down", at=AT)
    assert Alarm.objects.count() == 2


def test_the_system_clears_only_what_it_names() -> None:
    raise_alarm("trunk_down", at=AT, subject="one")
    raise_alarm("trunk_down", at=AT, subject="two")
    assert clear_alarms("trunk_down", at=AT, subject="one") == 1
    assert [alarm.subject for alarm in open_alarms(None)] == ["two"]
