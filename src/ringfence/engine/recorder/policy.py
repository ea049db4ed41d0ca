"""Whether a call may be recorded at all. Fails closed: whatever is not allowed by every rule is not recorded."""

from dataclasses import dataclass

from ringfence.control.directory import DirectorySnapshot, UserKind
from ringfence.control.facts import Direction, NotRecordedReason, StopReason
from ringfence.engine.recorder.api import RecordingRequest

_STOPPED = {
    StopReason.CALLER_OBJECTS: NotRecordedReason.CALLER_OBJECTS,
    StopReason.AGENT_STOP: NotRecordedReason.AGENT_STOP,
}


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """The call may be recorded, on the strength of this announcement."""

    wording: str


def decide(snapshot: DirectorySnapshot, request: RecordingRequest) -> Allowed | NotRecordedReason:
    """Only inbound calls of a client that records, answered by an agent, after the notice (R8, R23, R37)."""
    if request.answered_by is not UserKind.AGENT:
        return NotRecordedReason.GENERAL_USER
    if request.direction is Direction.OUTBOUND:
        return NotRecordedReason.OUTBOUND
    if request.direction is not Direction.INBOUND:
        return NotRecordedReason.NO_RULE
    if request.agent_id is None or request.client is None:
        return NotRecordedReason.NO_RULE
    client = next((each for each in snapshot.clients if each.code == request.client), None)
    if client is None:
        return NotRecordedReason.NO_RULE
    if not client.recording_enabled:
        return NotRecordedReason.CLIENT_OFF
    if request.stopped is not None:
        return _STOPPED.get(request.stopped, NotRecordedReason.NO_RULE)
    if not request.wording:
        return NotRecordedReason.NOT_ANNOUNCED
    return Allowed(wording=request.wording)
