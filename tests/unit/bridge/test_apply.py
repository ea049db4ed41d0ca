"""One batch of facts becomes rows, once."""

from collections.abc import Iterator
from datetime import timedelta
from typing import get_args

import pytest
from tests.support.story import ADA, BBC, CALLER, CALLER_NAME, START, Story, one_of_each

from ringfence.bridge.apply import Applied, apply
from ringfence.bridge.handlers import handled
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.calls.models import Call, CallEvent, CallKind, LegQuality
from ringfence.centre.calls.sealing import PartySealer, party_sealer
from ringfence.centre.jobs.models import Alarm
from ringfence.centre.live.models import AgentPresence, FactCursor, OutboxEvent, TrunkPresence
from ringfence.centre.recordings.models import Recording, RecordingSpan, RecordingState
from ringfence.centre.tenancy import all_clients, scope
from ringfence.centre.tenancy.models import Client
from ringfence.control import facts
from ringfence.control.commands import Facts

NOW = START + timedelta(hours=1)
AGENTS = {ADA: frozenset({BBC})}


@pytest.fixture
def sealer() -> PartySealer:
    return party_sealer()


@pytest.fixture(autouse=True)
def everything(db: None) -> Iterator[None]:
    Client.objects.create(code="BBC", name="Barford Borough Council", greeting="Barford Council")
    with all_clients("tests look at every row"):
        yield


def store(batch: Facts, sealer: PartySealer) -> Applied:
    return apply(batch, sealer=sealer, agents=AGENTS, now=NOW)


def test_every_fact_type_has_a_handler() -> None:
    assert handled() == frozenset(get_args(facts.AnyFact))


def test_the_sample_story_holds_every_fact_type(sealer: PartySealer) -> None:
    told = tuple(one_of_each())
    assert {type(fact) for fact in told} == set(get_args(facts.AnyFact))
    applied = store(Facts(boot_id="boot-1", first=1, facts=told), sealer)
    assert applied == Applied(stored=len(told), repeated=0, missing=0)


def test_an_ordinary_call_is_logged_recorded_and_audited(sealer: PartySealer) -> None:
    story = Story().start()
    story.whole_call()
    store(story.batch(), sealer)
    call = Call.objects.get()
    assert (call.client_id, call.queue_id, call.agent_id, call.wording) == ("BBC", "queue-1", ADA, "notice-7")
    assert (call.line, call.flow_version, call.end_reason) == ("+441632960100", 3, "caller_hung_up")
    assert call.wait_ms == 4_000
    assert call.talk_ms == 8_000
    kinds = list(CallEvent.objects.order_by("number").values_list("kind", flat=True))
    assert kinds == [
        "arrived",
        "announced",
        "queued",
        "ringing",
        "offer_ended",
        "answered",
        "recording_started",
        "held",
        "masked",
        "retrieved",
        "unmasked",
        "recording_stopped",
        "ended",
        "wrapped",
    ]
    recording = Recording.objects.get()
    assert (recording.state, recording.duration_ms, recording.stop_reason) == ("spooled", 12_000, "hang_up")
    assert recording.key_id == "key-rec-1"
    assert RecordingSpan.objects.get().reason == "hold"
    assert LegQuality.objects.get().mos == 4.3
    codes = list(AuditEntry.objects.order_by("number").values_list("code", flat=True))
    assert codes == ["recording.started", "recording.masked", "recording.unmasked", "recording.sealed"]
    presence = AgentPresence.objects.get()
    assert (presence.state, presence.clients) == ("available", "BBC")


def test_a_repeated_batch_changes_nothing(sealer: PartySealer) -> None:
    story = Story().start()
    story.whole_call()
    store(story.batch(), sealer)
    before = (CallEvent.objects.count(), OutboxEvent.objects.count(), AuditEntry.objects.count())
    applied = store(story.batch(), sealer)
    assert applied == Applied(stored=0, repeated=len(story.told), missing=0)
    assert (CallEvent.objects.count(), OutboxEvent.objects.count(), AuditEntry.objects.count()) == before


def test_an_overlapping_batch_stores_only_what_is_new(sealer: PartySealer) -> None:
    story = Story().start()
    story.whole_call()
    store(story.batch(1, 9), sealer)
    assert store(story.batch(5), sealer).repeated == 5
    assert FactCursor.objects.get().upto == len(story.told)
    numbers = list(CallEvent.objects.order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, 15))


def test_a_failing_fact_leaves_nothing_of_its_batch(sealer: PartySealer, monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story().start()
    story.whole_call()

    def fail(*_: object, **__: object) -> None:
        raise OSError("disk")

    with monkeypatch.context() as patch:
        patch.setattr("ringfence.bridge.workspace.live_actions.emit_all", fail)
        with pytest.raises(OSError, match="disk"):
            store(story.batch(), sealer)
    assert not Call.objects.exists()
    assert not FactCursor.objects.exists()
    assert store(story.batch(), sealer).stored == len(story.told)


def test_dropped_facts_are_counted_and_alarmed_and_the_rest_is_stored(sealer: PartySealer) -> None:
    story = Story().start()
    call_id = story.whole_call()
    store(story.batch(1, 1), sealer)
    assert store(story.batch(6), sealer).missing == 4
    call = Call.objects.get(pk=call_id)
    assert (call.client_id, call.end_reason) == (None, "caller_hung_up")
    assert set(Alarm.objects.values_list("code", flat=True)) >= {"facts_lost", "call_without_arrival"}


def test_a_new_run_closes_what_the_old_one_left_open(sealer: PartySealer) -> None:
    old = Story().start()
    call_id = old.arrive()
    old.announce_and_queue(call_id)
    old.offer(call_id)
    old.answer(call_id)
    store(old.batch(), sealer)
    new = Story(boot_id="boot-2", now=old.now + timedelta(minutes=1)).start()
    store(new.batch(), sealer)
    call = Call.objects.get()
    assert (call.end_reason, call.ended_at) == ("engine_lost", new.now)
    assert call.talk_ms == round((new.now - call.answered_at).total_seconds() * 1000)
    presence = AgentPresence.objects.get()
    assert (presence.state, presence.reason) == ("logged_out", "engine_lost")
    assert Recording.objects.get().state == RecordingState.CAPTURING


def test_a_new_run_whose_first_fact_was_lost_closes_them_too(sealer: PartySealer) -> None:
    old = Story().start()
    old.arrive()
    store(old.batch(), sealer)
    new = Story(boot_id="boot-2").start()
    new.arrive("call-2")
    store(new.batch(2), sealer)
    assert Call.objects.get(pk="call-1").end_reason == "engine_lost"
    assert Call.objects.get(pk="call-2").ended_at is None


def test_a_recording_recovered_in_the_next_run_joins_its_call(sealer: PartySealer) -> None:
    old = Story().start()
    call_id = old.arrive()
    old.announce_and_queue(call_id)
    old.answer(call_id)
    store(old.batch(), sealer)
    new = Story(boot_id="boot-2").start()
    new.tell(
        facts.RecordingSealed,
        recording_id="rec-1",
        call_id=call_id,
        duration_ms=5000,
        size_bytes=10,
        sha256="cd" * 32,
        spans=(),
        stop=facts.StopReason.ENGINE_LOST,
        object_name="BBC/rec-1.rfr",
        recovered=True,
    )
    store(new.batch(), sealer)
    recording = Recording.objects.get()
    assert (recording.state, recording.recovered, recording.stop_reason) == ("spooled", True, "engine_lost")
    assert recording.client_id == "BBC"


def test_late_facts_do_not_wake_an_ended_call(sealer: PartySealer) -> None:
    story = Story().start()
    call_id = story.whole_call()
    ended_at = next(fact.at for fact in story.told if isinstance(fact, facts.CallEnded))
    story.tell(facts.CallEnded, call_id=call_id, reason=facts.EndReason.FAILED)
    store(story.batch(), sealer)
    call = Call.objects.get()
    assert (call.ended_at, call.end_reason) == (ended_at, "caller_hung_up")


def test_an_abandoned_call_has_a_log_and_no_recording(sealer: PartySealer) -> None:
    story = Story().start()
    call_id = story.arrive()
    story.announce_and_queue(call_id)
    story.tell(facts.QueueLeft, call_id=call_id, queue_id="queue-1")
    story.end(call_id, facts.EndReason.ABANDONED, agent=None, recording=None)
    store(story.batch(), sealer)
    call = Call.objects.get()
    assert (call.answered_at, call.wait_ms, call.talk_ms, call.end_reason) == (None, 1_000, None, "abandoned")
    assert not Recording.objects.exists()


def test_an_unknown_client_makes_a_call_that_no_client_sees(sealer: PartySealer) -> None:
    story = Story().start()
    story.arrive(client=None)
    story.arrive("call-2", client="NOBODY")  # type: ignore[arg-type]
    store(story.batch(), sealer)
    assert Call.objects.count() == 2
    assert set(Call.objects.values_list("line", flat=True)) == {""}
    with scope("BBC"):
        assert Call.objects.count() == 0
    assert OutboxEvent.objects.filter(topic="call").exclude(audience="*").count() == 0
    assert Alarm.objects.get(code="client_unknown").subject == "NOBODY"


def test_number_and_name_open_only_under_the_calls_client(sealer: PartySealer) -> None:
    story = Story().start()
    story.arrive()
    store(story.batch(), sealer)
    call = Call.objects.get()
    assert sealer.open("BBC", call.party_number) == CALLER
    assert sealer.open("BBC", call.party_name) == CALLER_NAME
    assert sealer.open("ELDC", call.party_number) is None
    assert bytes(call.party_index or b"") == sealer.index("BBC", CALLER)


def test_a_withheld_number_leaves_nothing_sealed(sealer: PartySealer) -> None:
    story = Story().start()
    story.arrive(number=None)
    store(story.batch(), sealer)
    call = Call.objects.get()
    assert (call.party_number, call.party_index, call.party_name) == (None, None, None)


def test_the_number_called_is_the_sealed_one_on_outbound_calls(sealer: PartySealer) -> None:
    story = Story().start()
    story.tell(
        facts.CallArrived,
        call_id="call-1",
        direction=facts.Direction.OUTBOUND,
        client=BBC,
        dialled=CALLER,
        caller_number="+441632960100",
        agent_id=ADA,
    )
    store(story.batch(), sealer)
    call = Call.objects.get()
    assert sealer.open("BBC", call.party_number) == CALLER
    assert call.line == ""


def test_a_trunk_that_comes_back_closes_its_alarm(sealer: PartySealer) -> None:
    story = Story().start()
    for up in (False, False, True):
        story.tell(facts.TrunkChanged, trunk_id="trunk-1", up=up, detail="408")
    store(story.batch(), sealer)
    alarm = Alarm.objects.get(code="trunk_down")
    assert (alarm.count, alarm.cleared_at) == (2, story.now)
    assert TrunkPresence.objects.get().up


def test_a_failed_recording_is_a_coded_exception_with_an_alarm(sealer: PartySealer) -> None:
    story = Story().start()
    call_id = story.arrive()
    story.announce_and_queue(call_id)
    story.answer(call_id)
    story.tell(facts.RecordingFailed, recording_id="rec-1", call_id=call_id, detail="disk_full")
    store(story.batch(), sealer)
    assert Recording.objects.get().state == RecordingState.FAILED
    assert Call.objects.get().not_recorded == "storage_failed"
    assert Alarm.objects.get().code == "recording_storage"
    assert CallEvent.objects.filter(kind=CallKind.RECORDING_FAILED).exists()


def test_a_supervisors_change_of_an_agent_is_audited_and_the_agents_own_is_not(sealer: PartySealer) -> None:
    story = Story().start()
    for cause in (facts.StateCause.AGENT, facts.StateCause.SUPERVISOR):
        story.tell(
            facts.AgentStateChanged,
            agent_id=ADA,
            state=facts.AgentState.NOT_READY,
            cause=cause,
            reason="break",
        )
    store(story.batch(), sealer)
    assert AuditEntry.objects.get().code == "agent.state_set"


def test_asking_somebody_and_a_three_way_call_stand_in_the_history_with_party_and_outcome(sealer: PartySealer) -> None:
    story = Story().start()
    call_id = story.arrive()
    story.announce_and_queue(call_id)
    story.offer(call_id)
    story.answer(call_id)
    story.ask_and_confer(call_id)
    store(story.batch(), sealer)
    lines = CallEvent.objects.filter(call_id=call_id, kind__contains="con").order_by("number")
    assert [(line.kind, line.party_id, line.agent_id, line.code) for line in lines] == [
        ("consult_started", "benefits", ADA, "outside"),
        ("consult_answered", "benefits", ADA, "outside"),
        ("consult_ended", "benefits", ADA, "conference"),
        ("conference_started", "benefits", ADA, "outside"),
    ]
    parties = CallEvent.objects.filter(call_id=call_id, kind__startswith="party").order_by("number")
    assert [(line.kind, line.party_id, line.code) for line in parties] == [
        ("party_joined", "benefits", "destination"),
        ("party_left", "benefits", "destination"),
    ]
