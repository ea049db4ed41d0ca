"""The recording's state reads alike wherever it is read."""

from ringfence.centre.audit.entries import canonical, read_entry
from ringfence.centre.recordings.entries import RecordingMasked, RecordingStopped, RecordingUnmasked
from ringfence.centre.recordings.words import NOT_RECORDED, PAUSES, STOPS
from ringfence.control.facts import NotRecordedReason, StopReason, SuppressionReason


def test_every_code_has_words() -> None:
    assert set(PAUSES) == set(SuppressionReason)
    assert set(STOPS) == set(StopReason)
    assert set(NOT_RECORDED) == set(NotRecordedReason)


def test_the_audit_trail_reads_as_the_desk_does_and_stores_codes() -> None:
    common = {"recording_id": "r1", "call_id": "c1", "actor": "a1"}
    masked = RecordingMasked(reason="payment", **common)
    assert masked.as_fields()["reason"] == "payment"
    assert masked.reads() == "Recording r1 kept silence from here: Paused: payment."
    again = read_entry(masked.code, canonical(masked.as_fields()))
    assert again.reads() == masked.reads()
    ended = RecordingUnmasked(reason="mask", remaining=["payment"], **common)
    assert ended.reads() == "Recording r1: Masked by the agent ended. Still in force: Paused: payment."
    stopped = RecordingStopped(reason="transfer_outside", agent_id="a1", **common)
    assert stopped.reads() == "Recording r1 stopped for good during the call: Stopped: transferred."
    assert RecordingMasked(reason="of another version", **common).reads().endswith(": of another version.")
