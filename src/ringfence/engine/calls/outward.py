"""Calls that people place: from a device directly, or by the desk, which rings the agent's own device first."""

from typing_extensions import override

from ringfence.control.facts import AlarmRaised, CallArrived, EndReason
from ringfence.engine.calls.around import Around, Home
from ringfence.engine.calls.dialling import Emergency, Extension, Meaning, Outside, OwnNumber, shown_number
from ringfence.engine.calls.messages import GiveLeg, LegGiven, LegRefused, Message
from ringfence.engine.calls.state import Attempt, CallPhase, CallState, Candidate, Leg, LegPhase, Role
from ringfence.engine.calls.talking import TalkingCall
from ringfence.engine.errors import MediaError, Rejected
from ringfence.engine.media.port import LegProfile


def end_reason(status: int) -> EndReason:
    """Why a dialled call came to nothing."""
    if status in (486, 600):
        return EndReason.BUSY
    if status in (408, 480, 487):
        return EndReason.NO_ANSWER
    return EndReason.FAILED if 500 <= status < 600 else EndReason.REJECTED


class OutwardCall(TalkingCall):
    """What both kinds share: where the dialled string leads, and what an unanswered call ends with."""

    def __init__(self, state: CallState, around: Around, home: Home, *, target: Meaning) -> None:
        super().__init__(state, around, home)
        self._target = target

    def ways(self) -> tuple[Candidate, ...]:
        match self._target:
            case Emergency(number=number):
                return self._around.ways_outside(number, urgent=True)
            case Extension(device=device):
                return self._around.ways_to_extension(device)
            case Outside(number=number):
                return self._around.ways_outside(number)
            case OwnNumber(entry=entry):
                return self._around.ways_outside(entry.number)

    def announce_arrival(self, origin: Leg | None) -> None:
        state = self.state
        state.phase = CallPhase.RINGING
        self.publish(
            CallArrived(
                at=state.arrived_at,
                call_id=state.call_id,
                direction=state.direction,
                client=state.client,
                dialled=state.dialled,
                caller_number=state.caller_number,
                device_id=origin.device_id if origin else None,
                agent_id=state.agent_id,
            )
        )

    async def dial(self, toward: Leg) -> None:
        """Ring the dialled person or number; without any way to them, end with the status that says why."""
        ways = self.ways()
        if not ways:
            await self._no_way()
            return
        extension = isinstance(self._target, Extension)
        shown = self.state.caller_number
        if not extension:
            shown = shown_number(
                self._around.directory.snapshot, client=self.state.client, agent_id=self.state.agent_id
            )
        await self.reach(
            Attempt(role=Role.DESTINATION, candidates=ways, toward=toward.leg_id, caller_number=shown),
            seconds=self._around.config.ring_seconds if extension else self._around.config.dial_seconds,
        )

    async def _no_way(self) -> None:
        if isinstance(self._target, Extension):
            await self.end(EndReason.NO_ANSWER, status=480)
            return
        code = "emergency_call_failed" if isinstance(self._target, Emergency) else "no_trunk"
        self.publish(
            AlarmRaised(
                at=self._around.clock.now(),
                code=code,
                detail="No trunk is up for an outgoing call. Check the carrier's accounts.",
            )
        )
        await self.end(EndReason.FAILED, status=503)

    @override
    async def on_unreached(self, attempt: Attempt, status: int) -> None:
        if isinstance(self._target, Emergency) and attempt.role is Role.DESTINATION and 500 <= status < 600:
            await self._no_way()
            return
        await self.end(end_reason(status), status=status)

    @override
    async def on_timer(self, name: str) -> None:
        match name:
            case "ring":
                await self.give_up(status=408)
            case "prompt":
                await self.prompt_is_late()

    @override
    async def on_other_call(self, message: Message) -> None:
        if isinstance(message, GiveLeg):
            status = await self._give(message)
            if status is not None:
                self._home.tell(message.to, LegRefused(status=status))
        else:
            await super().on_other_call(message)

    async def _give(self, request: GiveLeg) -> int | None:
        """Hand the far side over to the call that the telephone also has. None: done, and this call is over."""
        state, media = self.state, self._around.media
        ends = [leg for leg in (self.leg(state.customer), self.leg(state.agent)) if leg is not None]
        far = next((leg for leg in ends if leg.dialog != request.dialog), None)
        asks = next((leg for leg in ends if leg.dialog == request.dialog), None)
        if asks is None or asks.device_id != request.device_id:
            return 481
        if far is None or far.phase is not LegPhase.UP or state.phase not in (CallPhase.TALKING, CallPhase.HELD):
            return 603
        session = self._home.session_of(request.to)
        if session is None:
            return 481
        device = self._around.device(far.device_id) if far.device_id is not None else None
        dialled = (device.extension or "") if device is not None else state.dialled
        await media.move(state.session, far.leg_id, session)
        del state.legs[far.leg_id]
        state.customer = state.customer if state.customer != far.leg_id else None
        state.agent = state.agent if state.agent != far.leg_id else None
        if far.agent_id is not None:
            self._around.desk.move(far.agent_id, state.call_id, request.to)
        if far.dialog is not None and self._home.give_leg(LegGiven(leg=far, dialled=dialled), request.to):
            for message in self.messages_of(far.dialog):
                self._home.tell(request.to, message)
        else:
            await media.release_leg(session, far.leg_id)
            if far.dialog is not None:
                self._around.sip.hang_up(far.dialog)
            if far.agent_id is not None:
                self._around.desk.part(far.agent_id, request.to)
        await self.end(EndReason.MERGED)
        return None


class DirectCall(OutwardCall):
    """A device dials. It hears what the far side sends as soon as there is any."""

    def __init__(self, state: CallState, around: Around, home: Home, *, target: Meaning, profile: LegProfile) -> None:
        super().__init__(state, around, home, target=target)
        self._profile = profile

    @override
    async def start(self) -> None:
        origin = self.leg(self.state.agent)
        self.announce_arrival(origin)
        if origin is None:
            return
        try:
            if origin.remote_sdp is not None:
                origin.local_sdp = await self._around.media.anchor(
                    self.state.session, origin.leg_id, origin.remote_sdp, self._profile
                )
            else:
                kinds = sorted(self._profile.kinds, key=("webrtc", "srtp", "rtp").index)[:1]
                origin.local_sdp = await self._around.media.offer(
                    self.state.session, origin.leg_id, None, LegProfile(kinds=frozenset(kinds))
                )
                origin.offering = True
        except Rejected:
            await self.end(EndReason.REJECTED, status=488)
            return
        except MediaError:
            await self.end(EndReason.FAILED, status=503)
            return
        if self.state.agent_id is not None:
            self._around.desk.occupy(self.state.agent_id, self.state.call_id)
        await self.dial(origin)

    @override
    async def on_ringing(self, leg: Leg, status: int, sdp: str | None) -> None:
        origin = self.leg(self.state.agent)
        if origin is None or origin.dialog is None:
            return
        if await self.attempt_ringing(leg, sdp) and not origin.offering:
            await self._around.media.bridge(self.state.session, origin.leg_id, leg.leg_id)
            self._around.sip.ring(origin.dialog, status=183, sdp=origin.local_sdp)
        elif status == 180 and not leg.early:
            self._around.sip.ring(origin.dialog)

    @override
    async def on_reached(self, attempt: Attempt, leg: Leg) -> None:
        origin = self.leg(self.state.agent)
        if origin is None or origin.dialog is None or origin.local_sdp is None:
            await self.drop_leg(leg)
            return
        origin.phase = LegPhase.ANSWERED
        self._around.sip.answer(origin.dialog, sdp=origin.local_sdp)
        self.state.customer = leg.leg_id
        if leg.agent_id is not None:
            self._around.desk.occupy(leg.agent_id, self.state.call_id)
        await self.begin_talking(leg)


class PlacedCall(OutwardCall):
    """The desk places a call: the agent's device first, then the number."""

    @override
    async def start(self) -> None:
        state = self.state
        self.announce_arrival(None)
        if state.agent_id is None:
            await self.end(EndReason.FAILED)
            return
        self._around.desk.occupy(state.agent_id, state.call_id)
        await self.reach(
            Attempt(
                role=Role.AGENT,
                candidates=self._around.ways_to_agent(state.agent_id),
                toward=None,
                caller_number=state.dialled,
            ),
            seconds=self._around.config.ring_seconds,
        )

    @override
    def headers(self, attempt: Attempt) -> dict[str, str]:
        made = super().headers(attempt)
        if attempt.role is Role.AGENT:
            made["X-Ringfence-Placed"] = "yes"
        return made

    @override
    async def on_ringing(self, leg: Leg, status: int, sdp: str | None) -> None:
        agent = self.leg(self.state.agent)
        if agent is not None and await self.attempt_ringing(leg, sdp):
            await self._around.media.bridge(self.state.session, agent.leg_id, leg.leg_id)

    @override
    async def on_reached(self, attempt: Attempt, leg: Leg) -> None:
        if attempt.role is Role.AGENT:
            self.state.agent, self.state.phase = leg.leg_id, CallPhase.RINGING
            await self.dial(leg)
            return
        self.state.customer = leg.leg_id
        if leg.agent_id is not None:
            self._around.desk.occupy(leg.agent_id, self.state.call_id)
        await self.begin_talking(leg)
