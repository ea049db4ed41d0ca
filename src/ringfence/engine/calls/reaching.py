"""Reaching a person or a number: candidate after candidate, until one answers or none is left."""

from typing_extensions import override

from ringfence.control.facts import OfferOutcome
from ringfence.engine.calls.call import Call
from ringfence.engine.calls.state import Attempt, Candidate, Leg, LegPhase
from ringfence.engine.errors import Rejected
from ringfence.engine.sip.api import Identity, Target, ToDevice, ToTrunk
from ringfence.kit.ids import LegId, new_id

_ROUTE_FAILED = frozenset({408, 488, 500, 502, 503, 504})
"""Answers that mean the trunk, not the person: the next one is tried."""
_PERSON_SAID_NO = frozenset({486, 600, 603})


class ReachingCall(Call):
    """A call that rings others. One attempt at a time."""

    async def reach(self, attempt: Attempt, *, seconds: float) -> None:
        """Ring ``attempt``'s candidates in turn; ``on_reached`` or ``on_unreached`` says what came of it."""
        self.state.attempt = attempt
        if attempt.offer_id is None:
            attempt.ringing = next((way.agent_id for way in attempt.candidates if way.agent_id is not None), None)
            if attempt.ringing is not None:
                self._around.desk.ring(attempt.ringing, self.state.call_id)
        self.set_timer("ring", seconds)
        await self._next_candidate(attempt)

    async def on_reached(self, attempt: Attempt, leg: Leg) -> None:
        """Somebody answered; their media is set up, and not bridged yet unless it was early."""
        raise NotImplementedError

    async def on_unreached(self, attempt: Attempt, status: int) -> None:
        """Nobody did; ``status`` is the last answer. All legs of the attempt are gone."""
        raise NotImplementedError

    async def give_up(self, *, status: int) -> None:
        """Stop ringing; ``on_unreached`` follows."""
        attempt = self.state.attempt
        if attempt is not None:
            await self.cancel_attempt()
            await self.on_unreached(attempt, status)

    async def cancel_attempt(self) -> None:
        """Stop ringing and forget it; nothing follows."""
        attempt = self.state.attempt
        self._attempt_over(attempt)
        leg = self.leg(attempt.leg) if attempt is not None else None
        if leg is not None:
            await self.drop_leg(leg)

    async def _next_candidate(self, attempt: Attempt) -> None:
        while attempt.tried < len(attempt.candidates):
            way = attempt.candidates[attempt.tried]
            attempt.tried += 1
            leg = Leg(
                leg_id=LegId(new_id()),
                role=attempt.role,
                kind=way.kind,
                device_id=way.device_id,
                trunk_id=way.trunk_id,
                agent_id=way.agent_id,
                user=way.user,
            )
            try:
                leg.local_sdp = await self._around.media.offer(
                    self.state.session, leg.leg_id, attempt.toward, self._around.outgoing_profile(way)
                )
            except Rejected:
                attempt.status = 488
                continue
            self.state.legs[leg.leg_id] = leg
            attempt.leg = leg.leg_id
            leg.dialog = self._home.invite(
                self,
                _target(way),
                sdp=leg.local_sdp,
                caller=Identity(number=attempt.caller_number, name=attempt.caller_name),
                headers=self.headers(attempt),
            )
            return
        self._attempt_over(attempt)
        await self.on_unreached(attempt, attempt.status)

    def headers(self, attempt: Attempt) -> dict[str, str]:
        """What the far device is told; never sent to a trunk."""
        way = attempt.candidates[attempt.tried - 1]
        return {"X-Ringfence-Call": self.state.call_id} if way.device_id is not None else {}

    async def attempt_ringing(self, leg: Leg, sdp: str | None) -> bool:
        """Note that somebody's telephone rings. True: early media of theirs is set up."""
        attempt = self.state.attempt
        if attempt is None or attempt.leg != leg.leg_id:
            return False
        attempt.rang = True
        if sdp is None or leg.early:
            return False
        try:
            await self._around.media.accept(self.state.session, leg.leg_id, sdp)
        except Rejected:
            return False
        leg.early = True
        return True

    @override
    async def on_answered(self, leg: Leg, sdp: str) -> None:
        attempt = self.state.attempt
        if attempt is None or attempt.leg != leg.leg_id:
            await self.drop_leg(leg)
            return
        try:
            accepted = await self._around.media.accept(self.state.session, leg.leg_id, sdp)
        except Rejected:
            attempt.status = 488
            await self.drop_leg(leg)
            await self._next_candidate(attempt)
            return
        self.state.attempt = None
        self.stop_timer("ring")
        peer = self.leg(attempt.toward)
        if accepted.peer_changed and accepted.peer_sdp is not None and peer is not None and peer.dialog is not None:
            peer.local_sdp = accepted.peer_sdp
            if peer.phase is LegPhase.UP:
                self._around.sip.reinvite(peer.dialog, sdp=accepted.peer_sdp)
        try:
            await self.on_reached(attempt, leg)
        finally:
            self._attempt_over(attempt)

    def _attempt_over(self, attempt: Attempt | None) -> None:
        """Nobody is rung for it any more; queues may ring them again, unless they answered."""
        if self.state.attempt is attempt:
            self.state.attempt = None
            self.stop_timer("ring")
        if attempt is not None and attempt.ringing is not None:
            self._around.desk.ring_over(attempt.ringing, self.state.call_id)

    @override
    async def on_rejected(self, leg: Leg, status: int) -> None:
        await self.forget_leg(leg)
        attempt = self.state.attempt
        if attempt is None or attempt.leg != leg.leg_id:
            return
        attempt.status = status
        if attempt.tried < len(attempt.candidates) and self._worth_another(leg, attempt, status):
            await self._next_candidate(attempt)
        else:
            self._attempt_over(attempt)
            await self.on_unreached(attempt, status)

    def _worth_another(self, leg: Leg, attempt: Attempt, status: int) -> bool:
        if leg.device_id is not None:
            return status not in _PERSON_SAID_NO
        return status in _ROUTE_FAILED and not attempt.rang


def _target(way: Candidate) -> Target:
    if way.device_id is not None:
        return ToDevice(device_id=way.device_id)
    if way.trunk_id is None or way.number is None:
        raise ValueError("A candidate names a device, or a trunk and a number.")
    return ToTrunk(trunk_id=way.trunk_id, number=way.number)


def offer_outcome(status: int) -> OfferOutcome:
    """What an agent's refusal means for the queue."""
    if status in _PERSON_SAID_NO:
        return OfferOutcome.DECLINED
    return OfferOutcome.MISSED if status == 408 else OfferOutcome.UNREACHABLE
