"""Blind transfer: the agent stays on the line until the destination has answered, and nothing of it is captured.

An attempt towards OUTSIDE suppresses the recording as a consultation does; the answer stops it for good before the
destination hears the caller (R32, R33). A transfer inside the centre ends the recording's segment; the next person's
part is not recorded until segments of one call under two owners are built.
"""

from typing_extensions import override

from ringfence.control.commands import Done, Refused, Reply, TransferCall
from ringfence.control.directory import TransferEntry
from ringfence.control.facts import (
    AgentState,
    CallRetrieved,
    CallTransferred,
    EndReason,
    StopReason,
    SuppressionReason,
    TransferFailed,
)
from ringfence.control.recording_rules import EntryClass
from ringfence.engine.calls.dialling import Emergency, Extension, Outside, OwnNumber, meaning, shown_number
from ringfence.engine.calls.state import Attempt, CallPhase, Candidate, Leg, Role, Transfer
from ringfence.engine.calls.talking import TalkingCall
from ringfence.engine.media.port import Gate


class TransferableCall(TalkingCall):
    """A call whose customer can be handed to an entry of the directory."""

    @override
    async def transfer(self, command: TransferCall) -> Reply:
        state = self.state
        if state.phase not in (CallPhase.TALKING, CallPhase.HELD) or self.leg(state.customer) is None:
            return Refused(code="not_talking", message="Only a call that you talk on can be transferred.")
        entry = self._entry(command)
        if entry is None:
            return Refused(code="unknown_entry", message="This destination is not in the directory for this client.")
        ways = self._ways(entry)
        if not ways:
            return Refused(code="unreachable", message=f"{entry.name} cannot be reached now. Try again or call back.")
        outside = entry.entry_class is EntryClass.OUTSIDE
        state.transfer = Transfer(
            entry_id=entry.entry_id,
            outside=outside,
            was_held=state.phase is CallPhase.HELD,
            agent_id=state.agent_id,
        )
        await self.recording.suppress(self._reason(outside=outside))
        await self.part_audio()
        state.phase = CallPhase.TRANSFERRING
        snapshot = self._around.directory.snapshot
        await self.reach(
            Attempt(
                role=Role.DESTINATION,
                candidates=ways,
                toward=state.customer,
                caller_number=shown_number(snapshot, client=state.client, agent_id=state.agent_id)
                if ways[0].trunk_id is not None
                else self._shown_caller(),
            ),
            seconds=self._around.config.ring_seconds,
        )
        return Done(call_id=state.call_id)

    def _entry(self, command: TransferCall) -> TransferEntry | None:
        for entry in self._around.directory.snapshot.entries:
            if entry.entry_id == command.entry_id and (not entry.clients or self.state.client in entry.clients):
                return entry
        return None

    def _ways(self, entry: TransferEntry) -> tuple[Candidate, ...]:
        match meaning(self._around.directory.snapshot, entry.target, region=self._around.config.region):
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

    def _shown_caller(self) -> str | None:
        return None if self.state.caller_private else self.state.caller_number

    @staticmethod
    def _reason(*, outside: bool) -> SuppressionReason:
        return SuppressionReason.CONSULT_OUTSIDE if outside else SuppressionReason.HOLD

    async def transferred(self, leg: Leg) -> None:
        """The destination answered: the recording ends, the agent leaves, the customer and the destination talk."""
        state, transfer = self.state, self.state.transfer
        customer = self.leg(state.customer)
        if transfer is None or customer is None:
            await self.drop_leg(leg)
            return
        if transfer.outside:
            await self.recording.stop(StopReason.TRANSFER_OUTSIDE)
        else:
            await self.recording.end_segment(StopReason.TRANSFER_CENTRE)
        state.unrecorded = True
        agent, agent_id = self.leg(state.agent), transfer.agent_id
        if agent is not None:
            await self._around.media.gate(state.session, agent.leg_id, Gate.DROP)
            await self._around.media.unbridge(state.session, customer.leg_id, agent.leg_id)
            await self.drop_leg(agent)
        await self.stop_playing(customer)
        await self._around.media.gate(state.session, customer.leg_id, Gate.OPEN)
        await self._around.media.bridge(state.session, customer.leg_id, leg.leg_id)
        self.publish(
            CallTransferred(
                at=self._around.clock.now(),
                call_id=state.call_id,
                agent_id=agent_id,
                entry_id=transfer.entry_id,
                outside=transfer.outside,
            )
        )
        if agent_id is not None:
            self._around.desk.part(agent_id, state.call_id)
        state.transfer, state.held_by, state.phase = None, None, CallPhase.TALKING
        state.agent, state.handed_over = leg.leg_id, transfer.outside
        state.agent_id = leg.agent_id
        if leg.agent_id is not None:
            self._around.desk.occupy(leg.agent_id, state.call_id)

    async def transfer_failed(self, status: int) -> None:
        """The customer is with the agent again; if the agent has gone meanwhile, at the head of the queue."""
        state, transfer = self.state, self.state.transfer
        if transfer is None:
            return
        state.transfer = None
        self.publish(
            TransferFailed(
                at=self._around.clock.now(),
                call_id=state.call_id,
                agent_id=transfer.agent_id,
                entry_id=transfer.entry_id,
                status=status,
            )
        )
        if transfer.agent_gone:
            if not await self.back_to_queue():
                await self.end(EndReason.NO_ANSWER)
            return
        await self.join_audio()
        await self.recording.resume(self._reason(outside=transfer.outside))
        state.phase = CallPhase.TALKING
        if transfer.was_held:
            await self.recording.resume(SuppressionReason.HOLD)
            state.held_by = None
            if state.agent_id is not None:
                self._around.desk.turn(state.agent_id, state.call_id, AgentState.TALKING)
            self.publish(CallRetrieved(at=self._around.clock.now(), call_id=state.call_id, agent_id=state.agent_id))

    async def back_to_queue(self) -> bool:
        """True when the call has a queue and waits there again."""
        return False

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
        if self.state.transfer is not None and leg.leg_id == self.state.agent:
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
