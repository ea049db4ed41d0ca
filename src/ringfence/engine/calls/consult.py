"""Attended transfer: the agent asks somebody while the caller waits with music, then hands over or comes back.

Neither the talk with the destination nor the waiting caller is ever captured (R35, C5): the recording is suppressed,
or stopped when the client's rules say so, before the destination is rung. Whatever goes wrong, the caller comes back
to the agent; when the agent is gone, to the head of the queue.
"""

from typing_extensions import override

from ringfence.control.commands import (
    CompleteTransfer,
    ConsultCall,
    Done,
    Refused,
    Reply,
    ReturnToCaller,
)
from ringfence.control.facts import (
    AgentState,
    ConsultAnswered,
    ConsultEnded,
    ConsultOutcome,
    ConsultStarted,
    EndReason,
    StopReason,
)
from ringfence.control.recording_rules import RecordingEffect, TransferKind, while_consulting
from ringfence.engine.calls.messages import CallCommand
from ringfence.engine.calls.state import CallPhase, Destination, Leg, Role, Third, Transfer
from ringfence.engine.calls.talking import BROKEN
from ringfence.engine.calls.transfer import UNKNOWN_ENTRY, TransferableCall
from ringfence.engine.media.port import Gate

_NOBODY_ASKED = Refused(code="not_consulting", message="You are not asking anybody on this call.")
_CALLER_GONE = Refused(code="caller_gone", message="The caller has hung up.")


class ConsultingCall(TransferableCall):
    """A call whose agent can ask somebody first."""

    @override
    async def on_transfer_command(self, command: CallCommand) -> Reply:
        match command:
            case ConsultCall():
                return await self.consult(command)
            case CompleteTransfer():
                return await self.complete_transfer()
            case ReturnToCaller():
                return await self.return_to_caller()
            case _:
                return await super().on_transfer_command(command)

    async def consult(self, command: ConsultCall) -> Reply:
        """Ring a directory entry for the agent."""
        refused = self.may_leave_caller()
        if refused is not None:
            return refused
        if self._agent_holds():
            return Refused(code="held_on_device", message="The telephone holds the call. Retrieve it there.")
        entry = self.entry(command.entry_id)
        if entry is None:
            return UNKNOWN_ENTRY
        ways = self.ways(entry.target)
        if not ways:
            return Refused(code="unreachable", message=f"{entry.name} cannot be reached now. Try again or call back.")
        to, state = self.destination(entry), self.state
        await self.send_supervisor_away()
        state.third = Third(to=to, role=Role.DESTINATION)
        await self.leave_caller_waiting(to)
        state.phase = CallPhase.CONSULTING
        self.turn(AgentState.CONSULT)
        self.publish(
            ConsultStarted(
                at=self._around.clock.now(),
                call_id=state.call_id,
                agent_id=state.agent_id,
                entry_id=to.entry_id,
                outside=to.outside,
            )
        )
        await self.ring_destination(ways)
        return Done(call_id=state.call_id)

    def _agent_holds(self) -> bool:
        agent = self.leg(self.state.agent)
        return agent is not None and agent.holds

    async def leave_caller_waiting(self, to: Destination) -> None:
        """Nothing is kept from here on; the caller hears music, and nobody hears the caller."""
        state = self.state
        if while_consulting(self.rules(), to.entry_class) is RecordingEffect.STOP:
            await self.stop_recording(outside=to.outside)
        await self.pause_for(self.pauses | {self.reason(to)})
        await self.part_audio()
        customer, agent = self.leg(state.customer), self.leg(state.agent)
        if customer is not None and agent is not None:
            await self._around.media.unbridge(state.session, customer.leg_id, agent.leg_id)

    # The destination

    @override
    async def on_ringing(self, leg: Leg, status: int, sdp: str | None) -> None:
        """The agent hears the ringing tone of a trunk."""
        state = self.state
        if state.phase is CallPhase.CONSULTING and await self.attempt_ringing(leg, sdp):
            await self.join_agent_to(leg)
        else:
            await super().on_ringing(leg, status, sdp)

    async def join_agent_to(self, leg: Leg) -> None:
        agent = self.leg(self.state.agent)
        if agent is not None:
            await self._around.media.bridge(self.state.session, agent.leg_id, leg.leg_id)
            await self._around.media.gate(self.state.session, agent.leg_id, Gate.OPEN)

    @override
    async def destination_reached(self, leg: Leg) -> None:
        state, third = self.state, self.state.third
        if third is None or state.transfer is not None:
            await super().destination_reached(leg)
            return
        third.leg, third.agent_id = leg.leg_id, leg.agent_id
        if leg.agent_id is not None:
            self._around.desk.occupy(leg.agent_id, state.call_id)
        await self.join_agent_to(leg)
        self.publish(
            ConsultAnswered(
                at=self._around.clock.now(),
                call_id=state.call_id,
                agent_id=state.agent_id,
                entry_id=third.to.entry_id,
                outside=third.to.outside,
            )
        )

    @override
    async def destination_unreached(self, status: int) -> None:
        if self.state.transfer is None and self.state.third is not None:
            await self.end_consultation(ConsultOutcome.UNREACHED)
        else:
            await super().destination_unreached(status)

    # What comes of it

    async def complete_transfer(self) -> Reply:
        """The caller goes to the person asked; while they are still rung, as soon as they answer."""
        state, third = self.state, self.state.third
        if state.phase is not CallPhase.CONSULTING or third is None:
            return _NOBODY_ASKED
        if self.leg(state.customer) is None:
            return _CALLER_GONE
        state.third = None
        self.consult_ended(third, ConsultOutcome.TRANSFERRED)
        leg = self.leg(third.leg)
        if leg is None:
            state.transfer = Transfer(to=third.to, agent_id=state.agent_id)
            state.phase = CallPhase.TRANSFERRING
            await self.part_audio()
        else:
            await self.hand_over(leg, third.to, how=TransferKind.ATTENDED, agent_id=state.agent_id)
        return Done(call_id=state.call_id)

    async def return_to_caller(self) -> Reply:
        if self.state.phase is not CallPhase.CONSULTING:
            return _NOBODY_ASKED
        if self.leg(self.state.customer) is None:
            await self.end(EndReason.CALLER_HUNG_UP)
        else:
            await self.end_consultation(ConsultOutcome.RETURNED)
        return Done(call_id=self.state.call_id)

    async def end_consultation(self, outcome: ConsultOutcome) -> None:
        """The destination is gone or sent away, and agent and caller have each other again."""
        third, self.state.third = self.state.third, None
        if third is None:
            return
        await self.part_from(third)
        self.consult_ended(third, outcome)
        await self.alone_again()

    async def part_from(self, third: Third) -> None:
        """Hang the third person up, or stop ringing them."""
        leg, agent = self.leg(third.leg), self.leg(self.state.agent)
        if agent is not None:
            await self._around.media.gate(self.state.session, agent.leg_id, Gate.SILENCE)
        if third.leg is None:
            await self.cancel_attempt()
        elif leg is not None:
            await self.drop_leg(leg)
        if third.agent_id is not None:
            self._around.desk.part(third.agent_id, self.state.call_id)

    def consult_ended(self, third: Third, outcome: ConsultOutcome) -> None:
        self.publish(
            ConsultEnded(
                at=self._around.clock.now(),
                call_id=self.state.call_id,
                agent_id=self.state.agent_id,
                entry_id=third.to.entry_id,
                outcome=outcome,
            )
        )

    # Somebody leaves

    @override
    async def hang_up_by_agent(self) -> Reply:
        """While asking, it is the person asked who is hung up; the caller is never lost by it."""
        if self.state.phase is CallPhase.CONSULTING:
            return await self.return_to_caller()
        return await super().hang_up_by_agent()

    @override
    async def on_leg_over(self, leg: Leg, cause: str) -> None:
        broken = cause in BROKEN
        if self.state.phase is not CallPhase.CONSULTING or not await self.left_consultation(leg, broken=broken):
            await super().on_leg_over(leg, cause)

    @override
    async def on_media_lost(self, leg: Leg) -> None:
        there = not leg.silent and self.state.phase is CallPhase.CONSULTING
        if not there or not await self.left_consultation(leg, broken=True):
            await super().on_media_lost(leg)

    async def left_consultation(self, leg: Leg, *, broken: bool) -> bool:
        """False: it is nobody's whose leaving means something special here."""
        state, third = self.state, self.state.third
        if third is None:
            return False
        if leg.leg_id == third.leg:
            await self.drop_leg(leg)
            if self.leg(state.customer) is None:
                await self.end(EndReason.CALLER_HUNG_UP)
            else:
                await self.end_consultation(ConsultOutcome.LEFT)
            return True
        if leg.leg_id == state.agent:
            await self._agent_left_consultation(leg, third, broken=broken)
            return True
        if leg.leg_id == state.customer:
            await self._caller_left_consultation(leg, third)
            return True
        return False

    async def _agent_left_consultation(self, leg: Leg, third: Third, *, broken: bool) -> None:
        """The person asked is let go, and somebody else must serve the caller."""
        state = self.state
        if self.leg(state.customer) is None:
            await self.end(EndReason.CALLER_HUNG_UP)
            return
        await self.drop_leg(leg)
        state.third = None
        await self.part_from(third)
        self.consult_ended(third, ConsultOutcome.AGENT_LEFT)
        if state.agent_id is not None:
            leave = self._around.desk.lose_agent if broken else self._around.desk.part
            leave(state.agent_id, state.call_id)
        state.agent = state.agent_id = None
        await self.recording.end_segment(StopReason.AGENT_LEFT)
        await self.serve_again()

    async def _caller_left_consultation(self, leg: Leg, third: Third) -> None:
        """Agent and destination may finish their sentence; the call ends with them."""
        state = self.state
        self.consult_ended(third, ConsultOutcome.CALLER_LEFT)
        if third.leg is None:
            await self.end(EndReason.CALLER_HUNG_UP)
            return
        await self.recording.stop(StopReason.HANG_UP)
        await self.stop_playing(leg)
        await self.drop_leg(leg)
        state.customer = None
