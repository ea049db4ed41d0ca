"""Three in one call: who hears whom, what is kept, and what becomes of the others when one of them leaves."""

import msgspec
import pytest
from tests.support.call_world import ANN, BOB, World, refusal, run

from ringfence.control.commands import (
    ConsultCall,
    Done,
    DropFromConference,
    HangUpCall,
    HoldCall,
    JoinCall,
    LeaveConference,
    MakeConference,
    Reply,
    ReturnToCaller,
    TransferCall,
)
from ringfence.control.directory import TransferEntry
from ringfence.control.facts import (
    AgentState,
    CallEnded,
    CallTransferred,
    ConferenceStarted,
    ConsultEnded,
    ConsultOutcome,
    EndReason,
    PartyJoined,
    PartyLeft,
)
from ringfence.control.recording_rules import EntryClass, RecordingEffect, TransferKind
from ringfence.engine.calls.fakes import sdp
from ringfence.engine.media.port import Capability
from ringfence.engine.sip.api import DialogId, ReinviteReceived, ToDevice
from ringfence.kit.ids import AgentId, DeviceId, EntryId

ALL = {"caller", "agent", "destination"}


async def make(world: World) -> Reply:
    return await world.command(MakeConference(call_id=world.only().call_id, agent_id=ANN))


async def conference(world: World, entry: str = "out") -> tuple[DialogId, DialogId, DialogId]:
    """Caller, agent and destination, all talking."""
    caller, agent = await world.talking()
    if entry == "bob":
        await world.ready(BOB, "bob-desk")
    await world.command(ConsultCall(call_id=world.only().call_id, agent_id=ANN, entry_id=EntryId(entry)))
    target = await world.pick_up()
    assert isinstance(await make(world), Done)
    return caller, agent, target


async def joined(world: World) -> tuple[DialogId, DialogId, DialogId]:
    """Caller and Ann talking, Bob has joined as their supervisor."""
    caller, agent = await world.talking()
    await world.bind("bob-desk")
    assert isinstance(await world.command(JoinCall(call_id=world.only().call_id, agent_id=BOB)), Done)
    return caller, agent, await world.pick_up()


async def drop(world: World, role: str) -> Reply:
    return await world.command(DropFromConference(call_id=world.only().call_id, agent_id=ANN, role=role))


async def leave(world: World, agent: AgentId = ANN) -> Reply:
    return await world.command(LeaveConference(call_id=world.only().call_id, agent_id=agent))


def test_with_somebody_outside_all_three_hear_each_other_and_nothing_is_kept() -> None:
    async def scenario(world: World) -> None:
        await conference(world)
        assert world.hear_each_other() == ALL
        state = world.only()
        legs = list(state.legs)
        assert all(world.media.hears(state.session, a, b) for a in legs for b in legs if a != b)
        assert not world.recorded()
        assert world.recorder.third is None
        assert world.recorder.log == [("suppress", "consult_outside")]
        assert world.agent_state() is AgentState.CONFERENCE
        [live] = world.table.live_calls()
        assert (live.phase, live.consult, live.parties) == ("conference", "out", ("caller", "agent", "destination"))

    world = run(scenario)
    assert world.facts.last(ConferenceStarted).outside
    assert world.facts.last(ConsultEnded).outcome is ConsultOutcome.CONFERENCE
    assert world.facts.last(PartyJoined).role == "destination"


def test_with_a_colleague_it_is_kept_as_the_rules_say() -> None:
    async def scenario(world: World) -> None:
        await conference(world, "bob")
        assert world.hear_each_other() == ALL
        assert world.recorded()
        third = world.only().third
        assert third is not None
        assert world.recorder.third == third.leg
        assert world.agent_state(BOB) is AgentState.CONFERENCE

    run(scenario)


def test_somebody_without_a_centre_telephone_is_not_kept_in_a_conference_whatever_the_directory_says() -> None:
    async def scenario(world: World) -> None:
        old = world.directory.snapshot
        desk = TransferEntry(entry_id=EntryId("desk"), name="Desk", target="302", entry_class=EntryClass.CENTRE)
        world.directory.snapshot = msgspec.structs.replace(old, entries=(*old.entries, desk))
        await world.bind("planning")
        await conference(world, "desk")
        assert world.hear_each_other() == ALL
        assert not world.recorded()
        await drop(world, "destination")
        assert world.recorded()

    assert ("suppress", "rule") in run(scenario).recorder.log


@pytest.mark.parametrize(
    ("effect", "log"),
    [
        (RecordingEffect.SUSPEND, ("suppress", "rule")),
        (RecordingEffect.STOP, ("stop", "rule")),
        (None, ("stop", "rule")),
        (RecordingEffect.NEW_SEGMENT, ("stop", "rule")),
    ],
)
def test_inside_the_centre_the_cell_decides_and_unknown_means_nothing(
    effect: RecordingEffect | None, log: tuple[str, str]
) -> None:
    async def scenario(world: World) -> None:
        world.rule(TransferKind.CONFERENCE, EntryClass.CENTRE, effect)
        await conference(world, "bob")
        assert log in world.recorder.log
        assert not world.recorded()
        await drop(world, "destination")
        assert world.both_hear()
        assert world.recorded() is (effect is RecordingEffect.SUSPEND)

    run(scenario)


@pytest.mark.parametrize("how", ["dropped", "hangs_up", "lost"])
def test_without_the_third_agent_and_caller_are_alone_and_recorded_again(how: str) -> None:
    async def scenario(world: World) -> None:
        _, _, target = await conference(world)
        third = world.only().third
        assert third is not None
        match how:
            case "dropped":
                assert isinstance(await drop(world, "destination"), Done)
                assert target in world.sip.hung_up
            case "hangs_up":
                await world.hangs_up(target)
            case _:
                await world.media_lost(third.leg)
        assert world.hear_each_other() == {"caller", "agent"}
        assert world.recorded()
        assert world.agent_state() is AgentState.TALKING

    assert run(scenario).facts.last(PartyLeft).role == "destination"


@pytest.mark.parametrize(
    ("how", "state"),
    [
        ("leaves", AgentState.WRAP),
        ("desk", AgentState.WRAP),
        ("telephone", AgentState.WRAP),
        ("lost", AgentState.NOT_READY),
    ],
)
def test_an_agent_who_leaves_a_conference_with_outside_has_transferred_and_it_is_never_kept(
    how: str, state: AgentState
) -> None:
    async def scenario(world: World) -> None:
        caller, agent, target = await conference(world)
        match how:
            case "leaves":
                assert isinstance(await leave(world), Done)
            case "desk":
                await world.command(HangUpCall(call_id=world.only().call_id, agent_id=ANN))
            case "telephone":
                await world.hangs_up(agent)
            case _:
                await world.hangs_up(agent, "flow_closed")
        assert world.hear_each_other() == {"caller", "destination"}
        assert ("stop", "transfer_outside") in world.recorder.log
        assert world.agent_state() is state
        await world.hangs_up(caller)
        assert target in world.sip.hung_up

    world = run(scenario)
    assert world.facts.last(CallTransferred).kind is TransferKind.CONFERENCE
    assert world.facts.last(CallEnded).reason is EndReason.TRANSFERRED_OUT
    assert len(world.recorder.requests) == 1


def test_an_agent_who_leaves_a_colleague_alone_with_the_caller_begins_their_segment() -> None:
    async def scenario(world: World) -> None:
        await conference(world, "bob")
        await leave(world)
        assert world.both_hear()
        assert world.recorded()
        assert world.only().agent_id == BOB
        assert world.agent_state(BOB) is AgentState.TALKING

    world = run(scenario)
    assert [(request.segment, request.agent_id) for request in world.recorder.requests] == [(0, ANN), (1, BOB)]


def test_when_the_caller_leaves_the_others_may_finish_and_nothing_of_it_is_kept() -> None:
    async def scenario(world: World) -> None:
        caller, agent, target = await conference(world, "bob")
        await world.hangs_up(caller)
        assert world.hear_each_other() == {"agent", "destination"}
        assert not world.recorded()
        assert world.agent_state() is AgentState.CONSULT
        await world.command(ReturnToCaller(call_id=world.only().call_id, agent_id=ANN))
        assert {agent, target} <= set(world.sip.hung_up)

    world = run(scenario)
    assert world.facts.last(PartyLeft).role == "caller"
    assert world.facts.last(CallEnded).reason is EndReason.CALLER_HUNG_UP


def test_a_supervisor_joins_on_their_own_telephone_and_is_heard_seen_and_recorded() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        await world.bind("bob-desk")
        await world.command(JoinCall(call_id=world.only().call_id, agent_id=BOB))
        assert world.last.target == ToDevice(device_id=DeviceId("bob-desk"))
        assert world.last.headers["X-Ringfence-Placed"] == "yes"
        assert world.both_hear()
        await world.pick_up()
        assert world.hear_each_other() == {"caller", "agent", "supervisor"}
        assert world.recorded()
        [live] = world.table.live_calls()
        assert live.parties == ("caller", "agent", "supervisor")
        assert world.recorder.third is not None
        assert isinstance(await leave(world, BOB), Done)
        assert world.recorder.third is None
        assert world.hear_each_other() == {"caller", "agent"}
        assert world.only().agent_id == ANN

    world = run(scenario)
    assert world.facts.last(PartyJoined).agent_id == BOB
    assert world.facts.last(PartyLeft).role == "supervisor"
    assert world.facts.last(ConferenceStarted).entry_id is None


def test_a_colleague_in_a_conference_can_leave_at_their_own_desk() -> None:
    async def scenario(world: World) -> None:
        _, _, target = await conference(world, "bob")
        assert isinstance(await world.command(HangUpCall(call_id=world.only().call_id, agent_id=BOB)), Done)
        assert target in world.sip.hung_up
        assert world.both_hear()
        assert world.only().agent_id == ANN
        assert world.agent_state(BOB) is AgentState.AVAILABLE

    run(scenario)


@pytest.mark.parametrize("how", ["hangs_up", "dropped", "lost"])
def test_the_call_goes_on_without_the_supervisor(how: str) -> None:
    async def scenario(world: World) -> None:
        _, _, boss = await joined(world)
        third = world.only().third
        assert third is not None
        match how:
            case "hangs_up":
                await world.hangs_up(boss)
            case "dropped":
                assert refusal(await drop(world, "destination")) == "nobody_of_that_role"
                await drop(world, "supervisor")
            case _:
                await world.media_lost(third.leg)
        assert world.both_hear()
        assert world.recorded()

    run(scenario)


def test_a_supervisor_left_with_the_caller_owns_the_call() -> None:
    async def scenario(world: World) -> None:
        _, agent, _ = await joined(world)
        await world.hangs_up(agent)
        assert world.both_hear()
        assert world.only().agent_id == BOB

    assert [request.agent_id for request in run(scenario).recorder.requests] == [ANN, BOB]


def test_when_the_caller_leaves_a_supervisor_and_the_agent_the_call_is_over() -> None:
    async def scenario(world: World) -> None:
        caller, agent, boss = await joined(world)
        await world.hangs_up(caller)
        assert {agent, boss} <= set(world.sip.hung_up)

    run(scenario)


def test_a_supervisor_who_does_not_answer_or_comes_too_late_changes_nothing() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        await world.bind("bob-desk")
        call_id = world.only().call_id
        join = JoinCall(call_id=call_id, agent_id=BOB)
        await world.command(join)
        assert refusal(await world.command(join)) == "joined_already"
        await world.refuse(486)
        assert world.both_hear()
        await world.command(join)
        await world.command(HoldCall(call_id=call_id, agent_id=ANN))
        late = await world.pick_up()
        assert late in world.sip.hung_up
        assert world.only().phase == "held"
        assert world.only().third is None

    run(scenario)


@pytest.mark.parametrize("command", [TransferCall, ConsultCall])
def test_what_the_agent_does_comes_before_a_supervisor_whose_telephone_rings(
    command: type[TransferCall | ConsultCall],
) -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        await world.bind("bob-desk")
        call_id = world.only().call_id
        await world.command(JoinCall(call_id=call_id, agent_id=BOB))
        boss = world.last.dialog
        await world.command(command(call_id=call_id, agent_id=ANN, entry_id=EntryId("out")))
        assert boss in world.sip.hung_up
        await world.refuse(486)
        assert world.both_hear()

    run(scenario)


def test_a_supervisor_whose_telephone_rings_is_sent_away_when_the_agents_connection_breaks() -> None:
    async def scenario(world: World) -> None:
        _, agent = await world.talking()
        await world.bind("bob-desk")
        join = JoinCall(call_id=world.only().call_id, agent_id=BOB)
        await world.command(join)
        boss = world.last.dialog
        await world.hangs_up(agent, "flow_closed")
        assert boss in world.sip.hung_up
        await world.bind("ann-desk")
        await world.choose(ANN, AgentState.AVAILABLE)
        await world.pick_up()
        assert world.both_hear()
        assert isinstance(await world.command(join), Done)

    run(scenario)


def test_what_does_not_fit_the_moment_is_refused_and_changes_nothing() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        call_id = world.only().call_id
        assert refusal(await leave(world)) == "not_in_conference"
        assert refusal(await drop(world, "destination")) == "not_in_conference"
        assert refusal(await world.command(JoinCall(call_id=call_id, agent_id=ANN))) == "own_call"
        assert refusal(await world.command(JoinCall(call_id=call_id, agent_id=BOB))) == "no_device"
        await world.bind("bob-desk")
        await world.command(ConsultCall(call_id=call_id, agent_id=ANN, entry_id=EntryId("out")))
        assert refusal(await world.command(JoinCall(call_id=call_id, agent_id=BOB))) == "not_talking"
        await world.pick_up()
        world.media.can = frozenset({Capability.TAP})
        assert refusal(await make(world)) == "no_mixing"
        assert world.hear_each_other() == {"agent", "destination"}
        world.media.can = frozenset(Capability)
        await make(world)
        assert refusal(await world.command(HoldCall(call_id=call_id, agent_id=ANN))) == "not_talking"
        assert refusal(await world.command(JoinCall(call_id=call_id, agent_id=BOB))) == "not_talking"
        assert refusal(await leave(world, BOB)) == "not_your_call"
        assert world.hear_each_other() == ALL

    run(scenario)


def test_a_telephone_that_holds_in_a_conference_holds_when_the_third_is_gone() -> None:
    async def scenario(world: World) -> None:
        _, agent, target = await conference(world, "bob")
        await world.tell(ReinviteReceived(dialog=agent, sdp=sdp("inactive")))
        assert world.only().phase == "conference"
        await world.hangs_up(target)
        assert world.only().phase == "held"
        assert not world.recorded()

    run(scenario)
