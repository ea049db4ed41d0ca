"""Pauses of a running recording: what is silence, when the tap obeys, and what happens when it does not."""

import asyncio
from dataclasses import replace

from tests.support.recorder_stage import CALL, HOLD, MASK, PAYMENT, REQUEST, Stage, play, seconds

from ringfence.control.facts import (
    AlarmRaised,
    RecordingResumed,
    RecordingSealed,
    RecordingStopped,
    RecordingSuppressed,
    StopReason,
)
from ringfence.engine.errors import EngineUnavailable, UnknownSession
from ringfence.engine.recorder import Suppression


def test_suppressed_stretch_is_silence_and_the_spans_say_where() -> None:
    async def story(stage: Stage) -> None:
        await stage.recorder.begin(REQUEST)
        stage.talk(50)
        await stage.recorder.suppress(CALL, MASK, "agent-1")
        stage.talk(100)
        await stage.recorder.resume(CALL, MASK, "agent-1")
        stage.talk(50)
        await stage.recorder.stop(CALL, StopReason.HANG_UP)

    stage = play(story)
    sealed = stage.facts.last(RecordingSealed)
    assert [(span.start_ms, span.end_ms, span.reason, span.actor) for span in sealed.spans] == [
        (1000, 3000, MASK, "agent-1")
    ]
    audio = stage.recording.caller
    assert set(audio[:8000]) == {1}
    assert set(audio[8000:24_000]) == {0xD5}
    assert set(audio[24_000:]) == {1}
    assert stage.recording.duration_ms == 4000
    assert stage.media.commands == ["tap", "pause", "resume", "close"]


def test_tap_is_paused_before_the_fact_is_told() -> None:
    async def story(stage: Stage) -> None:
        await stage.recorder.begin(REQUEST)
        before = len(stage.facts.facts)
        await stage.recorder.suppress(CALL, MASK, "agent-1")
        assert stage.media.made.facts_seen == before
        assert stage.facts.last(RecordingSuppressed).reason is MASK

    play(story)


def test_gate_closes_before_the_tap_has_obeyed() -> None:
    async def story(stage: Stage) -> None:
        await stage.recorder.begin(REQUEST)
        stage.talk(50)
        masking = asyncio.ensure_future(stage.recorder.suppress(CALL, MASK, "agent-1"))
        await asyncio.sleep(0)
        assert stage.media.commands == ["tap"]
        waiting = stage.waiting()
        stage.talk(50)
        assert stage.waiting() == waiting == 100, "not one packet is kept, not even in memory"
        await masking
        await stage.recorder.stop(CALL, StopReason.HANG_UP)

    stage = play(story)
    assert seconds(stage.recording.caller, 1) == 1.0
    assert stage.recording.duration_ms == 2000


def test_tap_runs_again_only_when_the_last_reason_has_gone() -> None:
    async def story(stage: Stage) -> None:
        await stage.recorder.begin(REQUEST)
        await stage.recorder.suppress(CALL, HOLD, "agent-1")
        await stage.recorder.suppress(CALL, MASK, "agent-1")
        await stage.recorder.resume(CALL, HOLD, "agent-1")
        stage.talk(50)
        assert stage.media.commands == ["tap", "pause"]
        assert stage.facts.last(RecordingResumed).remaining == {MASK}
        await stage.recorder.resume(CALL, MASK, "agent-1")
        assert stage.facts.last(RecordingResumed).remaining == frozenset()
        stage.talk(50)
        await stage.recorder.stop(CALL, StopReason.HANG_UP)

    stage = play(story)
    assert seconds(stage.recording.caller, 1) == 1.0
    assert stage.media.commands == ["tap", "pause", "resume", "close"]


def test_mask_that_comes_while_the_tap_is_starting_again_wins() -> None:
    async def story(stage: Stage) -> None:
        await stage.recorder.begin(REQUEST)
        await stage.recorder.suppress(CALL, HOLD, "agent-1")
        resuming = asyncio.ensure_future(stage.recorder.resume(CALL, HOLD, "agent-1"))
        await asyncio.sleep(0)
        masking = asyncio.ensure_future(stage.recorder.suppress(CALL, MASK, "agent-1"))
        await resuming
        stage.talk(50)
        await masking
        stage.talk(50)
        assert stage.media.commands == ["tap", "pause", "resume", "pause"]
        await stage.recorder.stop(CALL, StopReason.HANG_UP)

    stage = play(story)
    assert seconds(stage.recording.caller, 1) == 0.0
    assert [fact.remaining for fact in stage.facts.of(RecordingResumed)] == [{MASK}]


def test_tap_that_does_not_pause_ends_the_recording_rather_than_leaking() -> None:
    async def story(stage: Stage) -> None:
        await stage.recorder.begin(REQUEST)
        stage.talk(50)
        stage.media.made.error = UnknownSession()
        await stage.recorder.suppress(CALL, MASK, "agent-1")
        stage.talk(50)
        await stage.recorder.resume(CALL, MASK, "agent-1")
        stage.talk(50)
        await stage.recorder.stop(CALL, StopReason.HANG_UP)
        assert await stage.recorder.begin(REQUEST) is None

    stage = play(story)
    assert seconds(stage.recording.caller, 1) == 1.0
    assert stage.recording.duration_ms == 1000
    assert {fact.code for fact in stage.facts.of(AlarmRaised)} == {"tap_disobeyed"}
    assert stage.facts.last(RecordingSuppressed).reason is MASK
    assert [fact.stop for fact in stage.facts.of(RecordingSealed)] == [StopReason.MEDIA_FAILED]


def test_tap_that_hangs_when_it_should_pause_ends_the_recording_too() -> None:
    async def story(stage: Stage) -> None:
        stage.recorder._tap_seconds = 0.01
        await stage.recorder.begin(REQUEST)
        stage.talk(50)
        stage.media.made.hangs = True
        masking = asyncio.ensure_future(stage.recorder.suppress(CALL, MASK, "agent-1"))
        await asyncio.sleep(0)
        stage.talk(50)
        await masking

    stage = play(story)
    assert seconds(stage.recording.caller, 1) == 1.0
    assert stage.facts.last(RecordingSealed).stop is StopReason.MEDIA_FAILED


def test_what_was_said_inside_a_pause_and_arrives_after_it_is_not_kept() -> None:
    async def story(stage: Stage) -> None:
        stage.recorder._guard_ms = 100
        await stage.recorder.begin(REQUEST)
        await stage.recorder.suppress(CALL, MASK, "agent-1")
        stage.talk(50)
        await stage.recorder.resume(CALL, MASK, "agent-1")
        stage.talk(10)
        await stage.recorder.stop(CALL, StopReason.HANG_UP)

    stage = play(story)
    assert [(span.start_ms, span.end_ms) for span in stage.facts.last(RecordingSealed).spans] == [(0, 1100)]
    assert seconds(stage.recording.caller, 1) == 0.1
    assert stage.recording.duration_ms == 1200


def test_a_recording_that_begins_suppressed_keeps_nothing_from_its_first_packet() -> None:
    async def story(stage: Stage) -> None:
        request = replace(REQUEST, segment=1, suppressed=(Suppression(reason=PAYMENT, actor="agent-1"),))
        beginning = asyncio.ensure_future(stage.recorder.begin(request))
        for _ in range(20):
            await asyncio.sleep(0)
            if stage.media.sink is not None:
                stage.talk(1)
        await beginning
        stage.talk(50)
        await stage.recorder.resume(CALL, PAYMENT, "agent-1")
        stage.talk(50)
        await stage.recorder.stop(CALL, StopReason.HANG_UP)

    stage = play(story)
    assert stage.recording.segment == 1
    assert seconds(stage.recording.caller, 1) == 1.0
    sealed = stage.facts.last(RecordingSealed)
    assert [(span.start_ms, span.end_ms, span.reason) for span in sealed.spans] == [
        (0, sealed.duration_ms - 1000, PAYMENT)
    ]
    assert stage.kinds()[:2] == ["RecordingStarted", "RecordingSuppressed"]
    assert stage.media.commands == ["tap", "pause", "resume", "close"]


def test_a_payment_opened_again_while_the_pause_is_ending_keeps_the_pause() -> None:
    async def story(stage: Stage) -> None:
        await stage.recorder.begin(REQUEST)
        await stage.recorder.suppress(CALL, PAYMENT, "agent-1")
        resuming = asyncio.ensure_future(stage.recorder.resume(CALL, PAYMENT, "agent-1"))
        await asyncio.sleep(0)
        opening = asyncio.ensure_future(stage.recorder.suppress(CALL, PAYMENT, "agent-1"))
        await resuming
        stage.talk(50)
        await opening
        stage.talk(50)
        state = stage.recorder.state(CALL)
        assert state is not None
        assert state.suppressed == {PAYMENT}
        await stage.recorder.stop(CALL, StopReason.HANG_UP)

    stage = play(story)
    assert seconds(stage.recording.caller, 1) == 0.0
    assert stage.media.commands == ["tap", "pause", "resume", "pause", "close"]
    assert stage.facts.of(RecordingResumed) == []


def test_a_recording_that_cannot_begin_suppressed_keeps_nothing_at_all() -> None:
    async def story(stage: Stage) -> None:
        stage.media.made.error = EngineUnavailable()
        request = replace(REQUEST, suppressed=(Suppression(reason=PAYMENT, actor="agent-1"),))
        await stage.recorder.begin(request)
        stage.talk(50)
        await stage.recorder.resume(CALL, PAYMENT, "agent-1")
        stage.talk(50)

    stage = play(story)
    assert seconds(stage.recording.caller, 1) == 0.0
    assert stage.facts.last(RecordingSealed).stop is StopReason.MEDIA_FAILED


def test_the_reason_of_a_mask_may_be_named_during_it_or_after() -> None:
    async def story(stage: Stage) -> None:
        await stage.recorder.begin(REQUEST)
        stage.talk(50)
        await stage.recorder.suppress(CALL, MASK, "agent-1", "other")
        await stage.recorder.name(CALL, MASK, "child")
        stage.talk(50)
        await stage.recorder.resume(CALL, MASK, "agent-1")
        stage.talk(50)
        await stage.recorder.suppress(CALL, MASK, "agent-1", "other")
        stage.talk(50)
        await stage.recorder.resume(CALL, MASK, "agent-1")
        await stage.recorder.name(CALL, MASK, "third_party")
        assert [span.code for span in stage.recording.noted[0]] == ["child", "third_party"], "a recovery knows"
        await stage.recorder.stop(CALL, StopReason.HANG_UP)
        await stage.recorder.name(CALL, MASK, "other")

    stage = play(story)
    assert [span.code for span in stage.facts.last(RecordingSealed).spans] == ["child", "third_party"]
    assert [fact.code for fact in stage.facts.of(RecordingResumed)] == ["child", "other"]


def test_a_suppression_that_was_cancelled_is_told_when_it_is_asked_for_again() -> None:
    async def story(stage: Stage) -> None:
        await stage.recorder.begin(REQUEST)
        masking = asyncio.ensure_future(stage.recorder.suppress(CALL, MASK, "agent-1", "child"))
        await asyncio.sleep(0)
        masking.cancel()
        await asyncio.gather(masking, return_exceptions=True)
        stage.talk(50)
        assert stage.facts.of(RecordingSuppressed) == []
        await stage.recorder.suppress(CALL, MASK, "agent-1", "child")
        await stage.recorder.stop(CALL, StopReason.AGENT_STOP, "agent-1", "other")

    stage = play(story)
    assert [fact.code for fact in stage.facts.of(RecordingSuppressed)] == ["child"]
    assert seconds(stage.recording.caller, 1) == 0.0
    stopped = stage.facts.last(RecordingStopped)
    assert (stopped.actor, stopped.code) == ("agent-1", "other")
    assert stage.facts.last(RecordingSealed).spans[0].code == "child"


def test_running_silence_is_noted_for_recovery() -> None:
    async def story(stage: Stage) -> None:
        await stage.recorder.begin(REQUEST)
        stage.talk(50)
        await stage.recorder.suppress(CALL, MASK, "agent-1")
        spans, running = stage.recording.noted
        assert (spans, running and (running.start_ms, running.reason)) == ((), (1000, MASK))
        stage.talk(50)
        await stage.recorder.resume(CALL, MASK, "agent-1")
        assert [(span.start_ms, span.end_ms) for span in stage.recording.noted[0]] == [(1000, 2000)]
        assert stage.recording.noted[1] is None
        await stage.recorder.stop(CALL, StopReason.HANG_UP)

    play(story)


def test_tap_that_does_not_run_again_ends_the_recording_with_an_alarm() -> None:
    async def story(stage: Stage) -> None:
        await stage.recorder.begin(REQUEST)
        await stage.recorder.suppress(CALL, MASK, "agent-1")
        stage.media.made.error = EngineUnavailable()
        await stage.recorder.resume(CALL, MASK, "agent-1")
        await stage.recorder.stop(CALL, StopReason.HANG_UP)

    stage = play(story)
    assert stage.facts.last(AlarmRaised).code == "tap_disobeyed"
    assert stage.facts.of(RecordingResumed) == []
    assert stage.facts.last(RecordingSealed).stop is StopReason.MEDIA_FAILED
