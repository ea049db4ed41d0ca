"""Two people talking: bridge, hold and retrieve, re-INVITEs, and the loss of one side."""

import logging

from typing_extensions import override

from ringfence.control.commands import Done, HangUpCall, HoldCall, Refused, Reply, RetrieveCall
from ringfence.control.facts import AgentState, CallAnswered, CallHeld, CallRetrieved, EndReason, SuppressionReason
from ringfence.engine.calls.messages import CallCommand, Elsewhere, Message
from ringfence.engine.calls.reaching import ReachingCall
from ringfence.engine.calls.state import CallPhase, HeldBy, Leg, LegPhase
from ringfence.engine.errors import Rejected
from ringfence.engine.media.port import Gate
from ringfence.engine.media.sdp import direction
from ringfence.kit.ids import ContentId

log = logging.getLogger(__name__)

BROKEN = frozenset({"flow_closed", "session_expired", "failed", "no_ack"})
"""Ends of a dialog that nobody chose."""

_PAUSES = frozenset({SuppressionReason.HOLD, SuppressionReason.CONSULT_OUTSIDE, SuppressionReason.RULE})
"""Reasons that hold and third persons bring; mask and payment are people's."""


class TalkingCall(ReachingCall):
    """A call in which ``state.customer`` and ``state.agent`` can talk."""

    async def begin_talking(self, answered: Leg) -> None:
        """Both hear each other from here on; the recorder is asked (R22)."""
        state = self.state
        customer, agent = self.leg(state.customer), self.leg(state.agent)
        if customer is None or agent is None:
            return
        await self.stop_playing(customer)
        await self._around.media.bridge(state.session, customer.leg_id, agent.leg_id)
        state.phase, state.talked, state.agent_id = CallPhase.TALKING, True, agent.agent_id
        self.publish(
            CallAnswered(
                at=self._around.clock.now(),
                call_id=state.call_id,
                leg_id=answered.leg_id,
                agent_id=answered.agent_id,
                device_id=answered.device_id,
            )
        )
        await self.recording.begin(customer, agent)

    # Commands

    @override
    async def on_command(self, command: CallCommand) -> Reply:
        if self.state.agent_id != command.agent_id:
            return Refused(code="not_your_call", message="This call is not with you any more.")
        match command:
            case HangUpCall():
                return await self.hang_up_by_agent()
            case HoldCall():
                if self.state.phase is not CallPhase.TALKING:
                    return Refused(code="not_talking", message="Only a call that you talk on can be held.")
                await self.hold(HeldBy.COMMAND)
            case RetrieveCall():
                if self.state.phase is not CallPhase.HELD:
                    return Refused(code="not_held", message="The call is not on hold.")
                if self.state.held_by is HeldBy.DEVICE:
                    return Refused(code="held_on_device", message="The telephone holds the call. Retrieve it there.")
                await self.retrieve()
            case _:
                return await self.on_transfer_command(command)
        return Done(call_id=self.state.call_id)

    async def hang_up_by_agent(self) -> Reply:
        await self.end(EndReason.TRANSFERRED_OUT if self.state.handed_over else EndReason.AGENT_HUNG_UP)
        return Done(call_id=self.state.call_id)

    async def on_transfer_command(self, command: CallCommand) -> Reply:  # noqa: ARG002 - for calls from callers
        """Everything about third persons."""
        return Refused(code="not_a_caller", message="Only calls from callers can be transferred.")

    # Hold

    async def hold(self, by: HeldBy) -> None:
        """The customer hears music, neither side hears the other, nothing is kept (R35)."""
        state = self.state
        await self.pause_for(self.pauses | {SuppressionReason.HOLD})
        await self.part_audio()
        state.phase, state.held_by = CallPhase.HELD, by
        self.turn(AgentState.HOLD)
        self.publish(CallHeld(at=self._around.clock.now(), call_id=state.call_id, agent_id=state.agent_id))

    async def retrieve(self) -> None:
        """Both talk again; what is said is kept again, if nothing else suppresses it."""
        state = self.state
        await self.join_audio()
        await self.pause_for(self.pauses - {SuppressionReason.HOLD})
        state.phase, state.held_by = CallPhase.TALKING, None
        self.turn(AgentState.TALKING)
        self.publish(CallRetrieved(at=self._around.clock.now(), call_id=state.call_id, agent_id=state.agent_id))

    @property
    def pauses(self) -> frozenset[SuppressionReason]:
        """What hold and third persons suppress."""
        return self.state.pausing

    async def pause_for(self, reasons: frozenset[SuppressionReason]) -> None:
        """Suppress the recording for exactly ``reasons``; what comes comes before what goes.

        A telephone with a second call can join the two by itself, unheard by us: somebody in this call who has one
        counts as a consultation outside.
        """
        state = self.state
        state.pausing = reasons
        if state.elsewhere.intersection(leg.agent_id for leg in state.legs.values() if leg.agent_id is not None):
            reasons |= {SuppressionReason.CONSULT_OUTSIDE}
        before = _PAUSES.intersection(state.keeping.suppressed)
        for reason in SuppressionReason:
            if reason in reasons - before:
                await self.recording.suppress(reason)
        for reason in SuppressionReason:
            if reason in before - reasons:
                await self.recording.resume(reason)

    @override
    async def on_other_call(self, message: Message) -> None:
        if isinstance(message, Elsewhere):
            if message.busy:
                self.state.elsewhere.add(message.agent_id)
            else:
                self.state.elsewhere.discard(message.agent_id)
            await self.pause_for(self.state.pausing)
        else:
            await super().on_other_call(message)

    def turn(self, state: AgentState) -> None:
        """What the agent of this call does now."""
        if self.state.agent_id is not None:
            self._around.desk.turn(self.state.agent_id, self.state.call_id, state)

    async def part_audio(self) -> None:
        """Neither side hears the other; the customer hears music where there is some."""
        for leg in (self.leg(self.state.agent), self.leg(self.state.customer)):
            if leg is not None:
                await self._around.media.gate(self.state.session, leg.leg_id, Gate.SILENCE)
        customer, music = self.leg(self.state.customer), self.music()
        if customer is not None and music is not None and self.state.playing != music:
            await self.play(customer, music, loop=True)

    async def join_audio(self) -> None:
        customer = self.leg(self.state.customer)
        if customer is not None:
            await self.stop_playing(customer)
        for leg in (self.leg(self.state.agent), customer):
            if leg is not None:
                await self._around.media.gate(self.state.session, leg.leg_id, Gate.OPEN)

    def music(self) -> ContentId | None:
        """The queue's music, or any of the client's."""
        queues = self._around.directory.snapshot.queues
        own = [entry.music for entry in queues if entry.queue_id == self.state.queue_id]
        return next((m for m in own if m), None) or next(
            (entry.music for entry in queues if entry.client == self.state.client and entry.music), None
        )

    # Re-INVITE

    @override
    async def on_reinvite(self, leg: Leg, sdp: str | None) -> None:
        if leg.dialog is None:
            return
        try:
            answer = await self._around.media.renegotiate(self.state.session, leg.leg_id, sdp)
        except Rejected:
            self._around.sip.reject_reinvite(leg.dialog)
            return
        leg.local_sdp, leg.offering = answer, sdp is None
        if sdp is not None:
            leg.remote_sdp = sdp
            await self._follow_direction(leg, sdp)
        self._around.sip.accept_reinvite(leg.dialog, sdp=answer)

    async def _follow_direction(self, leg: Leg, sdp: str) -> None:
        """The agent's telephone holds and retrieves by the direction it offers (RFC 3264 section 8.4)."""
        try:
            offered = direction(sdp)
        except ValueError:
            return
        leg.silent, leg.holds = not offered.sends, not (offered.sends and offered.receives)
        if leg.leg_id != self.state.agent or leg.phase not in (LegPhase.UP, LegPhase.ANSWERED):
            return
        if leg.holds and self.state.phase is CallPhase.TALKING:
            await self.hold(HeldBy.DEVICE)
        elif not leg.holds and self.state.phase is CallPhase.HELD and self.state.held_by is HeldBy.DEVICE:
            await self.retrieve()

    # Loss

    @override
    async def on_media_lost(self, leg: Leg) -> None:
        """Dead media ends the call, but not that of a telephone that has us on hold, or only rings."""
        if leg.leg_id not in (self.state.agent, self.state.customer):
            return
        if leg.silent:
            return
        if leg.leg_id == self.state.agent and await self.save_caller():
            return
        await self.end(EndReason.MEDIA_LOST)

    @override
    async def on_leg_over(self, leg: Leg, cause: str) -> None:
        if leg.leg_id == self.state.agent and cause in BROKEN and await self.save_caller():
            return
        broken = cause in BROKEN and self.state.talked
        await self.end(EndReason.MEDIA_LOST if broken else self.ended_by(leg))

    async def save_caller(self) -> bool:
        """The agent's connection broke. True: the caller is kept and served again; only queues can do that."""
        return False
