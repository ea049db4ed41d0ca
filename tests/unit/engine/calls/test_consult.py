"""Attended transfer: who hears whom while the agent asks, what is kept, and where the caller goes whatever happens."""

import pytest
from tests.support.call_world import ANN, BOB, CARRIER, MUSIC, World, refusal, run

from ringfence.control.commands import (
    CompleteTransfer,
    ConsultCall,
    Done,
    HangUpCall,
    HoldCall,
    MakeConference,
    Reply,
    ReturnToCaller,
    TransferCall,
)
from ringfence.control.facts import (
    AgentState,
    CallEnded,
    CallRetrieved,
    CallTransferred,
    ConsultAnswered,
    ConsultEnded,
    ConsultOutcome,
    ConsultStarted,
    EndReason,
    StopReason,
    TransferFailed,
)
from ringfence.control.recording_rules import EntryClass, RecordingEffect, TransferKind
from ringfence.engine.calls.fakes import sdp
from ringfence.engine.sip.api import DialogId, ReinviteReceived, ToTrunk
from ringfence.kit.ids import CallId, EntryId


async def ask(world: World, entry: str = "out") -> DialogId:
    command = ConsultCall(call_id=world.only().call_id, agent_id=ANN, entry_id=EntryId(entry))
    assert isinstance(await world.command(command), Done)
    return world.last.dialog


async def complete(world: World) -> Reply:
    return await world.command(CompleteTransfer(call_id=world.only().call_id, agent_id=ANN))


async def back(world: World) -> Reply:
    return await world.command(ReturnToCaller(call_id=world.only().call_id, agent_id=ANN))


async def asking(world: World, entry: str = "out") -> tuple[DialogId, DialogId, DialogId]:
    """Caller, agent and destination; the latter two talk."""
    caller, agent = await world.talking()
    if entry == "bob":
        await world.ready(BOB, "bob-desk")
    return caller, agent, await world.pick_up(await ask(world, entry))


@pytest.mark.parametrize(("entry", "reason"), [("out", "consult_outside"), ("bob", "hold")])
def test_nothing_is_kept_from_before_the_destination_rings_and_the_caller_hears_music_only(
    entry: str, reason: str
) -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        await world.ready(BOB, "bob-desk")
        target = await ask(world, entry)
        assert world.recorder.log == [("suppress", reason)]
        assert world.only().phase == "consulting"
        assert world.agent_state() is AgentState.CONSULT
        assert world.media.played[-1] == MUSIC
        assert world.hear_each_other() == set()
        await world.pick_up(target)
        assert world.hear_each_other() == {"agent", "destination"}
        state = world.only()
        assert state.customer in world.media.sessions[state.session].playing
        [live] = world.table.live_calls()
        assert (live.consult, live.parties) == (entry, ("agent", "destination"))
        assert not world.recorded()

    world = run(scenario)
    assert world.facts.last(ConsultStarted).outside is (entry == "out")
    assert world.facts.last(ConsultAnswered).entry_id == entry


@pytest.mark.parametrize("answers", [True, False])
def test_a_colleague_who_is_rung_gets_no_queue_call_on_top_of_it(answers: bool) -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        await world.ready(BOB, "bob-desk")
        target = await ask(world, "bob")
        first = world.only().call_id
        await world.queued()
        assert world.last.dialog == target
        if answers:
            await world.pick_up(target)
            assert world.last.dialog == target
            assert world.agent_state(BOB) is AgentState.TALKING
        else:
            await world.refuse(486, target)
            assert world.last.dialog != target
            assert world.agent_state(BOB) is AgentState.RINGING
        assert world.state(first).phase == ("consulting" if answers else "talking")

    run(scenario)


def test_the_agent_hears_the_ringing_tone_of_a_trunk_and_the_caller_does_not() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        target = await ask(world)
        assert world.last.target == ToTrunk(trunk_id=CARRIER, number="+441632960200")
        await world.ring(target, 183, sdp())
        assert world.hear_each_other() == {"agent", "destination"}

    run(scenario)


def test_back_with_the_caller_recording_goes_on() -> None:
    async def scenario(world: World) -> None:
        _, _, target = await asking(world)
        assert isinstance(await back(world), Done)
        assert target in world.sip.hung_up
        assert world.hear_each_other() == {"caller", "agent"}
        assert world.recorded()
        assert world.recorder.log == [("suppress", "consult_outside"), ("resume", "consult_outside")]
        assert world.agent_state() is AgentState.TALKING
        [live] = world.table.live_calls()
        assert (live.consult, live.parties, live.phase) == (None, ("caller", "agent"), "talking")

    assert run(scenario).facts.last(ConsultEnded).outcome is ConsultOutcome.RETURNED


def test_a_completed_transfer_outside_stops_the_recording_before_the_destination_hears_the_caller() -> None:
    async def scenario(world: World) -> None:
        caller, agent, target = await asking(world)
        heard: list[set[str]] = []
        stop = world.recorder.stop

        async def watched(call_id: CallId, reason: StopReason, actor: str = "", code: str = "") -> None:
            heard.append(world.hear_each_other())
            await stop(call_id, reason, actor, code)

        world.recorder.stop = watched  # type: ignore[method-assign]
        assert isinstance(await complete(world), Done)
        assert heard == [{"agent", "destination"}]
        assert world.recorder.log[1] == ("stop", "transfer_outside")
        assert agent in world.sip.hung_up
        assert world.hear_each_other() == {"caller", "destination"}
        assert world.agent_state() is AgentState.WRAP
        await world.hangs_up(caller)
        assert target in world.sip.hung_up

    world = run(scenario)
    assert world.facts.last(CallTransferred).kind is TransferKind.ATTENDED
    assert world.facts.last(CallTransferred).outside
    assert world.facts.last(CallEnded).reason is EndReason.TRANSFERRED_OUT
    assert len(world.recorder.requests) == 1


def test_a_completed_transfer_inside_begins_a_new_segment_with_the_colleague() -> None:
    async def scenario(world: World) -> None:
        await asking(world, "bob")
        assert world.agent_state(BOB) is AgentState.TALKING
        assert isinstance(await complete(world), Done)
        assert world.only().agent_id == BOB
        assert world.both_hear()
        assert world.recorded()
        assert world.agent_state(BOB) is AgentState.TALKING
        assert world.agent_state() is AgentState.WRAP

    world = run(scenario)
    assert [(request.segment, request.agent_id) for request in world.recorder.requests] == [(0, ANN), (1, BOB)]


def test_completing_while_it_still_rings_makes_a_blind_transfer_of_it() -> None:
    async def scenario(world: World) -> None:
        _, agent = await world.talking()
        target = await ask(world)
        assert isinstance(await complete(world), Done)
        assert world.only().phase == "transferring"
        assert world.hear_each_other() == set()
        await world.pick_up(target)
        assert agent in world.sip.hung_up
        assert world.hear_each_other() == {"caller", "destination"}
        assert not world.recorded()

    assert run(scenario).facts.last(CallTransferred).kind is TransferKind.BLIND


def test_a_transfer_completed_too_early_that_fails_brings_the_caller_back() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        await ask(world)
        await complete(world)
        await world.refuse(486)
        assert world.both_hear()
        assert world.recorded()

    assert run(scenario).facts.last(TransferFailed).status == 486


@pytest.mark.parametrize("how", ["refused", "unanswered", "hangs_up", "lost"])
def test_whatever_becomes_of_the_destination_the_caller_is_back_and_recorded(how: str) -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        target = await ask(world)
        match how:
            case "refused":
                await world.refuse(486)
            case "unanswered":
                await world.ring(target)
                await world.advance(31)
            case "hangs_up":
                await world.pick_up(target)
                await world.hangs_up(target)
            case _:
                await world.pick_up(target)
                third = world.only().third
                assert third is not None
                await world.media_lost(third.leg)
        assert world.hear_each_other() == {"caller", "agent"}
        assert world.recorded()
        assert world.agent_state() is AgentState.TALKING

    outcome = run(scenario).facts.last(ConsultEnded).outcome
    assert outcome is (ConsultOutcome.UNREACHED if how in ("refused", "unanswered") else ConsultOutcome.LEFT)


@pytest.mark.parametrize(("cause", "state"), [("bye", AgentState.WRAP), ("flow_closed", AgentState.NOT_READY)])
@pytest.mark.parametrize("answered", [True, False])
def test_when_the_agent_is_gone_the_caller_is_served_next_and_recorded_anew(
    cause: str, state: AgentState, answered: bool
) -> None:
    async def scenario(world: World) -> None:
        _, agent = await world.talking()
        target = await ask(world)
        if answered:
            await world.pick_up(target)
        await world.hangs_up(agent, cause)
        assert target in world.sip.hung_up
        assert world.only().phase == "queued"
        assert world.agent_state() is state
        await world.ready(BOB, "bob-desk")
        await world.pick_up()
        assert world.both_hear()
        assert world.recorded()

    world = run(scenario)
    assert world.facts.last(ConsultEnded).outcome is ConsultOutcome.AGENT_LEFT
    assert [request.agent_id for request in world.recorder.requests] == [ANN, BOB]


def test_hanging_up_at_the_desk_while_asking_only_lets_go_of_the_person_asked() -> None:
    async def scenario(world: World) -> None:
        _, agent, target = await asking(world)
        await world.command(HangUpCall(call_id=world.only().call_id, agent_id=ANN))
        assert target in world.sip.hung_up
        assert agent not in world.sip.hung_up
        assert world.both_hear()

    run(scenario)


def test_a_colleague_who_was_asked_can_hang_up_at_their_own_desk() -> None:
    async def scenario(world: World) -> None:
        _, _, target = await asking(world, "bob")
        assert isinstance(await world.command(HangUpCall(call_id=world.only().call_id, agent_id=BOB)), Done)
        assert target in world.sip.hung_up
        assert world.both_hear()
        assert world.recorded()
        assert world.agent_state(BOB) is AgentState.AVAILABLE
        assert world.only().agent_id == ANN

    assert run(scenario).facts.last(ConsultEnded).outcome is ConsultOutcome.LEFT


def test_when_the_caller_hangs_up_the_other_two_may_finish_and_nothing_of_it_is_kept() -> None:
    async def scenario(world: World) -> None:
        caller, agent, target = await asking(world)
        await world.hangs_up(caller)
        assert world.hear_each_other() == {"agent", "destination"}
        assert not world.recorded()
        assert refusal(await complete(world)) == "caller_gone"
        conference = MakeConference(call_id=world.only().call_id, agent_id=ANN)
        assert refusal(await world.command(conference)) == "caller_gone"
        await world.hangs_up(target)
        assert agent in world.sip.hung_up

    world = run(scenario)
    assert world.facts.last(ConsultEnded).outcome is ConsultOutcome.CALLER_LEFT
    assert world.facts.last(CallEnded).reason is EndReason.CALLER_HUNG_UP


def test_when_the_caller_hangs_up_while_it_rings_all_is_over() -> None:
    async def scenario(world: World) -> None:
        caller, agent = await world.talking()
        target = await ask(world)
        await world.hangs_up(caller)
        assert {agent, target} <= set(world.sip.hung_up)

    run(scenario)


@pytest.mark.parametrize("effect", [None, RecordingEffect.STOP, RecordingEffect.CONTINUE])
@pytest.mark.parametrize("entry", ["out", "bob"])
def test_an_unknown_cell_ends_the_recording_at_the_question_and_for_good(
    effect: RecordingEffect | None, entry: str
) -> None:
    async def scenario(world: World) -> None:
        world.rule(TransferKind.CONSULT, EntryClass.OUTSIDE if entry == "out" else EntryClass.CENTRE, effect)
        await asking(world, entry)
        assert not world.recorded()
        await back(world)
        assert world.both_hear()
        assert not world.recorded()

    run(scenario)


def test_a_new_matrix_counts_from_the_next_event() -> None:
    async def scenario(world: World) -> None:
        await asking(world, "bob")
        world.rule(TransferKind.ATTENDED, EntryClass.CENTRE, RecordingEffect.STOP)
        await complete(world)
        assert ("stop", "rule") in world.recorder.log
        assert not world.recorded()

    run(scenario)


def test_a_held_call_is_retrieved_when_the_agent_comes_back() -> None:
    async def scenario(world: World) -> None:
        await world.talking()
        await world.command(HoldCall(call_id=world.only().call_id, agent_id=ANN))
        await world.pick_up(await ask(world))
        assert world.hear_each_other() == {"agent", "destination"}
        await back(world)
        assert world.both_hear()
        assert world.recorded()

    assert len(run(scenario).facts.of(CallRetrieved)) == 1


def test_a_telephone_that_holds_meanwhile_still_holds_when_the_agent_comes_back() -> None:
    async def scenario(world: World) -> None:
        _, agent, target = await asking(world)
        await world.tell(ReinviteReceived(dialog=agent, sdp=sdp("sendonly")))
        await world.hangs_up(target)
        assert world.only().phase == "held"
        assert world.hear_each_other() == set()
        assert not world.recorded()
        await world.tell(ReinviteReceived(dialog=agent, sdp=sdp()))
        assert world.both_hear()
        assert world.recorded()

    run(scenario)


def test_what_does_not_fit_the_moment_is_refused_and_changes_nothing() -> None:
    async def scenario(world: World) -> None:
        _, agent = await world.talking()
        call_id = world.only().call_id
        assert refusal(await complete(world)) == "not_consulting"
        assert refusal(await back(world)) == "not_consulting"
        for entry, code in (("none", "unknown_entry"), ("eldc", "unknown_entry"), ("bob", "unreachable")):
            command = ConsultCall(call_id=call_id, agent_id=ANN, entry_id=EntryId(entry))
            assert refusal(await world.command(command)) == code
        stranger = ConsultCall(call_id=call_id, agent_id=BOB, entry_id=EntryId("out"))
        assert refusal(await world.command(stranger)) == "not_your_call"
        assert world.both_hear()
        assert world.recorder.log == []
        await world.tell(ReinviteReceived(dialog=agent, sdp=sdp("sendonly")))
        command = ConsultCall(call_id=call_id, agent_id=ANN, entry_id=EntryId("out"))
        assert refusal(await world.command(command)) == "held_on_device"
        await world.tell(ReinviteReceived(dialog=agent, sdp=sdp()))
        await ask(world)
        assert refusal(await world.command(HoldCall(call_id=call_id, agent_id=ANN))) == "not_talking"
        transfer = TransferCall(call_id=call_id, agent_id=ANN, entry_id=EntryId("out"))
        assert refusal(await world.command(transfer)) == "not_talking"
        assert refusal(await world.command(MakeConference(call_id=call_id, agent_id=ANN))) == "not_consulting"

    run(scenario)
