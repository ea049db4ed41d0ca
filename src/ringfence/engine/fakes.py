"""The engine's ports in memory, for tests: each keeps the port's promises, none touches a disk or a clock."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from ringfence.control.directory import DirectorySnapshot
from ringfence.control.facts import AnyFact, RecordingFailed, RecordingSealed, Span, StopReason
from ringfence.engine.errors import PromptMissing, RecordingUnavailable
from ringfence.engine.ports import FactSink
from ringfence.kit.clock import Clock
from ringfence.kit.ids import CallId, ClientCode, ContentId, RecordingId

F = TypeVar("F")


class MemoryFacts:
    """Keeps every fact in order."""

    def __init__(self) -> None:
        self.facts: list[AnyFact] = []

    def publish(self, fact: AnyFact) -> None:
        self.facts.append(fact)

    def of(self, kind: type[F]) -> list[F]:
        """The facts of one kind, in order."""
        return [fact for fact in self.facts if isinstance(fact, kind)]

    def last(self, kind: type[F]) -> F:
        """The newest fact of one kind. Raises IndexError when there is none."""
        return self.of(kind)[-1]


class MemoryDirectory:
    """Holds the snapshot that a test gives it; assign ``snapshot`` to publish a new one."""

    def __init__(self, snapshot: DirectorySnapshot | None = None) -> None:
        self.snapshot = snapshot or DirectorySnapshot(version=0)


class MemoryPrompts:
    """Serves the prompts it was given; one second of A-law silence is a good content."""

    def __init__(self, prompts: Mapping[ContentId, bytes] | None = None) -> None:
        self.prompts = dict(prompts or {})

    def load(self, content: ContentId) -> bytes:
        try:
            return self.prompts[content]
        except KeyError:
            raise PromptMissing from None


@dataclass
class MemoryRecording:
    """One recording in memory: a RecordingSink whose audio a test can read."""

    recording_id: RecordingId
    call_id: CallId
    client: ClientCode
    segment: int
    facts: FactSink | None = None
    clock: Clock | None = None
    caller: bytearray = field(default_factory=bytearray)
    agent: bytearray = field(default_factory=bytearray)
    stop: StopReason | None = None
    spans: tuple[Span, ...] = ()
    failed: bool = False
    noted: tuple[tuple[Span, ...], Span | None] = ((), None)
    writes: list[int] = field(default_factory=list)
    """Samples of each."""

    def _now(self) -> datetime:
        return self.clock.now() if self.clock else datetime(2026, 1, 1, tzinfo=UTC)

    def write(self, caller: bytes, agent: bytes) -> None:
        if self.failed or self.stop is not None:
            raise RecordingUnavailable
        if len(caller) != len(agent):
            raise ValueError("Both directions must be equally long.")
        self.writes.append(len(caller))
        self.caller += caller
        self.agent += agent

    def note(self, spans: tuple[Span, ...], running: Span | None) -> None:
        self.noted = (spans, running)

    def close(self, stop: StopReason, spans: tuple[Span, ...]) -> None:
        if self.stop is not None:
            return
        self.stop = stop
        self.spans = spans
        if self.facts is None or self.failed:
            return
        audio = bytes(self.caller + self.agent)
        self.facts.publish(
            RecordingSealed(
                at=self._now(),
                recording_id=self.recording_id,
                call_id=self.call_id,
                duration_ms=self.duration_ms,
                size_bytes=len(audio),
                sha256=hashlib.sha256(audio).hexdigest(),
                spans=spans,
                stop=stop,
                object_name=f"{self.client}/{self.recording_id}.rfr",
            )
        )

    def fail(self, detail: str = "disk_full") -> None:
        """The storage breaks now: writes raise from here on and RecordingFailed is published once."""
        if self.failed:
            return
        self.failed = True
        if self.facts is not None:
            self.facts.publish(
                RecordingFailed(at=self._now(), recording_id=self.recording_id, call_id=self.call_id, detail=detail)
            )

    @property
    def duration_ms(self) -> int:
        return len(self.caller) // 8


class MemoryVault:
    """A RecordingVault in memory. Give it ``facts`` to have it publish RecordingSealed as the real one does."""

    def __init__(self, facts: FactSink | None = None, clock: Clock | None = None) -> None:
        self.recordings: dict[RecordingId, MemoryRecording] = {}
        self.broken = False
        """True: ``open`` raises RecordingUnavailable."""
        self._facts = facts
        self._clock = clock

    def open(
        self, *, recording_id: RecordingId, call_id: CallId, client: ClientCode, segment: int
    ) -> tuple[MemoryRecording, str]:
        if self.broken:
            raise RecordingUnavailable
        recording = MemoryRecording(
            recording_id=recording_id,
            call_id=call_id,
            client=client,
            segment=segment,
            facts=self._facts,
            clock=self._clock,
        )
        self.recordings[recording_id] = recording
        return recording, f"key-{recording_id}"

    def drain(self, *, patience_seconds: float) -> bool:
        return patience_seconds >= 0

    def of_call(self, call_id: CallId) -> list[MemoryRecording]:
        """The call's recordings in order of their segments."""
        return [recording for recording in self.recordings.values() if recording.call_id == call_id]
