"""Calls that people place: extensions, outside numbers, the desk's calls, and the emergency services."""

import pytest
from tests.support.call_world import ANN, BBC, BOB, CARRIER, ELDC, GREETING, SPARE, World, refusal, run

from ringfence.control.commands import Done, HangUpCall, PlaceCall
from ringfence.control.facts import (
    AgentState,
    AlarmRaised,
    CallAnswered,
    CallArrived,
    CallEnded,
    Direction,
    EndReason,
)
from ringfence.engine.calls import CallConfig
from ringfence.engine.calls.fakes import sdp
from ringfence.engine.sip.api import DeviceSource, Identity, IncomingInvite, ToDevice, ToTrunk
from ringfence.kit.ids import DeviceId, TrunkId

OUTSIDE = "+441632960300"


def test_an_extension_rings_the_other_telephone_and_both_talk() -> None:
    async def scenario(world: World) -> None:
        await world.bind("office")
        await world.bind("planning")
        origin = await world.device_dials("office", "302")
        assert world.last.target == ToDevice(device_id="planning")  # type: ignore[arg-type]
        assert world.last.caller.number == "301"
        await world.ring(world.last.dialog)
        assert world.sip.rung == [(origin, 180, None)]
        far = await world.pick_up()
        assert origin in world.sip.answered
        assert world.both_hear()
        await world.hangs_up(far)
        assert origin in world.sip.hung_up

    world = run(scenario)
    arrived = world.facts.last(CallArrived)
    assert (arrived.direction, arrived.client) == (Direction.INTERNAL, None)
    assert world.recorder.requests[0].wording is None
    assert world.recorder.requests[0].answered_by == "general"


def test_an_agents_extension_rings_the_agent_wherever_they_are_and_marks_them_busy() -> None:
    async def scenario(world: World) -> None:
        await world.bind("ann-web", browser=True)
        await world.choose(ANN, AgentState.AVAILABLE)
        await world.device_dials("office", "201")
        assert world.last.target == ToDevice(device_id="ann-web")  # type: ignore[arg-type]
        far = await world.pick_up()
        assert world.agent_state() is AgentState.TALKING
        await world.hangs_up(far)
        assert world.agent_state() is AgentState.AVAILABLE

    run(scenario)


@pytest.mark.parametrize("dialled", ["01632 960300", OUTSIDE, "00441632960300"])
def test_a_number_outside_goes_through_the_first_trunk_that_is_up(dialled: str) -> None:
    async def scenario(world: World) -> None:
        world.sip.trunks[CARRIER] = False
        await world.device_dials("ann-desk", dialled)
        assert world.last.target == ToTrunk(trunk_id=SPARE, number=OUTSIDE)
        assert world.last.caller.number == "+441632960100"
        assert world.last.headers == {}

    run(scenario)


def test_the_next_trunk_is_tried_when_one_fails_but_not_after_it_rang() -> None:
    async def scenario(world: World) -> None:
        await world.device_dials("ann-desk", OUTSIDE)
        await world.refuse(503)
        assert world.last.target == ToTrunk(trunk_id=SPARE, number=OUTSIDE)
        await world.ring(world.last.dialog)
        await world.refuse(503)

    world = run(scenario)
    assert len(world.sip.invited) == 2
    assert world.facts.last(CallEnded).reason is EndReason.FAILED


@pytest.mark.parametrize(
    ("status", "reason"),
    [(486, EndReason.BUSY), (480, EndReason.NO_ANSWER), (404, EndReason.REJECTED), (603, EndReason.REJECTED)],
)
def test_the_far_sides_refusal_reaches_the_telephone(status: int, reason: EndReason) -> None:
    async def scenario(world: World) -> None:
        origin = await world.device_dials("ann-desk", OUTSIDE)
        await world.refuse(status)
        assert world.sip.hung_up[origin] == status

    assert run(scenario).facts.last(CallEnded).reason is reason


def test_early_media_of_the_network_is_heard() -> None:
    async def scenario(world: World) -> None:
        origin = await world.device_dials("ann-desk", OUTSIDE)
        await world.ring(world.last.dialog, 183, sdp())
        assert [(dialog, status) for dialog, status, _ in world.sip.rung] == [(origin, 183)]
        state = world.only()
        assert world.media.sessions[state.session].bridges
        assert origin not in world.sip.answered

    run(scenario)


def test_a_caller_who_cancels_stops_the_ringing() -> None:
    async def scenario(world: World) -> None:
        origin = await world.device_dials("ann-desk", OUTSIDE)
        rung = world.last.dialog
        await world.cancels(origin)
        assert rung in world.sip.hung_up

    assert run(scenario).facts.last(CallEnded).reason is EndReason.AGENT_HUNG_UP


@pytest.mark.parametrize("dialled", ["999", "112", "9-999", "9112", "+44999", "0044 112", "0999"])
def test_emergency_calls_use_any_trunk_whatever_stands_in_the_way(dialled: str) -> None:
    async def scenario(world: World) -> None:
        world.sip.trunks = {TrunkId("in-only"): True}
        world.table.refusing = True
        await world.device_dials("office", dialled)
        assert world.last.target == ToTrunk(trunk_id=TrunkId("in-only"), number="112" if "112" in dialled else "999")
        await world.pick_up()
        assert world.both_hear()

    run(scenario, CallConfig(max_calls=0))


def test_a_trunk_without_encryption_or_a_reason_carries_nothing_but_emergency_calls() -> None:
    async def scenario(world: World) -> None:
        await world.bind("office", secure=True)
        refused = await world.device_dials("office", OUTSIDE)
        assert world.sip.hung_up[refused] in (488, 503)
        assert world.sip.invited == []
        urgent = world.sip.new_dialog()
        source = DeviceSource(device_id=DeviceId("office"), secure=True, browser=False)
        await world.tell(
            IncomingInvite(dialog=urgent, source=source, called="999", caller=Identity(number="office"), sdp=sdp())
        )
        assert world.last.target == ToTrunk(trunk_id=CARRIER, number="999")

    run(scenario, CallConfig(plain_media=False))


def test_an_emergency_call_goes_out_while_the_agent_is_in_another_call() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        await world.device_dials("ann-desk", "999")
        assert world.last.target == ToTrunk(trunk_id=CARRIER, number="999")
        await world.pick_up()
        assert world.agent_state() is AgentState.TALKING

    run(scenario)


def test_an_emergency_call_without_any_trunk_is_an_alarm() -> None:
    async def scenario(world: World) -> None:
        world.sip.trunks = {}
        assert world.sip.hung_up[await world.device_dials("office", "999")] == 503

    assert [alarm.code for alarm in run(scenario).facts.of(AlarmRaised)] == ["emergency_call_failed"]


def test_an_emergency_call_that_every_trunk_refuses_is_an_alarm() -> None:
    async def scenario(world: World) -> None:
        origin = await world.device_dials("office", "999")
        await world.refuse(503)
        await world.refuse(503)
        assert world.sip.hung_up[origin] == 503

    assert [alarm.code for alarm in run(scenario).facts.of(AlarmRaised)] == ["emergency_call_failed"]


def test_a_device_that_dials_one_of_our_numbers_is_a_caller() -> None:
    async def scenario(world: World) -> None:
        origin = await world.device_dials("office", "01632960001")
        await world.confirm(origin)
        assert world.media.played == [GREETING]

    arrived = run(scenario).facts.last(CallArrived)
    assert (arrived.direction, arrived.client, arrived.device_id) == (Direction.INBOUND, BBC, "office")


def test_what_is_no_number_gets_404() -> None:
    async def scenario(world: World) -> None:
        assert world.sip.hung_up[await world.device_dials("office", "reception")] == 404

    run(scenario)


def test_the_desk_rings_the_agents_own_telephone_and_then_the_number() -> None:
    async def scenario(world: World) -> None:
        await world.ready()
        reply = world.table.place(PlaceCall(agent_id=ANN, number="01632 960300", client=BBC))
        assert isinstance(reply, Done)
        await world.settle()
        assert isinstance(world.last.target, ToDevice)
        assert world.last.headers["X-Ringfence-Call"] == reply.call_id
        assert world.agent_state() is AgentState.TALKING
        agent = await world.pick_up()
        assert world.sip.invited[-1].target == ToTrunk(trunk_id=CARRIER, number=OUTSIDE)
        assert world.last.caller.number == "+441632960100"
        await world.pick_up()
        assert world.both_hear()
        assert world.recorder.requests[0].direction is Direction.OUTBOUND
        await world.hangs_up(agent)
        assert world.agent_state() is AgentState.AVAILABLE

    world = run(scenario)
    assert len(world.facts.of(CallAnswered)) == 1
    assert world.facts.last(CallEnded).reason is EndReason.AGENT_HUNG_UP


def test_a_placed_call_that_the_agent_does_not_pick_up_ends_by_itself() -> None:
    async def scenario(world: World) -> None:
        await world.ready()
        world.table.place(PlaceCall(agent_id=ANN, number=OUTSIDE, client=BBC))
        await world.settle()
        await world.advance(31)
        assert world.agent_state() is AgentState.AVAILABLE

    assert run(scenario).facts.last(CallEnded).reason is EndReason.NO_ANSWER


def test_the_desk_can_hang_up_a_placed_call_before_anybody_answers() -> None:
    async def scenario(world: World) -> None:
        await world.ready()
        world.table.place(PlaceCall(agent_id=ANN, number=OUTSIDE, client=BBC))
        await world.settle()
        await world.command(HangUpCall(call_id=world.only().call_id, agent_id=ANN))

    assert run(scenario).facts.last(CallEnded).reason is EndReason.AGENT_HUNG_UP


def test_placed_calls_are_refused_with_the_reason() -> None:
    async def scenario(world: World) -> None:
        def place(**changes: object) -> str:
            values = {"agent_id": ANN, "number": OUTSIDE, "client": BBC} | changes
            return refusal(world.table.place(PlaceCall(**values)))  # type: ignore[arg-type]

        assert place() == "no_device"
        await world.ready()
        assert place(number="hello") == "not_a_number"
        assert place(client=ELDC) == "not_your_client"
        assert place(agent_id=BOB) == "no_device"
        await world.queued()
        assert place() == "in_call"

    run(scenario)
