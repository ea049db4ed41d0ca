"""Three people in one call: the person asked, or a supervisor who joins; and what happens when one of them leaves.

A conference with somebody OUTSIDE is never kept (C5). Inside the centre the client's rules decide. Whoever is in it is
heard by all and seen by all: there is no silent listening here.
"""

from typing_extensions import override

from ringfence.control.commands import (
    Done,
    DropFromConference,
    HangUpCall,
    JoinCall,
    LeaveConference,
    MakeConference,
    Refused,
    Reply,
)
from ringfence.control.directory import UserKind
from ringfence.control.facts import (
    AgentState,
    ConferenceStarted,
    ConsultOutcome,
    EndReason,
    PartyJoined,
    PartyLeft,
    StopReason,
    SuppressionReason,
)
from ringfence.control.recording_rules import EntryClass, RecordingEffect, TransferKind, while_three_talk
from ringfence.engine.calls.consult import ConsultingCall
from ringfence.engine.calls.messages import CallCommand
from ringfence.engine.calls.state import Attempt, CallPhase, Destination, Leg, Role, Third
from ringfence.engine.calls.talking import BROKEN
from ringfence.engine.media.port import Capability, Gate
from ringfence.kit.ids import AgentId, LegId

_NO_CONFERENCE = Refused(code="not_in_conference", message="This call is no three-way call.")


class ConferenceCall(ConsultingCall):
    """A call in which three can talk."""

    @override
    async def on_command(self, command: CallCommand) -> Reply:
        if isinstance(command, JoinCall):
            return await self.join(command)
        third = self.state.third
        visitor = third is not None and third.agent_id == command.agent_id != self.state.agent_id
        if visitor and third is not None and isinstance(command, LeaveConference | HangUpCall):
            await self._visitor_leaves(third)
            return Done(call_id=self.state.call_id)
        return await super().on_command(command)

    async def _visitor_leaves(self, third: Third) -> None:
        """Somebody of ours who was asked, or joined, hangs up at their desk."""
        leg = self.leg(third.leg)
        if self.state.phase is not CallPhase.CONSULTING or leg is None:
            await self.third_leaves(third)
        else:
            await self.left_consultation(leg, broken=False)

    @override
    async def on_transfer_command(self, command: CallCommand) -> Reply:
        match command:
            case MakeConference():
                return await self.make_conference()
            case LeaveConference():
                return await self.leave_conference()
            case DropFromConference():
                return await self.drop_from_conference(command)
            case _:
                return await super().on_transfer_command(command)

    # Three talk

    async def make_conference(self) -> Reply:
        """Caller, agent and the person asked hear each other."""
        state, third = self.state, self.state.third
        if state.phase is not CallPhase.CONSULTING or third is None or self.leg(third.leg) is None:
            return Refused(code="not_consulting", message="Wait until the person you ask has answered.")
        if self.leg(state.customer) is None:
            return Refused(code="caller_gone", message="The caller has hung up.")
        if Capability.MIX not in self._around.media.capabilities():
            return Refused(code="no_mixing", message="This installation cannot make three-way calls.")
        self.consult_ended(third, ConsultOutcome.CONFERENCE)
        await self._three_talk(third)
        return Done(call_id=state.call_id)

    async def _three_talk(self, third: Third) -> None:
        state = self.state
        legs = tuple(leg for leg in map(self.leg, (state.customer, state.agent, third.leg)) if leg is not None)
        if len(legs) < 3:
            return
        customer, _, other = legs
        effect = while_three_talk(self.rules(), third.to.where, third.to.entry_class)
        if effect is RecordingEffect.STOP:
            await self.stop_recording(outside=third.to.outside)
        # Who may not be recorded alone is not recorded among three either (R8).
        kept = effect is RecordingEffect.CONTINUE and other.user is UserKind.AGENT
        pause = SuppressionReason.CONSULT_OUTSIDE if third.to.outside else SuppressionReason.RULE
        if not kept:
            await self.pause_for(self.pauses | {pause})
        await self.stop_playing(customer)
        for leg in legs:
            await self._around.media.gate(state.session, leg.leg_id, Gate.OPEN)
        await self._around.media.mix(state.session, tuple(leg.leg_id for leg in legs))
        if kept:
            await self.recording.hear(other)
        state.phase, state.held_by = CallPhase.CONFERENCE, None
        self.turn(AgentState.CONFERENCE)
        if third.agent_id is not None:
            self._around.desk.occupy(third.agent_id, state.call_id)
            self._around.desk.turn(third.agent_id, state.call_id, AgentState.CONFERENCE)
        await self.pause_for(frozenset() if kept else frozenset({pause}))
        at = self._around.clock.now()
        self.publish(
            ConferenceStarted(
                at=at,
                call_id=state.call_id,
                agent_id=state.agent_id,
                entry_id=third.to.entry_id,
                outside=third.to.outside,
            )
        )
        self.publish(
            PartyJoined(
                at=at,
                call_id=state.call_id,
                leg_id=other.leg_id,
                role=third.role.value,
                agent_id=third.agent_id,
                entry_id=third.to.entry_id,
            )
        )

    # A supervisor joins

    async def join(self, command: JoinCall) -> Reply:
        """Ring the supervisor's own telephone; they are heard as soon as they answer."""
        state = self.state
        if state.phase is not CallPhase.TALKING or self.leg(state.customer) is None or state.agent_id is None:
            return Refused(code="not_talking", message="Only a call in which an agent talks to a caller can be joined.")
        if state.third is not None:
            return Refused(code="joined_already", message="Somebody joins this call already.")
        if command.agent_id == state.agent_id:
            return Refused(code="own_call", message="This is your own call.")
        if Capability.MIX not in self._around.media.capabilities():
            return Refused(code="no_mixing", message="This installation cannot make three-way calls.")
        ways = self._around.ways_to_agent(command.agent_id)
        if not ways:
            return Refused(code="no_device", message="None of your telephones is connected.")
        inside = Destination(entry_class=EntryClass.CENTRE, where=TransferKind.INTERNAL)
        state.third = Third(to=inside, role=Role.SUPERVISOR, agent_id=command.agent_id)
        await self.reach(
            Attempt(role=Role.SUPERVISOR, candidates=ways, toward=state.customer, caller_number=self.shown(ways)),
            seconds=self._around.config.ring_seconds,
        )
        return Done(call_id=state.call_id)

    @override
    def headers(self, attempt: Attempt) -> dict[str, str]:
        made = super().headers(attempt)
        if attempt.role is Role.SUPERVISOR:
            made["X-Ringfence-Placed"] = "yes"
        return made

    @override
    async def send_supervisor_away(self) -> None:
        third = self.state.third
        if third is not None and third.role is Role.SUPERVISOR and third.leg is None:
            self.state.third = None
            await self.cancel_attempt()

    @override
    async def destination_reached(self, leg: Leg) -> None:
        state, third = self.state, self.state.third
        if leg.role is not Role.SUPERVISOR:
            await super().destination_reached(leg)
            return
        if third is None or state.phase is not CallPhase.TALKING:
            state.third = None
            await self.drop_leg(leg)
            return
        third.leg = leg.leg_id
        await self._three_talk(third)

    @override
    async def destination_unreached(self, status: int) -> None:
        third = self.state.third
        if third is not None and third.role is Role.SUPERVISOR:
            self.state.third = None
        else:
            await super().destination_unreached(status)

    # Somebody leaves

    async def leave_conference(self) -> Reply:
        """The agent leaves and the others stay: a transfer."""
        state, third = self.state, self.state.third
        leg = self.leg(third.leg) if third is not None else None
        if state.phase is not CallPhase.CONFERENCE or third is None or leg is None:
            return _NO_CONFERENCE
        state.third = None
        await self.hand_over(leg, third.to, how=TransferKind.CONFERENCE, agent_id=state.agent_id)
        return Done(call_id=state.call_id)

    async def drop_from_conference(self, command: DropFromConference) -> Reply:
        third = self.state.third
        if self.state.phase is not CallPhase.CONFERENCE or third is None:
            return _NO_CONFERENCE
        if command.role != third.role.value:
            return Refused(code="nobody_of_that_role", message="Nobody of that kind is in this three-way call.")
        await self.third_leaves(third)
        return Done(call_id=self.state.call_id)

    async def third_leaves(self, third: Third) -> None:
        """Agent and caller are alone again."""
        self.state.third = None
        if third.leg is None:
            await self.cancel_attempt()
            return
        await self.recording.hear(None)
        await self.part_from(third)
        self._left(third.leg, third.role, third.agent_id, third)
        await self.alone_again()

    def _left(self, leg_id: LegId, role: Role, agent_id: AgentId | None, third: Third | None) -> None:
        self.publish(
            PartyLeft(
                at=self._around.clock.now(),
                call_id=self.state.call_id,
                leg_id=leg_id,
                role=role.value,
                agent_id=agent_id,
                entry_id=third.to.entry_id if third is not None else None,
            )
        )

    @override
    async def hang_up_by_agent(self) -> Reply:
        if self.state.phase is CallPhase.CONFERENCE:
            return await self.leave_conference()
        return await super().hang_up_by_agent()

    @override
    async def on_leg_over(self, leg: Leg, cause: str) -> None:
        broken = cause in BROKEN
        if self.state.phase is not CallPhase.CONFERENCE or not await self._left_conference(leg, broken=broken):
            await super().on_leg_over(leg, cause)

    @override
    async def on_media_lost(self, leg: Leg) -> None:
        there = not leg.silent and self.state.phase is CallPhase.CONFERENCE
        if not there or not await self._left_conference(leg, broken=True):
            await super().on_media_lost(leg)

    async def _left_conference(self, leg: Leg, *, broken: bool) -> bool:
        """False: it is nobody's whose leaving means something special here."""
        state, third = self.state, self.state.third
        if third is None or leg.leg_id not in (third.leg, state.agent, state.customer):
            return False
        await self.drop_leg(leg)
        if leg.leg_id == third.leg:
            await self.third_leaves(third)
        elif leg.leg_id == state.agent:
            if broken and state.agent_id is not None:
                self._around.desk.lose_agent(state.agent_id, state.call_id)
            await self.leave_conference()
        else:
            await self._caller_left_conference(leg, third)
        return True

    async def _caller_left_conference(self, leg: Leg, third: Third) -> None:
        """The others may finish their sentence; the call ends with them."""
        state = self.state
        if third.role is Role.SUPERVISOR:
            await self.end(EndReason.CALLER_HUNG_UP)
            return
        await self.recording.stop(StopReason.HANG_UP)
        self._left(leg.leg_id, leg.role, None, None)
        state.customer, state.phase = None, CallPhase.CONSULTING
        self.turn(AgentState.CONSULT)
        other = self.leg(third.leg)
        if other is not None:
            await self.join_agent_to(other)
