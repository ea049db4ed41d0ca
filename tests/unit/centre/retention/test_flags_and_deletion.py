"""Flags, quarantine, and early deletion: who may, when, with which note, and what is left."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.support.people import agent_id_of, create_person
from tests.support.recorded import SESSION, hear, recorded, row_of
from tests.unit.centre.retention.conftest import ENDED
from tests.unit.centre.retention.test_holds import place

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.rights import Role
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.jobs.models import Alarm
from ringfence.centre.live.models import OutboxEvent
from ringfence.centre.recordings.actions import may_go_on, open_audio, state_purpose
from ringfence.centre.recordings.errors import Gone, NotPlayable, Quarantined
from ringfence.centre.recordings.models import Recording, RecordingState
from ringfence.centre.recordings.storage import key_store, object_store
from ringfence.centre.retention.actions import delete_early, flag, flag_call, keep_flagged, set_duty, settle_conflict
from ringfence.centre.retention.actions.flags import escalate
from ringfence.centre.retention.errors import (
    AlreadyDecided,
    BadValue,
    Held,
    NotAllowed,
    NoteLooksSensitive,
    NoteMissing,
    NotFound,
    NotOnDuty,
)
from ringfence.centre.retention.models import SPECIAL, Destruction, DestructionLine, Flag, FlagCode, FlagState
from ringfence.centre.retention.queries.flags import decided_flags, flags_by_month, open_flags, stub_of
from ringfence.centre.retention.run import run
from ringfence.centre.retention.tasks import finish_destruction, remove
from ringfence.centre.retention.terms import sensitive_terms
from ringfence.centre.tenancy import all_clients, scope
from ringfence.vault.errors import KeyDestroyed, StoreUnavailable

NOW = ENDED + timedelta(minutes=10)
MINUTE = timedelta(minutes=1)
NOTE = "Caller asked for a new green bin; an order was raised and confirmed."


@pytest.fixture
def ada() -> User:
    """The agent who took the call."""
    return create_person("ada", Role.AGT, "BBC")


@pytest.fixture
def recording(ada: User) -> str:
    return recorded(ended_at=ENDED, agent=agent_id_of(ada))


def on_duty(sam: User, hana: User, *, now: datetime = NOW) -> None:
    set_duty(
        hana,
        client="BBC",
        supervisor=sam,
        starts_at=now - 60 * MINUTE,
        ends_at=now + 60 * MINUTE,
        now=now - 60 * MINUTE,
    )


def codes() -> list[str]:
    with all_clients("a test"):
        return list(AuditEntry.objects.order_by("number").values_list("code", flat=True))


def test_a_flag_closes_the_recording_to_everybody_but_who_decides(
    ada: User, sam: User, hana: User, tilly: User, recording: str
) -> None:
    assert hear(sam, recording, now=NOW)
    flag_call(ada, "call-1", "health", now=NOW)
    with pytest.raises(Quarantined, match="Only the duty supervisor"):
        hear(sam, recording, now=NOW)
    on_duty(sam, hana)
    assert hear(sam, recording, now=NOW)
    with pytest.raises(Quarantined):
        hear(create_person("rex", Role.RP, "BBC"), recording, now=NOW)
    assert hear(tilly, recording, now=NOW)  # may delete at any time, so decides as well


def test_a_running_play_ends_with_the_flag(ada: User, sam: User, recording: str) -> None:
    grant = state_purpose(sam, recording, session_key=SESSION, purpose="quality", now=NOW)
    open_audio(sam, grant.grant_id, session_key=SESSION, now=NOW)
    assert may_go_on(grant.grant_id, now=NOW)
    flag_call(ada, "call-1", "health", now=NOW)
    assert not may_go_on(grant.grant_id, now=NOW)


def test_a_flag_is_told_at_once_to_who_follows_the_client(ada: User, recording: str) -> None:
    flag_id = flag_call(ada, "call-1", "religion", now=NOW)
    event = OutboxEvent.objects.get(payload__kind="flagged")
    assert (event.audience, event.payload["flag"], event.at) == ("BBC", flag_id, NOW)
    with scope("BBC"):
        (row,) = open_flags()
    assert (row.code, row.flagged_by, row.recordings) == (FlagCode.RELIGION, "Ada", (recording,))
    assert flag_call(ada, "call-1", "health", now=NOW) == flag_id  # one is enough
    assert codes().count("recording.flagged") == 1


def test_an_agent_flags_their_own_call_only_and_codes_are_a_closed_list(ada: User, recording: str) -> None:
    other = create_person("bea", Role.AGT, "BBC")
    agent_id_of(other)
    for call in ("call-1", "no-such-call"):
        with pytest.raises(NotFound):
            flag_call(other, call, "health", now=NOW)
    with pytest.raises(NotFound):
        flag_call(ada, "call-1", "health", now=NOW + 2 * 60 * MINUTE)  # long over
    with pytest.raises(BadValue):
        flag_call(ada, "call-1", "he said he has", now=NOW)
    with pytest.raises(NotAllowed):
        flag(create_person("rex", Role.RP, "BBC"), recording, "health", now=NOW)
    with all_clients("a test"):
        assert not Flag.objects.exists()


def test_the_codes_cover_every_kind_of_article_9_and_criminal_offence() -> None:
    """R57, R62."""
    nine = {"race", "politics", "religion", "union", "genetic", "biometric", "health", "sex_life", "orientation"}
    assert {code.value for code in SPECIAL} == nine | {"criminal"}


def test_a_flag_that_waits_15_minutes_is_told_to_team_leaders_once(ada: User, recording: str) -> None:
    flag_id = flag_call(ada, "call-1", "health", now=NOW)
    assert escalate(now=NOW + 14 * MINUTE + timedelta(seconds=59)) == 0
    assert escalate(now=NOW + 15 * MINUTE) == 1
    assert escalate(now=NOW + 16 * MINUTE) == 0
    assert Alarm.objects.get(code="flag_waiting").subject == flag_id
    assert OutboxEvent.objects.filter(payload__kind="flag_escalated").count() == 1


def test_deletion_leaves_a_stub_without_content_and_nothing_else(
    ada: User, sam: User, hana: User, recording: str
) -> None:
    row = row_of(recording)
    flag_call(ada, "call-1", "health", now=NOW)
    on_duty(sam, hana)
    done = delete_early(sam, "call-1", code="health", note=NOTE, now=NOW)
    assert (done.recordings, done.finished) == (1, True)
    after = row_of(recording)
    assert (after.state, after.key_id, after.quarantined_at) == (RecordingState.DELETED, "", None)
    assert not object_store().exists(row.object_name)
    with pytest.raises(KeyDestroyed):
        key_store().unwrap(row.key_id)
    assert codes()[-2:] == ["recording.deletion_decided", "recording.destroyed"]
    with pytest.raises(Gone):
        hear(sam, recording, now=NOW)
    with scope("BBC"):
        stub = stub_of(recording)
        assert open_flags() == []
        assert [one.state for one in decided_flags(since=NOW)] == [FlagState.DELETED]
    assert stub is not None
    assert (stub.note, stub.actor, stub.code, stub.decided_at) == (NOTE, "Sam", FlagCode.HEALTH, NOW)
    assert stub.certified
    with all_clients("a test"):
        sealed = bytes(Destruction.objects.get().note or b"")
    assert NOTE.encode() not in sealed


def test_it_is_unplayable_when_the_decision_is_stored_even_if_key_and_object_cannot_be_reached(
    tilly: User, recording: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = object_store()
    grant = state_purpose(tilly, recording, session_key=SESSION, purpose="quality", now=NOW)
    open_audio(tilly, grant.grant_id, session_key=SESSION, now=NOW)

    def away(_store: object, _name: str) -> int:
        raise StoreUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(type(store), "delete", away)
        done = delete_early(tilly, "call-1", code="health", note=NOTE, now=NOW)
    assert not done.finished
    assert not may_go_on(grant.grant_id, now=NOW)
    with pytest.raises(NotPlayable):
        open_audio(tilly, grant.grant_id, session_key=SESSION, now=NOW)
    finish_destruction.call(recording)
    assert row_of(recording).state == RecordingState.DELETED


def test_the_worker_that_finishes_the_same_deletion_at_the_same_time_tells_it_no_second_time(
    tilly: User, recording: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ringfence.centre.retention import destroy

    real = destroy.finish
    nested: list[bool] = []

    def meanwhile(*args: Any, **kwargs: Any) -> None:
        if not nested:
            nested.append(True)
            finish_destruction.call(recording)  # the worker is first
        real(*args, **kwargs)

    monkeypatch.setattr(destroy, "finish", meanwhile)
    delete_early(tilly, "call-1", code="health", note=NOTE, now=NOW)
    assert nested
    assert codes().count("recording.destroyed") == 1
    with all_clients("a test"):
        assert sum(line.count for line in DestructionLine.objects.all()) == 1


def test_a_supervisor_deletes_only_while_on_duty(sam: User, hana: User, recording: str) -> None:
    with pytest.raises(NotOnDuty):
        delete_early(sam, "call-1", code="health", note=NOTE, now=NOW)
    on_duty(sam, hana)
    with pytest.raises(NotOnDuty):
        delete_early(sam, "call-1", code="health", note=NOTE, now=NOW + 60 * MINUTE)  # the duty is over
    delete_early(sam, "call-1", code="health", note=NOTE, now=NOW + 59 * MINUTE)
    assert codes().count("recording.delete_refused") == 2


@pytest.mark.parametrize(
    ("role", "allowed"),
    [(role, role in (Role.TL, Role.CODM, Role.HOS)) for role in Role],
)
def test_who_may_delete_without_being_on_duty(recording: str, role: Role, allowed: bool) -> None:
    """R50: every role, with the refusals audited."""
    user = create_person("somebody", role, "BBC")
    if allowed:
        delete_early(user, "call-1", code="erasure", note=NOTE, now=NOW)
        assert row_of(recording).state == RecordingState.DELETED
        return
    with pytest.raises((NotFound, NotOnDuty)):
        delete_early(user, "call-1", code="erasure", note=NOTE, now=NOW)
    assert row_of(recording).state == RecordingState.LIVE
    assert codes()[-1] == "recording.delete_refused"


def test_another_council_cannot_delete_and_hears_that_there_is_nothing(foreign: User, recording: str) -> None:
    with pytest.raises(NotFound):
        delete_early(foreign, "call-1", code="health", note=NOTE, now=NOW)
    with pytest.raises(NotFound):
        delete_early(foreign, "no-such-call", code="health", note=NOTE, now=NOW)
    assert row_of(recording).state == RecordingState.LIVE


@pytest.mark.parametrize("note", ["", "x" * 19, "x" * 501, "   too short   "])
def test_deletion_cannot_finish_without_a_note_of_20_to_500_characters(tilly: User, recording: str, note: str) -> None:
    with pytest.raises(NoteMissing):
        delete_early(tilly, "call-1", code="health", note=note, now=NOW)
    assert row_of(recording).state == RecordingState.LIVE


@pytest.mark.parametrize(
    "note",
    [
        "Caller told us about her cancer treatment at length.",
        "He mentioned that he was convicted of theft last year.",
        "Ring her back on 07700 900123 about the council tax.",
        "Write to ottoline@example.com about the council tax.",
        "The family goes to the mosque in the high street.",
    ],
)
def test_a_note_that_looks_sensitive_must_be_confirmed(tilly: User, recording: str, note: str) -> None:
    with pytest.raises(NoteLooksSensitive) as raised:
        delete_early(tilly, "call-1", code="health", note=note, now=NOW)
    assert raised.value.terms
    assert row_of(recording).state == RecordingState.LIVE
    delete_early(tilly, "call-1", code="health", note=note, confirmed=True, now=NOW)
    with all_clients("a test"):
        entry = AuditEntry.objects.get(code="recording.deletion_decided")
    assert '"note_confirmed":true' in entry.fields


def test_an_ordinary_note_is_not_suspected() -> None:
    for note in (NOTE, "Council tax direct debit moved to the 15th of the month, letter to follow.", "x" * 40):
        assert sensitive_terms(note) == ()


def test_deletion_is_refused_while_a_hold_covers_the_call(tilly: User, sid: User, recording: str) -> None:
    place(sid, now=NOW)
    with pytest.raises(Held):
        delete_early(tilly, "call-1", code="erasure", note=NOTE, now=NOW)
    assert row_of(recording).state == RecordingState.LIVE
    assert row_of(recording).quarantined_at is None
    assert codes()[-1] == "recording.delete_refused"


def test_special_category_and_held_goes_into_quarantine_and_the_officer_decides(
    tilly: User, sid: User, dora: User, recording: str
) -> None:
    place(sid, now=NOW)
    with pytest.raises(Held):
        delete_early(tilly, "call-1", code="health", note=NOTE, now=NOW)
    with scope("BBC"):
        (waiting,) = open_flags()
    assert waiting.state == FlagState.CONFLICT
    for user in (tilly, create_person("rex", Role.RP, "BBC")):
        with pytest.raises(Quarantined):
            hear(user, recording, now=NOW)
    with pytest.raises(NotAllowed, match="data protection officer"):
        keep_flagged(tilly, waiting.flag_id, now=NOW)
    with pytest.raises(NotFound):
        settle_conflict(tilly, waiting.flag_id, delete=True, reason="rights", note=NOTE, now=NOW)
    with pytest.raises(BadValue, match="does not fit"):
        settle_conflict(dora, waiting.flag_id, delete=True, reason="needed", note=NOTE, now=NOW)
    settle_conflict(dora, waiting.flag_id, delete=True, reason="rights", note=NOTE, now=NOW)
    assert row_of(recording).state == RecordingState.DELETED
    assert "recording.conflict_settled" in codes()
    with pytest.raises(AlreadyDecided):
        settle_conflict(dora, waiting.flag_id, delete=True, reason="rights", note=NOTE, now=NOW)


def test_the_officer_may_keep_what_is_held(ada: User, tilly: User, sid: User, dora: User, recording: str) -> None:
    place(sid, now=NOW)
    flag_id = flag_call(ada, "call-1", "criminal", now=NOW)
    assert settle_conflict(dora, flag_id, delete=False, reason="needed", now=NOW) is None
    assert hear(tilly, recording, now=NOW)
    assert row_of(recording).held


def test_a_conflict_goes_back_to_the_supervisor_when_the_hold_ends(
    ada: User, tilly: User, sid: User, recording: str
) -> None:
    from ringfence.centre.retention.actions import release_hold

    hold = place(sid, now=NOW).hold_id
    flag_call(ada, "call-1", "criminal", now=NOW)
    release_hold(sid, hold, reason="The answer was sent.", now=NOW)
    with scope("BBC"):
        assert [one.state for one in open_flags()] == [FlagState.OPEN]
    delete_early(tilly, "call-1", code="criminal", note=NOTE, now=NOW)
    assert row_of(recording).state == RecordingState.DELETED


def test_who_sees_no_reason_to_delete_ends_the_quarantine(ada: User, sam: User, tilly: User, recording: str) -> None:
    flag_id = flag_call(ada, "call-1", "other", now=NOW)
    escalate(now=NOW + 15 * MINUTE)
    with pytest.raises(NotOnDuty):
        keep_flagged(sam, flag_id, now=NOW)
    keep_flagged(tilly, flag_id, now=NOW)
    assert hear(sam, recording, now=NOW)
    assert Alarm.objects.get(code="flag_waiting").cleared_at is not None
    with pytest.raises(AlreadyDecided):
        keep_flagged(tilly, flag_id, now=NOW)


def test_a_segment_recorded_after_the_flag_is_in_quarantine_too(ada: User, sam: User, recording: str) -> None:
    flag_call(ada, "call-1", "health", now=NOW)
    with all_clients("a test"):
        row = row_of(recording)
        row.pk, row.segment, row.quarantined_at = "rec-later", 2, None
        row.save(force_insert=True)
    with pytest.raises(Quarantined):
        hear(sam, "rec-later", now=NOW)


def test_a_call_that_is_still_recorded_is_unplayable_at_once_and_destroyed_when_it_has_ended(
    tilly: User, recording: str
) -> None:
    from ringfence.centre.recordings.storage import spool

    part = spool() / "rec-1.part"
    part.write_bytes(b"sealed chunks")
    with all_clients("a test"):
        Recording.objects.update(state=RecordingState.CAPTURING, stopped_at=None, object_name="", sha256="")
    key = row_of(recording).key_id
    done = delete_early(tilly, "call-1", code="health", note=NOTE, now=NOW)
    assert not done.finished
    with pytest.raises(KeyDestroyed):
        key_store().unwrap(key)
    assert part.exists()  # the exchange still writes it; nobody can read it
    with all_clients("a test"):
        Recording.objects.update(stopped_at=NOW)
    run(now=NOW + 11 * MINUTE)
    assert row_of(recording).state == RecordingState.DELETED
    assert not part.exists()


def test_what_was_recorded_before_the_caller_objected_is_removed_unless_the_client_s_rule_says_otherwise(
    recording: str, cody: User, hana: User, dora: User, ike: User
) -> None:
    """R38."""
    from tests.unit.centre.retention.test_rules import change

    change("objection_removes", 0, cody=cody, hana=hana, dora=dora, ike=ike, now=NOW)
    remove("call-1", now=NOW)
    assert row_of(recording).state == RecordingState.LIVE
    change("objection_removes", 1, cody=cody, hana=hana, dora=dora, ike=ike, now=NOW)
    remove("call-1", now=NOW)
    remove("call-1", now=NOW)
    assert row_of(recording).state == RecordingState.DELETED
    with scope("BBC"):
        stub = stub_of(recording)
    assert stub is not None
    assert (stub.cause, stub.actor, stub.note) == ("objected", "", "")


def test_an_objection_on_a_held_call_is_left_to_the_duty_supervisor(sid: User, recording: str) -> None:
    place(sid, now=NOW)
    remove("call-1", now=NOW)
    assert row_of(recording).quarantined_at == NOW
    with scope("BBC"):
        assert [one.flagged_by for one in open_flags()] == [""]


def test_events_are_counted_by_month_queue_and_kind(ada: User, recording: str) -> None:
    flag_call(ada, "call-1", "health", now=NOW)
    with scope("BBC"):
        counts = flags_by_month(since=NOW - timedelta(days=40), until=NOW + MINUTE)
    assert counts == {(2026, 10, "queue-1", "health"): 1}
