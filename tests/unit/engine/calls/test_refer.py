"""Transfers asked for on a handset: the same rules as at the desk, progress told, and privacy that fails closed."""

import pytest
from tests.support.call_world import ANN, BOB, CARRIER, World, refusal, run

from ringfence.control.commands import ConsultCall, Done, HangUpCall, JoinCall
from ringfence.control.facts import (
    AgentState,
    CallEnded,
    CallTransferred,
    EndReason,
    SuppressionReason,
    TransferFailed,
)
from ringfence.control.recording_rules import TransferKind
from ringfence.engine.calls.fakes import sdp
from ringfence.engine.media.port import Capability
from ringfence.engine.sip.api import DialogEnded, DialogId, ReferReceived, ReinviteReceived, Replaces, ToDevice, ToTrunk
from ringfence.kit.ids import CallId, DeviceId, EntryId

SECOND = Replaces(call_id="second", to_tag="t", from_tag="f")


async def refer(world: World, dialog: DialogId, target: str, replaces: Replaces | None = None) -> None:
    await world.tell(ReferReceived(dialog=dialog, target=target, replaces=replaces))


async def holds(world: World, agent: DialogId) -> None:
    await world.tell(ReinviteReceived(dialog=agent, sdp=sdp("sendonly")))


async def second_call(world: World, called: str) -> tuple[DialogId, DialogId, CallId]:
    """Ann dials on the same handset and talks: her dialog, the other's, and that call."""
    known = set(world.table._calls)
    mine = await world.device_dials("ann-desk", called)
    far = await world.pick_up()
    await world.confirm(mine)
    [call_id] = set(world.table._calls) - known
    world.sip.replaceable["second"] = mine
    return mine, far, call_id


@pytest.mark.parametrize("number", ["+441632960200", "01632960200", "01632 960200"])
def test_a_blind_transfer_to_an_entry_outside_is_told_and_ends_the_recording(number: str) -> None:
    async def scenario(world: World) -> None:
        _, agent = await world.talking()
        await refer(world, agent, number)
        assert world.sip.accepted_refers == [agent]
        assert world.last.target == ToTrunk(trunk_id=CARRIER, number="+441632960200")
        assert not world.recorded()
        await world.ring(world.last.dialog)
        assert world.sip.told == [(agent, 180, False)]
        await world.pick_up()
        assert world.sip.told[-1] == (agent, 200, True)
        assert agent in world.sip.hung_up
        assert world.hear_each_other() == {"caller", "destination"}
        assert ("stop", "transfer_outside") in world.recorder.log

    transferred = run(scenario).facts.last(CallTransferred)
    assert (transferred.entry_id, transferred.outside, transferred.kind) == ("out", True, TransferKind.BLIND)


@pytest.mark.parametrize("target", ["07700900123", "302", "999", "+441632960201"])
def test_what_the_directory_does_not_know_for_this_client_is_outside(target: str) -> None:
    async def scenario(world: World) -> None:
        _, agent = await world.talking()
        await world.bind("planning")
        await refer(world, agent, target)
        await world.pick_up()
        assert world.hear_each_other() == {"caller", "destination"}
        assert not world.recorded()

    transferred = run(scenario).facts.last(CallTransferred)
    assert (transferred.entry_id, transferred.outside) == (None, True)


def test_the_extension_of_a_colleague_is_inside_whether_or_not_the_directory_names_it() -> None:
    async def scenario(world: World) -> None:
        _, agent = await world.talking()
        await world.ready(BOB, "bob-desk")
        await refer(world, agent, "202")
        assert world.last.target == ToDevice(device_id=DeviceId("bob-desk"))
        await world.pick_up()
        assert world.only().agent_id == BOB
        assert world.recorded()

    world = run(scenario)
    assert world.facts.last(CallTransferred).entry_id == "bob"
    assert [request.agent_id for request in world.recorder.requests] == [ANN, BOB]


@pytest.mark.parametrize("held", [True, False])
def test_a_blind_transfer_that_fails_is_told_and_the_caller_is_back(held: bool) -> None:
    async def scenario(world: World) -> None:
        _, agent = await world.talking()
        if held:
            await holds(world, agent)
        await refer(world, agent, "+441632960200")
        await world.refuse(486)
        assert world.sip.told == [(agent, 486, True)]
        assert agent not in world.sip.hung_up
        if held:
            assert world.only().phase == "held"
            assert not world.recorded()
            await world.tell(ReinviteReceived(dialog=agent, sdp=sdp()))
        assert world.both_hear()
        assert world.recorded()

    assert run(scenario).facts.last(TransferFailed).status == 486


def test_refers_that_make_no_sense_are_refused_and_change_nothing() -> None:
    async def scenario(world: World) -> None:
        caller, agent = await world.talking()
        await refer(world, caller, "202")
        await refer(world, agent, "nonsense")
        await refer(world, agent, "202")
        await refer(world, agent, "202", SECOND)
        assert world.sip.refused_refers == [(caller, 603), (agent, 404), (agent, 480), (agent, 481)]
        assert world.both_hear()
        assert world.recorder.log == []
        await world.command(ConsultCall(call_id=world.only().call_id, agent_id=ANN, entry_id=EntryId("out")))
        await refer(world, agent, "07700900123")
        assert world.sip.refused_refers[-1] == (agent, 603)
        world.sip.replaceable["second"] = agent
        await refer(world, agent, "202", SECOND)
        assert world.sip.refused_refers[-1] == (agent, 603)

    run(scenario)


def test_a_second_call_on_the_agents_telephone_suspends_the_recording_until_it_is_over() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        call_id = world.only().call_id
        mine = await world.device_dials("ann-desk", "07700900123")
        state = world.recorder.state(call_id)
        assert state is not None
        assert state.suppressed == {SuppressionReason.CONSULT_OUTSIDE}
        far = await world.pick_up()
        await world.hangs_up(far)
        assert mine in world.sip.hung_up
        assert world.only().call_id == call_id
        assert world.both_hear()
        assert world.recorded()

    run(scenario)


def test_a_caller_who_is_back_is_not_recorded_while_the_agents_telephone_has_another_call() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        call = world.only().call_id
        await world.device_dials("ann-desk", "07700900123")
        other = world.last.dialog
        await world.command(ConsultCall(call_id=call, agent_id=ANN, entry_id=EntryId("out")))
        await world.refuse(486)
        state = world.recorder.state(call)
        assert state is not None
        assert state.suppressed
        await world.refuse(486, other)
        assert world.recorded()

    run(scenario)


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize(("called", "outside"), [("07700900123", True), ("302", True), ("202", False)])
def test_an_attended_transfer_joins_the_two_calls_of_the_telephone(called: str, outside: bool, held: bool) -> None:
    async def scenario(world: World) -> None:
        caller, agent = await world.talking()
        first = world.only().call_id
        await world.bind("planning")
        await world.ready(BOB, "bob-desk")
        if held:
            await holds(world, agent)
        mine, far, _ = await second_call(world, called)
        await refer(world, agent, called, SECOND)
        assert world.sip.accepted_refers == [agent]
        assert world.sip.told == [(agent, 200, True)]
        assert {agent, mine} <= set(world.sip.hung_up)
        assert far not in world.sip.hung_up
        assert world.only().call_id == first
        assert world.both_hear()
        assert world.recorded() is not outside
        assert world.agent_state() is AgentState.WRAP
        assert world.agent_state(BOB) is (AgentState.AVAILABLE if outside else AgentState.TALKING)
        await world.hangs_up(caller)
        assert far in world.sip.hung_up

    world = run(scenario)
    transferred = world.facts.last(CallTransferred)
    assert (transferred.outside, transferred.kind) == (outside, TransferKind.ATTENDED)
    assert EndReason.MERGED in [fact.reason for fact in world.facts.of(CallEnded)]
    assert [request.agent_id for request in world.recorder.requests if request.wording] == (
        [ANN] if outside else [ANN, BOB]
    )


def test_a_supervisor_whose_telephone_rings_does_not_come_into_a_call_that_was_handed_over() -> None:
    async def scenario(world: World) -> None:
        _, agent = await world.talking()
        call_id = world.only().call_id
        await world.bind("bob-desk")
        assert isinstance(await world.command(JoinCall(call_id=call_id, agent_id=BOB)), Done)
        boss = world.last.dialog
        await second_call(world, "+441632960200")
        await refer(world, agent, "x", SECOND)
        assert boss in world.sip.hung_up
        await world.pick_up(boss)
        assert world.hear_each_other() == {"caller", "destination"}

    run(scenario)


def test_the_far_side_of_an_attended_transfer_belongs_to_the_caller_from_then_on() -> None:
    async def scenario(world: World) -> None:
        caller, agent = await world.talking()
        await holds(world, agent)
        _, far, _ = await second_call(world, "07700900123")
        await refer(world, agent, "07700900123", SECOND)
        await world.hangs_up(far)
        assert caller in world.sip.hung_up
        assert not world.table._calls

    assert run(scenario).facts.of(CallEnded)[-1].reason is EndReason.TRANSFERRED_OUT


def test_a_far_side_that_hangs_up_in_the_same_instant_is_not_lost_between_two_calls() -> None:
    async def scenario(world: World) -> None:
        caller, agent = await world.talking()
        await holds(world, agent)
        _, far, _ = await second_call(world, "07700900123")
        world.sip.report(ReferReceived(dialog=agent, target="07700900123", replaces=SECOND))
        world.sip.report(DialogEnded(dialog=far, cause="bye"))
        await world.settle()
        if caller not in world.sip.hung_up:
            await world.hangs_up(caller)
        assert not world.table._calls

    run(scenario)


@pytest.mark.parametrize("first_to_go", ["caller", "agent"])
def test_a_colleague_is_free_when_the_call_they_were_handed_to_is_over_in_the_same_instant(first_to_go: str) -> None:
    async def scenario(world: World) -> None:
        caller, agent = await world.talking()
        await world.ready(BOB, "bob-desk")
        await holds(world, agent)
        _, far, _ = await second_call(world, "202")
        world.sip.report(ReferReceived(dialog=agent, target="202", replaces=SECOND))
        world.sip.report(DialogEnded(dialog=caller if first_to_go == "caller" else agent, cause="bye"))
        await world.settle()
        if far not in world.sip.hung_up:
            await world.hangs_up(far)
        await world.advance(60)
        assert world.agent_state(BOB) is AgentState.AVAILABLE
        assert not world.desk._engaged

    run(scenario)


def test_a_call_that_rings_or_belongs_to_another_telephone_cannot_be_taken() -> None:
    async def scenario(world: World) -> None:
        _, agent = await world.talking()
        first = world.only().call_id
        world.sip.replaceable["second"] = await world.device_dials("ann-desk", "07700900123")
        await refer(world, agent, "07700900123", SECOND)
        assert world.sip.told[-1] == (agent, 603, True)
        await world.refuse(486)
        await world.bind("office")
        known = set(world.table._calls)
        theirs = await world.device_dials("office", "07700900123")
        await world.pick_up()
        await world.confirm(theirs)
        world.sip.replaceable["second"] = theirs
        await refer(world, agent, "07700900123", SECOND)
        assert world.sip.told[-1] == (agent, 481, True)
        assert theirs not in world.sip.hung_up
        assert known < set(world.table._calls)
        assert world.state(first).phase == "talking"

    run(scenario)


def test_two_callers_are_never_joined() -> None:
    async def scenario(world: World) -> None:
        _, agent = await world.talking()
        await world.ready(BOB, "bob-desk")
        await world.queued()
        other = await world.pick_up()
        world.sip.replaceable["second"] = other
        await refer(world, agent, "202", SECOND)
        assert world.sip.told[-1] == (agent, 603, True)
        assert len(world.table._calls) == 2

    run(scenario)


def test_without_an_engine_that_can_move_media_an_attended_refer_is_refused() -> None:
    async def scenario(world: World) -> None:
        _, agent = await world.talking()
        world.media.can = frozenset({Capability.TAP})
        await second_call(world, "07700900123")
        await refer(world, agent, "07700900123", SECOND)
        assert world.sip.refused_refers == [(agent, 603)]

    run(scenario)


def test_an_agent_whose_telephone_leaves_after_a_refer_does_not_stop_the_transfer() -> None:
    async def scenario(world: World) -> None:
        _, agent = await world.talking()
        await refer(world, agent, "+441632960200")
        await world.hangs_up(agent)
        await world.pick_up()
        assert world.hear_each_other() == {"caller", "destination"}
        assert world.sip.told == []
        reply = await world.command(HangUpCall(call_id=world.only().call_id, agent_id=ANN))
        assert refusal(reply) == "not_your_call"

    run(scenario)


FIRST = Replaces(call_id="first", to_tag="t", from_tag="f")


@pytest.mark.parametrize("held", [True, False])
def test_an_agent_goes_on_with_another_telephone_of_theirs(held: bool) -> None:
    async def scenario(world: World) -> None:
        caller, desk = await world.talking()
        if held:
            await holds(world, desk)
        world.sip.replaceable["first"] = desk
        web = await world.device_dials("ann-web", "anything", replaces=FIRST)
        assert web in world.sip.answered
        await world.confirm(web)
        assert desk in world.sip.hung_up
        assert caller not in world.sip.hung_up
        assert world.both_hear()
        assert world.recorded()
        assert world.only().agent_id == ANN
        assert world.agent_state() is AgentState.TALKING
        await world.hangs_up(web)
        assert caller in world.sip.hung_up

    world = run(scenario)
    assert [request.agent_id for request in world.recorder.requests] == [ANN, ANN]
    assert world.recorder.requests[1].agent_leg != world.recorder.requests[0].agent_leg


@pytest.mark.parametrize(("device", "status"), [("bob-desk", 603), ("office", 603), ("stranger", 481)])
def test_nobody_takes_over_a_leg_of_somebody_else(device: str, status: int) -> None:
    async def scenario(world: World) -> None:
        _, desk = await world.talking()
        world.sip.replaceable["first"] = desk
        dialog = await world.device_dials(device, "201", replaces=FIRST)
        assert world.sip.hung_up[dialog] == status
        assert world.both_hear()
        assert world.recorded()

    run(scenario)


def test_an_invite_with_replaces_that_fits_nothing_starts_no_call() -> None:
    async def scenario(world: World) -> None:
        caller, desk = await world.talking()
        unknown = await world.device_dials("ann-web", "302", replaces=SECOND)
        assert world.sip.hung_up[unknown] == 481
        world.sip.replaceable["first"] = caller
        foreign = await world.device_dials("ann-web", "302", replaces=FIRST)
        assert world.sip.hung_up[foreign] == 603
        world.sip.replaceable["first"] = desk
        offerless = await world.device_dials("ann-web", "302", replaces=FIRST, offer=None)
        assert world.sip.hung_up[offerless] == 603
        world.media.refuse.add("nonsense")
        unusable = await world.device_dials("ann-web", "302", replaces=FIRST, offer="nonsense")
        assert world.sip.hung_up[unusable] == 603
        await world.command(ConsultCall(call_id=world.only().call_id, agent_id=ANN, entry_id=EntryId("out")))
        busy = await world.device_dials("ann-web", "302", replaces=FIRST)
        assert world.sip.hung_up[busy] == 603
        assert len(world.table._calls) == 1

    run(scenario)
