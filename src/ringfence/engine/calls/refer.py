"""Transfers asked for by a handset with REFER: blind, and attended with Replaces (RFC 3515, RFC 3891, RFC 5589).

The same rules hold as at the desk. Where the destination stands is found in the directory; what it does not know is
OUTSIDE, unless it is the extension of an agent's telephone. An attended transfer takes the far side of the handset's
other call into this one, without a word of SIP to it: its media moves, its dialog changes hands.

An INVITE with Replaces lets an agent go on with another telephone of their own, and nobody with anybody else's.
"""

from typing_extensions import override

from ringfence.control.directory import UserKind
from ringfence.control.facts import CallAnswered, StopReason
from ringfence.control.recording_rules import EntryClass, TransferKind
from ringfence.engine.calls.conference import ConferenceCall
from ringfence.engine.calls.dialling import Extension
from ringfence.engine.calls.messages import GiveLeg, LegGiven, LegRefused, Message, TakeOver
from ringfence.engine.calls.state import CallPhase, Destination, Leg, LegPhase, Role
from ringfence.engine.errors import Rejected
from ringfence.engine.media.port import Capability, Gate
from ringfence.engine.sip.api import ReferReceived, Replaces
from ringfence.kit.ids import DeviceId

_NOT_NOW = 603
_NO_SUCH_NUMBER = 404
_UNREACHABLE = 480
_NO_SUCH_CALL = 481


class ReferringCall(ConferenceCall):
    """A call that a telephone of its agent can transfer by itself."""

    @override
    async def on_refer(self, leg: Leg, event: ReferReceived) -> None:
        status = await self._refer(leg, event)
        if status is not None:
            self._around.sip.reject_refer(event.dialog, status=status)

    async def _refer(self, leg: Leg, event: ReferReceived) -> int | None:
        """None when it is on its way, otherwise why it is refused."""
        state = self.state
        if leg.leg_id != state.agent or leg.device_id is None or self.may_leave_caller() is not None:
            return _NOT_NOW
        if state.refer is not None:
            return _NOT_NOW
        if event.replaces is not None:
            return self._fetch(event, event.replaces, leg.device_id)
        to = self._dialled(event.target)
        if to is None:
            return _NO_SUCH_NUMBER
        ways = self.ways(event.target)
        if not ways:
            return _UNREACHABLE
        self._around.sip.accept_refer(event.dialog)
        state.refer = event.dialog
        await self.send_supervisor_away()
        await self.send_to(to, ways)
        return None

    def _dialled(self, target: str, device_id: DeviceId | None = None) -> Destination | None:
        """Where a dialled number or extension stands; None when it means nothing. Fails closed: OUTSIDE."""
        device = self._around.device(device_id) if device_id is not None else None
        means = Extension(device=device) if device is not None else self.meaning(target)
        if means is None:
            return None
        named = [
            entry
            for entry in self._around.directory.snapshot.entries
            if (not entry.clients or self.state.client in entry.clients) and self.meaning(entry.target) == means
        ]
        if named:
            return self.destination(min(named, key=lambda entry: entry.entry_class is not EntryClass.OUTSIDE))
        if isinstance(means, Extension):
            ours = means.device.kind is UserKind.AGENT
            return Destination(
                entry_class=EntryClass.CENTRE if ours else EntryClass.OUTSIDE, where=TransferKind.INTERNAL
            )
        return Destination(entry_class=EntryClass.OUTSIDE, where=TransferKind.EXTERNAL)

    def _fetch(self, event: ReferReceived, replaces: Replaces, device_id: DeviceId) -> int | None:
        """Ask the telephone's other call for its far side."""
        if Capability.MOVE not in self._around.media.capabilities():
            return _NOT_NOW
        dialog = self._around.sip.replaced(replaces)
        request = GiveLeg(dialog=dialog, device_id=device_id, to=self.state.call_id) if dialog is not None else None
        if request is None or dialog == event.dialog or not self._home.ask_for_leg(request):
            return _NO_SUCH_CALL
        self._around.sip.accept_refer(event.dialog)
        self.state.refer = event.dialog
        return None

    @override
    async def on_other_call(self, message: Message) -> None:
        match message:
            case LegGiven():
                await self._given(message)
            case LegRefused(status=status):
                self.tell_referrer(status)
            case TakeOver():
                if not await self._change_telephone(message):
                    await super().on_other_call(message)
            case _:
                await super().on_other_call(message)

    async def _given(self, given: LegGiven) -> None:
        leg, state = given.leg, self.state
        state.legs[leg.leg_id] = leg
        leg.role = Role.DESTINATION
        to = self._dialled(given.dialled, leg.device_id)
        if state.refer is None or state.phase not in (CallPhase.TALKING, CallPhase.HELD) or to is None:
            self.tell_referrer(_NOT_NOW)
            await self.turn_away(leg)
            return
        await self.hand_over(leg, to, how=TransferKind.ATTENDED, agent_id=state.agent_id)

    async def _change_telephone(self, wish: TakeOver) -> bool:
        """The agent goes on with another telephone of theirs; the caller hears no more than a moment of silence."""
        state, media, leg = self.state, self._around.media, wish.leg
        customer, old = self.leg(state.customer), self.leg(state.agent)
        if old is None or customer is None or old.dialog != wish.replaced or leg.dialog is None:
            return False
        if old.agent_id is None or leg.agent_id != old.agent_id or self.may_leave_caller() is not None:
            return False
        if leg.remote_sdp is None:
            return False
        try:
            leg.local_sdp = await media.anchor(state.session, leg.leg_id, leg.remote_sdp, wish.profile)
        except Rejected:
            return False
        await self.recording.end_segment(StopReason.TRANSFER_CENTRE)
        state.legs[leg.leg_id] = leg
        leg.phase = LegPhase.ANSWERED
        self._around.sip.answer(leg.dialog, sdp=leg.local_sdp)
        await media.gate(state.session, old.leg_id, Gate.DROP)
        await media.unbridge(state.session, customer.leg_id, old.leg_id)
        state.agent = leg.leg_id
        await self.drop_leg(old)
        await self.alone_again()
        self.publish(
            CallAnswered(
                at=self._around.clock.now(),
                call_id=state.call_id,
                leg_id=leg.leg_id,
                agent_id=leg.agent_id,
                device_id=leg.device_id,
            )
        )
        await self.recording.begin(customer, leg)
        return True

    @override
    async def on_ringing(self, leg: Leg, status: int, sdp: str | None) -> None:
        if self.state.refer is not None and self.state.transfer is not None:
            self._around.sip.notify_refer(self.state.refer, status=180, final=False)
        await super().on_ringing(leg, status, sdp)
