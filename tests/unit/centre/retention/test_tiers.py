"""30 days live, 30 more in the back tier, then gone: to the second, whether or not the run was on time."""

from datetime import timedelta

import pytest
from tests.support.recorded import SESSION, hear, recorded, row_of
from tests.unit.centre.retention.conftest import BACK, ENDED, PURGE

from ringfence.centre.accounts.models import User
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.jobs.models import Alarm
from ringfence.centre.recordings.actions import may_go_on, open_audio, state_purpose
from ringfence.centre.recordings.errors import Gone, NotLive, NotPlayable
from ringfence.centre.recordings.models import PlayGrant, Recording, RecordingSpan, RecordingState
from ringfence.centre.recordings.queries import find_recordings
from ringfence.centre.recordings.storage import key_store, object_store
from ringfence.centre.retention.errors import RunFailed
from ringfence.centre.retention.models import Destruction, DestructionLine, RetentionRun
from ringfence.centre.retention.run import LAG, arm, overdue, run, watch
from ringfence.centre.tenancy import all_clients
from ringfence.vault.certificate import read_certificate
from ringfence.vault.errors import KeyDestroyed, StoreUnavailable

SECOND = timedelta(seconds=1)


def test_the_clock_starts_with_the_end_of_the_call(tilly: User) -> None:
    row = row_of(recorded(ended_at=ENDED))
    assert (row.back_at, row.purge_at, row.state) == (BACK, PURGE, RecordingState.LIVE)


def test_one_second_before_its_boundary_it_plays_and_at_the_boundary_not(tilly: User) -> None:
    recording = recorded(ended_at=ENDED)
    assert hear(tilly, recording, now=BACK - SECOND)[:4] == b"RIFF"
    with pytest.raises(NotLive, match="Ask for its restoration"):
        hear(tilly, recording, now=BACK)
    assert row_of(recording).state == RecordingState.LIVE  # no run was needed for that
    with all_clients("a test"):
        assert AuditEntry.objects.filter(code="recording.refused").latest("number").fields.count("NotLive") == 1


def test_a_play_that_runs_over_the_boundary_gets_no_further_sound(tilly: User) -> None:
    recording = recorded(ended_at=ENDED)
    started = BACK - 5 * SECOND
    grant = state_purpose(tilly, recording, session_key=SESSION, purpose="quality", now=started)
    open_audio(tilly, grant.grant_id, session_key=SESSION, now=started)
    assert may_go_on(grant.grant_id, now=BACK - SECOND)
    assert not may_go_on(grant.grant_id, now=BACK)
    with pytest.raises(NotLive):
        open_audio(tilly, grant.grant_id, session_key=SESSION, now=BACK)


def test_the_run_moves_and_later_destroys_key_object_spans_and_grants(tilly: User) -> None:
    recording = recorded(ended_at=ENDED)
    hear(tilly, recording, now=ENDED)
    row = row_of(recording)
    with all_clients("a test"):
        RecordingSpan.objects.create(
            recording=row, client_id="BBC", start_ms=0, end_ms=10, reason="hold", actor="agent-1"
        )
    assert run(now=BACK - SECOND).moved == 0
    assert run(now=BACK).moved == 1
    assert row_of(recording).state == RecordingState.BACK
    assert run(now=PURGE - SECOND).destroyed == 0
    assert object_store().exists(row.object_name)
    done = run(now=PURGE)
    assert (done.destroyed, done.failed) == (1, 0)
    after = row_of(recording)
    assert (after.state, after.destroyed_at, after.key_id, after.sha256) == (RecordingState.PURGED, PURGE, "", "")
    assert not object_store().exists(row.object_name)
    with pytest.raises(KeyDestroyed):
        key_store().unwrap(row.key_id)
    with all_clients("a test"):
        assert not RecordingSpan.objects.exists()
        grant = PlayGrant.objects.get()
        assert grant.expires_at == grant.granted_at
        entry = AuditEntry.objects.get(code="recording.destroyed")
        assert DestructionLine.objects.get().count == 1
    assert entry.client_code == "BBC"
    with pytest.raises(Gone):
        hear(tilly, recording, now=PURGE)


def test_the_certificate_names_key_and_object_and_can_be_verified_with_the_public_key_alone(tilly: User) -> None:
    from ringfence.entry.key_store import signing_key

    recording = recorded(ended_at=ENDED)
    row = row_of(recording)
    run(now=PURGE)
    with all_clients("a test"):
        stored = Destruction.objects.get(pk=recording)
    told = read_certificate(stored.certificate.encode(), signing_key().public_key())
    assert [key.key_id for key in told.keys] == [row.key_id]
    assert [each.name for each in told.objects] == [row.object_name]
    assert (told.order.client, told.order.why, told.order.item) == ("BBC", "retention_ended", recording)


def test_a_second_run_changes_nothing(tilly: User) -> None:
    recorded(ended_at=ENDED)
    run(now=PURGE)
    with all_clients("a test"):
        before = AuditEntry.objects.count()
    again = run(now=PURGE + LAG)
    assert (again.armed, again.moved, again.destroyed) == (0, 0, 0)
    with all_clients("a test"):
        assert AuditEntry.objects.count() == before


def test_a_jump_of_61_days_in_one_step_destroys_at_once(tilly: User) -> None:
    recording = recorded(ended_at=ENDED)
    run(now=ENDED + timedelta(days=61))
    assert row_of(recording).state == RecordingState.PURGED


def test_the_stub_is_still_found_by_number_and_date_and_shows_no_content(tilly: User) -> None:
    from ringfence.centre.recordings.queries import RecordingFilter

    recording = recorded(ended_at=ENDED)
    run(now=PURGE)
    wanted = RecordingFilter(
        number="07700 900123", purpose="quality", since=ENDED - timedelta(days=1), until=ENDED + timedelta(days=1)
    )
    (row,) = find_recordings(tilly, wanted).rows
    assert (row.recording_id, row.state, row.destroyed_at) == (recording, RecordingState.PURGED, PURGE)


def test_one_that_waits_in_the_spool_is_destroyed_there(tilly: User) -> None:
    from ringfence.centre.recordings.storage import spool

    recording = recorded(ended_at=ENDED, stored=False)
    assert row_of(recording).state == RecordingState.SPOOLED
    with pytest.raises(NotLive):
        hear(tilly, recording, now=BACK)
    run(now=PURGE)
    assert list(spool().glob("*")) == []
    assert row_of(recording).state == RecordingState.PURGED


def test_a_recording_whose_call_never_ended_is_not_kept_for_ever(tilly: User) -> None:
    recording = recorded(ended_at=ENDED)
    with all_clients("a test"):
        Recording.objects.update(back_at=None, purge_at=None)
        row_of(recording).call.__class__.objects.update(ended_at=None)
    assert arm(now=ENDED + timedelta(hours=23)) == 0
    assert arm(now=ENDED + timedelta(hours=25)) == 1
    assert row_of(recording).purge_at is not None


def test_one_without_instants_is_closed_after_a_day(tilly: User) -> None:
    recording = recorded(ended_at=ENDED)
    with all_clients("a test"):
        Recording.objects.update(back_at=None, purge_at=None)
    hear(tilly, recording, now=ENDED + timedelta(hours=23))
    with pytest.raises(NotPlayable):
        hear(tilly, recording, now=ENDED + timedelta(hours=25))


def test_a_run_goes_on_past_what_fails_then_fails_and_is_alarmed_until_all_is_done(
    tilly: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = recorded(1, ended_at=ENDED), recorded(2, ended_at=ENDED)
    store, name = object_store(), row_of(first).object_name
    delete = type(store).delete

    def away(_store: object, wanted: str) -> int:
        if wanted == name:
            raise StoreUnavailable
        return int(delete(store, wanted))

    with monkeypatch.context() as patch:
        patch.setattr(type(store), "delete", away)
        with pytest.raises(RunFailed):
            run(now=PURGE)
    assert row_of(first).state == RecordingState.DESTROYING
    assert row_of(second).state == RecordingState.PURGED
    with pytest.raises(Gone):
        hear(tilly, first, now=PURGE)
    failed = RetentionRun.objects.latest("pk")
    assert (failed.destroyed, failed.failed) == (1, 1)
    assert Alarm.objects.get(code="retention_failed").cleared_at is None
    with all_clients("a test"):
        assert Destruction.objects.get(pk=first).failure == "StoreUnavailable"
    watch(now=PURGE + timedelta(hours=1))
    assert Alarm.objects.get(code="destruction_stuck").detail == "count=1"
    run(now=PURGE + timedelta(hours=1))
    watch(now=PURGE + timedelta(hours=1))
    assert Alarm.objects.get(code="destruction_stuck").cleared_at is not None
    assert row_of(first).state == RecordingState.PURGED
    assert Alarm.objects.get(code="retention_failed").cleared_at is not None


def test_a_missed_run_and_what_is_late_raise_an_alarm_that_closes_by_itself(tilly: User) -> None:
    watch(now=ENDED)
    recorded(ended_at=ENDED)
    watch(now=ENDED)
    assert not Alarm.objects.filter(code="retention_late").exists()  # a new installation has missed nothing
    run(now=ENDED)
    watch(now=ENDED + LAG)
    assert not Alarm.objects.filter(code="retention_late", cleared_at=None).exists()
    watch(now=ENDED + LAG + SECOND)
    assert Alarm.objects.get(code="retention_late").detail == "no run"
    assert overdue(now=BACK + LAG - SECOND) == 0
    assert overdue(now=BACK + LAG) == 1
    watch(now=BACK + LAG)
    assert Alarm.objects.get(code="retention_late").detail == "count=1"
    run(now=BACK + LAG)
    watch(now=BACK + LAG)
    assert Alarm.objects.get(code="retention_late").cleared_at is not None
