"""One running recording: what of each packet may be kept, and where it belongs."""

import asyncio

from ringfence.control.facts import StopReason, SuppressionReason
from ringfence.engine.media.port import Tap
from ringfence.engine.ports import RecordingSink
from ringfence.engine.recorder.api import RecorderState, RecordingRequest
from ringfence.engine.recorder.control import RecordingControl
from ringfence.engine.recorder.timeline import MAX_WAITING, SAMPLES_PER_MS, Packet, Timeline, Track
from ringfence.kit.g711 import ULAW_TO_ALAW
from ringfence.kit.ids import LegId, RecordingId, new_id

SAMPLES_PER_SECOND = SAMPLES_PER_MS * 1000


class RunningRecording:
    """One running recording: the sink of its tap, and its timeline."""

    def __init__(self, request: RecordingRequest, *, started: float) -> None:
        self.request = request
        self.recording_id = RecordingId(new_id())
        self.started = started
        """Monotonic seconds of sample 0."""
        self.control = RecordingControl.beginning(request.suppressed)
        self.sink: RecordingSink | None = None
        self.tap: Tap | None = None
        self.tap_running = True
        self.order = asyncio.Lock()
        """Keeps the commands to one tap in order; each waits for the media engine for a limited time only."""
        self.timer: asyncio.TimerHandle | None = None
        self.dropped = 0
        self.wanted = set(self.control.reasons)
        """Reasons that stand by what was asked for last, ahead of what the tap has done."""
        self.told: set[SuppressionReason] = set()
        """Reasons in force of which a fact was published."""
        self.call_stopped: StopReason | None = None
        """A stop that came while the end of the segment was being carried out."""
        self.stopped_by = ("", "")
        """Actor and code of the stop."""
        self._open_from: float | None = None if request.suppressed else started
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
        started, caller_leg, agent_leg = self.started, self.request.caller_leg, self.request.agent_leg
        caller: list[Packet] = []
        agent: list[Packet] = []
        third: list[Packet] = []
        for leg, at, payload, timestamp, is_alaw in waiting:
            alaw = payload if is_alaw else payload.translate(ULAW_TO_ALAW)
            packet = (round((at - started) * SAMPLES_PER_SECOND), alaw, timestamp)
            (caller if leg == caller_leg else agent if leg == agent_leg else third).append(packet)
        self._timeline.caller.place(caller)
        self._timeline.agent.place(agent)
        if third:
            if self._timeline.third is None:
                self._timeline.third = Track(self._timeline.written)
            self._timeline.third.place(third)
        return self._timeline.advance(upto_ms * SAMPLES_PER_MS, self.control.spans(upto_ms=upto_ms))

    @property
    def written_ms(self) -> int:
        return self._timeline.written // SAMPLES_PER_MS

    def state(self) -> RecorderState:
        return RecorderState(
            recording_id=self.recording_id, suppressed=self.control.reasons, stopped=self.control.stopped
        )
