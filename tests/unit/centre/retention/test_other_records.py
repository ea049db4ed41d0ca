"""Records that are no recordings reach their age too; and what recording health says of them all."""

from datetime import timedelta

import pytest
from django.db import DatabaseError
from tests.support.recorded import hear, recorded, row_of
from tests.unit.centre.retention.conftest import ENDED, PURGE

from ringfence.centre.accounts.models import User
from ringfence.centre.calls.models import Call, CallEvent, CallKind
from ringfence.centre.jobs.models import Alarm
from ringfence.centre.live.actions import emit
from ringfence.centre.live.models import OutboxEvent
from ringfence.centre.live.tasks import prune as prune_live
from ringfence.centre.recordings.models import PlayGrant, Recording
from ringfence.centre.retention import others
from ringfence.centre.retention.actions import delete_early
from ringfence.centre.retention.errors import RunFailed
from ringfence.centre.retention.models import Cause, Destruction
from ringfence.centre.retention.queries.health import destruction_log, recording_health
from ringfence.centre.retention.run import run
from ringfence.centre.retention.schedule import Code, rule_of
from ringfence.centre.tenancy import all_clients, scope

DAY = timedelta(days=1)
NOTE = "Caller asked about the green bin round and was told the day."


def test_a_stated_purpose_is_deleted_after_two_years_and_not_a_day_before(tilly: User) -> None:
    hear(tilly, recorded(ended_at=ENDED), now=ENDED)
    limit = ENDED + timedelta(days=730)
    run(now=limit - DAY)
    with all_clients("a test"):
        assert PlayGrant.objects.count() == 1
        assert Call.objects.count() == 1
    run(now=limit + DAY)
    with all_clients("a test"):
        assert not PlayGrant.objects.exists()


def test_the_call_log_goes_with_everything_that_hangs_on_a_call(tilly: User) -> None:
    recorded(1, ended_at=ENDED)
    young = recorded(2, ended_at=ENDED + 700 * DAY)
    delete_early(tilly, "call-1", code="health", note=NOTE, now=ENDED + DAY)
    run(now=ENDED + 731 * DAY)
    with all_clients("a test"):
        assert [call.pk for call in Call.objects.all()] == ["call-2"]
        assert [one.pk for one in Recording.objects.all()] == [young]
        assert not Destruction.objects.filter(call_id="call-1").exists()
        assert set(CallEvent.objects.values_list("call_id", flat=True)) == {"call-2"}
    with scope("BBC"):
        log = destruction_log(["BBC"], since=ENDED.date(), until=(ENDED + 800 * DAY).date())
    assert [(line.code, line.cause, line.count) for line in log] == [
        ("call_log", Cause.AGE, 1),
        ("recordings_back", Cause.EARLY, 1),
    ]


def test_a_call_whose_sound_is_not_destroyed_yet_stays_in_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    from ringfence.centre.recordings.storage import object_store
    from ringfence.vault.errors import StoreUnavailable

    recorded(ended_at=ENDED)

    def away(_store: object, _name: str) -> int:
        raise StoreUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(type(object_store()), "delete", away)
        with pytest.raises(RunFailed):
            run(now=ENDED + 800 * DAY)
    with all_clients("a test"):
        assert Call.objects.count() == 1


def test_a_kind_that_fails_does_not_stop_the_others_and_fails_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded(ended_at=ENDED)
    run(now=PURGE)

    def fail(_ids: object) -> int:
        raise DatabaseError

    kinds = tuple(
        others.Kind(kind.code, kind.due, fail) if kind.code is Code.CALL_LOG else kind for kind in others.KINDS
    )
    with monkeypatch.context() as patch:
        patch.setattr(others, "KINDS", kinds)
        with pytest.raises(RunFailed):
            run(now=ENDED + 800 * DAY)
    assert Alarm.objects.get(code="retention_failed").detail == "count=1"
    run(now=ENDED + 800 * DAY)
    with all_clients("a test"):
        assert not Call.objects.exists()


def test_live_events_are_kept_as_long_as_the_schedule_says() -> None:
    from django.db import transaction

    with transaction.atomic():
        emit("alarm", {"code": "x"}, everyone=True, at=ENDED)
    hours = rule_of(Code.LIVE_EVENTS).default
    prune_live(now=ENDED + timedelta(hours=hours))
    assert OutboxEvent.objects.count() == 1
    prune_live(now=ENDED + timedelta(hours=hours, seconds=1))
    assert not OutboxEvent.objects.exists()


def test_answered_is_recorded_plus_coded_exceptions_or_something_is_missing(tilly: User) -> None:
    """R23, R120."""
    for number in (1, 2, 3, 4):
        recorded(number, ended_at=ENDED + timedelta(minutes=number))
    delete_early(tilly, "call-2", code="health", note=NOTE, now=ENDED + DAY)
    with all_clients("a test"):
        Recording.objects.filter(pk__in=["rec-3", "rec-4"]).delete()
        Call.objects.filter(pk="call-3").update(not_recorded="client_off")
        for place, (kind, minutes) in enumerate(((CallKind.MASKED, 0), (CallKind.UNMASKED, 6)), start=90):
            CallEvent.objects.create(
                client_id="BBC", call_id="call-1", number=place, at=ENDED + timedelta(minutes=minutes), kind=kind,
                code="payment",
            )  # fmt: skip
    with scope("BBC"):
        (found,) = recording_health(["BBC"], since=ENDED, until=ENDED + DAY)
    assert (found.answered, found.recorded, sum(found.exceptions.values()), found.missing) == (4, 2, 1, 1)
    assert not found.explained
    assert (found.live, found.deleted_early, found.paused, found.paused_too_long) == (1, 1, 1, 1)
    assert row_of("rec-1").state == "live"


def test_a_purged_recording_still_counts_as_recorded(tilly: User) -> None:
    recorded(ended_at=ENDED)
    run(now=PURGE)
    with scope("BBC"):
        (found,) = recording_health(["BBC"], since=ENDED - DAY, until=ENDED + DAY)
    assert (found.answered, found.recorded, found.missing, found.purged) == (1, 1, 0, 1)
