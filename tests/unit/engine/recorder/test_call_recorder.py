"""The recorder over media and vault in memory: what is kept, what is told, and what never reaches the call."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.support.recorder_stage import AGENT, CALL, CALLER, HOLD, MASK, REQUEST, Stage, play, seconds

from ringfence.control.facts import (
    AlarmRaised,
    NotRecordedReason,
    RecordingNotStarted,
    RecordingSealed,
    RecordingStarted,
    RecordingStopped,
    StopReason,
)
from ringfence.engine.errors import EngineUnavailable, UnknownSession
from ringfence.engine.recorder import RecorderState, RecordingRequest
from ringfence.engine.recorder.recorder import MAX_BATCH_MS, REMEMBERED_CALLS
from ringfence.engine.recorder.timeline import MAX_WAITING
from ringfence.kit.g711 import alaw_from_sum, voice
from ringfence.kit.ids import AgentId, CallId, LegId


def test_recording_lasts_from_answer_to_stop_with_both_directions_apart() -> None:
    async def story(stage: Stage) -> None:
        recording_id = await stage.recorder.begin(REQUEST)
        assert recording_id is not None
        stage.talk(500)
        assert stage.recorder.state(CALL) == RecorderState(
            recording_id=recording_id, suppressed=frozenset(), stopped=None
        )
        await stage.recorder.stop(CALL, StopReason.HANG_UP)

    stage = play(story)
    assert stage.kinds() == ["RecordingStarted", "RecordingStopped", "RecordingSealed"]
    assert stage.recording.duration_ms == 10_000
    assert set(stage.recording.caller) == {1}
    assert set(stage.recording.agent) == {2}
    started = stage.facts.last(RecordingStarted)
    assert (started.wording, started.agent_id, started.segment) == ("BBC-1", "a", 0)
    assert stage.media.commands == ["tap", "close"]


def test_silent_legs_still_make_a_file_of_the_call_s_length() -> None:
    async def story(stage: Stage) -> None:
        await stage.recorder.begin(REQUEST)
        stage.clock.advance(12.5)
        await stage.recorder.stop(CALL, StopReason.HANG_UP)

    stage = play(story)
    assert stage.recording.duration_ms == 12_500
    assert set(stage.recording.caller) == {0xD5}


def test_nothing_is_kept_after_the_stop_even_if_the_tap_goes_on() -> None:
    async def story(stage: Stage) -> None:
        await stage.recorder.begin(REQUEST)
        stage.talk(50)
        stage.media.made.error = EngineUnavailable()
        stopping = asyncio.ensure_future(stage.recorder.stop(CALL, StopReason.TRANSFER_OUTSIDE))
        await asyncio.sleep(0)
        stage.talk(50)
        await stopping
        stage.talk(50)

    stage = play(story)
    assert seconds(stage.recording.caller, 1) == 1.0
    assert stage.recording.duration_ms == 1000
    assert stage.facts.last(AlarmRaised).code == "tap_disobeyed"


def test_the_next_segment_starts_after_a_hand_over_inside_and_after_no_other_stop() -> None:
    async def story(stage: Stage) -> None:
        first = await stage.recorder.begin(REQUEST)
        await stage.recorder.stop(CALL, StopReason.TRANSFER_CENTRE)
        second = await stage.recorder.begin(replace(REQUEST, segment=1, agent_id=AgentId("b")))
        assert second not in (first, None)
        await stage.recorder.stop(CALL, StopReason.TRANSFER_OUTSIDE, "a")
        assert await stage.recorder.begin(replace(REQUEST, segment=2)) is None

    stage = play(story)
    assert [(fact.segment, fact.agent_id) for fact in stage.facts.of(RecordingStarted)] == [(0, "a"), (1, "b")]
    assert [fact.stop.value for fact in stage.facts.of(RecordingSealed)] == ["transfer_centre", "transfer_outside"]


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("busy", [True, False])
def test_a_stop_that_comes_between_two_segments_is_final(at_once: bool, busy: bool) -> None:
    async def story(stage: Stage) -> None:
        await stage.recorder.begin(REQUEST)
        masking = asyncio.ensure_future(stage.recorder.suppress(CALL, MASK, "agent-1")) if busy else None
        await asyncio.sleep(0)
        ending = asyncio.ensure_future(stage.recorder.stop(CALL, StopReason.AGENT_LEFT))
        await asyncio.sleep(0)
        if not at_once:
            await ending
        await stage.recorder.stop(CALL, StopReason.CALLER_OBJECTS)
        await ending
        if masking is not None:
            await masking
        assert await stage.recorder.begin(replace(REQUEST, segment=1)) is None
        state = stage.recorder.state(CALL)
        assert state is not None
        assert state.stopped is StopReason.CALLER_OBJECTS

    assert [fact.reason for fact in play(story).facts.of(RecordingStopped)] == [StopReason.AGENT_LEFT]


def test_repeated_and_unknown_commands_change_nothing() -> None:
    async def story(stage: Stage) -> None:
        first = await stage.recorder.begin(REQUEST)
        assert await stage.recorder.begin(REQUEST) == first
        await stage.recorder.suppress(CALL, MASK, "agent-1")
        await stage.recorder.suppress(CALL, MASK, "agent-2")
        await stage.recorder.resume(CALL, HOLD, "agent-1")
        await stage.recorder.resume(CALL, MASK, "agent-1")
        await stage.recorder.resume(CALL, MASK, "agent-1")
        await stage.recorder.stop(CALL, StopReason.AGENT_STOP)
        await stage.recorder.stop(CALL, StopReason.HANG_UP)
        await stage.recorder.suppress(CALL, MASK, "agent-1")
        await stage.recorder.resume(CALL, MASK, "agent-1")
        assert await stage.recorder.begin(REQUEST) is None
        other = CallId("other")
        await stage.recorder.suppress(other, MASK, "agent-1")
        await stage.recorder.resume(other, MASK, "agent-1")
        await stage.recorder.stop(other, StopReason.HANG_UP)
        assert stage.recorder.state(other) is None
        state = stage.recorder.state(CALL)
        assert state is not None
        assert state.stopped is StopReason.AGENT_STOP

    assert play(story).kinds() == [
        "RecordingStarted", "RecordingSuppressed", "RecordingResumed", "RecordingStopped", "RecordingSealed",
    ]  # fmt: skip


def test_call_without_notice_is_told_once_and_never_tapped() -> None:
    async def story(stage: Stage) -> None:
        unannounced = RecordingRequest(**{**REQUEST.__dict__, "wording": None})
        assert await stage.recorder.begin(unannounced) is None
        assert await stage.recorder.begin(unannounced) is None

    stage = play(story)
    assert [fact.reason for fact in stage.facts.of(RecordingNotStarted)] == [NotRecordedReason.NOT_ANNOUNCED]
    assert stage.media.commands == []
    assert stage.vault.recordings == {}


def test_vault_that_will_not_open_leaves_the_call_alone() -> None:
    async def story(stage: Stage) -> None:
        stage.vault.broken = True
        assert await stage.recorder.begin(REQUEST) is None
        stage.talk(10)
        assert stage.recorder.state(CALL) is None

    stage = play(story)
    assert stage.facts.last(RecordingNotStarted).reason is NotRecordedReason.STORAGE_FAILED
    assert stage.facts.last(AlarmRaised).code == "recording_not_started"
    assert stage.media.commands == ["tap", "close"]


def test_media_engine_that_will_not_tap_leaves_nothing_in_the_vault() -> None:
    async def story(stage: Stage) -> None:
        stage.media.error = UnknownSession()
        assert await stage.recorder.begin(REQUEST) is None

    stage = play(story)
    assert stage.vault.recordings == {}
    assert stage.facts.last(RecordingNotStarted).reason is NotRecordedReason.MEDIA_FAILED


def test_storage_that_fails_in_the_call_stops_the_recording_for_good() -> None:
    async def story(stage: Stage) -> None:
        await stage.recorder.begin(REQUEST)
        stage.talk(50)
        stage.batch()
        stage.recording.fail()
        stage.talk(50)
        stage.batch()
        for _ in range(10):
            await asyncio.sleep(0)
        state = stage.recorder.state(CALL)
        assert state is not None
        assert state.stopped is StopReason.STORAGE_FAILED
        stage.talk(50)

    stage = play(story)
    assert stage.kinds() == ["RecordingStarted", "RecordingFailed", "RecordingStopped"]
    assert stage.facts.last(RecordingStopped).reason is StopReason.STORAGE_FAILED
    assert stage.media.commands == ["tap", "close"]


def test_batches_hold_back_what_may_still_be_reordered() -> None:
    async def story(stage: Stage) -> None:
        await stage.recorder.begin(REQUEST)
        stage.talk(50)
        stage.batch()
        assert stage.recording.duration_ms == 800
        stage.talk(50)
        stage.batch()
        assert stage.recording.duration_ms == 1800
        await stage.recorder.stop(CALL, StopReason.HANG_UP)

    stage = play(story)
    assert stage.recording.duration_ms == 2000
    assert set(stage.recording.caller) == {1}


def test_closing_seals_what_runs() -> None:
    async def story(stage: Stage) -> None:
        await stage.recorder.begin(REQUEST)
        stage.talk(50)
        await stage.recorder.close()

    assert play(story).facts.last(RecordingSealed).duration_ms == 1000


def test_flood_of_packets_is_bounded_and_counted() -> None:
    async def story(stage: Stage) -> None:
        await stage.recorder.begin(REQUEST)
        stage.talk(MAX_WAITING // 2 + 10)
        assert stage.waiting() == MAX_WAITING
        assert stage.recorder._recordings[CALL].dropped == 20
        await stage.recorder.stop(CALL, StopReason.HANG_UP)

    assert play(story).facts.last(RecordingSealed).duration_ms == (MAX_WAITING // 2 + 10) * 20


def test_a_process_that_was_frozen_catches_up_in_pieces() -> None:
    async def story(stage: Stage) -> None:
        await stage.recorder.begin(REQUEST)
        stage.talk(50)
        stage.clock.advance(600)
        stage.talk(50)
        for _ in range(12):
            stage.batch()
        await stage.recorder.stop(CALL, StopReason.HANG_UP)

    stage = play(story)
    assert max(stage.recording.writes) <= MAX_BATCH_MS * 8
    assert stage.recording.duration_ms == 602_000
    assert seconds(stage.recording.caller, 1) == 2.0


def test_a_wall_clock_that_jumps_moves_no_sample() -> None:
    async def story(stage: Stage) -> None:
        await stage.recorder.begin(REQUEST)
        stage.talk(50)
        stage.clock.set_wall(datetime(2031, 1, 1, tzinfo=UTC))
        await stage.recorder.suppress(CALL, MASK, "agent-1")
        stage.talk(50)
        stage.clock.set_wall(datetime(2019, 1, 1, tzinfo=UTC))
        await stage.recorder.resume(CALL, MASK, "agent-1")
        stage.talk(50)
        await stage.recorder.stop(CALL, StopReason.HANG_UP)

    sealed = play(story).facts.last(RecordingSealed)
    assert sealed.duration_ms == 3000
    assert [(span.start_ms, span.end_ms) for span in sealed.spans] == [(1000, 2000)]


def test_memory_of_ended_calls_is_bounded() -> None:
    async def story(stage: Stage) -> None:
        await stage.recorder.begin(REQUEST)
        await stage.recorder.stop(CALL, StopReason.HANG_UP)
        for number in range(REMEMBERED_CALLS):
            stage.recorder._remember(CallId(str(number)), NotRecordedReason.NO_RULE)
        assert stage.recorder.state(CALL) is None
        assert len(stage.recorder._ended) == REMEMBERED_CALLS

    play(story)


@pytest.mark.parametrize("hang_up_first", [True, False])
def test_hang_up_while_the_recording_starts_ends_it(hang_up_first: bool) -> None:
    async def story(stage: Stage) -> None:
        beginning = asyncio.ensure_future(stage.recorder.begin(REQUEST))
        await asyncio.sleep(0)
        if hang_up_first:
            await stage.recorder.stop(CALL, StopReason.HANG_UP)
            await beginning
        else:
            beginning.cancel()
            await asyncio.gather(beginning, return_exceptions=True)
            stage.clock.advance(1)
        assert CALL not in stage.recorder._recordings

    stage = play(story)
    assert len(stage.facts.of(RecordingStarted)) == len(stage.facts.of(RecordingSealed)) == int(hang_up_first)


def test_a_third_person_is_kept_with_the_agent_and_from_the_moment_they_are_heard() -> None:
    third = LegId("third")

    def say(stage: Stage, packets: int) -> None:
        """All three speak; the sum of two voices is neither of them."""
        assert stage.media.sink is not None
        for number in range(packets):
            stage.clock.advance(0.02)
            for leg, code in ((CALLER, b"\x01"), (AGENT, b"\x02"), (third, b"\x12")):
                stage.media.sink.frame(
                    leg=leg, at=stage.clock.monotonic(), payload=code * 160, rtp_timestamp=160 * number, alaw=True
                )

    async def story(stage: Stage) -> None:
        await stage.recorder.begin(REQUEST)
        stage.talk(50)
        await stage.recorder.hear(CALL, third)
        say(stage, 50)
        await stage.recorder.hear(CALL, None)
        stage.talk(50)
        await stage.recorder.stop(CALL, StopReason.HANG_UP)

    stage = play(story)
    assert stage.media.commands == ["tap", "set_legs", "set_legs", "close"]
    both = alaw_from_sum([a + b for a, b in zip(voice(b"\x02"), voice(b"\x12"), strict=True)])[0]
    assert both not in (0x02, 0x12)
    assert set(stage.recording.caller) == {1}
    agent = stage.recording.agent
    assert (set(agent[:8000]), set(agent[8000:16_000]), set(agent[16_000:])) == ({2}, {both}, {2})


def test_a_tap_that_does_not_take_a_third_person_ends_the_recording() -> None:
    async def story(stage: Stage) -> None:
        await stage.recorder.begin(REQUEST)
        stage.media.made.error = UnknownSession()
        await stage.recorder.hear(CALL, LegId("third"))

    stage = play(story)
    assert stage.facts.last(RecordingStopped).reason is StopReason.MEDIA_FAILED
