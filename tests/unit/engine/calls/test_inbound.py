"""A caller's way through greeting, notice, queue and agent, and every way out of it."""

import asyncio

import msgspec
import pytest
from tests.support.call_world import ANN, BOB, CALLER, CLOSED, FIRST, GREETING, MUSIC, NOTICE, World, run

from ringfence.control.commands import HangUpCall
from ringfence.control.facts import (
    AgentOffered,
    AgentState,
    AlarmRaised,
    AnnouncementPlayed,
    CallAnswered,
    CallArrived,
    CallEnded,
    EndReason,
    LegQuality,
    OfferEnded,
    OfferOutcome,
    PromptFailed,
    QueueEntered,
    QueueLeft,
)
from ringfence.engine.calls import CallConfig
from ringfence.engine.calls.fakes import sdp
from ringfence.engine.calls.state import CallState
from ringfence.engine.media.port import EngineLost, Playback
from ringfence.engine.sip.api import DialogEnded, InviteAnswered, ReinviteReceived, ToDevice
from ringfence.kit.ids import CallId


def test_a_call_is_greeted_announced_queued_answered_recorded_and_ended() -> None:
    async def scenario(world: World) -> None:
        await world.ready()
        caller = await world.arrive("01632 960001")
        assert world.sip.answered[caller]
        assert world.media.played == []
        await world.confirm(caller)
        assert world.media.played == [GREETING]
        await world.prompt_ends()
        assert world.facts.of(AnnouncementPlayed) == []
        await world.prompt_ends()
        assert world.facts.last(AnnouncementPlayed).wording == "w1"
        assert world.media.played == [GREETING, NOTICE, MUSIC]
        assert world.last.target == ToDevice(device_id="ann-desk")  # type: ignore[arg-type]
        assert world.last.headers == {"X-Ringfence-Call": world.only().call_id}
        assert world.last.caller.number == CALLER
        assert world.recorder.requests == []
        agent = await world.pick_up()
        assert world.both_hear()
        assert world.recorder.requests[0].wording == "w1"
        assert world.agent_state() is AgentState.TALKING
        await world.hangs_up(caller)
        assert agent in world.sip.hung_up
        assert world.agent_state() is AgentState.WRAP

    world = run(scenario)
    calls = [name for name in world.names() if name not in ("AgentStateChanged", "DeviceRegistered")]
    assert calls == [
        "CallArrived",
        "AnnouncementPlayed",
        "QueueEntered",
        "AgentOffered",
        "OfferEnded",
        "CallAnswered",
        "LegQuality",
        "LegQuality",
        "CallEnded",
    ]
    arrived = world.facts.last(CallArrived)
    assert (arrived.client, arrived.dialled, arrived.caller_number) == ("BBC", "+441632960001", CALLER)
    assert arrived.flow_version == 3
    assert world.facts.last(CallEnded).reason is EndReason.CALLER_HUNG_UP
    assert {quality.role for quality in world.facts.of(LegQuality)} == {"caller", "agent"}


def test_the_agents_hang_up_ends_the_call_and_starts_wrap_up() -> None:
    async def scenario(world: World) -> None:
        caller, agent = await world.talking()
        await world.hangs_up(agent)
        assert caller in world.sip.hung_up
        assert world.agent_state() is AgentState.WRAP
        await world.advance(10)
        assert world.agent_state() is AgentState.AVAILABLE

    assert run(scenario).facts.last(CallEnded).reason is EndReason.AGENT_HUNG_UP


def test_the_desks_hang_up_ends_both_legs() -> None:
    async def scenario(world: World) -> None:
        caller, agent = await world.talking()
        await world.command(HangUpCall(call_id=world.only().call_id, agent_id=ANN))
        assert {caller, agent} <= set(world.sip.hung_up)

    assert run(scenario).facts.last(CallEnded).reason is EndReason.AGENT_HUNG_UP


def test_a_caller_who_leaves_the_queue_has_abandoned() -> None:
    async def scenario(world: World) -> None:
        await world.hangs_up(await world.queued())

    world = run(scenario)
    assert world.facts.last(CallEnded).reason is EndReason.ABANDONED
    assert len(world.facts.of(QueueLeft)) == 1
    assert world.recorder.requests == []


def test_a_caller_who_leaves_while_the_agents_telephone_rings_frees_the_agent() -> None:
    async def scenario(world: World) -> None:
        await world.ready()
        caller = await world.queued()
        rung = world.last.dialog
        await world.hangs_up(caller)
        assert rung in world.sip.hung_up
        assert world.agent_state() is AgentState.AVAILABLE

    world = run(scenario)
    assert world.facts.last(CallEnded).reason is EndReason.ABANDONED
    assert world.facts.last(OfferEnded).outcome is OfferOutcome.CALLER_LEFT


def test_a_caller_who_cancels_or_leaves_during_the_greeting_is_not_counted_as_abandoned() -> None:
    async def scenario(world: World) -> None:
        first = await world.arrive()
        await world.cancels(first)
        second = await world.arrive()
        await world.confirm(second)
        await world.hangs_up(second)

    world = run(scenario)
    assert [end.reason for end in world.facts.of(CallEnded)] == [EndReason.CALLER_HUNG_UP] * 2
    assert world.facts.of(QueueEntered) == []


def test_answer_and_hang_up_in_the_same_instant_leave_nothing_behind() -> None:
    async def scenario(world: World) -> None:
        await world.ready()
        caller = await world.queued()
        rung = world.last.dialog
        world.sip.established.add(rung)
        world.sip.report(DialogEnded(dialog=caller, cause="bye"))
        world.sip.report(InviteAnswered(dialog=rung, sdp=sdp()))
        await world.settle()
        assert rung in world.sip.hung_up
        assert world.agent_state() is AgentState.AVAILABLE

    assert run(scenario).facts.of(CallAnswered) == []


def test_a_missed_ring_goes_back_and_the_next_agent_is_rung() -> None:
    async def scenario(world: World) -> None:
        await world.ready(ANN, "ann-desk")
        await world.queued()
        rung = world.last.dialog
        await world.ready(BOB, "bob-desk")
        await world.advance(20)
        assert rung in world.sip.hung_up
        assert world.agent_state(ANN) is AgentState.NOT_READY
        assert world.last.target == ToDevice(device_id="bob-desk")  # type: ignore[arg-type]
        await world.pick_up()
        assert world.only().agent_id == BOB

    world = run(scenario)
    assert [end.outcome for end in world.facts.of(OfferEnded)] == [OfferOutcome.MISSED, OfferOutcome.ANSWERED]


def test_an_answer_that_crosses_the_missed_ring_is_hung_up_and_the_call_stays_queued() -> None:
    async def scenario(world: World) -> None:
        await world.ready()
        await world.queued()
        rung = world.last.dialog
        world.sip.established.add(rung)
        world.sip.report(InviteAnswered(dialog=rung, sdp=sdp()))
        world.timers.fire_next(world.clock.monotonic() + 20)
        await world.settle()
        assert world.agent_state() is AgentState.NOT_READY
        assert rung in world.sip.hung_up
        assert world.only().phase == "queued"

    assert run(scenario).facts.of(CallAnswered) == []


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (486, OfferOutcome.DECLINED),
        (603, OfferOutcome.DECLINED),
        (408, OfferOutcome.MISSED),
        (500, OfferOutcome.UNREACHABLE),
    ],
)
def test_a_refused_ring_returns_the_caller_to_the_queue(status: int, outcome: OfferOutcome) -> None:
    async def scenario(world: World) -> None:
        await world.ready()
        await world.queued()
        await world.refuse(status)
        assert world.only().phase == "queued"
        assert world.agent_state() is AgentState.NOT_READY

    assert run(scenario).facts.last(OfferEnded).outcome is outcome


def test_the_browser_rings_first_and_the_handset_when_it_fails() -> None:
    async def scenario(world: World) -> None:
        await world.bind("ann-web", browser=True)
        await world.ready()
        await world.queued()
        assert world.last.target == ToDevice(device_id="ann-web")  # type: ignore[arg-type]
        await world.refuse(480)
        assert world.last.target == ToDevice(device_id="ann-desk")  # type: ignore[arg-type]
        await world.pick_up()
        assert world.both_hear()

    world = run(scenario)
    assert len(world.facts.of(AgentOffered)) == 1
    assert world.facts.last(CallAnswered).device_id == "ann-desk"


def test_an_agent_whose_answer_cannot_be_used_is_unreachable_and_the_caller_waits_on() -> None:
    async def scenario(world: World) -> None:
        world.media.refuse.add("nonsense")
        await world.ready()
        await world.queued()
        rung = await world.pick_up(answer="nonsense")
        assert rung in world.sip.hung_up
        assert world.only().phase == "queued"
        assert world.agent_state() is AgentState.NOT_READY

    run(scenario)


def test_a_missing_notice_lets_the_call_through_unannounced_with_an_alarm() -> None:
    async def scenario(world: World) -> None:
        world.media.missing.add(NOTICE)
        await world.ready()
        caller = await world.arrive()
        await world.confirm(caller)
        await world.prompt_ends()
        await world.pick_up()
        assert world.recorder.requests[0].wording is None

    world = run(scenario)
    assert world.facts.last(PromptFailed) == PromptFailed(
        at=world.facts.last(PromptFailed).at,
        call_id=world.facts.last(CallArrived).call_id,
        prompt=NOTICE,
        announcement=True,
    )
    assert world.facts.of(AnnouncementPlayed) == []


def test_a_notice_that_was_cut_short_is_not_announced() -> None:
    async def scenario(world: World) -> None:
        caller = await world.arrive()
        await world.confirm(caller)
        await world.prompt_ends()
        await world.prompt_ends(completed=False)
        assert world.only().wording is None
        assert world.only().phase == "queued"

    assert run(scenario).facts.last(PromptFailed).announcement


def test_a_prompt_whose_end_is_never_reported_does_not_hold_the_caller() -> None:
    async def scenario(world: World) -> None:
        caller = await world.arrive()
        await world.confirm(caller)
        await world.advance(6)
        assert world.media.played == [GREETING, NOTICE]
        await world.advance(6)
        assert world.only().phase == "queued"
        assert world.only().wording is None

    run(scenario)


def test_outside_hours_the_closed_message_is_heard_and_nobody_is_queued() -> None:
    async def scenario(world: World) -> None:
        world.clock.advance(6 * 3600)
        caller = await world.arrive()
        await world.confirm(caller)
        assert world.media.played == [CLOSED]
        await world.prompt_ends()
        assert caller in world.sip.hung_up

    world = run(scenario)
    assert world.facts.last(CallEnded).reason is EndReason.CLOSED
    assert world.facts.of(QueueEntered) == []


def test_waiting_callers_hear_their_position_and_then_music_again() -> None:
    async def scenario(world: World) -> None:
        await world.queued()
        await world.advance(30)
        assert world.media.played[-1] == FIRST
        await world.prompt_ends()
        assert world.media.played[-1] == MUSIC
        await world.advance(30)
        assert world.media.played[-1] == FIRST

    run(scenario)


def test_a_full_queue_says_busy() -> None:
    async def scenario(world: World) -> None:
        for _ in range(4):
            await world.queued()

    world = run(scenario)
    assert [end.reason for end in world.facts.of(CallEnded)] == [EndReason.BUSY]
    assert len(world.facts.of(QueueEntered)) == 3


def test_a_private_callers_number_is_logged_and_not_passed_on() -> None:
    async def scenario(world: World) -> None:
        await world.ready()
        await world.queued(private=True)
        assert (world.last.caller.number, world.last.caller.name) == (None, None)

    assert run(scenario).facts.last(CallArrived).caller_number == CALLER


def test_a_broken_agent_connection_brings_the_caller_to_the_head_of_the_queue_once() -> None:
    async def scenario(world: World) -> None:
        _caller, agent = await world.talking()
        await world.hangs_up(agent, "flow_closed")
        assert world.agent_state() is AgentState.NOT_READY
        assert world.only().phase == "queued"
        assert world.media.played[-1] == MUSIC
        assert ("stop", "agent_left") in world.recorder.log
        await world.ready(BOB, "bob-desk")
        again = await world.pick_up()
        assert world.both_hear()
        assert len(world.recorder.requests) == 2
        await world.hangs_up(again, "flow_closed")

    assert run(scenario).facts.last(CallEnded).reason is EndReason.MEDIA_LOST


def test_dead_media_of_the_caller_ends_the_call() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        await world.media_lost(world.only().customer)

    assert run(scenario).facts.last(CallEnded).reason is EndReason.MEDIA_LOST


def test_a_side_that_said_it_sends_nothing_is_not_lost_by_its_silence() -> None:
    async def scenario(world: World) -> None:
        caller, _ = await world.talking()
        await world.tell(ReinviteReceived(dialog=caller, sdp=sdp("inactive")))
        await world.media_lost(world.only().customer)
        assert world.only().phase == "talking"
        await world.tell(ReinviteReceived(dialog=caller, sdp=sdp()))
        await world.media_lost(world.only().customer)

    assert run(scenario).facts.last(CallEnded).reason is EndReason.MEDIA_LOST


def test_dead_media_of_the_agent_brings_the_caller_back_to_the_queue() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        await world.media_lost(world.only().agent)
        assert world.only().phase == "queued"

    run(scenario)


def test_a_lost_media_engine_ends_its_calls() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        world.table.on_media(EngineLost())
        await world.settle()

    assert run(scenario).facts.last(CallEnded).reason is EndReason.MEDIA_LOST


def test_a_media_engine_that_fails_in_the_middle_ends_the_call_and_frees_the_agent() -> None:
    async def scenario(world: World) -> None:
        await world.ready()
        await world.queued()
        world.media.broken = True
        await world.pick_up()
        world.media.broken = False
        world.media.sessions.clear()
        assert world.agent_state() is not AgentState.TALKING
        assert world.agent_state() is not AgentState.RINGING

    assert run(scenario).facts.last(CallEnded).reason is EndReason.FAILED


def test_a_media_engine_that_hangs_does_not_hold_the_call_open() -> None:
    async def scenario(world: World) -> None:
        async def hang(*_args: object, **_options: object) -> Playback:
            await asyncio.Event().wait()
            raise AssertionError("never")

        world.media.play = hang  # type: ignore[method-assign]
        caller = await world.arrive()
        await world.confirm(caller)
        async with asyncio.timeout(5):
            await world.table.drained()
        assert caller in world.sip.hung_up

    assert run(scenario, CallConfig(step_seconds=0.01)).facts.last(CallEnded).reason is EndReason.FAILED


def test_a_recorder_that_breaks_does_not_keep_the_call_from_ending() -> None:
    async def scenario(world: World) -> None:
        async def broken(*_args: object) -> None:
            raise RuntimeError("planted")

        caller, agent = await world.talking()
        world.recorder.stop = broken  # type: ignore[assignment]
        await world.hangs_up(caller)
        assert agent in world.sip.hung_up
        assert world.agent_state() is AgentState.WRAP

    assert run(scenario).facts.last(CallEnded).reason is EndReason.CALLER_HUNG_UP


def test_a_flood_of_reinvites_is_refused_and_the_hang_up_still_counts() -> None:
    async def scenario(world: World) -> None:
        caller, agent = await world.talking()
        for _ in range(20):
            world.sip.report(ReinviteReceived(dialog=agent, sdp=sdp()))
        world.sip.report(DialogEnded(dialog=caller, cause="bye"))
        await world.settle()
        assert len(world.sip.rejected) == 16
        assert len(world.sip.accepted) == 4

    assert run(scenario, CallConfig(mailbox=4)).facts.last(CallEnded).reason is EndReason.CALLER_HUNG_UP


def test_an_offer_that_asks_for_what_is_not_allowed_is_refused() -> None:
    async def scenario(world: World) -> None:
        world.media.refuse.add("video only")
        caller = await world.arrive(offer="video only")
        assert world.sip.hung_up[caller] == 488

    assert run(scenario).facts.last(CallEnded).reason is EndReason.REJECTED


def test_an_offerless_invite_gets_an_offer_and_its_answer_comes_with_the_ack() -> None:
    async def scenario(world: World) -> None:
        caller = await world.arrive(offer=None)
        assert world.sip.answered[caller]
        await world.confirm(caller, sdp())
        assert world.media.played == [GREETING]

    run(scenario)


def test_unknown_numbers_get_404_and_leave_no_trace() -> None:
    async def scenario(world: World) -> None:
        dialog = await world.arrive("+441632960999")
        assert world.sip.hung_up[dialog] == 404

    assert run(scenario).names() == []


def test_calls_beyond_the_limit_get_503_and_one_alarm() -> None:
    async def scenario(world: World) -> None:
        await world.arrive()
        for _ in range(2):
            assert world.sip.hung_up[await world.arrive()] == 503

    world = run(scenario, CallConfig(max_calls=1))
    assert [alarm.code for alarm in world.facts.of(AlarmRaised)] == ["calls_refused"]


def test_before_a_directory_and_during_shutdown_calls_get_503() -> None:
    async def scenario(world: World) -> None:
        world.table.refusing = True
        assert world.sip.hung_up[await world.arrive()] == 503
        world.table.refusing = False
        world.directory.snapshot = type(world.directory.snapshot)(version=0)
        assert world.sip.hung_up[await world.arrive()] == 503

    run(scenario)


def test_shutdown_ends_every_call_and_the_table_drains() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        await world.queued()
        world.table.end_all(EndReason.SHUTDOWN)
        await world.settle()
        await world.table.drained()

    assert [end.reason for end in run(scenario).facts.of(CallEnded)] == [EndReason.SHUTDOWN] * 2


def test_call_state_is_plain_data_that_survives_serialising() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        state = world.only()
        assert msgspec.json.decode(msgspec.json.encode(state), type=CallState) == state

    run(scenario)


def test_a_command_for_a_call_that_is_over_is_refused() -> None:
    async def scenario(world: World) -> None:
        reply = await world.command(HangUpCall(call_id=CallId("gone"), agent_id=ANN))
        assert getattr(reply, "code", None) == "call_over"

    run(scenario)
