"""Records calls: taps both legs, keeps what the suppression set allows, and seals it through the vault.

A gate in this process closes first, then the tap is paused, then the fact is told: no single one of them is trusted.
"""

import asyncio
import logging
import math
from collections import OrderedDict
from dataclasses import replace
from functools import partial

from ringfence.control.facts import (
    AlarmRaised,
    NotRecordedReason,
    RecordingNotStarted,
    RecordingResumed,
    RecordingStarted,
    RecordingStopped,
    RecordingSuppressed,
    StopReason,
    SuppressionReason,
)
from ringfence.engine.errors import MediaError, RecordingUnavailable
from ringfence.engine.media.port import MediaEngine
from ringfence.engine.ports import Directory, FactSink, RecordingVault
from ringfence.engine.recorder.api import SEGMENT_ENDS, RecorderState, RecordingRequest
from ringfence.engine.recorder.policy import Allowed, decide
from ringfence.engine.recorder.running import RunningRecording
from ringfence.kit.clock import Clock
from ringfence.kit.ids import CallId, LegId, RecordingId
from ringfence.kit.tasks import TaskOwner

log = logging.getLogger(__name__)

MAX_BATCH_MS = 60_000
"""Of silence or sound handed to the vault at once."""
REMEMBERED_CALLS = 10_000
"""Ended calls whose late events are still recognised."""


class CallRecorder:
    """The Recorder of the engine."""

    def __init__(
        self,
        *,
        media: MediaEngine,
        vault: RecordingVault,
        directory: Directory,
        facts: FactSink,
        clock: Clock,
        tasks: TaskOwner,
        batch_seconds: float = 0.5,
        holdback_ms: int = 200,
        guard_ms: int = 100,
        tap_seconds: float = 2.0,
        seal_seconds: float = 15.0,
    ) -> None:
        self._media = media
        self._vault = vault
        self._directory = directory
        self._facts = facts
        self._clock = clock
        self._tasks = tasks
        self._batch_seconds = batch_seconds
        self._holdback_ms = holdback_ms
        """How long reordered packets may be late."""
        self._guard_ms = guard_ms
        """A pause ends so much later than it was asked for: what was said inside it may still be on its way."""
        self._tap_seconds = tap_seconds
        self._seal_seconds = seal_seconds
        self._recordings: dict[CallId, RunningRecording] = {}
        self._ended: OrderedDict[CallId, RecorderState | NotRecordedReason] = OrderedDict()

    async def begin(self, request: RecordingRequest) -> RecordingId | None:
        """See Recorder. The recording's time begins now, at the answer (R22)."""
        call_id = request.call_id
        if running := self._recordings.get(call_id):
            return running.recording_id
        ended = self._ended.get(call_id)
        if isinstance(ended, RecorderState) and ended.stopped not in SEGMENT_ENDS:
            return None
        decision = decide(self._directory.snapshot, request)
        if not isinstance(decision, Allowed):
            self._refuse(request, decision)
            return None
        recording = RunningRecording(request, started=self._clock.monotonic())
        self._recordings[call_id] = recording
        try:
            async with recording.order:
                await self._start(recording, decision)
        finally:
            if recording.sink is None:
                recording.close_gate()
                self._recordings.pop(call_id, None)
        return recording.recording_id if recording.sink is not None else None

    async def suppress(self, call_id: CallId, reason: SuppressionReason, actor: str, code: str = "") -> None:
        """See Recorder. Silence counts from the moment this is called."""
        recording = self._recordings.get(call_id)
        if recording is None:
            return
        recording.wanted.add(reason)
        at_ms = math.floor(recording.ms(self._clock.monotonic()))
        recording.control = recording.control.suppress(reason, actor, code, at_ms=at_ms)
        recording.close_gate()
        async with recording.order:
            if not self._runs(recording):
                return
            obeyed = await self._pause(recording)
            if reason in recording.control.reasons and reason not in recording.told:
                self._tell_suppressed(recording, reason, actor, code)
                self._note(recording)
            if not obeyed:
                await self._end(recording, StopReason.MEDIA_FAILED)

    async def resume(self, call_id: CallId, reason: SuppressionReason, actor: str) -> None:
        """See Recorder. Audio counts from the media time at which the tap runs again, and the guard time after it."""
        recording = self._recordings.get(call_id)
        if recording is None:
            return
        recording.wanted.discard(reason)
        async with recording.order:
            suppression = next((each for each in recording.control.active if each.reason is reason), None)
            if suppression is None or recording.control.stopped is not None or reason in recording.wanted:
                return
            since = self._clock.monotonic()
            if recording.control.reasons == {reason}:
                running = await self._unpause(recording)
                if running is None:
                    await self._end(recording, StopReason.MEDIA_FAILED)
                    return
                since = max(since, running)
            # Look again: this or another reason, or the stop, may have come while the tap was started.
            if reason in recording.wanted or recording.control.stopped is not None:
                return
            recording.control = recording.control.resume(
                reason, at_ms=math.ceil(recording.ms(since)), guard_ms=self._guard_ms
            )
            recording.told.discard(reason)
            if recording.control.audible:
                recording.open_gate(since + self._guard_ms / 1000)
            self._facts.publish(
                RecordingResumed(
                    at=self._clock.now(),
                    recording_id=recording.recording_id,
                    call_id=call_id,
                    reason=reason,
                    actor=actor,
                    remaining=recording.control.reasons,
                    code=suppression.code,
                )
            )
            self._note(recording)

    async def name(self, call_id: CallId, reason: SuppressionReason, code: str) -> None:
        """See Recorder."""
        recording = self._recordings.get(call_id)
        if recording is None:
            return
        async with recording.order:
            if self._runs(recording):
                recording.control = recording.control.name(reason, code)
                self._note(recording)

    async def hear(self, call_id: CallId, third: LegId | None) -> None:
        """See Recorder."""
        recording = self._recordings.get(call_id)
        if recording is None:
            return
        request = recording.request
        async with recording.order:
            if not self._runs(recording) or recording.tap is None:
                return
            legs = (request.caller_leg, request.agent_leg)
            try:
                async with asyncio.timeout(self._tap_seconds):
                    await recording.tap.set_legs(legs if third is None else (*legs, third))
            except (MediaError, TimeoutError) as error:
                self._distrust(recording, error)
                await self._end(recording, StopReason.MEDIA_FAILED)

    async def stop(self, call_id: CallId, reason: StopReason, actor: str = "", code: str = "") -> None:
        """See Recorder."""
        recording = self._recordings.get(call_id)
        if recording is None:
            ended = self._ended.get(call_id)
            if isinstance(ended, RecorderState) and ended.stopped in SEGMENT_ENDS:
                self._ended[call_id] = replace(ended, stopped=reason)  # no next segment, if this is final
            return
        self._decide_stop(recording, reason, actor, code)
        async with recording.order:
            if self._runs(recording):
                await self._end(recording, reason)

    def state(self, call_id: CallId) -> RecorderState | None:
        if recording := self._recordings.get(call_id):
            return recording.state()
        ended = self._ended.get(call_id)
        return ended if isinstance(ended, RecorderState) else None

    async def close(self) -> None:
        """See Recorder."""
        for call_id in list(self._recordings):
            await self.stop(call_id, StopReason.HANG_UP)
        drained = await asyncio.to_thread(partial(self._vault.drain, patience_seconds=self._seal_seconds))
        if not drained:
            log.error("sealing took over %.0f s; the rest is recovered at the next start", self._seal_seconds)

    def _runs(self, recording: RunningRecording) -> bool:
        """It has not been finished while somebody waited for its order."""
        return self._recordings.get(recording.request.call_id) is recording

    def _decide_stop(self, recording: RunningRecording, reason: StopReason, actor: str = "", code: str = "") -> None:
        """Nothing is kept from here on; the first stop gives the reason."""
        if recording.control.stopped is None:
            recording.stopped_by = (actor, code)
            at_ms = round(recording.ms(self._clock.monotonic()))
            recording.control = recording.control.stop(reason, at_ms=at_ms)
        elif recording.control.stopped in SEGMENT_ENDS and reason not in SEGMENT_ENDS:
            recording.call_stopped = recording.call_stopped or reason
        recording.close_gate()

    async def _end(self, recording: RunningRecording, reason: StopReason) -> None:
        """Stop, if nothing has yet, and seal. Only for whoever holds the order of the recording."""
        self._decide_stop(recording, reason)
        await self._close_tap(recording)
        self._finish(recording)

    async def _start(self, recording: RunningRecording, allowed: Allowed) -> None:
        """Tap first, so that a media engine that cannot tap leaves nothing behind in the vault."""
        request = recording.request
        assert request.client is not None
        assert request.agent_id is not None
        try:
            async with asyncio.timeout(self._tap_seconds):
                recording.tap = await self._media.tap(
                    request.session, (request.caller_leg, request.agent_leg), recording
                )
            recording.sink, key_id = self._vault.open(
                recording_id=recording.recording_id,
                call_id=request.call_id,
                client=request.client,
                segment=request.segment,
            )
        except (MediaError, TimeoutError) as error:
            self._give_up(recording, NotRecordedReason.MEDIA_FAILED, f"tap: {type(error).__name__}")
            return
        except RecordingUnavailable:
            recording.close_gate()
            await self._close_tap(recording)
            self._give_up(recording, NotRecordedReason.STORAGE_FAILED, "vault: RecordingUnavailable")
            return
        self._facts.publish(
            RecordingStarted(
                at=self._clock.now(),
                recording_id=recording.recording_id,
                call_id=request.call_id,
                client=request.client,
                agent_id=request.agent_id,
                segment=request.segment,
                wording=allowed.wording,
                key_id=key_id,
            )
        )
        self._arm(recording)
        if request.suppressed:
            for each in request.suppressed:
                self._tell_suppressed(recording, each.reason, each.actor, each.code)
            self._note(recording)
            if not await self._pause(recording):
                await self._end(recording, StopReason.MEDIA_FAILED)

    def _tell_suppressed(self, recording: RunningRecording, reason: SuppressionReason, actor: str, code: str) -> None:
        recording.told.add(reason)
        self._facts.publish(
            RecordingSuppressed(
                at=self._clock.now(),
                recording_id=recording.recording_id,
                call_id=recording.request.call_id,
                reason=reason,
                actor=actor,
                code=code,
            )
        )

    def _give_up(self, recording: RunningRecording, reason: NotRecordedReason, detail: str) -> None:
        recording.close_gate()
        del self._recordings[recording.request.call_id]
        self._facts.publish(AlarmRaised(at=self._clock.now(), code="recording_not_started", detail=detail))
        self._refuse(recording.request, reason)

    def _refuse(self, request: RecordingRequest, reason: NotRecordedReason) -> None:
        if self._ended.get(request.call_id) is reason:
            return
        self._remember(request.call_id, reason)
        self._facts.publish(RecordingNotStarted(at=self._clock.now(), call_id=request.call_id, reason=reason))

    def _remember(self, call_id: CallId, outcome: RecorderState | NotRecordedReason) -> None:
        self._ended[call_id] = outcome
        if len(self._ended) > REMEMBERED_CALLS:
            self._ended.popitem(last=False)

    def _arm(self, recording: RunningRecording) -> None:
        recording.timer = asyncio.get_running_loop().call_later(self._batch_seconds, self._batch, recording)

    def _batch(self, recording: RunningRecording) -> None:
        """Hand the vault what no reordered packet can change any more."""
        if recording.sink is None or recording.control.stopped is not None:
            return
        upto = int(recording.ms(self._clock.monotonic())) - self._holdback_ms
        # A process that was frozen catches up in pieces that the writer's queue can hold.
        upto = min(upto, recording.written_ms + MAX_BATCH_MS)
        caller, agent = recording.take(upto)
        try:
            if caller:
                recording.sink.write(caller, agent)
        except RecordingUnavailable:
            recording.close_gate()
            work = self.stop(recording.request.call_id, StopReason.STORAGE_FAILED)
            _ = self._tasks.start("storage-failed", work)
            return
        self._arm(recording)

    def _finish(self, recording: RunningRecording) -> None:
        call_id, stop = recording.request.call_id, recording.control.stopped
        assert stop is not None
        if recording.timer is not None:
            recording.timer.cancel()
        del self._recordings[call_id]
        self._remember(call_id, replace(recording.state(), stopped=recording.call_stopped or stop))
        if recording.dropped:
            log.warning("recording %s: %d packets of a flood were dropped", recording.recording_id, recording.dropped)
        if recording.sink is None:
            return
        self._facts.publish(
            RecordingStopped(
                at=self._clock.now(),
                recording_id=recording.recording_id,
                call_id=call_id,
                reason=stop,
                actor=recording.stopped_by[0],
                code=recording.stopped_by[1],
            )
        )
        end_ms = recording.control.last_ms
        caller, agent = recording.take(end_ms)
        try:
            if caller:
                recording.sink.write(caller, agent)
        except RecordingUnavailable:
            # The vault has told of its failure, or will; what it has is sealed below.
            log.warning("recording %s ends without its last batch", recording.recording_id)
        recording.sink.close(stop, recording.control.spans(upto_ms=end_ms))

    def _note(self, recording: RunningRecording) -> None:
        if recording.sink is not None:
            recording.sink.note(recording.control.closed, recording.control.running)

    async def _pause(self, recording: RunningRecording) -> bool:
        """True: the media engine says that not one more packet comes."""
        if recording.tap is None or not recording.tap_running:
            return True
        try:
            async with asyncio.timeout(self._tap_seconds):
                await recording.tap.pause()
        except (MediaError, TimeoutError) as error:
            self._distrust(recording, error)
            return False
        recording.tap_running = False
        return True

    async def _unpause(self, recording: RunningRecording) -> float | None:
        """Since when packets come again; None when the media engine did not say."""
        if recording.tap is None or recording.tap_running:
            return 0.0
        try:
            async with asyncio.timeout(self._tap_seconds):
                since = await recording.tap.resume()
        except (MediaError, TimeoutError) as error:
            self._distrust(recording, error)
            return None
        recording.tap_running = True
        return min(since, self._clock.monotonic())

    async def _close_tap(self, recording: RunningRecording) -> None:
        # They refer to each other: a recording that is over, and its key, must not wait for a collection of cycles.
        tap, recording.tap = recording.tap, None
        if tap is None:
            return
        try:
            async with asyncio.timeout(self._tap_seconds):
                await tap.close()
        except (MediaError, TimeoutError) as error:
            self._distrust(recording, error)

    def _distrust(self, recording: RunningRecording, error: BaseException) -> None:
        """The tap did not obey; the gate in this process holds, and a person should know."""
        log.error("recording %s: the tap did not obey (%s)", recording.recording_id, type(error).__name__)
        self._facts.publish(
            AlarmRaised(
                at=self._clock.now(),
                code="tap_disobeyed",
                detail=f"{recording.recording_id}: {type(error).__name__}",
            )
        )
