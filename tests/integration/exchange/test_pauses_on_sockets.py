"""Payment, mask, stop, objection and keypad on real sockets: people hear each other, and the file holds what it may."""

import asyncio
import gc
import logging
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.audio import from_alaw, level_dbfs, tone_alaw, tone_dbfs
from tests.support.exchange_stage import ANN, BOB, NUMBERS, ExchangeStage, Telephone, exchange_stage
from tests.support.media import until

from ringfence.control.channel import Decoder, encode
from ringfence.control.commands import (
    Answer,
    ClosePayment,
    Done,
    Follow,
    FromEngine,
    MaskRecording,
    ObjectToRecording,
    OpenPayment,
    Request,
    StartKeypad,
    StopKeypad,
    StopRecording,
    TransferCall,
    UnmaskRecording,
)
from ringfence.control.facts import (
    AlarmRaised,
    CallAnswered,
    CallerObjected,
    CallTransferred,
    KeypadField,
    KeypadProgress,
    MaskCode,
    RecordingResumed,
    RecordingSealed,
    RecordingStarted,
    RecordingStopped,
    RecordingSuppressed,
    StopCode,
    StopReason,
    SuppressionReason,
)
from ringfence.engine.errors import EngineUnavailable
from ringfence.engine.media.embedded.tap import EmbeddedTap
from ringfence.kit.ids import EntryId

CARD = "371449635398431"
"""A number that issuers publish for tests."""
KEY_HZ = 1209.0
"""Part of the tone of keys 1, 4, 7 and *."""


def play(folder: Path, scenario: Callable[[ExchangeStage], Coroutine[Any, Any, None]]) -> None:
    async def main() -> None:
        async with exchange_stage(folder) as stage:
            await scenario(stage)

    asyncio.run(main())


async def converse(stage: ExchangeStage) -> tuple[Telephone, Telephone, dict[str, Any]]:
    """A caller and Ann, talking; and what names them in a command."""
    handset = await stage.handset("ann-desk")
    stage.carrier.call(NUMBERS["BBC"])
    await stage.carrier.connected()
    await handset.answer()
    answered = await stage.fact(CallAnswered)
    return stage.carrier, handset, {"call_id": answered.call_id, "agent_id": ANN}


async def both_hear(stage: ExchangeStage, caller: Telephone, agent: Telephone, seconds: float = 0.5) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(caller.hums(440, seconds))
        group.create_task(agent.hums(1000, seconds))
    await stage.holds(lambda: caller.hears(1000) and agent.hears(440), "both hear each other")


def spans_silent(stage: ExchangeStage, sealed: RecordingSealed) -> bool:
    caller, agent = stage.recorded(sealed)
    return all(
        set(audio[span.start_ms * 8 : span.end_ms * 8]) == {0xD5} for span in sealed.spans for audio in (caller, agent)
    )


def test_a_payment_and_a_mask_are_silence_of_equal_length_while_people_go_on_talking(tmp_path: Path) -> None:
    async def scenario(stage: ExchangeStage) -> None:
        caller, agent, call = await converse(stage)
        await both_hear(stage, caller, agent)
        assert isinstance(await stage.ask(OpenPayment(**call, payment_id="p1")), Done)
        await both_hear(stage, caller, agent)
        assert isinstance(await stage.ask(MaskRecording(**call, code=MaskCode.THIRD_PARTY)), Done)
        assert isinstance(await stage.ask(ClosePayment(call_id=call["call_id"], payment_id="p1")), Done)
        assert stage.of(RecordingResumed)[0].remaining == {"mask"}
        await both_hear(stage, caller, agent)
        assert isinstance(await stage.ask(UnmaskRecording(**call)), Done)
        await both_hear(stage, caller, agent)
        caller.hang_up()
        await agent.over()
        sealed = await stage.fact(RecordingSealed)
        lasted = stage.of(RecordingStopped)[0].at - stage.of(CallAnswered)[0].at
        assert [(span.reason, span.code) for span in sealed.spans] == [("payment", ""), ("mask", "third_party")]
        assert sealed.spans[0].end_ms == sealed.spans[1].start_ms
        assert spans_silent(stage, sealed)
        assert abs(sealed.duration_ms - lasted.total_seconds() * 1000) < 250
        audio = from_alaw(stage.recorded(sealed)[0])
        assert level_dbfs(audio[: sealed.spans[0].start_ms * 8]) > -40
        assert level_dbfs(audio[sealed.spans[1].end_ms * 8 :]) > -40

    play(tmp_path, scenario)


def test_a_payment_that_is_never_closed_keeps_the_silence_to_the_end_whatever_the_caller_does(tmp_path: Path) -> None:
    async def scenario(stage: ExchangeStage) -> None:
        caller, agent, call = await converse(stage)
        await both_hear(stage, caller, agent)
        assert isinstance(await stage.ask(OpenPayment(**call, payment_id="p1")), Done)
        assert caller.dialog is not None
        caller.sip.reinvite(caller.dialog, sdp=caller.phone.sdp())
        await caller.phone.press("*72#1")
        await both_hear(stage, caller, agent)
        caller.hang_up()
        sealed = await stage.fact(RecordingSealed)
        [span] = sealed.spans
        assert span.end_ms == sealed.duration_ms
        assert spans_silent(stage, sealed)
        assert len(stage.of(RecordingSuppressed)) == 1
        assert stage.of(RecordingResumed) == []

    play(tmp_path, scenario)


@pytest.mark.parametrize("objects", [True, False])
def test_stop_and_objection_end_the_recording_for_good_and_the_call_goes_on(tmp_path: Path, objects: bool) -> None:
    async def scenario(stage: ExchangeStage) -> None:
        caller, agent, call = await converse(stage)
        await both_hear(stage, caller, agent)
        command = ObjectToRecording(**call) if objects else StopRecording(**call, code=StopCode.PERSONAL_CALL)
        assert isinstance(await stage.ask(command), Done)
        sealed = await stage.fact(RecordingSealed)
        await both_hear(stage, caller, agent)
        assert isinstance(await stage.ask(UnmaskRecording(**call)), Done)
        await both_hear(stage, caller, agent)
        caller.hang_up()
        await stage.ended()
        assert len(stage.of(RecordingStarted)) == 1
        stopped = stage.of(RecordingStopped)[0]
        assert stopped.actor == ANN
        if objects:
            assert sealed.stop is StopReason.CALLER_OBJECTS
            assert stage.of(CallerObjected)[0].recording_ids == (sealed.recording_id,)
        else:
            assert (sealed.stop, stopped.code) == (StopReason.AGENT_STOP, "personal_call")
        assert sealed.duration_ms < 3000

    play(tmp_path, scenario)


def test_a_payment_that_is_open_at_a_transfer_inside_pauses_the_next_segment_too(tmp_path: Path) -> None:
    async def scenario(stage: ExchangeStage) -> None:
        caller, agent, call = await converse(stage)
        bob = await stage.handset("bob-desk")
        await both_hear(stage, caller, agent)
        assert isinstance(await stage.ask(OpenPayment(**call, payment_id="p1")), Done)
        assert isinstance(await stage.ask(TransferCall(**call, entry_id=EntryId("bob"))), Done)
        await bob.answer()
        await stage.fact(CallTransferred)
        await stage.fact(RecordingStarted, count=2)
        await both_hear(stage, caller, bob)
        assert isinstance(await stage.ask(ClosePayment(call_id=call["call_id"], payment_id="p1")), Done)
        await both_hear(stage, caller, bob)
        caller.hang_up()
        first, second = await stage.fact(RecordingSealed), await stage.fact(RecordingSealed, count=2)
        assert (first.stop, second.stop) == (StopReason.TRANSFER_CENTRE, StopReason.HANG_UP)
        assert [fact.agent_id for fact in stage.of(RecordingStarted)] == [ANN, BOB]
        [span] = second.spans
        assert (span.start_ms, span.reason) == (0, "payment")
        assert span.end_ms > 400
        assert spans_silent(stage, first)
        assert spans_silent(stage, second)
        assert level_dbfs(from_alaw(stage.recorded(second)[0])[span.end_ms * 8 :]) > -40

    play(tmp_path, scenario)


def test_a_card_that_is_keyed_in_is_nowhere_but_in_the_payment_adapter(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def key_in(stage: ExchangeStage, caller: Telephone, keys: str, outcome: str) -> None:
        """Slowly, and as a careless gateway does, with the tone of the key in the audio as well."""
        for key in keys:
            began = caller.phone.timestamp
            for n in range(1, 6):
                now, caller.phone.timestamp = caller.phone.timestamp, began
                caller.phone.event("0123456789*#".index(key), 160 * n, marker=n == 1, end=n == 5)
                caller.phone.timestamp = now
                caller.phone.say(tone_alaw(KEY_HZ, 0.02))
                await asyncio.sleep(0.004)
            caller.phone.timestamp += 480
        await until(
            lambda: any(fact.outcome == outcome for fact in stage.of(KeypadProgress)), what=f"outcome {outcome}"
        )

    async def scenario(stage: ExchangeStage) -> None:
        caller, agent, call = await converse(stage)
        await both_hear(stage, caller, agent)
        assert isinstance(await stage.ask(OpenPayment(**call, payment_id="p1")), Done)
        start = StartKeypad(**call, payment_id="p1", field=KeypadField.CARD_NUMBER)
        assert isinstance(await stage.ask(start), Done)
        before = len(agent.phone.packets)
        await key_in(stage, caller, "1" * 16 + "#", "not_valid")
        await key_in(stage, caller, CARD + "#", "accepted")
        heard = agent.phone.packets[before:]
        assert {packet.payload_type for packet in heard} == {8}
        assert tone_dbfs(from_alaw(b"".join(packet.payload for packet in heard)), KEY_HZ) < -55
        assert stage.payments.held("p1") == {KeypadField.CARD_NUMBER}
        await both_hear(stage, caller, agent)
        assert isinstance(await stage.ask(StopKeypad(**call, payment_id="p1")), Done)
        assert isinstance(await stage.ask(ClosePayment(call_id=call["call_id"], payment_id="p1")), Done)
        assert stage.payments.held("p1") == frozenset()
        await both_hear(stage, caller, agent)
        caller.hang_up()
        sealed = await stage.fact(RecordingSealed)
        for audio in stage.recorded(sealed):
            assert tone_dbfs(from_alaw(audio), KEY_HZ) < -55
            assert level_dbfs(from_alaw(audio)) > -40, "the rest of the talk is there"
        batch = stage.exchange.journal.after(0)
        assert batch is not None
        told = msgspec.json.encode(batch).decode()
        assert "KeypadProgress" in told
        assert not any(CARD[at : at + 8] in told for at in range(len(CARD) - 7))

    with caplog.at_level(logging.DEBUG):
        play(tmp_path, scenario)
    assert not any(CARD[at : at + 8] in caplog.text for at in range(len(CARD) - 7))
    for path in (path for path in tmp_path.rglob("*") if path.is_file()):
        assert CARD.encode() not in path.read_bytes(), path.name


def test_a_call_that_is_over_leaves_nothing_to_the_collector_of_cycles(tmp_path: Path) -> None:
    """It looks seldom, and the keys of recordings and of media would wait for it in memory."""

    async def scenario(stage: ExchangeStage) -> None:
        caller, agent, call = await converse(stage)
        assert isinstance(await stage.ask(OpenPayment(**call, payment_id="p1")), Done)
        start = StartKeypad(**call, payment_id="p1", field=KeypadField.CARD_NUMBER)
        assert isinstance(await stage.ask(start), Done)
        await both_hear(stage, caller, agent)
        gc.collect()
        gc.disable()
        try:
            caller.hang_up()
            await stage.fact(RecordingSealed)
            await stage.ended()
            gc.set_debug(gc.DEBUG_SAVEALL)
            gc.collect()
            left = {type(each).__qualname__ for each in gc.garbage if type(each).__module__.startswith("ringfence.")}
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
        assert left == set()

    play(tmp_path, scenario)


def test_whoever_opened_a_payment_may_vanish_and_the_pause_stays(tmp_path: Path) -> None:
    """The web process and the follower of the facts are two processes of their own; both end here without a word."""

    async def scenario(stage: ExchangeStage) -> None:
        caller, agent, call = await converse(stage)
        path = tmp_path / "run" / "engine.sock"
        web, web_writer = await asyncio.open_unix_connection(str(path))
        _, follower = await asyncio.open_unix_connection(str(path))
        follower.write(encode(Follow()))
        command = OpenPayment(**call, payment_id="p1")
        web_writer.write(encode(Request(request_id=1, command=command)))
        decoder: Decoder[FromEngine] = Decoder(FromEngine)
        answers = [message for message in decoder.feed(await web.read(65536)) if isinstance(message, Answer)]
        assert isinstance(answers[0].reply, Done)
        for writer in (web_writer, follower):
            writer.transport.abort()
        await both_hear(stage, caller, agent)
        [live] = stage.exchange.calls.live_calls()
        assert live.payments == {"p1"}
        assert live.suppressed == {SuppressionReason.PAYMENT}
        caller.hang_up()
        sealed = await stage.fact(RecordingSealed)
        assert sealed.spans[-1].end_ms == sealed.duration_ms
        assert spans_silent(stage, sealed)

    play(tmp_path, scenario)


@pytest.mark.parametrize("hangs", [True, False])
def test_a_media_engine_that_does_not_confirm_a_pause_costs_the_recording_and_not_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hangs: bool
) -> None:
    async def pause(self: EmbeddedTap) -> float:
        if hangs:
            await asyncio.Event().wait()
        raise EngineUnavailable

    async def scenario(stage: ExchangeStage) -> None:
        stage.exchange.recorder._tap_seconds = 0.2
        caller, agent, call = await converse(stage)
        await both_hear(stage, caller, agent)
        monkeypatch.setattr(EmbeddedTap, "pause", pause)
        before = sum(len(side) for side in (caller.phone.packets, agent.phone.packets))
        assert isinstance(await stage.ask(OpenPayment(**call, payment_id="p1")), Done)
        sealed = await stage.fact(RecordingSealed)
        await both_hear(stage, caller, agent)
        assert sum(len(side) for side in (caller.phone.packets, agent.phone.packets)) > before
        assert sealed.stop is StopReason.MEDIA_FAILED
        assert "tap_disobeyed" in {alarm.code for alarm in stage.of(AlarmRaised)}
        assert len(stage.of(RecordingStarted)) == len(stage.of(RecordingStopped)) == 1
        assert stage.exchange.calls.live_calls()[0].stopped is StopReason.MEDIA_FAILED
        caller.hang_up()
        await stage.ended()

    play(tmp_path, scenario)
