"""Holds: placed with their search in one transaction, on all of a call, over every boundary, until the last ends."""

from datetime import date, datetime, timedelta

import pytest
from django.db import transaction
from tests.support.recorded import hear, recorded, row_of
from tests.unit.centre.retention.conftest import BACK, ENDED, PURGE

from ringfence.centre.accounts.models import User
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.calls.models import Call
from ringfence.centre.recordings.errors import NotLive
from ringfence.centre.recordings.models import Recording, RecordingState
from ringfence.centre.retention.actions import add_to_hold, place_hold, release_hold, review_hold
from ringfence.centre.retention.actions.holds import Placed
from ringfence.centre.retention.destroy import Order, decide
from ringfence.centre.retention.errors import AlreadyDecided, BadValue, CaseMissing, NotAllowed, NotFound
from ringfence.centre.retention.finding import Scope
from ringfence.centre.retention.models import Cause, Hold, HoldItem
from ringfence.centre.retention.queries.due import expiring
from ringfence.centre.retention.queries.holds import find_to_hold, hold_detail, holds, holds_of_call
from ringfence.centre.retention.run import run, watch
from ringfence.centre.tenancy import all_clients, scope

DAY = timedelta(days=1)
DAY_28 = ENDED + 28 * DAY
NUMBER = Scope(number="07700 900123")


def place(
    user: User, *, wanted: Scope = NUMBER, now: datetime = DAY_28, case: str = "SAR-1", kind: str = "sar"
) -> Placed:
    return place_hold(
        user,
        client="BBC",
        wanted=wanted,
        kind=kind,
        case_reference=case,
        review_on=(now + 30 * DAY).date(),
        now=now,
    )


def test_a_request_logged_on_day_28_keeps_the_calls_on_day_31_and_day_61(sid: User, tilly: User) -> None:
    """R85."""
    kept, other = recorded(1, ended_at=ENDED), recorded(2, ended_at=ENDED, caller="+447700900456")
    placed = place(sid)
    assert (placed.calls, placed.recordings, placed.gone) == (1, 1, 0)
    run(now=ENDED + 31 * DAY)
    assert (row_of(kept).state, row_of(other).state) == (RecordingState.LIVE, RecordingState.BACK)
    assert hear(tilly, kept, now=ENDED + 31 * DAY)
    run(now=ENDED + 61 * DAY)
    assert (row_of(kept).state, row_of(other).state) == (RecordingState.LIVE, RecordingState.PURGED)
    assert hear(tilly, kept, now=ENDED + 61 * DAY)[:4] == b"RIFF"


def test_the_call_log_is_kept_as_well_until_the_hold_ends(sid: User) -> None:
    recorded(1, ended_at=ENDED)
    recorded(2, ended_at=ENDED, caller="+447700900456")
    hold = place(sid).hold_id
    run(now=ENDED + 800 * DAY)
    with all_clients("a test"):
        assert list(Call.objects.values_list("pk", flat=True)) == ["call-1"]
    release_hold(sid, hold, reason="The answer was sent.", now=ENDED + 800 * DAY)
    run(now=ENDED + 800 * DAY)
    run(now=ENDED + 800 * DAY)  # the sound goes first, then the row that points at it
    with all_clients("a test"):
        assert not Call.objects.exists()
        assert not Recording.objects.exists()


def test_on_release_what_is_overdue_is_purged_by_the_run_that_is_queued_at_once(sid: User) -> None:
    from django_tasks_db.models import DBTaskResult

    recording = recorded(ended_at=ENDED)
    hold = place(sid).hold_id
    later = PURGE + 3 * DAY
    run(now=later)
    assert release_hold(sid, hold, reason="The answer was sent.", now=later) == 1
    assert DBTaskResult.objects.filter(task_path__endswith="run_retention").count() == 1
    run(now=later)
    assert row_of(recording).state == RecordingState.PURGED


def test_many_holds_on_one_call_must_all_end(sid: User, dora: User) -> None:
    recording = recorded(ended_at=ENDED)
    first, second = place(sid).hold_id, place(dora, case="FOI-2", kind="foi").hold_id
    release_hold(sid, first, reason="The answer was sent.", now=PURGE)
    assert row_of(recording).held
    run(now=PURGE)
    assert row_of(recording).state == RecordingState.LIVE
    release_hold(dora, second, reason="The answer was sent.", now=PURGE)
    run(now=PURGE)
    assert row_of(recording).state == RecordingState.PURGED


def test_a_hold_does_not_bring_back_what_has_left_the_live_tier(sid: User, tilly: User) -> None:
    recording = recorded(ended_at=ENDED)
    place(sid, now=BACK)  # no run has moved it yet
    assert row_of(recording).state == RecordingState.BACK
    with pytest.raises(NotLive):
        hear(tilly, recording, now=BACK)


def test_a_hold_tells_what_had_gone_before(sid: User) -> None:
    recorded(1, ended_at=ENDED)
    run(now=PURGE)
    kept = recorded(2, ended_at=PURGE)
    placed = place(sid, now=PURGE + DAY)
    assert (placed.calls, placed.recordings, placed.gone) == (2, 1, 1)
    assert row_of(kept).held


def test_what_is_recorded_later_on_a_held_call_is_held_too(sid: User) -> None:
    recorded(1, ended_at=ENDED)
    place(sid, now=ENDED + DAY)
    with all_clients("a test"):
        Recording.objects.create(
            recording_id="rec-late", client_id="BBC", call_id="call-1", segment=2, started_at=ENDED, state="live",
            key_id="key-late", object_name="BBC/rec-late.rfr",
        )  # fmt: skip
    run(now=ENDED + DAY)
    assert row_of("rec-late").held


def test_a_run_that_finds_a_hold_it_did_not_know_destroys_nothing(sid: User) -> None:
    """The mark on the recording is a copy; the hold itself decides."""
    recording = recorded(ended_at=ENDED)
    place(sid)
    with all_clients("a test"):
        Recording.objects.update(held=False)
    run(now=PURGE)
    assert (row_of(recording).state, row_of(recording).held) == (RecordingState.BACK, True)


def test_deciding_under_the_lock_leaves_out_what_is_held(sid: User) -> None:
    recorded(ended_at=ENDED)
    place(sid)
    with all_clients("a test"), transaction.atomic():
        rows = list(Recording.objects.select_for_update())
        assert decide(rows, Order(cause=Cause.AGE), now=PURGE) == []


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"kind": "curiosity"}, CaseMissing, "kind of case"),
        ({"case_reference": " "}, CaseMissing, "reference"),
        ({"case_reference": "x" * 65}, CaseMissing, "64"),
        ({"review_on": date(2026, 11, 7)}, BadValue, "after today"),
        ({"review_on": date(2027, 2, 6)}, BadValue, "90 days"),
        ({"wanted": Scope()}, BadValue, "Narrow"),
        ({"wanted": Scope(since=ENDED)}, BadValue, "Narrow"),
        ({"wanted": Scope(number="123")}, BadValue, "whole telephone number"),
        ({"client": "ELDC"}, NotAllowed, "may not"),
    ],
)
def test_a_hold_needs_type_case_owner_and_a_review_date_within_90_days(
    sid: User, change: dict[str, object], error: type[Exception], said: str
) -> None:
    given: dict[str, object] = {
        "client": "BBC",
        "wanted": NUMBER,
        "kind": "sar",
        "case_reference": "SAR-1",
        "review_on": date(2026, 11, 8),
        "now": DAY_28,
    }
    with pytest.raises(error, match=said):
        place_hold(sid, **(given | change))  # type: ignore[arg-type] # wrong on purpose
    with all_clients("a test"):
        assert not Hold.objects.exists()
    place_hold(sid, **(given | {"review_on": date(2027, 2, 5)}))  # type: ignore[arg-type] # the longest that is allowed


def test_a_hold_is_of_one_client_and_nobody_else_reaches_it(sid: User, foreign: User) -> None:
    recorded(1, ended_at=ENDED)
    recorded(2, ended_at=ENDED, client="ELDC")
    hold = place(sid).hold_id
    with all_clients("a test"):
        assert list(HoldItem.objects.values_list("call_id", flat=True)) == ["call-1"]
    for attempt in (
        lambda: hold_detail(foreign, hold),
        lambda: release_hold(foreign, hold, reason="I would like to.", now=DAY_28),
        lambda: review_hold(foreign, hold, review_on=date(2026, 12, 1), now=DAY_28),
        lambda: add_to_hold(sid, hold, ["call-2"], now=DAY_28),
    ):
        with pytest.raises(NotFound):
            attempt()


def test_who_may_only_place_holds_cannot_release_them(tilly: User, sid: User) -> None:
    recorded(ended_at=ENDED)
    hold = place(tilly).hold_id
    with pytest.raises(NotFound):
        release_hold(tilly, hold, reason="The answer was sent.", now=DAY_28)
    release_hold(sid, hold, reason="The answer was sent.", now=DAY_28)
    with pytest.raises(AlreadyDecided):
        release_hold(sid, hold, reason="The answer was sent.", now=DAY_28)


def test_a_thousand_and_more_calls_are_held_at_once(sid: User) -> None:
    """There is no ceiling."""
    with all_clients("a test"):
        Call.objects.bulk_create(
            Call(call_id=f"many-{n}", client_id="BBC", boot_id="b", direction="inbound", arrived_at=ENDED, queue_id="q")
            for n in range(1200)
        )
    placed = place(sid, wanted=Scope(since=ENDED - DAY, until=ENDED + DAY))
    assert placed.calls == 1200


def test_later_calls_of_the_same_person_are_listed_before_they_go_and_can_be_added(sid: User) -> None:
    """R86: a daily list of what expires within five days and matches an open request."""
    recorded(1, ended_at=ENDED)
    hold = place(sid).hold_id
    later = recorded(2, ended_at=DAY_28 + DAY)
    back_at = row_of(later).back_at
    assert back_at is not None
    with scope("BBC"):
        assert expiring(now=back_at - 6 * DAY) == []
        (found,) = expiring(now=back_at - 5 * DAY)
    assert (found.row.recording_id, found.hold_id, found.case_reference) == (later, hold, "SAR-1")
    assert add_to_hold(sid, hold, ["call-2"], now=back_at - 5 * DAY) == 1
    assert add_to_hold(sid, hold, ["call-2"], now=back_at - 5 * DAY) == 0
    with scope("BBC"):
        assert expiring(now=back_at - 5 * DAY) == []
    assert row_of(later).held


def test_reviews_that_are_due_are_listed_first_and_alarmed(sid: User) -> None:
    from ringfence.centre.jobs.models import Alarm

    recorded(ended_at=ENDED)
    hold = place(sid).hold_id
    due = DAY_28 + 31 * DAY
    run(now=due)
    watch(now=due)
    assert Alarm.objects.get(code="hold_review_due").detail == "count=1"
    with scope("BBC"):
        (row,) = holds()
    assert row.due(due.date())
    review_hold(sid, hold, review_on=(due + 10 * DAY).date(), now=due)
    watch(now=due)
    assert Alarm.objects.get(code="hold_review_due").cleared_at == due


def test_searching_and_holding_are_audited_without_what_was_looked_for(sid: User) -> None:
    recorded(ended_at=ENDED)
    found = find_to_hold(sid, client="BBC", wanted=NUMBER)
    assert (found.count, found.recordings, found.gone) == (1, 1, 0)
    place(sid)
    with all_clients("a test"):
        entries = list(AuditEntry.objects.filter(code__startswith="hold.").order_by("number"))
    assert [entry.code for entry in entries] == ["hold.searched", "hold.placed"]
    assert "900123" not in "".join(entry.fields for entry in entries)
    with scope("BBC"):
        assert [row.case_reference for row in holds_of_call("call-1")] == ["SAR-1"]
