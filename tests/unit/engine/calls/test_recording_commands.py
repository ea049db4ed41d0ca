"""Mask, stop, object and payment: what a call does to its recording, and what nobody but the centre can do."""

import asyncio
from typing import Any

import pytest
from tests.support.call_world import ANN, BOB, World, run

from ringfence.control.commands import (
    ClosePayment,
    Done,
    LiveCall,
    MaskRecording,
    NameMask,
    ObjectToRecording,
    OpenPayment,
    Refused,
    Reply,
    StopRecording,
    UnmaskRecording,
)
from ringfence.control.facts import (
    CallerObjected,
    MaskCode,
    MaskNamed,
    PaymentClosed,
    PaymentOpened,
    StopCode,
    StopReason,
    SuppressionReason,
)
from ringfence.engine.calls.fakes import sdp
from ringfence.engine.calls.messages import RecordingCommand
from ringfence.engine.calls.recording import MAX_PAYMENTS
from ringfence.engine.sip.api import InfoDigit, ReinviteReceived
from ringfence.kit.ids import AgentId, CallId


async def say(world: World, command: RecordingCommand) -> Reply:
    reply = await world.table.recording_command(command)
    await world.settle()
    return reply


async def pay(world: World, payment_id: str = "p1", agent: AgentId = ANN) -> Reply:
    return await say(world, OpenPayment(call_id=world.only().call_id, agent_id=agent, payment_id=payment_id))


async def paid(world: World, payment_id: str = "p1") -> Reply:
    return await say(world, ClosePayment(call_id=world.only().call_id, payment_id=payment_id))


def live(world: World) -> LiveCall:
    [call] = world.table.live_calls()
    return call


def refusal(reply: Reply) -> str:
    assert isinstance(reply, Refused)
    return reply.code


def test_a_mask_is_seen_with_its_age_and_ends_with_its_own_command() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        call: dict[str, Any] = {"call_id": world.only().call_id, "agent_id": ANN}
        assert isinstance(await say(world, MaskRecording(**call, code=MaskCode.CHILD)), Done)
        await world.advance(7)
        assert live(world).mask_since == 7
        assert live(world).suppressed == {"mask"}
        assert isinstance(await say(world, MaskRecording(**call, code=MaskCode.OTHER)), Done)
        assert live(world).mask_since == 7, "a second mask does not begin anew"
        assert isinstance(await say(world, UnmaskRecording(**call)), Done)
        assert live(world).mask_since is None
        assert live(world).suppressed == frozenset()

    assert run(scenario).recorder.log == [("suppress", "mask"), ("suppress", "mask"), ("resume", "mask")]


def test_a_mask_is_named_after_it_began_or_after_it_ended() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        call: dict[str, Any] = {"call_id": world.only().call_id, "agent_id": ANN}
        await say(world, MaskRecording(**call, code=MaskCode.OTHER))
        assert isinstance(await say(world, NameMask(**call, code=MaskCode.CHILD)), Done)
        kept = world.only().keeping.suppressed[SuppressionReason.MASK]
        assert (kept.actor, kept.code) == (ANN, MaskCode.CHILD), "the next segment of the call keeps it"
        await say(world, UnmaskRecording(**call))
        assert isinstance(await say(world, NameMask(**call, code=MaskCode.THIRD_PARTY)), Done)
        assert live(world).suppressed == frozenset(), "to name a mask does not mask"

    world = run(scenario)
    assert world.recorder.log == [
        ("suppress", "mask"),
        ("name", "mask child"),
        ("resume", "mask"),
        ("name", "mask third_party"),
    ]
    assert world.facts.last(MaskNamed).code is MaskCode.THIRD_PARTY


def test_the_pause_ends_with_the_last_of_several_payments_only() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        assert isinstance(await pay(world, "p1"), Done)
        assert isinstance(await pay(world, "p2"), Done)
        assert isinstance(await pay(world, "p2"), Done)
        assert live(world).payments == {"p1", "p2"}
        assert isinstance(await paid(world, "p1"), Done)
        assert live(world).suppressed == {"payment"}
        assert isinstance(await paid(world, "unknown"), Done)
        assert ("resume", "payment") not in world.recorder.log
        assert isinstance(await paid(world, "p2"), Done)
        assert world.recorder.log[-1] == ("resume", "payment")
        assert live(world).payments == frozenset()

    facts = run(scenario).facts
    assert [(fact.payment_id, fact.recording_id) for fact in facts.of(PaymentOpened)] == [("p1", "r1"), ("p2", "r1")]
    assert [fact.payment_id for fact in facts.of(PaymentClosed)] == ["p1", "p2"]


def test_a_payment_is_told_only_once_the_recorder_says_that_the_pause_is_in_force() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        in_force, suppress = asyncio.Event(), world.recorder.suppress

        async def slow(*args: object) -> None:
            await in_force.wait()
            await suppress(*args)  # type: ignore[arg-type]

        world.recorder.suppress = slow  # type: ignore[assignment, method-assign]
        opening = asyncio.ensure_future(pay(world))
        await world.settle()
        assert not opening.done()
        assert world.facts.of(PaymentOpened) == []
        assert live(world).payments == {"p1"}, "it is open already for whoever starts a recording now"
        in_force.set()
        assert isinstance(await opening, Done)
        assert len(world.facts.of(PaymentOpened)) == 1

    run(scenario)


def test_a_payment_that_is_closed_while_it_is_being_opened_is_not_open() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        in_force, suppress = asyncio.Event(), world.recorder.suppress

        async def slow(*args: Any) -> None:
            await in_force.wait()
            await suppress(*args)

        world.recorder.suppress = slow  # type: ignore[assignment, method-assign]
        opening = asyncio.ensure_future(pay(world))
        await world.settle()
        assert isinstance(await paid(world), Done)
        in_force.set()
        assert refusal(await opening) == "payment_closed"
        assert live(world).payments == frozenset()
        assert live(world).suppressed == frozenset()

    assert run(scenario).facts.of(PaymentOpened) == []


def test_a_payment_does_not_wait_for_a_call_that_is_busy() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        stuck = asyncio.Event()

        async def hangs(*_args: object) -> None:
            await stuck.wait()

        world.media.renegotiate = hangs  # type: ignore[assignment, method-assign]
        agent = next(leg for leg in world.only().legs.values() if leg.agent_id == ANN)
        assert agent.dialog is not None
        world.sip.report(ReinviteReceived(dialog=agent.dialog, sdp=sdp()))
        for _ in range(5):
            await asyncio.sleep(0)
        command = OpenPayment(call_id=world.only().call_id, agent_id=ANN, payment_id="p1")
        assert isinstance(await world.table.recording_command(command), Done)
        stuck.set()

    run(scenario)


def test_what_is_open_when_the_agent_is_lost_holds_for_the_next_one() -> None:
    async def scenario(world: World) -> None:
        _caller, agent = await world.talking()
        await pay(world)
        await say(world, MaskRecording(call_id=world.only().call_id, agent_id=ANN, code=MaskCode.OTHER))
        await world.hangs_up(agent, "flow_closed")
        assert live(world).recording_id is None
        assert live(world).stopped is None
        await world.ready(BOB, "bob-desk")
        await world.pick_up()
        first, second = world.recorder.requests
        assert (first.segment, second.segment) == (0, 1)
        assert {each.reason for each in second.suppressed} == {"payment", "mask"}
        assert live(world).payments == {"p1"}
        assert isinstance(await paid(world), Done)
        assert live(world).suppressed == {"mask"}

    run(scenario)


def test_a_stop_is_final_for_every_later_segment() -> None:
    async def scenario(world: World) -> None:
        _caller, agent = await world.talking()
        call: dict[str, Any] = {"call_id": world.only().call_id, "agent_id": ANN}
        assert isinstance(await say(world, StopRecording(**call, code=StopCode.PERSONAL_CALL)), Done)
        assert live(world).stopped is StopReason.AGENT_STOP
        assert live(world).recording_id is None
        await world.hangs_up(agent, "flow_closed")
        await world.ready(BOB, "bob-desk")
        await world.pick_up()
        assert world.recorder.requests[-1].stopped is StopReason.AGENT_STOP
        assert live(world).recording_id is None

    run(scenario)


def test_an_objection_is_told_once_with_every_segment_so_far() -> None:
    async def scenario(world: World) -> None:
        _caller, agent = await world.talking()
        await world.hangs_up(agent, "flow_closed")
        await world.ready(BOB, "bob-desk")
        await world.pick_up()
        call: dict[str, Any] = {"call_id": world.only().call_id, "agent_id": BOB}
        assert isinstance(await say(world, ObjectToRecording(**call)), Done)
        assert isinstance(await say(world, ObjectToRecording(**call)), Done)
        assert live(world).stopped is StopReason.CALLER_OBJECTS
        assert world.both_hear()

    world = run(scenario)
    [told] = world.facts.of(CallerObjected)
    assert (told.agent_id, told.recording_ids) == (BOB, ("r1", "r2"))
    assert ("stop", "caller_objects") in world.recorder.log


def test_an_objection_counts_after_an_agents_stop_too() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        call: dict[str, Any] = {"call_id": world.only().call_id, "agent_id": ANN}
        await say(world, StopRecording(**call, code=StopCode.OTHER))
        await say(world, ObjectToRecording(**call))
        assert live(world).stopped is StopReason.CALLER_OBJECTS

    assert run(scenario).facts.last(CallerObjected).recording_ids == ("r1",)


def test_only_whoever_has_the_call_changes_its_recording() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        call: dict[str, Any] = {"call_id": world.only().call_id, "agent_id": BOB}
        for command in (
            MaskRecording(**call, code=MaskCode.OTHER),
            NameMask(**call, code=MaskCode.OTHER),
            UnmaskRecording(**call),
            StopRecording(**call, code=StopCode.OTHER),
            ObjectToRecording(**call),
            OpenPayment(**call, payment_id="p1"),
        ):
            assert refusal(await say(world, command)) == "not_your_call"
        assert world.recorder.log == []

    run(scenario)


def test_nothing_from_the_callers_side_changes_the_recording() -> None:
    async def scenario(world: World) -> None:
        caller, _agent = await world.talking()
        await pay(world)
        before = list(world.recorder.log)
        for direction in ("sendonly", "inactive", "sendrecv"):
            await world.tell(ReinviteReceived(dialog=caller, sdp=sdp(direction)))
        for digit in "*72#":
            await world.tell(InfoDigit(dialog=caller, digit=digit))
        assert world.recorder.log == before
        assert live(world).suppressed == {"payment"}

    run(scenario)


def test_a_call_that_is_over_takes_only_late_closes() -> None:
    async def scenario(world: World) -> None:
        caller, _agent = await world.talking()
        call_id = world.only().call_id
        await pay(world)
        await world.hangs_up(caller)
        assert isinstance(await say(world, ClosePayment(call_id=call_id, payment_id="p1")), Done)
        gone = OpenPayment(call_id=call_id, agent_id=ANN, payment_id="p2")
        assert refusal(await say(world, gone)) == "call_over"
        assert refusal(await say(world, ObjectToRecording(call_id=CallId("?"), agent_id=ANN))) == "call_over"

    run(scenario)


@pytest.mark.parametrize("payment_id", ["", "x" * 65, "a\nb", "p\u00e9"])
def test_a_payment_needs_an_id_that_fits(payment_id: str) -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        assert refusal(await pay(world, payment_id)) == "bad_payment"
        assert live(world).suppressed == frozenset()

    run(scenario)


def test_payments_of_one_call_are_bounded() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        for number in range(MAX_PAYMENTS):
            assert isinstance(await pay(world, f"p{number}"), Done)
        assert refusal(await pay(world, "one-more")) == "too_many_payments"
        assert isinstance(await pay(world, "p0"), Done)

    run(scenario)
