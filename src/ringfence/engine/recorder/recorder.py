"""Records calls: taps both legs, keeps what the suppression set allows, and seals it through the vault.

A gate in this process closes first, then the tap is paused, then the fact is told: no single one of them is trusted.
"""

import asyncio
import logging
import math
from collections import OrderedDict
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
from ringfence.engine.media.port import MediaEngine, Tap
from ringfence.engine.ports import Directory, FactSink, RecordingSink, RecordingVault
from ringfence.engine.recorder.api import RecorderState, RecordingRequest
from ringfence.engine.recorder.control import RecordingControl
from ringfence.engine.recorder.policy import Allowed, decide
from ringfence.engine.recorder.timeline import MAX_WAITING, SAMPLES_PER_MS, Timeline
from ringfence.kit.clock import Clock
from ringfence.kit.g711 import ULAW_TO_ALAW
from ringfence.kit.ids import CallId, LegId, RecordingId, new_id
from ringfence.kit.tasks import TaskOwner

log = logging.getLogger(__name__)

SAMPLES_PER_SECOND = SAMPLES_PER_MS * 1000
REMEMBERED_CALLS = 10_000
"""Ended calls whose late events are still recognised."""


class _Recording:
    """One running recording: the sink of its tap, and its timeline."""

    def __init__(self, request: RecordingRequest, *, started: float) -> None:
        self.request = request
        self.recording_id = RecordingId(new_id())
        self.started = started
        """Monotonic seconds of sample 0."""
        self.control = RecordingControl()
        self.sink: RecordingSink | None = None
        self.tap: Tap | None = None
        self.tap_running = True
        self.order = asyncio.Lock()
        """Keeps the commands to one tap in order; each waits for the media engine for a limited time only."""
        self.timer: asyncio.TimerHandle | None = None
        self.dropped = 0
        self._open_from: float | None = started
        self._waiting: list[tuple[LegId, float, bytes, int, bool]] = []
        self._timeline = Timeline()

    def frame(self, *, leg: LegId, at: float, payload: bytes, rtp_timestamp: int, alaw: bool) -> None:
        """TapSink: runs for every packet of every call, so it only appends."""
        if self._open_from is None or at < self._open_from:
            return
        if len(self._waiting) >= MAX_WAITING:
            self.dropped += 1
            return
        self._waiting.append((leg, at, payload, rtp_timestamp, alaw))

    def close_gate(self) -> None:
        """Not one more packet is kept."""
        self._open_from = None

    def open_gate(self, since: float) -> None:
        """Packets that arrived from ``since`` on are kept."""
        self._open_from = since

    def ms(self, monotonic: float) -> float:
        """Media time, to the microsecond, so that no rounding error of the clock becomes a millisecond."""
        return max(round((monotonic - self.started) * 1000, 3), 0.0)

    def take(self, upto_ms: int) -> tuple[bytes, bytes]:
        """Both directions up to there, placed and silenced."""
        waiting, self._waiting = self._waiting, []
        started, caller_leg = self.started, self.request.caller_leg
        caller, agent = self._timeline.caller.place, self._timeline.agent.place
        for leg, at, payload, timestamp, is_alaw in waiting:
            place = caller if leg == caller_leg else agent
            arrived = round((at - started) * SAMPLES_PER_SECOND)
            place(arrived=arrived, payload=payload if is_alaw else payload.translate(ULAW_TO_ALAW),
                  rtp_timestamp=timestamp)  # fmt: skip
        return self._timeline.advance(upto_ms * SAMPLES_PER_MS, self.control.spans(upto_ms=upto_ms))

    def state(self) -> RecorderState:
        return RecorderState(
            recording_id=self.recording_id, suppressed=self.control.reasons, stopped=self.control.stopped
        )


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
        self._tap_seconds = tap_seconds
        self._seal_seconds = seal_seconds
        self._recordings: dict[CallId, _Recording] = {}
        self._ended: OrderedDict[CallId, RecorderState | NotRecordedReason] = OrderedDict()

    async def begin(self, request: RecordingRequest) -> RecordingId | None:
        """See Recorder. The recording's time begins now, at the answer (R22)."""
        call_id = request.call_id
        if running := self._recordings.get(call_id):
            return running.recording_id
        ended = self._ended.get(call_id)
        if isinstance(ended, RecorderState):
            return None
        decision = decide(self._directory.snapshot, request)
        if not isinstance(decision, Allowed):
            self._refuse(request, decision)
            return None
        recording = _Recording(request, started=self._clock.monotonic())
        self._recordings[call_id] = recording
        try:
            async with recording.order:
                await self._start(recording, decision)
        finally:
            if recording.sink is None:
                recording.close_gate()
                self._recordings.pop(call_id, None)
        return recording.recording_id if recording.sink is not None else None

    async def suppress(self, call_id: CallId, reason: SuppressionReason, actor: str) -> None:
        """See Recorder. Silence counts from the moment this is called."""
        recording = self._recordings.get(call_id)
        if recording is None:
            return
        before = recording.control
        at_ms = math.floor(recording.ms(self._clock.monotonic()))
        recording.control = after = before.suppress(reason, actor, at_ms=at_ms)
        if after.stopped is not None:
            return
        recording.close_gate()
        async with recording.order:
            await self._pause(recording)
            if after is before or self._recordings.get(call_id) is not recording:
                return
            self._facts.publish(
                RecordingSuppressed(
                    at=self._clock.now(),
                    recording_id=recording.recording_id,
                    call_id=call_id,
                    reason=reason,
                    actor=actor,
                )
            )
            self._note(recording)

    async def resume(self, call_id: CallId, reason: SuppressionReason, actor: str) -> None:
        """See Recorder. Audio counts from the media time at which the tap runs again."""
        recording = self._recordings.get(call_id)
        if recording is None:
            return
        async with recording.order:
            if reason not in recording.control.reasons or recording.control.stopped is not None:
                return
            since = self._clock.monotonic()
            if recording.control.reasons == {reason}:
                since = max(since, await self._unpause(recording))
            # Read again: another reason, or the stop, may have come while the tap was started.
            recording.control = recording.control.resume(reason, at_ms=math.ceil(recording.ms(since)))
            if recording.control.audible:
                recording.open_gate(since)
            if reason in recording.control.reasons:
                return
            self._facts.publish(
                RecordingResumed(
                    at=self._clock.now(),
                    recording_id=recording.recording_id,
                    call_id=call_id,
                    reason=reason,
                    actor=actor,
                    remaining=recording.control.reasons,
                )
            )
            self._note(recording)

    async def stop(self, call_id: CallId, reason: StopReason) -> None:
        """See Recorder."""
        recording = self._recordings.get(call_id)
        if recording is None:
            return
        at_ms = round(recording.ms(self._clock.monotonic()))
        recording.control = recording.control.stop(reason, at_ms=at_ms)
        recording.close_gate()
        async with recording.order:
            if self._recordings.get(call_id) is not recording:
                return
            await self._close_tap(recording)
            self._finish(recording)

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

    async def _start(self, recording: _Recording, allowed: Allowed) -> None:
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
                recording_id=recording.recording_id, call_id=request.call_id, client=request.client, segment=0
            )
        except (MediaError, TimeoutError) as error:
            self._give_up(recording, f"tap: {type(error).__name__}")
            return
        except RecordingUnavailable:
            recording.close_gate()
            await self._close_tap(recording)
            self._give_up(recording, "vault: RecordingUnavailable")
            return
        self._facts.publish(
            RecordingStarted(
                at=self._clock.now(),
                recording_id=recording.recording_id,
                call_id=request.call_id,
                client=request.client,
                agent_id=request.agent_id,
                segment=0,
                wording=allowed.wording,
                key_id=key_id,
            )
        )
        self._arm(recording)

    def _give_up(self, recording: _Recording, detail: str) -> None:
        recording.close_gate()
        del self._recordings[recording.request.call_id]
        self._facts.publish(AlarmRaised(at=self._clock.now(), code="recording_not_started", detail=detail))
        self._refuse(recording.request, NotRecordedReason.STORAGE_FAILED)

    def _refuse(self, request: RecordingRequest, reason: NotRecordedReason) -> None:
        if self._ended.get(request.call_id) is reason:
            return
        self._remember(request.call_id, reason)
        self._facts.publish(RecordingNotStarted(at=self._clock.now(), call_id=request.call_id, reason=reason))

    def _remember(self, call_id: CallId, outcome: RecorderState | NotRecordedReason) -> None:
        self._ended[call_id] = outcome
        if len(self._ended) > REMEMBERED_CALLS:
            self._ended.popitem(last=False)

    def _arm(self, recording: _Recording) -> None:
        recording.timer = asyncio.get_running_loop().call_later(self._batch_seconds, self._batch, recording)

    def _batch(self, recording: _Recording) -> None:
        """Hand the vault what no reordered packet can change any more."""
        if recording.sink is None or recording.control.stopped is not None:
            return
        upto = int(recording.ms(self._clock.monotonic())) - self._holdback_ms
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

    def _finish(self, recording: _Recording) -> None:
        call_id, stop = recording.request.call_id, recording.control.stopped
        assert stop is not None
        if recording.timer is not None:
            recording.timer.cancel()
        del self._recordings[call_id]
        self._remember(call_id, recording.state())
        if recording.dropped:
            log.warning("recording %s: %d packets of a flood were dropped", recording.recording_id, recording.dropped)
        if recording.sink is None:
            return
        self._facts.publish(
            RecordingStopped(at=self._clock.now(), recording_id=recording.recording_id, call_id=call_id, reason=stop)
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

    def _note(self, recording: _Recording) -> None:
        if recording.sink is not None:
            recording.sink.note(recording.control.closed, recording.control.running)

    async def _pause(self, recording: _Recording) -> None:
        if recording.tap is None or not recording.tap_running:
            return
        try:
            async with asyncio.timeout(self._tap_seconds):
                await recording.tap.pause()
            recording.tap_running = False
        except (MediaError, TimeoutError) as error:
            self._distrust(recording, error)

    async def _unpause(self, recording: _Recording) -> float:
        if recording.tap is None or recording.tap_running:
            return 0.0
        try:
            async with asyncio.timeout(self._tap_seconds):
                since = await recording.tap.resume()
            recording.tap_running = True
        except (MediaError, TimeoutError) as error:
            self._distrust(recording, error)
            return 0.0
        return min(since, self._clock.monotonic())

    async def _close_tap(self, recording: _Recording) -> None:
        if recording.tap is None:
            return
        try:
            async with asyncio.timeout(self._tap_seconds):
                await recording.tap.close()
        except (MediaError, TimeoutError) as error:
            self._distrust(recording, error)

    def _distrust(self, recording: _Recording, error: BaseException) -> None:
        """The tap did not obey; the gate in this process holds, and a person should know."""
        log.error("recording %s: the tap did not obey (%s)", recording.recording_id, type(error).__name__)
        self._facts.publish(
            AlarmRaised(
                at=self._clock.now(),
                code="tap_disobeyed",
                detail=f"{recording.recording_id}: {type(error).__name__}",
            )
        )
