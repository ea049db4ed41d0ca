"""Facts about recordings become rows, audit entries, and the job that moves the sealed object to the store."""

from ringfence.bridge.handlers import handles
from ringfence.bridge.workspace import Workspace
from ringfence.centre.calls.models import CallKind, Party
from ringfence.centre.live.models import Topic
from ringfence.centre.recordings import entries
from ringfence.centre.recordings.models import Recording, RecordingSpan, RecordingState
from ringfence.control import facts


def _tell(work: Workspace, recording: Recording, kind: str, fact: facts.Fact, *, reason: str = "") -> None:
    payload = {"recording": recording.recording_id, "call": recording.call_id, "kind": kind, "reason": reason}
    work.emit(Topic.RECORDING, payload, at=fact.at, client=recording.client_id, agent=recording.agent_id)


@handles(facts.RecordingStarted)
def started(work: Workspace, fact: facts.RecordingStarted) -> None:
    recording = work.recording(fact.recording_id, fact.call_id, fact.at)
    call = work.call(fact.call_id, fact.at)
    recording.agent_id = fact.agent_id
    recording.segment = fact.segment
    recording.wording = fact.wording[:64]
    recording.key_id = fact.key_id
    recording.started_at = fact.at
    work.note(
        call,
        CallKind.RECORDING_STARTED,
        fact.at,
        party=Party.RECORDING,
        party_id=fact.recording_id,
        agent_id=fact.agent_id,
    )
    _tell(work, recording, "started", fact)
    work.audit(
        entries.RecordingStarted(
            recording_id=fact.recording_id,
            call_id=fact.call_id,
            agent_id=fact.agent_id,
            wording=fact.wording,
        ),
        fact.at,
        client=recording.client_id,
    )


@handles(facts.RecordingNotStarted)
def not_started(work: Workspace, fact: facts.RecordingNotStarted) -> None:
    call = work.call(fact.call_id, fact.at)
    call.not_recorded = fact.reason.value
    work.note(call, CallKind.NOT_RECORDED, fact.at, agent_id=call.agent_id, code=fact.reason.value)
    if fact.reason is facts.NotRecordedReason.STORAGE_FAILED:
        work.alarm("recording_storage", at=fact.at, detail="not_started")
    elif fact.reason is facts.NotRecordedReason.MEDIA_FAILED:
        work.alarm("recording_media", at=fact.at, detail="not_started")


@handles(facts.RecordingSuppressed)
def suppressed(work: Workspace, fact: facts.RecordingSuppressed) -> None:
    recording = work.recording(fact.recording_id, fact.call_id, fact.at)
    call = work.call(fact.call_id, fact.at)
    work.note(
        call,
        CallKind.MASKED,
        fact.at,
        party=Party.RECORDING,
        party_id=fact.recording_id,
        agent_id=recording.agent_id,
        code=fact.reason.value,
    )
    _tell(work, recording, "masked", fact, reason=fact.reason.value)
    work.audit(
        entries.RecordingMasked(
            recording_id=fact.recording_id,
            call_id=fact.call_id,
            reason=fact.reason.value,
            actor=fact.actor,
            mask=fact.code,
        ),
        fact.at,
        client=recording.client_id,
    )


@handles(facts.RecordingResumed)
def resumed(work: Workspace, fact: facts.RecordingResumed) -> None:
    recording = work.recording(fact.recording_id, fact.call_id, fact.at)
    call = work.call(fact.call_id, fact.at)
    work.note(
        call,
        CallKind.UNMASKED,
        fact.at,
        party=Party.RECORDING,
        party_id=fact.recording_id,
        agent_id=recording.agent_id,
        code=fact.reason.value,
    )
    kind = "still_masked" if fact.remaining else "recording"
    _tell(work, recording, kind, fact, reason=fact.reason.value)
    work.audit(
        entries.RecordingUnmasked(
            recording_id=fact.recording_id,
            call_id=fact.call_id,
            reason=fact.reason.value,
            actor=fact.actor,
            remaining=sorted(reason.value for reason in fact.remaining),
            mask=fact.code,
        ),
        fact.at,
        client=recording.client_id,
    )


@handles(facts.MaskNamed)
def mask_named(work: Workspace, fact: facts.MaskNamed) -> None:
    call = work.call(fact.call_id, fact.at)
    work.audit(
        entries.MaskNamed(call_id=fact.call_id, agent_id=fact.agent_id, mask=fact.code.value),
        fact.at,
        client=call.client_id,
    )


@handles(facts.RecordingStopped)
def stopped(work: Workspace, fact: facts.RecordingStopped) -> None:
    recording = work.recording(fact.recording_id, fact.call_id, fact.at)
    call = work.call(fact.call_id, fact.at)
    if recording.stopped_at is None:
        recording.stopped_at = fact.at
        recording.stop_reason = fact.reason.value
    work.note(
        call,
        CallKind.RECORDING_STOPPED,
        fact.at,
        party=Party.RECORDING,
        party_id=fact.recording_id,
        agent_id=recording.agent_id,
        code=fact.reason.value,
    )
    _tell(work, recording, "stopped", fact, reason=fact.reason.value)
    if fact.reason is facts.StopReason.MEDIA_FAILED:
        work.alarm("recording_media", at=fact.at, detail="stopped")
    if fact.reason is not facts.StopReason.HANG_UP:
        # The ordinary end is part of the entry about sealing; a stop during the call stands for itself.
        work.audit(
            entries.RecordingStopped(
                recording_id=fact.recording_id,
                call_id=fact.call_id,
                agent_id=recording.agent_id,
                reason=fact.reason.value,
                actor=fact.actor,
                stop_code=fact.code,
            ),
            fact.at,
            client=recording.client_id,
        )


@handles(facts.CallerObjected)
def objected(work: Workspace, fact: facts.CallerObjected) -> None:
    call = work.call(fact.call_id, fact.at)
    work.note(call, CallKind.OBJECTED, fact.at, agent_id=fact.agent_id)
    work.objected.append(fact.call_id)
    work.audit(
        entries.CallerObjected(
            call_id=fact.call_id, agent_id=fact.agent_id, recordings=[str(each) for each in fact.recording_ids]
        ),
        fact.at,
        client=call.client_id,
    )


@handles(facts.RecordingSealed)
def sealed(work: Workspace, fact: facts.RecordingSealed) -> None:
    if not work.knows_recording(fact.recording_id):
        # Its start died with the engine that had not handed it over; the sealed object still names its owner.
        work.alarm("recording_without_start", at=fact.at, subject=fact.recording_id)
        call = work.call(fact.call_id, fact.at)
        call.client_id = call.client_id or work.known_client(fact.object_name.partition("/")[0], fact.at)
    recording = work.recording(fact.recording_id, fact.call_id, fact.at)
    if recording.state not in (RecordingState.CAPTURING, RecordingState.FAILED):
        # A new run of the engine tells again of what still lies in the spool; or it was deleted before it was sealed,
        # and the name is needed to remove the file.
        recording.object_name = recording.object_name or fact.object_name
        work.sealed.append(fact.recording_id)
        return
    recording.stopped_at = recording.stopped_at or fact.at
    recording.stop_reason = recording.stop_reason or fact.stop.value
    recording.duration_ms = fact.duration_ms
    recording.size_bytes = fact.size_bytes
    recording.sha256 = fact.sha256
    recording.object_name = fact.object_name
    recording.recovered = fact.recovered
    recording.state = RecordingState.SPOOLED
    work.spans.extend(
        RecordingSpan(
            recording_id=fact.recording_id,
            client_id=recording.client_id,
            start_ms=span.start_ms,
            end_ms=span.end_ms,
            reason=span.reason.value,
            actor=span.actor[:64],
            code=span.code[:32],
        )
        for span in fact.spans
    )
    work.sealed.append(fact.recording_id)
    _tell(work, recording, "sealed", fact, reason=fact.stop.value)
    work.audit(
        entries.RecordingSealed(
            recording_id=fact.recording_id,
            call_id=fact.call_id,
            stop=recording.stop_reason,
            duration_ms=fact.duration_ms,
            sha256=fact.sha256,
            spans=len(fact.spans),
            recovered=fact.recovered,
        ),
        fact.at,
        client=recording.client_id,
    )


@handles(facts.RecordingFailed)
def failed(work: Workspace, fact: facts.RecordingFailed) -> None:
    recording = work.recording(fact.recording_id, fact.call_id, fact.at)
    call = work.call(fact.call_id, fact.at)
    if recording.state == RecordingState.CAPTURING:
        recording.state = RecordingState.FAILED
        recording.failure = fact.detail[:200]
        recording.stopped_at = recording.stopped_at or fact.at
        recording.stop_reason = recording.stop_reason or facts.StopReason.STORAGE_FAILED.value
    call.not_recorded = call.not_recorded or facts.NotRecordedReason.STORAGE_FAILED.value
    work.note(
        call,
        CallKind.RECORDING_FAILED,
        fact.at,
        party=Party.RECORDING,
        party_id=fact.recording_id,
        agent_id=recording.agent_id,
        code=fact.detail,
    )
    _tell(work, recording, "failed", fact)
    work.alarm("recording_storage", at=fact.at, detail=fact.detail)
    work.audit(
        entries.RecordingFailed(recording_id=fact.recording_id, call_id=fact.call_id, cause=fact.detail),
        fact.at,
        client=recording.client_id,
    )
