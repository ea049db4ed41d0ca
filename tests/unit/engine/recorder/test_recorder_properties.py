"""The whole recorder against a model (domain C12): events at random, doubled, late, lost and at once, taps that do not
obey, several segments, and an engine that dies in the middle and is recovered from its spool.

Every packet carries a mark of its own. The model knows for each when it was spoken and what stood in the set then; the
sealed files are opened, and what they hold is compared.
"""

import asyncio
import itertools
import tempfile
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from tests.support.recorder_stage import AGENT, CALL, CALLER, REQUEST, Stage

from ringfence.control.facts import (
    RecordingSealed,
    RecordingStarted,
    RecordingStopped,
    Span,
    StopReason,
    SuppressionReason,
)
from ringfence.engine.errors import EngineUnavailable, RecordingUnavailable
from ringfence.engine.media.port import TapSink
from ringfence.engine.recorder import SEGMENT_ENDS, Suppression
from ringfence.engine.recorder.recovery import recover_spool, sealed_fact
from ringfence.engine.recorder.spoolfile import SpoolFile, SpoolNote
from ringfence.kit.clock import ManualClock
from ringfence.kit.g711 import ALAW_SILENCE
from ringfence.kit.ids import CallId, ClientCode, LegId, RecordingId
from ringfence.kit.tasks import TaskOwner
from ringfence.vault.keys import DataKey, create_data_key
from ringfence.vault.opening import SealedReader, read_header
from ringfence.vault.stores import FileStore

PACKET = 160
TICK_MS = 20
GUARD_MS = 100
LATEST_TICKS = 4
"""A late packet comes so much later, at most: within the guard time of a pause."""


def payload_of(mark: int) -> bytes:
    """No byte of it is silence."""
    return bytes([1 + mark // 200, 1 + mark % 200]) * (PACKET // 2)


def marks_in(audio: bytes) -> set[int]:
    """Of every packet of which anything at all is left."""
    found = set()
    for at in range(0, len(audio), 2):
        if audio[at] != ALAW_SILENCE and at + 1 < len(audio):
            found.add((audio[at] - 1) * 200 + audio[at + 1] - 1)
    return found


class MemoryKeys:
    """The one method of KeyStore that a recovery asks."""

    def __init__(self) -> None:
        self.keys: dict[str, DataKey] = {}

    def unwrap(self, key_id: str) -> DataKey:
        return self.keys[key_id]


class SpoolOnDemand:
    """The spool's own files, written only when the test lets the writer run; what waits dies with the engine."""

    def __init__(self, folder: Path, clock: ManualClock, tell: Callable[[RecordingSealed], None]) -> None:
        self.folder = folder
        self.clock = clock
        self.tell = tell
        self.keys = MemoryKeys()
        self.waiting: deque[Callable[[], None]] = deque()
        self.open_files: dict[str, SpoolFile] = {}
        self.started: dict[RecordingId, float] = {}
        self.sinks: dict[RecordingId, TapSink] = {}
        self.began: Callable[[], tuple[float, TapSink]]
        self.broken = False

    def open(
        self, *, recording_id: RecordingId, call_id: CallId, client: ClientCode, segment: int
    ) -> tuple["SinkOnDemand", str]:
        if self.broken:
            raise RecordingUnavailable
        key = create_data_key(client, recording_id)
        self.keys.keys[key.key_id] = key
        note = SpoolNote(call=call_id, segment=segment, started_at=self.clock.now().isoformat())
        self.started[recording_id], self.sinks[recording_id] = self.began()
        self.open_files[recording_id] = SpoolFile(self.folder, key, note)
        return SinkOnDemand(self, recording_id), key.key_id

    def write_some(self, steps: int) -> None:
        for _ in range(min(steps, len(self.waiting))):
            self.waiting.popleft()()

    def drain(self, *, patience_seconds: float) -> bool:
        self.write_some(len(self.waiting))
        return patience_seconds >= 0

    def die(self) -> None:
        self.waiting.clear()
        for file in self.open_files.values():
            file.close()


@dataclass
class SinkOnDemand:
    spool: SpoolOnDemand
    recording_id: RecordingId

    @property
    def file(self) -> SpoolFile:
        return self.spool.open_files[self.recording_id]

    def write(self, caller: bytes, agent: bytes) -> None:
        self.spool.waiting.append(partial(self.file.append, caller, agent))

    def note(self, spans: tuple[Span, ...], running: Span | None) -> None:
        self.spool.waiting.append(partial(self.file.note, spans, running))

    def close(self, stop: StopReason, spans: tuple[Span, ...]) -> None:
        self.spool.waiting.append(partial(self._seal, stop, spans))

    def _seal(self, stop: StopReason, spans: tuple[Span, ...]) -> None:
        sealed = self.file.seal(stop, spans, now=self.spool.clock.now())
        del self.spool.open_files[self.recording_id]
        self.spool.tell(sealed_fact("BBC", self.recording_id, sealed, now=self.spool.clock.now()))


@dataclass
class Model:
    """What a bystander knows: the set, the stops, and when each packet was spoken."""

    reasons: set[SuppressionReason] = field(default_factory=set)
    recording: bool = False
    final: bool = False
    allowed: dict[int, bool] = field(default_factory=dict)
    on_time: dict[int, tuple[float, TapSink]] = field(default_factory=dict)
    """Marks that came at once: when, and to whose sink, for a tap takes a moment to begin."""


FINAL = [reason for reason in StopReason if reason not in SEGMENT_ENDS and reason is not StopReason.ENGINE_LOST]
"""Stops that somebody decides while the engine lives."""
reasons = st.sampled_from(SuppressionReason)
step = st.one_of(
    st.tuples(st.just("talk"), st.integers(1, 12)),
    st.tuples(st.just("talk"), st.integers(5, 40)),
    st.tuples(st.just("suppress"), reasons),
    st.tuples(st.just("resume"), reasons),
    st.tuples(st.just("resume all"), st.none()),
    st.tuples(st.just("segment"), st.sampled_from(sorted(SEGMENT_ENDS))),
    st.tuples(st.just("batch"), st.none()),
    st.tuples(st.just("write"), st.integers(1, 6)),
    st.tuples(st.just("mishap"), st.sampled_from(["late", "lost", "doubled"])),
)
rare = st.one_of(
    st.tuples(st.just("stop"), st.sampled_from(FINAL)),
    st.tuples(st.just("disobey"), st.booleans()),
    st.tuples(st.just("die"), st.none()),
)
stories = st.tuples(
    st.lists(st.tuples(step, st.booleans()), min_size=5, max_size=40),
    st.lists(st.tuples(rare, st.booleans()), max_size=2),
    st.integers(0, 40),
)
"""Steps, and for each whether the next begins before it is done; a few rare ones, put in from some place on."""


class Play:
    def __init__(self, tasks: TaskOwner, folder: Path) -> None:
        self.stage = Stage(tasks, guard_ms=GUARD_MS)
        self.spool = SpoolOnDemand(folder, self.stage.clock, self.stage.facts.publish)
        self.stage.recorder._vault = self.spool
        self.spool.began = self._began
        self.model = Model()
        self.mark = 0
        self.mishap = ""
        self.later: list[tuple[int, Callable[[], None]]] = []
        self.segment = 0
        self.dead = False

    def _began(self) -> tuple[float, TapSink]:
        recording = self.stage.recorder._recordings[CALL]
        return recording.started, recording

    async def step(self, what: str, value: object) -> None:
        recorder, model = self.stage.recorder, self.model
        match what, value:
            case "talk", int(packets):
                for _ in range(packets):
                    self.packet()
                    await asyncio.sleep(0)
            case "suppress", SuppressionReason() as reason:
                model.reasons.add(reason)
                await recorder.suppress(CALL, reason, "agent-1")
            case "resume", SuppressionReason() as reason:
                model.reasons.discard(reason)
                await recorder.resume(CALL, reason, "agent-1")
            case "resume all", _:
                for reason in list(SuppressionReason):
                    model.reasons.discard(reason)
                    await recorder.resume(CALL, reason, "agent-1")
            case "segment", StopReason() as reason:
                model.recording = False
                await recorder.stop(CALL, reason)
                await self.begin()
            case "stop", StopReason() as reason:
                model.recording, model.final = False, True
                await recorder.stop(CALL, reason)
            case "batch", _:
                if CALL in recorder._recordings and recorder._recordings[CALL].sink is not None:
                    self.stage.batch()
            case "write", int(steps):
                self.spool.write_some(steps)
            case "mishap", str(kind):
                self.mishap = kind
            case "disobey", bool(now):
                self.stage.media.made.error = EngineUnavailable() if now else None
            case _:
                raise AssertionError(what)

    async def begin(self) -> None:
        standing = tuple(Suppression(reason=reason, actor="agent-1") for reason in sorted(self.model.reasons))
        request = replace(REQUEST, segment=self.segment, suppressed=standing)
        self.segment += 1
        self.model.recording = not self.model.final
        await self.stage.recorder.begin(request)

    def packet(self) -> None:
        """Twenty milliseconds of both sides: one arrives, late, twice or never."""
        clock, sink = self.stage.clock, self.stage.media.sink
        clock.advance(TICK_MS / 1000)
        self.stage._timestamps += PACKET
        self.later = [(ticks - 1, deliver) for ticks, deliver in self.later]
        for ticks, deliver in self.later:
            if ticks == 0:
                deliver()
        self.later = [each for each in self.later if each[0] > 0]
        mishap, self.mishap = self.mishap, ""
        for leg in (CALLER, AGENT):
            self.mark += 1
            mark, kept = self.mark, self.model.recording and not self.model.reasons
            self.model.allowed[mark] = kept
            assert sink is not None
            deliver = partial(self._frame, leg, mark, self.stage._timestamps)
            if mishap == "late":
                self.later.append((1 + mark % LATEST_TICKS, deliver))
            elif mishap != "lost":
                deliver()
                self.model.on_time[mark] = (clock.monotonic(), sink)
                if mishap == "doubled":
                    deliver()

    def _frame(self, leg: LegId, mark: int, timestamp: int) -> None:
        assert self.stage.media.sink is not None
        self.stage.media.sink.frame(
            leg=leg, at=self.stage.clock.monotonic(), payload=payload_of(mark), rtp_timestamp=timestamp, alaw=True
        )


async def act(story: tuple[list[tuple[tuple[str, object], bool]], list[tuple[tuple[str, object], bool]], int],
              folder: Path) -> Play:  # fmt: skip
    steps, rares, place = story
    steps = [*steps[:place], *rares, *steps[place:]]
    failures: list[BaseException] = []
    async with TaskOwner("test", on_failure=lambda name, error: failures.append(error)) as tasks:
        play = Play(tasks, folder)
        await play.begin()
        running: list[asyncio.Task[None]] = []
        for (what, value), at_once in steps:
            if what == "die":
                play.dead = True
                break
            running.append(asyncio.ensure_future(play.step(what, value)))
            if not at_once:
                await asyncio.gather(*running)
                running.clear()
        await asyncio.gather(*running)
        if play.dead:
            play.spool.die()
        else:
            play.model.recording = False
            await play.stage.recorder.stop(CALL, StopReason.HANG_UP)
            play.spool.drain(patience_seconds=0)
        for recording in play.stage.recorder._recordings.values():
            if recording.timer is not None:
                recording.timer.cancel()
    assert failures == []
    return play


@settings(
    max_examples=200,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(story=stories)
def test_files_hold_what_was_said_while_nothing_forbade_it_and_their_spans_say_the_rest(story: object) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        play = asyncio.run(act(story, folder))  # type: ignore[arg-type]
        sealed = {fact.recording_id: fact for fact in play.stage.facts.of(RecordingSealed)}
        if play.dead:
            recovered = recover_spool(folder, play.spool.keys, now=play.stage.clock.now())  # type: ignore[arg-type]
            sealed |= {fact.recording_id: fact for fact in recovered if isinstance(fact, RecordingSealed)}
        event(f"{len(sealed)} segments, {'died' if play.dead else 'ended'}")
        check(play, sealed, folder)


def check(play: Play, sealed: dict[RecordingId, RecordingSealed], folder: Path) -> None:
    heard: set[int] = set()
    ends: list[tuple[float, float]] = []
    for recording_id, fact in sealed.items():
        began = play.spool.started[recording_id]
        store = FileStore(folder)
        file = f"{recording_id}.rfr"
        reader = SealedReader(store, file, play.spool.keys.unwrap(read_header(store, file).key))
        reader.verify_all()
        assert reader.duration_ms == fact.duration_ms
        assert (fact.stop is StopReason.ENGINE_LOST) == fact.recovered
        spans = fact.spans
        assert all(span.start_ms < span.end_ms <= fact.duration_ms for span in spans)
        assert all(one.end_ms <= other.start_ms for one, other in itertools.pairwise(spans))
        caller, agent = reader.read(0, fact.duration_ms)
        for audio in (caller, agent):
            for span in spans:
                assert set(audio[span.start_ms * 8 : span.end_ms * 8]) <= {ALAW_SILENCE}
            heard |= marks_in(audio)
        expect(play, fact, began, caller, agent)
        ends.append((began, began + fact.duration_ms / 1000))
    for mark in heard:
        assert play.model.allowed[mark], "a packet was kept that had been spoken inside a pause or after the stop"
    ends.sort()
    assert all(one[1] <= other[0] + 1e-6 for one, other in itertools.pairwise(ends)), "segments overlap"
    started = [fact.recording_id for fact in play.stage.facts.of(RecordingStarted)]
    stopped = [fact.recording_id for fact in play.stage.facts.of(RecordingStopped)]
    assert len(set(stopped)) == len(stopped)
    if not play.dead:
        assert sorted(started) == sorted(stopped) == sorted(sealed)
        assert all(sealed[fact.recording_id].stop is fact.reason for fact in play.stage.facts.of(RecordingStopped)), (
            "one reason, the same everywhere"
        )


def expect(play: Play, fact: RecordingSealed, began: float, caller: bytes, agent: bytes) -> None:
    """Outside the spans there is no silence that the wire did not bring: every punctual packet is in its place."""
    marks = {True: marks_in(caller), False: marks_in(agent)}
    for mark, (at, sink) in play.model.on_time.items():
        end = round((at - began) * 1000)
        start = end - TICK_MS
        if sink is not play.spool.sinks[fact.recording_id] or start < 0 or end > fact.duration_ms:
            continue
        if any(span.start_ms < end and start < span.end_ms for span in fact.spans):
            continue
        audio = caller if mark % 2 else agent
        place = audio[start * 8 : end * 8]
        if mark in marks[audio is caller]:
            continue
        assert set(place) != {ALAW_SILENCE}, "wanted audio is missing although no span says so"


def test_the_marks_can_be_told_apart() -> None:
    marks = range(1, 5000)
    assert all(marks_in(payload_of(mark)) == {mark} for mark in marks[::97])
    assert marks_in(bytes([ALAW_SILENCE]) * 100) == set()


@pytest.mark.parametrize("mark", [1, 200, 4321])
def test_a_leak_of_one_sample_would_be_seen(mark: int) -> None:
    audio = bytearray([ALAW_SILENCE]) * PACKET
    audio[80:82] = payload_of(mark)[:2]
    assert marks_in(bytes(audio)) == {mark}
