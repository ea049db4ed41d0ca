"""Hold, retrieve, re-INVITEs and blind transfer: who hears whom, and in which order the recorder is told."""

import msgspec
import pytest
from tests.support.call_world import ANN, BOB, CARRIER, MUSIC, NUMBER, SPARE, World, refusal, run

from ringfence.control.commands import (
    Done,
    HangUpCall,
    HoldCall,
    MaskRecording,
    RetrieveCall,
    TransferCall,
    UnmaskRecording,
)
from ringfence.control.directory import TransferEntry, UserKind
from ringfence.control.facts import (
    AgentState,
    CallAnswered,
    CallEnded,
    CallHeld,
    CallRetrieved,
    CallTransferred,
    EndReason,
    MaskCode,
    StopReason,
    SuppressionReason,
    TransferFailed,
)
from ringfence.control.recording_rules import EntryClass, RecordingEffect, TransferKind
from ringfence.engine.calls.fakes import sdp
from ringfence.engine.calls.state import Role
from ringfence.engine.media.port import Gate
from ringfence.engine.sip.api import DialogId, ReinviteReceived, ToDevice, ToTrunk
from ringfence.kit.ids import AgentId, CallId, EntryId


async def hold(world: World) -> None:
    assert isinstance(await world.command(HoldCall(call_id=world.only().call_id, agent_id=ANN)), Done)


async def retrieve(world: World) -> None:
    assert isinstance(await world.command(RetrieveCall(call_id=world.only().call_id, agent_id=ANN)), Done)


async def transfer(world: World, entry: str = "out") -> DialogId:
    command = TransferCall(call_id=world.only().call_id, agent_id=ANN, entry_id=EntryId(entry))
    assert isinstance(await world.command(command), Done)
    return world.last.dialog


def test_on_hold_the_caller_hears_music_neither_hears_the_other_and_nothing_is_kept() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        await hold(world)
        state = world.only()
        assert state.customer is not None
        assert state.agent is not None
        assert not world.media.hears(state.session, state.customer, state.agent)
        assert not world.media.hears(state.session, state.agent, state.customer)
        assert world.media.played[-1] == MUSIC
        assert world.recorder.log == [("suppress", "hold")]
        assert world.agent_state() is AgentState.HOLD
        await retrieve(world)
        assert world.both_hear()
        assert world.recorder.log[-1] == ("resume", "hold")
        assert world.agent_state() is AgentState.TALKING

    world = run(scenario)
    assert len(world.facts.of(CallHeld)) == len(world.facts.of(CallRetrieved)) == 1


def test_commands_that_do_not_fit_the_moment_are_refused() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        call_id = world.only().call_id
        assert refusal(await world.command(RetrieveCall(call_id=call_id, agent_id=ANN))) == "not_held"
        assert refusal(await world.command(HoldCall(call_id=call_id, agent_id=BOB))) == "not_your_call"
        await hold(world)
        assert refusal(await world.command(HoldCall(call_id=call_id, agent_id=ANN))) == "not_talking"
        for entry in ("none", "eldc"):
            command = TransferCall(call_id=call_id, agent_id=ANN, entry_id=EntryId(entry))
            assert refusal(await world.command(command)) == "unknown_entry"

    run(scenario)


@pytest.mark.parametrize("direction", ["sendonly", "inactive"])
def test_a_telephone_that_offers_hold_holds_and_retrieves_the_call(direction: str) -> None:
    async def scenario(world: World) -> None:
        _, agent = await world.talking()
        await world.tell(ReinviteReceived(dialog=agent, sdp=sdp(direction)))
        assert world.sip.accepted == [agent]
        assert world.only().phase == "held"
        assert world.recorder.log == [("suppress", "hold")]
        assert (
            refusal(await world.command(RetrieveCall(call_id=world.only().call_id, agent_id=ANN))) == "held_on_device"
        )
        await world.tell(ReinviteReceived(dialog=agent, sdp=sdp()))
        assert world.both_hear()
        assert world.recorder.log[-1] == ("resume", "hold")

    run(scenario)


def test_a_refresh_of_either_side_changes_nothing_even_while_the_desk_holds_the_call() -> None:
    async def scenario(world: World) -> None:
        caller, agent = await world.talking()
        await world.tell(ReinviteReceived(dialog=caller, sdp=sdp()))
        await world.tell(ReinviteReceived(dialog=agent, sdp=sdp()))
        assert world.both_hear()
        await hold(world)
        await world.tell(ReinviteReceived(dialog=agent, sdp=sdp()))
        assert world.only().phase == "held"
        assert not world.both_hear()

    run(scenario)


def test_an_offerless_reinvite_gets_an_offer_and_a_refused_one_488() -> None:
    async def scenario(world: World) -> None:
        caller, agent = await world.talking()
        await world.tell(ReinviteReceived(dialog=caller, sdp=None))
        await world.confirm(caller, sdp())
        assert world.sip.accepted == [caller]
        world.media.refuse.add("nonsense")
        await world.tell(ReinviteReceived(dialog=agent, sdp="nonsense"))
        assert world.sip.rejected == [(agent, 488)]
        assert world.both_hear()

    run(scenario)


def test_a_transfer_outside_stops_the_recording_before_the_destination_hears_the_caller() -> None:
    async def scenario(world: World) -> None:
        caller, agent = await world.talking()
        target = await transfer(world)
        state = world.only()
        assert world.last.target == ToTrunk(trunk_id=CARRIER, number="+441632960200")
        assert world.last.caller.number == "+441632960100"
        assert world.last.headers == {}
        assert agent not in world.sip.hung_up
        assert world.recorder.log == [("suppress", "consult_outside")]
        assert world.media.played[-1] == MUSIC
        bridges_at_stop: list[int] = []
        stop = world.recorder.stop

        async def watched(call_id: CallId, reason: StopReason, actor: str = "", code: str = "") -> None:
            if not bridges_at_stop:
                bridges_at_stop.append(len(world.media.sessions[state.session].bridges))
                assert all(leg.role is not Role.DESTINATION or not hears(leg.leg_id) for leg in state.legs.values())
            await stop(call_id, reason, actor, code)

        def hears(leg: object) -> bool:
            return world.media.hears(state.session, leg, state.customer)  # type: ignore[arg-type]

        world.recorder.stop = watched  # type: ignore[method-assign]
        await world.pick_up(target)
        assert ("stop", "transfer_outside") in world.recorder.log
        assert bridges_at_stop == [1]
        assert agent in world.sip.hung_up
        assert world.both_hear()
        assert world.agent_state() is AgentState.WRAP
        assert world.only().agent_id is None
        await world.hangs_up(caller)
        assert target in world.sip.hung_up

    world = run(scenario)
    assert world.facts.last(CallTransferred).outside
    assert world.facts.last(CallTransferred).agent_id == ANN
    assert world.facts.last(CallEnded).reason is EndReason.TRANSFERRED_OUT
    assert len(world.recorder.requests) == 1


@pytest.mark.parametrize("status", [486, 603, 404])
def test_a_refused_transfer_brings_the_caller_back_to_the_agent_and_recording_goes_on(status: int) -> None:
    async def scenario(world: World) -> None:
        _, agent = await world.talking()
        await transfer(world)
        await world.refuse(status)
        assert agent not in world.sip.hung_up
        assert world.both_hear()
        assert world.recorder.log == [("suppress", "consult_outside"), ("resume", "consult_outside")]
        assert world.agent_state() is AgentState.TALKING

    assert run(scenario).facts.last(TransferFailed).status == status


def test_a_transfer_that_nobody_answers_comes_back_after_thirty_seconds() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        target = await transfer(world)
        await world.ring(target)
        await world.advance(29)
        assert world.only().phase == "transferring"
        await world.advance(2)
        assert target in world.sip.hung_up
        assert world.both_hear()

    assert run(scenario).facts.last(TransferFailed).status == 408


def test_a_transfer_tries_the_next_trunk_when_one_fails() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        await transfer(world)
        await world.refuse(503)
        assert world.last.target == ToTrunk(trunk_id=SPARE, number="+441632960200")
        await world.pick_up()
        assert world.both_hear()

    run(scenario)


def test_a_failed_transfer_of_a_held_call_retrieves_it() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        await hold(world)
        await transfer(world)
        await world.refuse(486)
        assert world.both_hear()
        assert world.agent_state() is AgentState.TALKING
        assert world.recorder.log[-2:] == [("resume", "consult_outside"), ("resume", "hold")]

    run(scenario)


@pytest.mark.parametrize("by_desk", [True, False])
def test_an_agent_who_hangs_up_during_a_transfer_is_in_wrap_up_and_the_transfer_goes_on(by_desk: bool) -> None:
    async def scenario(world: World) -> None:
        _, agent = await world.talking()
        target = await transfer(world)
        if by_desk:
            await world.command(HangUpCall(call_id=world.only().call_id, agent_id=ANN))
        else:
            await world.hangs_up(agent)
        assert world.agent_state() is AgentState.WRAP
        await world.pick_up(target)
        assert world.both_hear()

    assert run(scenario).facts.last(CallTransferred).agent_id == ANN


def test_a_transfer_that_fails_after_the_agent_left_brings_the_caller_to_the_head_of_the_queue() -> None:
    async def scenario(world: World) -> None:
        _, agent = await world.talking()
        await transfer(world)
        await world.hangs_up(agent)
        await world.refuse(486)
        assert world.only().phase == "queued"
        await world.ready(BOB, "bob-desk")
        await world.pick_up()
        assert world.both_hear()

    run(scenario)


def test_a_caller_who_hangs_up_during_a_transfer_ends_everything() -> None:
    async def scenario(world: World) -> None:
        caller, agent = await world.talking()
        target = await transfer(world)
        await world.hangs_up(caller)
        assert {agent, target} <= set(world.sip.hung_up)
        assert world.agent_state() is AgentState.WRAP

    assert run(scenario).facts.last(CallEnded).reason is EndReason.CALLER_HUNG_UP


def test_a_transfer_inside_the_centre_begins_a_new_segment_under_the_new_owner() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        await world.ready(BOB, "bob-desk")
        await transfer(world, "bob")
        assert world.last.target == ToDevice(device_id="bob-desk")  # type: ignore[arg-type]
        assert world.recorder.log == [("suppress", "hold")]
        target = await world.pick_up()
        assert world.recorder.log[1] == ("stop", "transfer_centre")
        assert world.recorded()
        assert world.only().agent_id == BOB
        assert world.agent_state() is AgentState.WRAP
        assert world.agent_state(BOB) is AgentState.TALKING
        assert world.both_hear()
        await world.command(HoldCall(call_id=world.only().call_id, agent_id=BOB))
        state = world.only()
        assert state.agent is not None
        assert world.media.sessions[state.session].gates[state.agent] is Gate.SILENCE
        await world.hangs_up(target)
        assert world.agent_state(BOB) is AgentState.AVAILABLE

    world = run(scenario)
    assert not world.facts.last(CallTransferred).outside
    assert [fact.agent_id for fact in world.facts.of(CallAnswered)] == [ANN, BOB]
    assert world.facts.last(CallEnded).reason is EndReason.AGENT_HUNG_UP
    assert [(request.segment, request.agent_id) for request in world.recorder.requests] == [(0, ANN), (1, BOB)]
    assert world.recorder.requests[1].agent_leg != world.recorder.requests[0].agent_leg


def test_a_mask_outlives_a_transfer_inside_the_centre() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        await world.ready(BOB, "bob-desk")
        mask = MaskRecording(call_id=world.only().call_id, agent_id=ANN, code=MaskCode.OTHER)
        assert isinstance(await world.table.recording_command(mask), Done)
        await transfer(world, "bob")
        await world.pick_up()
        assert not world.recorded()
        assert {each.reason for each in world.recorder.requests[1].suppressed} >= {SuppressionReason.MASK}
        unmask = UnmaskRecording(call_id=world.only().call_id, agent_id=BOB)
        assert isinstance(await world.table.recording_command(unmask), Done)
        assert world.recorded()

    run(scenario)


@pytest.mark.parametrize("effect", [None, RecordingEffect.STOP, RecordingEffect.CONTINUE])
def test_inside_the_centre_an_unknown_or_wrong_cell_ends_the_recording_for_good(effect: RecordingEffect | None) -> None:
    async def scenario(world: World) -> None:
        world.rule(TransferKind.BLIND, EntryClass.CENTRE, effect)
        await world.talking()
        await world.ready(BOB, "bob-desk")
        await transfer(world, "bob")
        await world.pick_up()
        assert ("stop", "rule") in world.recorder.log
        assert not world.recorded()
        assert world.both_hear()

    assert len(run(scenario).recorder.requests) == 1


def test_a_person_without_a_centre_telephone_is_not_recorded_even_when_the_directory_calls_them_centre() -> None:
    async def scenario(world: World) -> None:
        old = world.directory.snapshot
        desk = TransferEntry(entry_id=EntryId("desk"), name="Desk", target="302", entry_class=EntryClass.CENTRE)
        world.directory.snapshot = msgspec.structs.replace(old, entries=(*old.entries, desk))
        await world.talking()
        await world.bind("planning")
        await transfer(world, "desk")
        await world.pick_up()

    assert run(scenario).recorder.requests[1].answered_by is UserKind.GENERAL


@pytest.mark.parametrize(
    ("target", "voicemail", "stop"),
    [
        (NUMBER, False, "rule"),
        ("202", True, "rule"),
        ("+441632960300", False, "rule"),
    ],
)
def test_a_queue_of_ours_an_answering_machine_and_a_far_number_end_the_recording_as_their_rows_say(
    target: str, voicemail: bool, stop: str
) -> None:
    """Entries of class CENTRE, for which one row says stop and the other a new segment: the strictest wins."""

    async def scenario(world: World) -> None:
        if not voicemail:
            world.rule(TransferKind.EXTERNAL, EntryClass.CENTRE, RecordingEffect.STOP)
        old = world.directory.snapshot
        entry = TransferEntry(
            entry_id=EntryId("there"), name="There", target=target, entry_class=EntryClass.CENTRE, voicemail=voicemail
        )
        world.directory.snapshot = msgspec.structs.replace(old, entries=(*old.entries, entry))
        await world.talking()
        await world.ready(BOB, "bob-desk")
        await transfer(world, "there")
        await world.pick_up()
        assert ("stop", stop) in world.recorder.log
        assert not world.recorded()

    assert len(run(scenario).recorder.requests) == 1


def test_a_transfer_to_an_outside_queue_ends_the_recording_though_the_number_is_ours() -> None:
    async def scenario(world: World) -> None:
        old = world.directory.snapshot
        queue = TransferEntry(entry_id=EntryId("q"), name="Queue", target=NUMBER, entry_class=EntryClass.OUTSIDE)
        world.directory.snapshot = msgspec.structs.replace(old, entries=(*old.entries, queue))
        await world.talking()
        await transfer(world, "q")
        assert world.last.target == ToTrunk(trunk_id=CARRIER, number=NUMBER)
        await world.pick_up()
        assert ("stop", "transfer_outside") in world.recorder.log

    run(scenario)


def test_a_colleague_without_a_telephone_cannot_be_chosen() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        command = TransferCall(call_id=world.only().call_id, agent_id=AgentId("ann"), entry_id=EntryId("bob"))
        assert refusal(await world.command(command)) == "unreachable"
        assert world.both_hear()
        assert world.recorder.log == []

    run(scenario)
