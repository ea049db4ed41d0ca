"""Whole calls through a running exchange: real SIP and RTP on loopback, audio measured on every side."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.support.audio import from_alaw, loudest_hz, tone_dbfs
from tests.support.exchange_stage import (
    ANN,
    BOB,
    GREETING_HZ,
    MUSIC_HZ,
    NUMBERS,
    OUTSIDE,
    ExchangeStage,
    Telephone,
    exchange_stage,
)

from ringfence.control.commands import Done, HangUpCall, HoldCall, PlaceCall, RetrieveCall, TransferCall
from ringfence.control.facts import (
    AgentState,
    AnnouncementPlayed,
    CallAnswered,
    CallArrived,
    CallEnded,
    CallHeld,
    CallRetrieved,
    CallTransferred,
    EndReason,
    LegQuality,
    NotRecordedReason,
    OfferEnded,
    OfferOutcome,
    PromptFailed,
    QueueEntered,
    RecordingNotStarted,
    RecordingSealed,
    RecordingStarted,
    StopReason,
    TransferFailed,
)
from ringfence.engine.sip.api import ReinviteAnswered
from ringfence.kit.ids import ClientCode, EntryId

Scenario = Callable[[ExchangeStage], Coroutine[Any, Any, None]]


def play(folder: Path, scenario: Scenario) -> None:
    async def main() -> None:
        async with exchange_stage(folder) as stage:
            await scenario(stage)

    asyncio.run(main())


async def converse(stage: ExchangeStage, client: str = "BBC") -> tuple[Telephone, Telephone]:
    """A caller and Ann, talking."""
    handset = await stage.handset("ann-desk")
    caller = stage.carrier
    caller.call(NUMBERS[client])
    await caller.connected()
    await handset.answer()
    await stage.fact(CallAnswered)
    return caller, handset


async def both_hear(stage: ExchangeStage, one: Telephone, other: Telephone) -> None:
    """Each hears the other's tone."""
    async with asyncio.TaskGroup() as group:
        group.create_task(one.hums(440, 0.5))
        group.create_task(other.hums(1000, 0.5))
    await stage.holds(lambda: one.hears(1000), "tone of the agent at the caller")
    await stage.holds(lambda: other.hears(440), "tone of the caller at the agent")


def call_id(stage: ExchangeStage) -> Any:
    return stage.of(CallArrived)[-1].call_id


def test_a_call_is_announced_queued_answered_heard_both_ways_and_recorded(tmp_path: Path) -> None:
    async def scenario(stage: ExchangeStage) -> None:
        caller, handset = await converse(stage)
        await both_hear(stage, caller, handset)
        assert caller.heard_hz() == pytest.approx(1000, abs=15)
        assert handset.heard_hz() == pytest.approx(440, abs=15)
        caller.hang_up()
        await handset.over()
        assert (await stage.ended()).reason is EndReason.CALLER_HUNG_UP
        assert stage.agent_state(ANN) in (AgentState.WRAP, AgentState.AVAILABLE)
        sealed = await stage.fact(RecordingSealed)
        assert sealed.stop is StopReason.HANG_UP
        assert 400 <= sealed.duration_ms <= 5000
        assert stage.of(RecordingStarted)[0].wording == "notice-BBC-1"
        callers, agents = (from_alaw(side) for side in stage.recorded(sealed))
        assert loudest_hz(callers) == pytest.approx(440, abs=5)
        assert loudest_hz(agents) == pytest.approx(1000, abs=5)
        assert tone_dbfs(callers, 1000) < -60
        assert tone_dbfs(agents, 440) < -60
        quality = {each.role: each for each in stage.of(LegQuality)}
        assert quality["caller"].packets_received >= 25
        assert quality["agent"].packets_received >= 25
        assert quality["caller"].packets_lost == 0
        await stage.holds(lambda: stage.exchange.sip.dialogs == 0, "no dialog left", seconds=2)

    play(tmp_path, scenario)


def test_each_number_has_its_own_greeting_and_client(tmp_path: Path) -> None:
    async def scenario(stage: ExchangeStage) -> None:
        for number, (client, hz) in enumerate(GREETING_HZ.items(), start=1):
            line = await stage.caller()
            line.call(NUMBERS[client])
            await line.connected()
            await stage.holds(partial(line.hears, hz), f"greeting of {client}")
            await stage.fact(QueueEntered, count=number)
            await stage.holds(partial(line.hears, MUSIC_HZ), "music")
        assert [fact.client for fact in stage.of(CallArrived)] == list(GREETING_HZ)
        assert {fact.wording for fact in stage.of(AnnouncementPlayed)} == {f"notice-{name}-1" for name in GREETING_HZ}

    play(tmp_path, scenario)


def test_the_agents_hang_up_ends_the_callers_leg(tmp_path: Path) -> None:
    async def scenario(stage: ExchangeStage) -> None:
        caller, handset = await converse(stage)
        handset.hang_up()
        await caller.over()
        assert (await stage.ended()).reason is EndReason.AGENT_HUNG_UP

    play(tmp_path, scenario)


def test_a_caller_who_gives_up_in_the_queue_has_abandoned_and_left_no_media(tmp_path: Path) -> None:
    async def scenario(stage: ExchangeStage) -> None:
        stage.carrier.call(NUMBERS["BBC"])
        await stage.carrier.connected()
        await stage.fact(QueueEntered)
        stage.carrier.hang_up()
        assert (await stage.ended()).reason is EndReason.ABANDONED
        assert not any(stage.spool.iterdir())

    play(tmp_path, scenario)


def test_a_caller_who_gives_up_while_the_agents_telephone_rings_stops_the_ringing(tmp_path: Path) -> None:
    async def scenario(stage: ExchangeStage) -> None:
        handset = await stage.handset("ann-desk")
        stage.carrier.call(NUMBERS["BBC"])
        await stage.carrier.connected()
        invite = await handset.rung()
        assert invite.headers["x-ringfence-call"] == call_id(stage)
        stage.carrier.hang_up()
        await handset.over()
        assert (await stage.ended()).reason is EndReason.ABANDONED
        assert stage.agent_state(ANN) is AgentState.AVAILABLE

    play(tmp_path, scenario)


def test_a_caller_who_cancels_at_once_leaves_nothing(tmp_path: Path) -> None:
    async def scenario(stage: ExchangeStage) -> None:
        stage.carrier.call(NUMBERS["BBC"])
        stage.carrier.hang_up()
        await stage.carrier.over()
        await stage.fact(CallEnded)
        await stage.ended()

    play(tmp_path, scenario)


def test_a_missed_ring_goes_to_the_next_agent(tmp_path: Path) -> None:
    async def scenario(stage: ExchangeStage) -> None:
        first = await stage.handset("ann-desk")
        stage.carrier.call(NUMBERS["SHDC"])
        await stage.carrier.connected()
        await first.rung()
        second = await stage.handset("bob-desk")
        await second.answer()
        await first.over()
        await stage.fact(CallAnswered)
        outcomes = [(fact.agent_id, fact.outcome) for fact in stage.of(OfferEnded)]
        assert outcomes == [(ANN, OfferOutcome.MISSED), (BOB, OfferOutcome.ANSWERED)]
        assert stage.agent_state(ANN) is AgentState.NOT_READY
        await both_hear(stage, stage.carrier, second)

    play(tmp_path, scenario)


def test_on_hold_the_caller_hears_music_and_the_agent_nothing(tmp_path: Path) -> None:
    async def scenario(stage: ExchangeStage) -> None:
        caller, handset = await converse(stage)
        assert await stage.ask(HoldCall(call_id=call_id(stage), agent_id=ANN)) == Done(call_id=call_id(stage))
        await stage.fact(CallHeld)
        async with asyncio.TaskGroup() as group:
            group.create_task(caller.hums(440, 0.4))
            group.create_task(handset.hums(1000, 0.4))
        assert caller.hears(MUSIC_HZ)
        assert not caller.hears(1000)
        assert not handset.hears(440)
        await stage.ask(RetrieveCall(call_id=call_id(stage), agent_id=ANN))
        await stage.fact(CallRetrieved)
        await both_hear(stage, caller, handset)

    play(tmp_path, scenario)


def test_a_handset_that_holds_by_reinvite_holds_the_call(tmp_path: Path) -> None:
    async def scenario(stage: ExchangeStage) -> None:
        caller, handset = await converse(stage)
        assert handset.dialog is not None
        handset.sip.reinvite(handset.dialog, sdp=handset.phone.sdp(direction="sendonly", version=2))
        await stage.fact(CallHeld)
        answer = await handset.event(ReinviteAnswered)
        assert "a=recvonly" in answer.sdp or "a=inactive" in answer.sdp
        await stage.holds(lambda: caller.hears(MUSIC_HZ), "music on hold")
        handset.sip.reinvite(handset.dialog, sdp=handset.phone.sdp(version=3))
        await stage.fact(CallRetrieved)
        await both_hear(stage, caller, handset)

    play(tmp_path, scenario)


def test_a_transfer_outside_hands_the_caller_over_and_ends_the_recording(tmp_path: Path) -> None:
    async def scenario(stage: ExchangeStage) -> None:
        handset = await stage.handset("ann-desk")
        line = await stage.caller()
        line.call(NUMBERS["BBC"])
        await line.connected()
        await handset.answer()
        await stage.fact(RecordingStarted)
        command = TransferCall(call_id=call_id(stage), agent_id=ANN, entry_id=EntryId("housing"))
        assert await stage.ask(command) == Done(call_id=call_id(stage))
        assert (await stage.carrier.rung()).called == OUTSIDE
        assert not any((event is None) for event in handset.events)
        await stage.carrier.answer()
        await stage.fact(CallTransferred)
        await handset.over()
        await both_hear(stage, line, stage.carrier)
        sealed = await stage.fact(RecordingSealed)
        assert sealed.stop is StopReason.TRANSFER_OUTSIDE
        for side in stage.recorded(sealed):
            assert tone_dbfs(from_alaw(side), 1000) < -60, "nothing of the destination is kept"
            assert tone_dbfs(from_alaw(side), 440) < -60, "nothing said after the hand-over is kept"
        line.hang_up()
        await stage.carrier.over()
        assert (await stage.ended()).reason is EndReason.TRANSFERRED_OUT
        assert len(stage.of(RecordingStarted)) == 1

    play(tmp_path, scenario)


def test_a_refused_transfer_brings_the_caller_back_to_the_agent(tmp_path: Path) -> None:
    async def scenario(stage: ExchangeStage) -> None:
        handset = await stage.handset("ann-desk")
        line = await stage.caller()
        line.call(NUMBERS["BBC"])
        await line.connected()
        await handset.answer()
        await stage.fact(CallAnswered)
        await stage.ask(TransferCall(call_id=call_id(stage), agent_id=ANN, entry_id=EntryId("housing")))
        await stage.carrier.refuse(486)
        assert (await stage.fact(TransferFailed)).status == 486
        await both_hear(stage, line, handset)
        await stage.ask(HangUpCall(call_id=call_id(stage), agent_id=ANN))
        await line.over()
        assert (await stage.ended()).reason is EndReason.AGENT_HUNG_UP
        [sealed] = [await stage.fact(RecordingSealed)]
        assert sealed.stop is StopReason.HANG_UP

    play(tmp_path, scenario)


def test_extension_calls_and_outward_calls_leave_no_media_file(tmp_path: Path) -> None:
    async def scenario(stage: ExchangeStage) -> None:
        office, planning = await stage.handset("office"), await stage.handset("planning")
        office.call("204", caller="office")
        await planning.answer()
        await office.connected()
        await both_hear(stage, office, planning)
        office.hang_up()
        await planning.over()
        await stage.ended()

        handset = await stage.handset("ann-desk")
        reply = await stage.ask(PlaceCall(agent_id=ANN, number="01632 960200", client=ClientCode("BBC")))
        assert isinstance(reply, Done)
        await handset.answer()
        await stage.carrier.answer()
        await stage.fact(CallAnswered, count=2)
        await both_hear(stage, handset, stage.carrier)
        handset.hang_up()
        await stage.carrier.over()
        await stage.ended(2)

        reasons = [fact.reason for fact in stage.of(RecordingNotStarted)]
        assert reasons == [NotRecordedReason.GENERAL_USER, NotRecordedReason.OUTBOUND]
        assert not any(stage.spool.iterdir())

    play(tmp_path, scenario)


def test_an_emergency_call_reaches_the_carrier_from_any_telephone(tmp_path: Path) -> None:
    async def scenario(stage: ExchangeStage) -> None:
        office = await stage.handset("office")
        office.call("9-999", caller="office")
        assert (await stage.carrier.rung()).called == "999"
        await stage.carrier.answer()
        await office.connected()
        await both_hear(stage, office, stage.carrier)

    play(tmp_path, scenario)


def test_a_missing_notice_lets_the_call_through_unrecorded(tmp_path: Path) -> None:
    async def scenario(stage: ExchangeStage) -> None:
        (stage.folder / "prompts" / "notice.alaw").unlink()
        stage.exchange.prompts._audio.clear()
        caller, handset = await converse(stage)
        await both_hear(stage, caller, handset)
        assert (await stage.fact(PromptFailed)).announcement
        assert (await stage.fact(RecordingNotStarted)).reason is NotRecordedReason.NOT_ANNOUNCED
        assert not any(stage.spool.iterdir())

    play(tmp_path, scenario)


def test_unknown_numbers_are_refused(tmp_path: Path) -> None:
    async def scenario(stage: ExchangeStage) -> None:
        stage.carrier.call("+441632960777")
        assert await stage.carrier.rejected() == 404
        assert stage.of(CallArrived) == []

    play(tmp_path, scenario)


def test_stopping_ends_calls_seals_recordings_and_tells_it(tmp_path: Path) -> None:
    async def main() -> None:
        async with exchange_stage(tmp_path) as stage:
            caller, handset = await converse(stage)
            await both_hear(stage, caller, handset)
            await stage.stop()
            await caller.over()
            await handset.over()
        assert stage.of(CallEnded)[-1].reason is EndReason.SHUTDOWN
        assert len(stage.of(RecordingSealed)) == 1
        assert not (tmp_path / "run" / "engine.sock").exists()

    asyncio.run(main())
