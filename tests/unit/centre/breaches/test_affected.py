"""What a breach concerns: the client's calls of the period by state, and what a stolen account looked at."""

from datetime import datetime, timedelta

import pytest
from tests.support.breaches import Open, call
from tests.support.people import create_person

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of
from ringfence.centre.accounts.rights import Role
from ringfence.centre.audit.actions import record
from ringfence.centre.audit.entries import Entry
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.breaches import queries
from ringfence.centre.breaches.affected import AffectedState, state_of
from ringfence.centre.calls.entries import CallsSearched, NumberRevealed
from ringfence.centre.calls.errors import BadFilter
from ringfence.centre.recordings.entries import RecordingPlayed
from ringfence.centre.recordings.models import Recording, RecordingState
from ringfence.centre.tenancy import scope

DAY = timedelta(days=1)


@pytest.fixture
def calls(now: datetime) -> None:
    """Ten calls in the last month of BBC, one older, and one of another council."""
    soon, past = now + DAY, now - timedelta(seconds=1)
    live = {"state": RecordingState.LIVE, "back_at": soon}
    call("live", "BBC", now - DAY, r_live=live, r_second={**live, "segment": 2})
    call("spooled", "BBC", now - DAY, r_spooled={"state": RecordingState.SPOOLED, "back_at": None})
    call("late", "BBC", now - 31 * DAY, r_late={"state": RecordingState.LIVE, "back_at": past})
    call("back", "BBC", now - 31 * DAY, r_back={"state": RecordingState.BACK, "back_at": past})
    call("lost", "BBC", now - 20 * DAY, r_lost={"state": RecordingState.LIVE, "back_at": None})
    call("held", "BBC", now - 50 * DAY, r_held={"state": RecordingState.BACK, "back_at": past, "held": True})
    call("gone", "BBC", now - 40 * DAY, r_gone={"state": RecordingState.PURGED})
    call("going", "BBC", now - 40 * DAY, r_going={"state": RecordingState.DESTROYING, "held": True})
    call("failed", "BBC", now - 9 * DAY, r_failed={"state": RecordingState.FAILED})
    call("none", "BBC", now - 8 * DAY)
    call("before", "BBC", now - 60 * DAY - timedelta(minutes=6), r_before=live)
    call("after", "BBC", now + timedelta(seconds=1))
    call("foreign", "ELDC", now - DAY, r_foreign=live)


def test_calls_of_client_and_period_are_counted_by_state(opened: Open, calls: None, now: datetime) -> None:
    breach = opened()
    with scope("BBC", "ELDC"):
        counts = queries.affected_counts(breach, now=now)
        assert (counts.calls, counts.unrecorded, counts.all_recordings) == (10, 1, 10)
        assert counts.recordings == {
            AffectedState.LIVE: 3,
            AffectedState.BACK: 3,
            AffectedState.HELD: 1,
            AffectedState.DESTROYED: 2,
            AffectedState.NONE: 1,
        }
        one_by_one = [state_of(row, now) for row in Recording.objects.filter(client_id="BBC").exclude(pk="r_before")]
    assert {state: one_by_one.count(state) for state in AffectedState} == counts.recordings


def test_a_call_that_was_going_on_when_the_period_began_is_concerned(opened: Open, now: datetime) -> None:
    call("over", "BBC", now - 2 * DAY - timedelta(minutes=4))
    call("done", "BBC", now - 2 * DAY - timedelta(minutes=6))
    breach = opened(since=now - 2 * DAY)
    with scope("BBC"):
        assert queries.affected_counts(breach, now=now).calls == 1


def test_the_list_is_paged_and_every_look_is_audited(
    opened: Open, people: dict[str, User], calls: None, now: datetime
) -> None:
    breach, found, after = opened(), [], None
    with scope("BBC", "ELDC"):
        while True:
            page = queries.affected(people["dora"], breach, after=after, limit=3, now=now)
            found += [row.call_id for row in page.rows]
            after = page.next_cursor
            if after is None:
                break
        looks = AuditEntry.objects.filter(code="breach.affected_seen")
        assert looks.count() == 4
        with pytest.raises(BadFilter):
            queries.affected(people["dora"], breach, after="nonsense", now=now)
    assert sorted(found) == sorted(
        ["live", "spooled", "late", "back", "lost", "held", "gone", "going", "failed", "none"]
    )
    assert len(found) == len(set(found))


def test_the_file_holds_a_line_for_each_recording_and_its_export_names_purpose_and_case(
    opened: Open, people: dict[str, User], calls: None, now: datetime
) -> None:
    breach = opened()
    with scope("BBC", "ELDC"):
        lines, entry = queries.affected_list(breach, now=now)
    assert len(lines) == 11
    assert {len(line) for line in lines} == {len(queries.CALLS_HEAD)}
    by_call = {line[0]: line for line in lines}
    assert "foreign" not in by_call
    assert by_call["none"][5:] == ("", "", "")
    assert by_call["held"][7] == "held"
    assert by_call["gone"][7] == "destroyed"
    assert (entry.purpose, entry.case_reference, entry.found) == ("data_protection", "BBC-1", 11)


def test_what_a_stolen_account_looked_at_is_counted_and_other_clients_entries_stay_theirs(
    opened: Open, people: dict[str, User], now: datetime
) -> None:
    rex = create_person("rex", Role.RP, "BBC", "ELDC")
    reveal = {"purpose": "complaint", "case_reference": "C-1"}

    def did(entry: Entry, by: User, *, client: str | None, at: datetime = now - DAY) -> None:
        with scope("BBC", "ELDC"):
            record(entry, actor=actor_of(by), client=client, at=at)

    did(CallsSearched(filters=["since"], found=3), rex, client=None)
    did(CallsSearched(filters=["client"], found=3), rex, client="ELDC")
    did(NumberRevealed(call_id="call-1", **reveal), rex, client="BBC")
    did(NumberRevealed(call_id="call-2", **reveal), rex, client="ELDC")
    did(RecordingPlayed(recording_id="r", grant_id="g", **reveal), rex, client="BBC")
    did(RecordingPlayed(recording_id="r", grant_id="g", **reveal), rex, client="BBC", at=now - 61 * DAY)
    did(NumberRevealed(call_id="call-3", **reveal), people["hope"], client="BBC")
    breach = opened(account_id=rex.id.hex)
    with scope("BBC"):
        counts = queries.account_counts(breach)
        assert (counts.searched, counts.revealed, counts.played, counts.exported) == (1, 1, 1, 0)
        lines, entry = queries.account_list(breach)
    assert [line[3] for line in lines] == ["searched", "revealed", "played"]
    assert not any("call-2" in cell for line in lines for cell in line)
    assert (entry.what, entry.found) == ("account", 3)


def test_without_a_stolen_account_there_is_nothing_to_count(opened: Open) -> None:
    breach = opened()
    with scope("BBC"):
        counts = queries.account_counts(breach)
    assert (counts.searched, counts.revealed, counts.played, counts.exported) == (0, 0, 0, 0)
