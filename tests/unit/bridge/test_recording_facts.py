"""Masks, stops, objections and payments as the call log, the audit trail and the live pages tell them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from tests.support.story import ADA, BBC, START, Story

from ringfence.bridge.apply import apply
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.audit.queries import describe
from ringfence.centre.calls.models import CallEvent
from ringfence.centre.calls.sealing import party_sealer
from ringfence.centre.jobs.models import Alarm
from ringfence.centre.live.models import OutboxEvent
from ringfence.centre.recordings.models import Recording, RecordingSpan, RecordingState
from ringfence.centre.tenancy import all_clients
from ringfence.centre.tenancy.models import Client
from ringfence.control import facts
from ringfence.kit.ids import CallId, RecordingId

REC = RecordingId("rec-1")


@pytest.fixture(autouse=True)
def everything(db: None) -> Iterator[None]:
    Client.objects.create(code="BBC", name="Barford Borough Council", greeting="Barford Council")
    with all_clients("tests look at every row"):
        yield


def talking() -> tuple[Story, CallId]:
    story = Story().start()
    call_id = story.arrive()
    story.announce_and_queue(call_id)
    story.offer(call_id)
    story.answer(call_id)
    return story, call_id


def store(story: Story) -> None:
    apply(story.batch(), sealer=party_sealer(), agents={ADA: frozenset({BBC})}, now=START + timedelta(hours=1))


def audited(code: str) -> list[str]:
    return [describe(row) for row in AuditEntry.objects.filter(code=code).order_by("number")]


def kinds() -> list[str]:
    return list(CallEvent.objects.order_by("number").values_list("kind", flat=True))


def sealed(story: Story, call_id: CallId, **values: Any) -> None:
    defaults: dict[str, Any] = {
        "recording_id": REC, "call_id": call_id, "duration_ms": 9000, "size_bytes": 1, "sha256": "ab" * 32,
        "spans": (), "stop": facts.StopReason.HANG_UP, "object_name": "BBC/rec-1.rfr",
    }  # fmt: skip
    story.tell(facts.RecordingSealed, **{**defaults, **values})


def test_the_reason_of_a_mask_is_in_the_audit_and_with_its_span() -> None:
    story, call_id = talking()
    mask: dict[str, Any] = {
        "recording_id": REC, "call_id": call_id, "reason": facts.SuppressionReason.MASK, "actor": ADA,
        "code": "special_category",
    }  # fmt: skip
    story.tell(facts.RecordingSuppressed, **mask)
    story.tell(facts.RecordingResumed, **mask, remaining=frozenset({facts.SuppressionReason.PAYMENT}))
    span = facts.Span(
        start_ms=1000, end_ms=2000, reason=facts.SuppressionReason.MASK, actor=ADA, code="special_category"
    )
    sealed(story, call_id, spans=(span,))
    store(story)
    row = RecordingSpan.objects.get()
    assert (row.start_ms, row.end_ms, row.reason, row.code) == (1000, 2000, "mask", "special_category")
    for code in ("recording.masked", "recording.unmasked"):
        assert "special_category" in AuditEntry.objects.get(code=code).fields
    assert list(OutboxEvent.objects.filter(topic="recording").values_list("payload__kind", flat=True)) == [
        "started", "masked", "still_masked", "sealed",
    ]  # fmt: skip


def test_a_stop_names_who_and_why() -> None:
    story, call_id = talking()
    story.tell(
        facts.RecordingStopped,
        recording_id=REC,
        call_id=call_id,
        reason=facts.StopReason.AGENT_STOP,
        actor=ADA,
        code="personal_call",
    )
    store(story)
    fields = AuditEntry.objects.get(code="recording.stopped").fields
    assert '"actor":"' + ADA in fields
    assert '"stop_code":"personal_call"' in fields
    assert Recording.objects.get().stop_reason == "agent_stop"


def test_a_stop_for_lack_of_an_answer_from_the_media_engine_is_an_alarm() -> None:
    story, call_id = talking()
    story.tell(facts.RecordingStopped, recording_id=REC, call_id=call_id, reason=facts.StopReason.MEDIA_FAILED)
    store(story)
    assert Alarm.objects.get().code == "recording_media"


def test_an_objection_is_told_with_every_recording_of_the_call() -> None:
    story, call_id = talking()
    story.tell(facts.CallerObjected, call_id=call_id, agent_id=ADA, recording_ids=(REC, RecordingId("rec-2")))
    store(story)
    assert kinds()[-1] == "objected"
    [said] = audited("recording.objected")
    assert "rec-1, rec-2" in said


def test_a_payment_is_in_history_and_audit_and_its_keys_are_counted_on_the_live_page_only() -> None:
    story, call_id = talking()
    story.tell(facts.PaymentOpened, call_id=call_id, payment_id="pay-1", agent_id=ADA, recording_id=REC)
    for digits, outcome in ((0, "started"), (1, "typing"), (2, "typing"), (0, "cleared"), (16, "accepted")):
        story.tell(
            facts.KeypadProgress,
            call_id=call_id,
            payment_id="pay-1",
            field=facts.KeypadField.CARD_NUMBER,
            digits=digits,
            outcome=outcome,
        )
    story.tell(facts.PaymentClosed, call_id=call_id, payment_id="pay-1")
    store(story)
    assert kinds()[-2:] == ["payment_opened", "payment_closed"]
    assert CallEvent.objects.filter(party="payment", party_id="pay-1").count() == 2
    assert [text.rsplit(" ", 1)[1] for text in audited("payment.keypad_used")] == ["started.", "accepted."]
    told = OutboxEvent.objects.filter(payload__kind="keypad").order_by("id")
    assert [event.payload["digits"] for event in told] == [0, 1, 2, 0, 16]
    assert all(event.audience == "BBC" for event in told)


def test_a_close_whose_opening_was_lost_is_stored_all_the_same() -> None:
    story, call_id = talking()
    story.tell(facts.PaymentClosed, call_id=call_id, payment_id="pay-1")
    store(story)
    assert kinds()[-1] == "payment_closed"


def test_a_recording_that_was_deleted_before_it_was_sealed_leaves_its_name_to_be_removed() -> None:
    story, call_id = talking()
    store(story)
    Recording.objects.update(state=RecordingState.DELETED)
    later = Story()
    later.told = list(story.told)
    sealed(later, call_id)
    apply(later.batch(), sealer=party_sealer(), agents={}, now=START + timedelta(hours=1))
    row = Recording.objects.get()
    assert (row.state, row.object_name, row.duration_ms) == (RecordingState.DELETED, "BBC/rec-1.rfr", None)
