"""Blind transfer and the hand-over that ends every transfer; what the recording does is the client's matrix.

The agent stays on the line until the destination has answered, and nothing of the time between is captured. A
destination OUTSIDE stops the recording for good before it hears the caller (R32, R33); inside the centre a new segment
begins under the new owner (R34). A transfer that fails brings the caller back to the agent, or to the head of the queue
when the agent has gone.
"""

from typing_extensions import override

from ringfence.control.commands import Done, Refused, Reply, TransferCall
from ringfence.control.directory import TransferEntry
from ringfence.control.facts import (
    AgentState,
    CallAnswered,
    CallRetrieved,
    CallTransferred,
    EndReason,
    StopReason,
    SuppressionReason,
    TransferFailed,
)
from ringfence.control.recording_rules import (
    RecordingEffect,
    RecordingRule,
    TransferKind,
    on_hand_over,
)
from ringfence.engine.calls.dialling import Emergency, Extension, Outside, OwnNumber, meaning, shown_number
from ringfence.engine.calls.messages import CallCommand
from ringfence.engine.calls.state import (
    Attempt,
    CallPhase,
    Candidate,
    Destination,
    HeldBy,
    Leg,
    Role,
    Transfer,
)
from ringfence.engine.calls.talking import TalkingCall
from ringfence.engine.media.port import Gate
from ringfence.kit.ids import AgentId, EntryId

UNKNOWN_ENTRY = Refused(code="unknown_entry", message="This destination is not in the directory for this client.")


class TransferableCall(TalkingCall):
    """A call whose customer can be handed to an entry of the directory."""

    # Destinations

    def entry(self, entry_id: EntryId) -> TransferEntry | None:
        """The directory's entry, when it is offered for this call's client."""
        for entry in self._around.directory.snapshot.entries:
            if entry.entry_id == entry_id and (not entry.clients or self.state.client in entry.clients):
                return entry
        return None

    def destination(self, entry: TransferEntry) -> Destination:
        extension = isinstance(self.meaning(entry.target), Extension)
        where = TransferKind.INTERNAL if extension else TransferKind.EXTERNAL
        return Destination(
            entry_class=entry.entry_class,
            where=TransferKind.VOICEMAIL if entry.voicemail else where,
            entry_id=entry.entry_id,
        )

    def ways(self, target: str) -> tuple[Candidate, ...]:
        """How ``target`` can be reached now."""
        match self.meaning(target):
            case Extension(device=device):
                return self._around.ways_to_extension(device)
            case Emergency(number=number):
                return self._around.ways_outside(number, urgent=True)
            case Outside(number=number):
                return self._around.ways_outside(number)
            case OwnNumber(entry=own):
                return self._around.ways_outside(own.number)
            case None:
                return ()

    def meaning(self, target: str) -> Emergency | Extension | OwnNumber | Outside | None:
        return meaning(self._around.directory.snapshot, target, region=self._around.config.region)

    def rules(self) -> tuple[RecordingRule, ...]:
        """The client's matrix as it is now; empty, so that nothing is kept, for an unknown client."""
        clients = self._around.directory.snapshot.clients
        return next((each.recording_rules for each in clients if each.code == self.state.client), ())

    def shown(self, ways: tuple[Candidate, ...]) -> str | None:
        """The number that the destination sees: the client's own outside, the caller's inside."""
        state = self.state
        if ways[0].trunk_id is not None:
            return shown_number(self._around.directory.snapshot, client=state.client, agent_id=state.agent_id)
        return None if state.caller_private else state.caller_number

    # The recording

    async def stop_recording(self, *, outside: bool) -> None:
        """Final, because of where the call goes."""
        await self.recording.stop(StopReason.TRANSFER_OUTSIDE if outside else StopReason.RULE)

    @staticmethod
    def reason(to: Destination) -> SuppressionReason:
        """Why nothing is kept while ``to`` is rung or asked and the caller waits."""
        return SuppressionReason.CONSULT_OUTSIDE if to.outside else SuppressionReason.HOLD

    # Blind transfer

    @override
    async def on_transfer_command(self, command: CallCommand) -> Reply:
        if isinstance(command, TransferCall):
            return await self.transfer(command)
        return Refused(code="not_supported", message="This call cannot do that.")

    async def transfer(self, command: TransferCall) -> Reply:
        """Blind transfer to a directory entry."""
        refused = self.may_leave_caller()
        if refused is not None:
            return refused
        entry = self.entry(command.entry_id)
        if entry is None:
            return UNKNOWN_ENTRY
        ways = self.ways(entry.target)
        if not ways:
            return Refused(code="unreachable", message=f"{entry.name} cannot be reached now. Try again or call back.")
        await self.send_supervisor_away()
        await self.send_to(self.destination(entry), ways)
        return Done(call_id=self.state.call_id)

    def may_leave_caller(self) -> Refused | None:
        """Why the agent cannot turn to somebody else now."""
        state = self.state
        if state.phase not in (CallPhase.TALKING, CallPhase.HELD) or self.leg(state.customer) is None:
            return Refused(code="not_talking", message="Only a call that you talk on can be transferred.")
        return None

    async def send_supervisor_away(self) -> None:
        """Somebody whose telephone rings to join this call is not needed now."""

    async def send_to(self, to: Destination, ways: tuple[Candidate, ...]) -> None:
        """The customer hears music until ``to`` answers and has them."""
        state = self.state
        state.transfer = Transfer(to=to, agent_id=state.agent_id)
        await self.pause_for(self.pauses | {self.reason(to)})
        await self.part_audio()
        state.phase = CallPhase.TRANSFERRING
        await self.ring_destination(ways)

    async def ring_destination(self, ways: tuple[Candidate, ...]) -> None:
        await self.reach(
            Attempt(role=Role.DESTINATION, candidates=ways, toward=self.state.customer, caller_number=self.shown(ways)),
            seconds=self._around.config.ring_seconds,
        )

    async def destination_reached(self, leg: Leg) -> None:
        """Whoever was rung by this call's agent has answered."""
        transfer = self.state.transfer
        if transfer is None:
            await self.drop_leg(leg)
        else:
            await self.hand_over(leg, transfer.to, how=TransferKind.BLIND, agent_id=transfer.agent_id)

    async def destination_unreached(self, status: int) -> None:
        if self.state.transfer is not None:
            await self.transfer_failed(status)

    async def hand_over(self, leg: Leg, to: Destination, *, how: TransferKind, agent_id: AgentId | None) -> None:
        """The recording ends first, the agent leaves, and only then do customer and destination hear each other."""
        state = self.state
        customer, agent = self.leg(state.customer), self.leg(state.agent)
        if customer is None:
            await self.turn_away(leg)
            return
        await self.send_supervisor_away()
        counts_as = TransferKind.BLIND if how is TransferKind.BLIND else TransferKind.ATTENDED
        effect = on_hand_over(self.rules(), counts_as, to.where, to.entry_class)
        if effect is RecordingEffect.NEW_SEGMENT:
            await self.recording.end_segment(StopReason.TRANSFER_CENTRE)
        else:
            await self.stop_recording(outside=to.outside)
        self.tell_referrer(200)
        if agent is not None:
            await self._around.media.gate(state.session, agent.leg_id, Gate.DROP)
            await self._around.media.unbridge(state.session, customer.leg_id, agent.leg_id)
            await self.drop_leg(agent)
        await self.stop_playing(customer)
        for each in (customer, leg):
            await self._around.media.gate(state.session, each.leg_id, Gate.OPEN)
        await self._around.media.bridge(state.session, customer.leg_id, leg.leg_id)
        self.publish(
            CallTransferred(
                at=self._around.clock.now(),
                call_id=state.call_id,
                agent_id=agent_id,
                entry_id=to.entry_id,
                outside=to.outside,
                kind=how,
            )
        )
        if agent_id is not None:
            self._around.desk.part(agent_id, state.call_id)
        state.transfer, state.held_by, state.phase = None, None, CallPhase.TALKING
        state.agent, state.agent_id, state.handed_over = leg.leg_id, leg.agent_id, to.outside
        if leg.agent_id is not None:
            await self._take_over(leg, leg.agent_id)
        await self.pause_for(frozenset())
        if effect is RecordingEffect.NEW_SEGMENT:
            await self.recording.begin(customer, leg)

    async def _take_over(self, leg: Leg, agent_id: AgentId) -> None:
        """The call is that agent's now."""
        leg.role = Role.AGENT
        self._around.desk.occupy(agent_id, self.state.call_id)
        self._around.desk.turn(agent_id, self.state.call_id, AgentState.TALKING)
        self.publish(
            CallAnswered(
                at=self._around.clock.now(),
                call_id=self.state.call_id,
                leg_id=leg.leg_id,
                agent_id=agent_id,
                device_id=leg.device_id,
            )
        )

    async def turn_away(self, leg: Leg) -> None:
        """Nobody is here for whoever answered."""
        await self.drop_leg(leg)
        if leg.agent_id is not None:
            self._around.desk.part(leg.agent_id, self.state.call_id)

    def tell_referrer(self, status: int) -> None:
        """The last word to a telephone that asked for this transfer."""
        refer, self.state.refer = self.state.refer, None
        if refer is not None:
            self._around.sip.notify_refer(refer, status=status)

    # Failure

    async def transfer_failed(self, status: int) -> None:
        """The customer is with the agent again; if the agent has gone meanwhile, at the head of the queue."""
        state, transfer = self.state, self.state.transfer
        if transfer is None:
            return
        state.transfer = None
        self.tell_referrer(status)
        self.publish(
            TransferFailed(
                at=self._around.clock.now(),
                call_id=state.call_id,
                agent_id=transfer.agent_id,
                entry_id=transfer.to.entry_id,
                status=status,
            )
        )
        if transfer.agent_gone:
            await self.serve_again()
        else:
            await self.alone_again()

    async def alone_again(self) -> None:
        """Agent and customer have each other again: talking, or on hold when the agent's telephone holds."""
        state = self.state
        customer, agent = self.leg(state.customer), self.leg(state.agent)
        if customer is None or agent is None:
            return
        await self._around.media.bridge(state.session, customer.leg_id, agent.leg_id)
        was_held = state.held_by is not None
        if agent.holds:
            await self.pause_for(self.pauses | {SuppressionReason.HOLD})
            await self.part_audio()
            state.phase, state.held_by = CallPhase.HELD, HeldBy.DEVICE
            self.turn(AgentState.HOLD)
            await self.pause_for(frozenset({SuppressionReason.HOLD}))
            return
        await self.join_audio()
        state.phase, state.held_by = CallPhase.TALKING, None
        self.turn(AgentState.TALKING)
        await self.pause_for(frozenset())
        if was_held:
            self.publish(CallRetrieved(at=self._around.clock.now(), call_id=state.call_id, agent_id=state.agent_id))

    async def serve_again(self) -> None:
        """Nobody of ours is with the customer: the head of the queue, or the end of the call."""
        if not await self.back_to_queue():
            await self.end(EndReason.NO_ANSWER)

    async def back_to_queue(self) -> bool:
        """True when the call has a queue and waits there again."""
        return False

    # The agent leaves while a destination is rung

    @override
    async def hang_up_by_agent(self) -> Reply:
        agent = self.leg(self.state.agent)
        if self.state.transfer is not None and agent is not None:
            await self.drop_leg(agent)
            await self._agent_left_transfer()
            return Done(call_id=self.state.call_id)
        return await super().hang_up_by_agent()

    @override
    async def on_leg_over(self, leg: Leg, cause: str) -> None:
        if self.state.transfer is not None and leg.leg_id == self.state.agent:
            await self.forget_leg(leg)
            await self._agent_left_transfer()
            return
        await super().on_leg_over(leg, cause)

    @override
    async def on_media_lost(self, leg: Leg) -> None:
        if self.state.transfer is not None and leg.leg_id == self.state.agent and not leg.silent:
            await self.drop_leg(leg)
            await self._agent_left_transfer()
            return
        await super().on_media_lost(leg)

    async def _agent_left_transfer(self) -> None:
        """The agent need not wait for the destination; the attempt goes on without them."""
        state = self.state
        if state.transfer is not None:
            state.transfer.agent_gone = True
        if state.agent_id is not None:
            self._around.desk.part(state.agent_id, state.call_id)
        state.agent = state.agent_id = None
        await self.recording.end_segment(StopReason.AGENT_LEFT)
