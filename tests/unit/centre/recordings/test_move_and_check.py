"""Moving sealed recordings to the store, and proving that none is missing."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from tests.support.people import create_clients
from tests.support.sealed import digest, empty_storage, seal_to_spool
from tests.support.story import START, Story

from ringfence.bridge.apply import apply
from ringfence.centre.calls.models import Call
from ringfence.centre.calls.sealing import party_sealer
from ringfence.centre.jobs.errors import TryLater
from ringfence.centre.jobs.models import Alarm
from ringfence.centre.live.models import OutboxEvent
from ringfence.centre.recordings import tasks
from ringfence.centre.recordings.models import Recording, RecordingState
from ringfence.centre.recordings.storage import object_store, spool
from ringfence.centre.recordings.tasks import Damaged, check, move_to_store
from ringfence.centre.tenancy import all_clients
from ringfence.control import facts
from ringfence.vault.errors import StoreUnavailable

NOW = START + timedelta(hours=3)


@pytest.fixture(autouse=True)
def storage(db: None) -> Iterator[None]:
    create_clients()
    with empty_storage(), all_clients("a test"):
        yield


@pytest.fixture
def recording() -> Recording:
    _, sealed = seal_to_spool("rec-1", "call-1")
    story = Story().start()
    call_id = story.arrive("call-1")
    story.announce_and_queue(call_id)
    story.answer(call_id)
    story.tell(facts.CallEnded, call_id=call_id, reason=facts.EndReason.CALLER_HUNG_UP)
    story.told.append(sealed)
    apply(story.batch(), sealer=party_sealer(), agents={}, now=NOW)
    stored: Recording = Recording.objects.get()
    return stored


def test_the_object_is_stored_whole_the_spool_is_emptied_and_the_recording_is_live(recording: Recording) -> None:
    source = next(spool().glob("*.rfr"))
    sealed = source.read_bytes()
    move_to_store.call("rec-1")
    recording.refresh_from_db()
    assert recording.state == RecordingState.LIVE
    assert object_store().read_range("BBC/rec-1.rfr", 0, len(sealed) + 1) == sealed
    assert not source.exists()
    assert OutboxEvent.objects.filter(topic="recording", payload__kind="stored").count() == 1


def test_moving_twice_changes_nothing(recording: Recording) -> None:
    move_to_store.call("rec-1")
    move_to_store.call("rec-1")
    assert OutboxEvent.objects.filter(payload__kind="stored").count() == 1


def test_a_move_that_died_after_storing_is_finished_without_the_spool_file(recording: Recording) -> None:
    source = next(spool().glob("*.rfr"))
    object_store().put("BBC/rec-1.rfr", source)
    source.unlink()
    move_to_store.call("rec-1")
    recording.refresh_from_db()
    assert recording.state == RecordingState.LIVE


def test_a_move_that_died_before_removing_the_spool_file_removes_it(recording: Recording) -> None:
    source = next(spool().glob("*.rfr"))
    sealed = source.read_bytes()
    move_to_store.call("rec-1")
    source.write_bytes(sealed)
    move_to_store.call("rec-1")
    assert not source.exists()


def test_a_torn_object_in_the_store_is_replaced(recording: Recording) -> None:
    object_store().put("BBC/rec-1.rfr", b"torn")
    move_to_store.call("rec-1")
    assert object_store().size("BBC/rec-1.rfr") == recording.size_bytes


def test_damaged_bytes_are_never_stored_and_the_spool_file_stays(recording: Recording) -> None:
    source = next(spool().glob("*.rfr"))
    data = bytearray(source.read_bytes())
    data[-20] ^= 1
    source.write_bytes(data)
    with pytest.raises(Damaged):
        move_to_store.call("rec-1")
    recording.refresh_from_db()
    assert recording.state == RecordingState.SPOOLED
    assert source.exists()
    assert not object_store().exists("BBC/rec-1.rfr")


def test_a_store_that_is_away_leaves_the_recording_in_the_spool(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Away:
        def size(self, _name: str) -> int:
            raise StoreUnavailable

    monkeypatch.setattr(tasks, "object_store", Away)
    with pytest.raises(StoreUnavailable):
        move_to_store.call("rec-1")
    recording.refresh_from_db()
    assert recording.state == RecordingState.SPOOLED
    assert digest(next(spool().glob("*.rfr"))) == recording.sha256


def test_a_recording_that_is_not_sealed_waits(recording: Recording) -> None:
    Recording.objects.update(state=RecordingState.CAPTURING)
    with pytest.raises(TryLater):
        move_to_store.call("rec-1")
    move_to_store.call("no-such-recording")


def test_a_complete_day_raises_no_alarm(recording: Recording) -> None:
    move_to_store.call("rec-1")
    assert check(now=NOW) == 0
    assert not Alarm.objects.exists()


def test_an_answered_call_without_recording_or_exception_raises_an_alarm_until_it_is_explained(
    recording: Recording,
) -> None:
    move_to_store.call("rec-1")
    story = Story(boot_id="boot-2").start()
    story.whole_call(2)
    story.told = [fact for fact in story.told if not type(fact).__name__.startswith("Recording")]
    apply(story.batch(), sealer=party_sealer(), agents={}, now=NOW)
    assert check(now=NOW) == 1
    assert Alarm.objects.get(code="recording_gap").detail == "count=1"
    Call.objects.filter(pk="call-2").update(not_recorded="client_off")
    assert check(now=NOW) == 0
    assert Alarm.objects.get(code="recording_gap").cleared_at == NOW


def test_abandoned_and_outbound_calls_are_no_gap() -> None:
    story = Story().start()
    call_id = story.arrive()
    story.announce_and_queue(call_id)
    story.end(call_id, facts.EndReason.ABANDONED, agent=None, recording=None)
    apply(story.batch(), sealer=party_sealer(), agents={}, now=NOW)
    assert check(now=NOW) == 0


def test_a_recording_stuck_in_the_spool_raises_an_alarm(recording: Recording) -> None:
    assert check(now=NOW) == 1
    assert Alarm.objects.get().code == "recording_stuck"


def test_stored_bytes_that_changed_are_found_by_the_sample(recording: Recording) -> None:
    move_to_store.call("rec-1")
    object_store().put("BBC/rec-1.rfr", b"other bytes")
    assert check(now=NOW) == 1
    assert Alarm.objects.get().code == "recording_damaged"
