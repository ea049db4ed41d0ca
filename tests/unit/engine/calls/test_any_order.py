"""Everything that can happen to calls, in random order and often in the same instant: nothing is ever left over."""

import logging
import random
from collections import Counter
from typing import Any

import pytest
from tests.support.call_world import ANN, BBC, BOB, CALLER, CARRIER, NUMBER, World, run

from ringfence.control.commands import (
    ClosePayment,
    CompleteTransfer,
    ConsultCall,
    DropFromConference,
    HangUpCall,
    HoldCall,
    JoinCall,
    LeaveConference,
    MakeConference,
    MaskRecording,
    ObjectToRecording,
    OpenPayment,
    PlaceCall,
    RetrieveCall,
    ReturnToCaller,
    SetAgentState,
    StartKeypad,
    StopKeypad,
    StopRecording,
    TransferCall,
    UnmaskRecording,
)
from ringfence.control.facts import (
    AgentState,
    CallArrived,
    CallEnded,
    KeypadField,
    MaskCode,
    StopCode,
    SuppressionReason,
)
from ringfence.engine.calls.fakes import sdp
from ringfence.engine.calls.state import CallPhase, CallState, LegPhase, Role
from ringfence.engine.media.port import DtmfReceived, Gate, LegMediaLost
from ringfence.engine.queues import CHOSEN
from ringfence.engine.sip.api import (
    Binding,
    Cancelled,
    DeviceBound,
    DeviceSource,
    DeviceUnbound,
    DialogConfirmed,
    DialogEnded,
    DialogId,
    Identity,
    IncomingInvite,
    InviteAnswered,
    InviteRejected,
    ReferReceived,
    ReinviteReceived,
    Replaces,
    Ringing,
    TrunkSource,
)
from ringfence.kit.ids import CallId, DeviceId, EntryId

PROGRESS = (
    *("arrive", "confirm", "confirm", "prompt", "prompt", "prompt"),
    *("ring", "answer", "answer", "answer", "choose", "bind"),
)
"""What calls are made of; most steps are one of these, so that runs get far."""
TALK = (
    *("hold", "hold", "retrieve", "retrieve", "reinvite", "reinvite", "second"),
    *("transfer", "transfer", "transfer_in"),
)
THREE = (
    *("consult", "consult_in", "answer", "answer", "answer", "conference", "conference", "conference"),
    *("complete", "return", "leave", "drop", "join", "refer", "refer", "refer_other", "refer_other", "dial_again"),
)
TROUBLE = (
    *("dial", "cut", "refuse", "fail", "bye", "lost_agent", "cancel", "hang_up"),
    *("place", "unbind", "media_lost", "ten", "forty", "bad_sdp"),
)
RARE = ("missing_prompt",)
KEEP = (
    *("mask", "mask", "unmask", "pay", "pay", "pay", "paid", "paid", "keypad", "keypad", "press", "press", "press"),
    *("stop_keypad", "stop_recording", "object"),
)
"""What people do to the recording."""
AGENTS = (ANN, BOB)
DEVICES = ("ann-desk", "ann-web", "bob-desk", "office")


class Chaos:
    """Plays steps against a world the way a correct SIP room would report them, however unlikely their order."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.incoming: list[DialogId] = []
        self.confirmed: set[DialogId] = set()

    def alive(self, dialogs: list[DialogId]) -> list[DialogId]:
        return [d for d in dialogs if d not in self.world.sip._closed]

    def ringing(self) -> list[DialogId]:
        sip = self.world.sip
        return self.alive([i.dialog for i in sip.invited if i.dialog not in sip.established])

    def up(self) -> list[DialogId]:
        sip = self.world.sip
        return self.alive([i.dialog for i in sip.invited if i.dialog in sip.established] + sorted(self.confirmed))

    def calls(self) -> list[CallId]:
        return list(self.world.table._calls)

    async def step(self, what: str, n: int) -> None:
        world, sip = self.world, self.world.sip
        ringing, up, calls, agent = self.ringing(), self.up(), self.calls(), AGENTS[n % 2]
        match what:
            case "arrive" | "dial":
                dialog = sip.new_dialog()
                device = DeviceSource(device_id=DeviceId(DEVICES[n % 4]), secure=False, browser=False)
                sip.report(
                    IncomingInvite(
                        dialog=dialog,
                        source=TrunkSource(trunk_id=CARRIER, secure=False) if what == "arrive" else device,
                        called=NUMBER if what == "arrive" else ("999", "202", "302", "01632960300")[n % 4],
                        caller=Identity(number=CALLER),
                        sdp=sdp() if n else None,
                    )
                )
                self.incoming.append(dialog)
            case "confirm":
                for dialog in [d for d in self.alive(self.incoming) if d in sip.answered and d not in self.confirmed]:
                    self.confirmed.add(dialog)
                    sip.report(DialogConfirmed(dialog=dialog, sdp=sdp()))
            case "prompt" | "cut":
                for session, room in list(world.media.sessions.items()):
                    for leg in list(room.playing):
                        world.media.finish(session, leg, completed=what == "prompt")
            case "ring" if ringing:
                early = sdp() if n > 4 else None
                sip.report(Ringing(dialog=ringing[n % len(ringing)], status=180 + 3 * (n % 2), sdp=early))
            case "answer" if ringing:
                dialog = ringing[n % len(ringing)]
                sip.established.add(dialog)
                sip.report(InviteAnswered(dialog=dialog, sdp="bad" if n == 7 else sdp()))
            case "refuse" | "fail" if ringing:
                status = (486, 480, 603, 404)[n % 4] if what == "refuse" else (503, 408, 500, 488)[n % 4]
                sip.report(InviteRejected(dialog=ringing[n % len(ringing)], status=status, reason=""))
            case "bye" | "lost_agent" if up:
                cause = "bye" if what == "bye" else ("flow_closed", "session_expired", "failed")[n % 3]
                sip.report(DialogEnded(dialog=up[n % len(up)], cause=cause))
            case "cancel":
                waiting = [d for d in self.alive(self.incoming) if d not in sip.answered]
                if waiting:
                    sip._closed.add(waiting[0])
                    sip.report(Cancelled(dialog=waiting[0]))
            case "hold" | "retrieve" | "hang_up" | "transfer" | "transfer_in" if calls:
                busy = [c for c in calls if world.state(c).phase in (CallPhase.TALKING, CallPhase.HELD)] or calls
                call_id = busy[n % len(busy)]
                named = {"call_id": call_id, "agent_id": world.state(call_id).agent_id or agent}
                match what:
                    case "hold":
                        await world.table.command(HoldCall(**named))  # type: ignore[arg-type]
                    case "retrieve":
                        await world.table.command(RetrieveCall(**named))  # type: ignore[arg-type]
                    case "hang_up":
                        await world.table.command(HangUpCall(**named))  # type: ignore[arg-type]
                    case _:
                        entry = EntryId("out" if what == "transfer" else "bob")
                        await world.table.command(TransferCall(**named, entry_id=entry))  # type: ignore[arg-type]
            case "consult" | "consult_in" | "join" if calls:
                busy = [c for c in calls if world.state(c).phase in (CallPhase.TALKING, CallPhase.HELD)] or calls
                call_id = busy[n % len(busy)]
                if what == "join":
                    await world.table.command(JoinCall(call_id=call_id, agent_id=agent))
                else:
                    entry = EntryId("out" if what == "consult" else "bob")
                    mine = world.state(call_id).agent_id or agent
                    await world.table.command(ConsultCall(call_id=call_id, agent_id=mine, entry_id=entry))
            case "complete" | "return" | "conference" | "leave" | "drop" if calls:
                busy = [c for c in calls if world.state(c).third is not None] or calls
                call_id = busy[n % len(busy)]
                named = {"call_id": call_id, "agent_id": world.state(call_id).agent_id or agent}
                match what:
                    case "complete":
                        await world.table.command(CompleteTransfer(**named))  # type: ignore[arg-type]
                    case "return":
                        await world.table.command(ReturnToCaller(**named))  # type: ignore[arg-type]
                    case "conference":
                        self.asked_answers(call_id)
                        await world.table.command(MakeConference(**named))  # type: ignore[arg-type]
                    case "leave":
                        await world.table.command(LeaveConference(**named))  # type: ignore[arg-type]
                    case _:
                        role = ("destination", "supervisor")[n % 2]
                        await world.table.command(DropFromConference(**named, role=role))  # type: ignore[arg-type]
            case "mask" | "unmask" | "pay" | "paid" | "keypad" | "stop_keypad" | "stop_recording" | "object" if calls:
                await self.keep(what, n, calls[n % len(calls)])
            case "press" if calls:
                state = world.state(calls[n % len(calls)])
                for leg in state.legs:
                    world.table.on_media(
                        DtmfReceived(session=state.session, leg=leg, digit="4111*#23"[n], duration_ms=80)
                    )
            case "refer" if up:
                target = ("202", "302", "01632960200", "999", "nonsense")[n % 5]
                sip.report(ReferReceived(dialog=up[n % len(up)], target=target, replaces=None))
            case "refer_other" if up:
                sip.replaceable["other"] = up[(n + 1) % len(up)]
                replaces = Replaces(call_id="other", to_tag="t", from_tag="f")
                sip.report(ReferReceived(dialog=up[n % len(up)], target="202", replaces=replaces))
            case "dial_again" if up:
                dialog = sip.new_dialog()
                device = DeviceSource(device_id=DeviceId("ann-desk"), secure=False, browser=False)
                called = ("202", "302", "01632960300")[n % 3]
                sip.report(
                    IncomingInvite(
                        dialog=dialog, source=device, called=called, caller=Identity(number=CALLER), sdp=sdp()
                    )
                )
                self.incoming.append(dialog)
                for dialog in self.ringing()[-1:]:
                    await world.settle()
                    sip.established.add(dialog)
                    sip.report(InviteAnswered(dialog=dialog, sdp=sdp()))
            case "place":
                world.table.place(PlaceCall(agent_id=agent, number="01632960300", client=BBC))
            case "choose":
                states = (AgentState.AVAILABLE, AgentState.AVAILABLE, AgentState.NOT_READY, AgentState.LOGGED_OUT)
                world.desk.choose(SetAgentState(agent_id=agent, state=states[n // 2]))
            case "bind":
                device_id = DeviceId(DEVICES[n % 4])
                browser = device_id.endswith("web")
                sip.bindings[device_id] = Binding(device_id=device_id, transport="ws", secure=browser, browser=browser)
                sip.report(DeviceBound(device_id=device_id, transport="ws"))
            case "unbind":
                device_id = DeviceId(DEVICES[n % 4])
                if sip.bindings.pop(device_id, None):
                    sip.report(DeviceUnbound(device_id=device_id, cause="expired"))
            case "reinvite" if up:
                direction = ("sendrecv", "sendonly", "inactive")[n % 3]
                sip.report(ReinviteReceived(dialog=up[n % len(up)], sdp=sdp(direction) if n < 6 else None))
            case "media_lost" if calls:
                state = world.state(calls[n % len(calls)])
                for leg in list(state.legs)[:1]:
                    world.table.on_media(LegMediaLost(session=state.session, leg=leg, silent_seconds=30))
            case "second" | "ten" | "forty":
                await world.advance({"second": 1, "ten": 10, "forty": 40}[what])
            case "missing_prompt":
                world.media.missing ^= {("greeting", "notice", "music", "first")[n % 4]}  # type: ignore[arg-type]
            case "bad_sdp":
                world.media.refuse ^= {"bad"}
            case _:
                pass

    async def keep(self, what: str, n: int, call_id: CallId) -> None:
        """A command about the recording; it does not wait for what the call is busy with."""
        table, state = self.world.table, self.world.state(call_id)
        named: dict[str, Any] = {"call_id": call_id, "agent_id": state.agent_id or ANN}
        paying: dict[str, Any] = {**named, "payment_id": f"p{n % 3}"}
        match what:
            case "mask":
                await table.recording_command(MaskRecording(**named, code=MaskCode.OTHER))
            case "unmask":
                await table.recording_command(UnmaskRecording(**named))
            case "pay":
                await table.recording_command(OpenPayment(**paying))
            case "paid":
                await table.recording_command(ClosePayment(**paying))
            case "keypad":
                await table.recording_command(OpenPayment(**paying))
                await table.keypad_command(StartKeypad(**paying, field=list(KeypadField)[n % 3]))
            case "stop_keypad":
                await table.keypad_command(StopKeypad(**paying))
            case "stop_recording":
                await table.recording_command(StopRecording(**named, code=StopCode.OTHER))
            case _:
                await table.recording_command(ObjectToRecording(**named))

    def asked_answers(self, call_id: CallId) -> None:
        """Whoever is rung for this call picks up, which by chance alone would be rare."""
        attempt = self.world.state(call_id).attempt
        leg = self.world.state(call_id).legs.get(attempt.leg) if attempt is not None and attempt.leg else None
        if leg is not None and leg.dialog in self.ringing():
            self.world.sip.established.add(leg.dialog)
            self.world.sip.report(InviteAnswered(dialog=leg.dialog, sdp=sdp()))

    def check(self) -> None:
        """What holds after every settled step."""
        world = self.world
        for call in world.table._calls.values():
            state = call.state
            for leg in state.legs.values():
                assert leg.phase is not LegPhase.OVER, "a leg that is over is gone"
            room = world.media.sessions.get(state.session)
            if room is None or state.customer is None:
                continue
            if state.phase is CallPhase.TALKING and state.agent is not None:
                assert frozenset({state.customer, state.agent}) in room.bridges
                assert room.gates.get(state.customer, Gate.OPEN) is Gate.OPEN
            heard = {
                (a.role, b.role)
                for a in state.legs.values()
                for b in state.legs.values()
                if a is not b and world.media.hears(state.session, a.leg_id, b.leg_id)
            }
            third = state.third
            outside = third is not None and third.to.outside
            recording = world.recorder.state(call.state.call_id)
            kept = recording is not None and recording.stopped is None and not recording.suppressed
            if state.phase is CallPhase.CONSULTING:
                assert not any(Role.CALLER in pair for pair in heard), "the caller is heard while the agent asks"
                assert not kept, "a consultation is kept"
            if state.phase is CallPhase.TRANSFERRING:
                assert not kept, "a transfer is kept"
            if state.phase is CallPhase.CONFERENCE:
                assert third is not None
                assert len(room.mixed) == 3
                assert not (outside and kept), "a conference with outside is kept"
            else:
                assert not room.mixed, "a mix outlives its conference"
            for engaged in world.desk._engaged.values():
                assert not (kept and len(engaged) > 1 and state.call_id in engaged), "an agent with two calls is kept"
            if state.handed_over:
                assert not kept, "something is kept after a hand-over outside"
            if state.phase is CallPhase.HELD:
                assert not kept
                assert room.gates[state.customer] is Gate.SILENCE
            self.check_keeping(state, kept=kept)
            if state.phase in (CallPhase.QUEUED, CallPhase.RINGING):
                assert not any(state.customer in bridge for bridge in room.bridges) or state.direction != "inbound"
        for agent in world.desk.board.agents.values():
            if agent.call_id is not None and agent.state is not AgentState.WRAP:
                assert agent.call_id in world.table._calls, "an agent is in a call that is over"

    def check_keeping(self, state: CallState, *, kept: bool) -> None:
        """The call's own set is the recorder's, and neither ever forgets a payment, a mask or a stop."""
        keeping, recording = state.keeping, self.world.recorder.state(state.call_id)
        assert (SuppressionReason.PAYMENT in keeping.suppressed) == bool(keeping.payments)
        assert (SuppressionReason.MASK in keeping.suppressed) == (keeping.masked_at is not None)
        if recording is not None and recording.stopped is None:
            assert recording.suppressed == frozenset(keeping.suppressed), "two sets that differ"
            assert keeping.stopped is None, "it goes on after a stop for good"
            assert recording.recording_id == keeping.recordings[-1]
        if keeping.payments or keeping.masked_at is not None or keeping.objected:
            assert not kept
        captured = self.world.media.sessions[state.session].captured
        if captured:
            assert keeping.payments, "keys are kept back although no payment is open"


def steps(seed: int) -> list[tuple[str, int, bool]]:
    """Seventy steps: what, a number to choose by, whether the next one comes in the same instant.

    Every other seed has three people in a call more often.
    """
    dice = random.Random(seed)
    weights = (25, 20, 35, 18, 2) if seed % 2 else (50, 25, 5, 18, 2)
    keep = 25 if seed % 3 == 0 else 0
    return [
        (
            dice.choice(dice.choices((PROGRESS, TALK, THREE, TROUBLE, RARE, KEEP), (*weights, keep))[0]),
            dice.randrange(8),
            dice.random() < 0.3,
        )
        for _ in range(70)
    ]


def play(seed: int) -> World:
    async def scenario(world: World) -> None:
        chaos = Chaos(world)
        if seed % 2:
            caller, _ = await world.talking()
            chaos.incoming.append(caller)
            chaos.confirmed.add(caller)
            await world.bind("bob-desk")
        else:
            await world.ready(ANN, "ann-desk")
        for what, n, at_once in steps(seed):
            await chaos.step(what, n)
            if not at_once:
                await world.settle()
                chaos.check()
        await world.settle()
        chaos.check()
        for _ in range(3):
            for dialog in [*world.sip.invited]:
                if dialog.dialog in chaos.alive([dialog.dialog]):
                    established = dialog.dialog in world.sip.established
                    ended = DialogEnded(dialog=dialog.dialog, cause="bye")
                    rejected = InviteRejected(dialog=dialog.dialog, status=486, reason="")
                    world.sip.report(ended if established else rejected)
            for caller in chaos.alive(chaos.incoming):
                world.sip.report(DialogEnded(dialog=caller, cause="bye"))
            await world.settle()
        await world.advance(200)
        assert not world.table._calls
        assert not world.table._dialogs
        assert not world.media.sessions
        assert world.timers.waiting == 0
        assert world.payments._payments == {}, "something of a card is left"
        assert all(agent.state in CHOSEN for agent in world.desk.board.agents.values())
        assert not world.desk._engaged
        assert all(agent.rung_by is None for agent in world.desk.board.agents.values())

    world = run(scenario)
    arrived = [fact.call_id for fact in world.facts.of(CallArrived)]
    assert sorted(arrived) == sorted(fact.call_id for fact in world.facts.of(CallEnded))
    return world


def test_whatever_happens_in_whatever_order_every_call_ends_once_and_every_agent_is_free(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: Counter[str] = Counter()
    for seed in range(400):
        try:
            seen.update(play(seed).names())
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR], "a step broke"
    often = ("CallAnswered", "CallHeld", "CallRetrieved", "CallTransferred", "TransferFailed", "QueueLeft")
    kept = ("PaymentOpened", "PaymentClosed", "CallerObjected", "KeypadProgress")
    for what in (*often, "ConsultAnswered", "ConsultEnded", "ConferenceStarted", "PartyLeft", *kept):
        assert seen[what] > 5, f"the runs hardly reach {what}"
