"""The call table: which call every SIP, media and queue event belongs to, who may start one, and what is going on."""

import asyncio
import logging
from collections.abc import Mapping

from ringfence.control.commands import ClosePayment, Done, LiveCall, PlaceCall, Refused, Reply, StartKeypad, StopKeypad
from ringfence.control.directory import DeviceEntry, DirectorySnapshot
from ringfence.control.facts import (
    AlarmRaised,
    DeviceRegistered,
    DeviceUnregistered,
    Direction,
    EndReason,
    TrunkChanged,
)
from ringfence.engine.calls.around import Around, CallActor
from ringfence.engine.calls.call import Call
from ringfence.engine.calls.dialling import (
    Emergency,
    Extension,
    OwnNumber,
    e164,
    emergency,
    meaning,
    own_number,
)
from ringfence.engine.calls.inbound import InboundCall
from ringfence.engine.calls.messages import (
    CallCommand,
    Commanded,
    EndNow,
    GiveLeg,
    LegGiven,
    Message,
    RecordingCommand,
    Started,
    TakeOver,
)
from ringfence.engine.calls.outward import DirectCall, PlacedCall
from ringfence.engine.calls.state import CallState, Leg, Role
from ringfence.engine.media.port import EngineLost, LegKind, MediaEvent
from ringfence.engine.recorder import SEGMENT_ENDS
from ringfence.engine.sip.api import (
    Cancelled,
    DeviceBound,
    DeviceSource,
    DeviceUnbound,
    DialogEnded,
    DialogId,
    Identity,
    IncomingInvite,
    InviteRejected,
    Replaces,
    SipEvent,
    Target,
    TrunkSource,
    TrunkStatus,
)
from ringfence.kit.ids import AgentId, CallId, DeviceId, LegId, SessionId, TrunkId, new_id
from ringfence.kit.tasks import TaskOwner

log = logging.getLogger(__name__)

_CLOSING = (Cancelled, DialogEnded, InviteRejected)
_QUIET_SECONDS = 60.0
"""One alarm about refused calls a minute."""


class CallTable:
    """Owns every call and its task."""

    def __init__(self, around: Around, tasks: TaskOwner) -> None:
        self._around = around
        self._tasks = tasks
        self._calls: dict[CallId, Call] = {}
        self._sessions: dict[SessionId, Call] = {}
        self._dialogs: dict[DialogId, CallActor] = {}
        self._early: dict[DialogId, list[SipEvent]] | None = None
        """While ``sip.invite`` runs: events of dialogs whose id we do not know yet."""
        self._empty = asyncio.Event()
        self._empty.set()
        self._alarmed_at: float | None = None
        self.refusing = False
        """True from the start of a shutdown: new calls get 503."""
        self.trunk_details: dict[TrunkId, str] = {}
        """What each trunk last said of itself."""
        self.refused = 0
        """Calls turned away because of load, shutdown or a missing directory."""
        around.desk.connect(self._deliver, self._device_of)

    def __len__(self) -> int:
        return len(self._calls)

    # Home

    def invite(
        self, owner: CallActor, target: Target, *, sdp: str, caller: Identity, headers: Mapping[str, str] | None = None
    ) -> DialogId:
        self._early = {}
        dialog = self._around.sip.invite(target, sdp=sdp, caller=caller, headers=headers)
        early, self._early = self._early, None
        self._dialogs[dialog] = owner
        for event in early.get(dialog, ()):
            self.on_sip(event)
        return dialog

    def forget(self, call_id: CallId) -> None:
        call = self._calls.pop(call_id, None)
        if call is not None:
            self._sessions.pop(call.state.session, None)
        if not self._calls:
            self._empty.set()

    def tell(self, call_id: CallId, message: Message) -> None:
        self._deliver(call_id, message)

    def ask_for_leg(self, request: GiveLeg) -> bool:
        owner = self._dialogs.get(request.dialog)
        if owner is not None:
            owner.post(request)
        return owner is not None

    def session_of(self, call_id: CallId) -> SessionId | None:
        call = self._calls.get(call_id)
        return call.state.session if call is not None and not call.over else None

    def give_leg(self, given: LegGiven, to: CallId) -> bool:
        call = self._calls.get(to)
        if call is None or call.over or given.leg.dialog is None:
            return False
        self._dialogs[given.leg.dialog] = call
        call.post(given)
        return True

    # Events in

    def on_sip(self, event: SipEvent) -> None:
        """The SIP room's listener."""
        match event:
            case IncomingInvite():
                self._incoming(event)
            case DeviceBound() | DeviceUnbound():
                self._device_changed(event)
            case TrunkStatus():
                self.trunk_details[event.trunk_id] = event.detail
                self._around.facts.publish(
                    TrunkChanged(at=self._around.clock.now(), trunk_id=event.trunk_id, up=event.up, detail=event.detail)
                )
            case _:
                dialog: DialogId | None = getattr(event, "dialog", None)
                if dialog is None:
                    return
                owner = self._dialogs.get(dialog)
                if owner is None:
                    if self._early is not None:
                        self._early.setdefault(dialog, []).append(event)
                    return
                if isinstance(event, _CLOSING):
                    del self._dialogs[dialog]
                owner.post(event)

    async def follow_media(self) -> None:
        """Hand media events to their calls, until cancelled."""
        async for event in self._around.media.events():
            self.on_media(event)

    def on_media(self, event: MediaEvent) -> None:
        """One event of the media engine."""
        if isinstance(event, EngineLost):
            for call in list(self._calls.values()):
                call.post(event)
            return
        session: SessionId | None = getattr(event, "session", None)
        owner = self._sessions.get(session) if session is not None else None
        if owner is not None:
            owner.post(event)

    def directory_changed(self, snapshot: DirectorySnapshot) -> None:
        """Agents and queues first, then who of them can be reached."""
        self._around.desk.load(snapshot)
        bound = {
            device.agent_id
            for device in snapshot.devices
            if device.agent_id is not None and self._around.sip.binding(device.device_id) is not None
        }
        for agent in snapshot.agents:
            self._around.desk.set_reachable(agent.agent_id, reachable=agent.agent_id in bound)

    def _device_changed(self, event: DeviceBound | DeviceUnbound) -> None:
        at = self._around.clock.now()
        if isinstance(event, DeviceBound):
            self._around.facts.publish(DeviceRegistered(at=at, device_id=event.device_id, transport=event.transport))
        else:
            self._around.facts.publish(DeviceUnregistered(at=at, device_id=event.device_id, cause=event.cause))
        device = self._around.device(event.device_id)
        if device is not None and device.agent_id is not None:
            self._check_reachable(device.agent_id)

    def _check_reachable(self, agent_id: AgentId) -> None:
        self._around.desk.set_reachable(agent_id, reachable=bool(self._around.devices_of(agent_id)))

    def _deliver(self, call_id: CallId, message: Message) -> None:
        call = self._calls.get(call_id)
        if call is not None:
            call.post(message)

    def _device_of(self, agent_id: AgentId) -> DeviceId | None:
        return next((device.device_id for device in self._around.devices_of(agent_id)), None)

    # New calls

    def _incoming(self, invite: IncomingInvite) -> None:
        if invite.replaces is not None:
            self._take_over(invite, invite.replaces)
            return
        urgent = isinstance(invite.source, DeviceSource) and emergency(invite.called) is not None
        if not urgent and (self.refusing or not self._room() or self._around.directory.snapshot.version == 0):
            self.refused += 1
            self._around.sip.hang_up(invite.dialog, status=503)
            return
        if isinstance(invite.source, TrunkSource):
            made = self._from_trunk(invite, invite.source)
        else:
            made = self._from_device(invite, invite.source)
        if made is None:
            log.info("a call to an unknown number was refused")
            self._around.sip.hang_up(invite.dialog, status=404)
            return
        self._dialogs[invite.dialog] = made
        self._begin(made)

    def _take_over(self, invite: IncomingInvite, replaces: Replaces) -> None:
        """A telephone calls to be in a running call in place of another one (RFC 3891)."""
        replaced = self._around.sip.replaced(replaces)
        owner = self._dialogs.get(replaced) if replaced is not None else None
        device = self._around.device(invite.source.device_id) if isinstance(invite.source, DeviceSource) else None
        if replaced is None or owner is None or device is None:
            self._around.sip.hang_up(invite.dialog, status=481)
            return
        leg = _device_leg(invite, device, Role.AGENT)
        self._dialogs[invite.dialog] = owner
        owner.post(TakeOver(leg=leg, replaced=replaced, profile=self._around.incoming_profile(invite.source)))

    def _room(self) -> bool:
        if len(self._calls) < self._around.config.max_calls:
            return True
        now = self._around.clock.monotonic()
        if self._alarmed_at is None or now - self._alarmed_at > _QUIET_SECONDS:
            self._alarmed_at = now
            self._around.facts.publish(
                AlarmRaised(
                    at=self._around.clock.now(),
                    code="calls_refused",
                    detail=f"All {self._around.config.max_calls} places for calls are taken; new ones are refused.",
                )
            )
        return False

    def _begin(self, call: Call) -> None:
        self._calls[call.state.call_id] = call
        self._sessions[call.state.session] = call
        self._empty.clear()
        call.post(Started())
        call.task = self._tasks.start(f"call {call.state.call_id}", call.run())

    def _from_trunk(self, invite: IncomingInvite, source: TrunkSource) -> Call | None:
        region = self._around.config.region
        entry = own_number(self._around.directory.snapshot, invite.called, region=region)
        if entry is None:
            return None
        leg = _incoming_leg(invite, Role.CALLER)
        leg.trunk_id, leg.kind = source.trunk_id, LegKind.SRTP if source.secure else LegKind.RTP
        state = self._state(Direction.INBOUND, invite, leg)
        return self._inbound(invite, state, OwnNumber(entry=entry))

    def _from_device(self, invite: IncomingInvite, source: DeviceSource) -> Call | None:
        snapshot, region = self._around.directory.snapshot, self._around.config.region
        target = meaning(snapshot, invite.called, region=region)
        device = self._around.device(source.device_id)
        if target is None or device is None:
            return None
        leg = _device_leg(invite, device, Role.CALLER)
        if isinstance(target, OwnNumber):
            leg.agent_id = None
            state = self._state(Direction.INBOUND, invite, leg)
            state.caller_number = device.extension
            return self._inbound(invite, state, target)
        direction = Direction.INTERNAL if isinstance(target, Extension) else Direction.OUTBOUND
        state = self._state(direction, invite, leg)
        state.caller_number, state.agent, state.agent_id = device.extension, leg.leg_id, device.agent_id
        state.customer = None
        return DirectCall(
            state, self._around, self, target=target, profile=self._around.incoming_profile(invite.source)
        )

    def _inbound(self, invite: IncomingInvite, state: CallState, target: OwnNumber) -> Call | None:
        snapshot = self._around.directory.snapshot
        flow = next((each for each in snapshot.flows if each.flow_id == target.entry.flow_id), None)
        if flow is None:
            return None
        state.client, state.flow, state.hours, state.dialled = (
            target.entry.client,
            flow,
            snapshot.hours,
            target.entry.number,
        )
        return InboundCall(state, self._around, self, profile=self._around.incoming_profile(invite.source))

    def _state(self, direction: Direction, invite: IncomingInvite, leg: Leg) -> CallState:
        clock = self._around.clock
        number = invite.caller.number
        return CallState(
            call_id=CallId(new_id()),
            session=SessionId(new_id()),
            direction=direction,
            arrived_at=clock.now(),
            arrived=clock.monotonic(),
            client=None,
            dialled=invite.called,
            caller_number=e164(number, region=self._around.config.region) or number,
            caller_name=invite.caller.name,
            caller_private=invite.caller.private,
            legs={leg.leg_id: leg},
            customer=leg.leg_id,
        )

    # Commands

    def place(self, command: PlaceCall) -> Reply:
        """Answer to PlaceCall."""
        snapshot = self._around.directory.snapshot
        target = meaning(snapshot, command.number, region=self._around.config.region)
        if target is None:
            return Refused(code="not_a_number", message="This is not a number that can be dialled.")
        if not isinstance(target, Emergency):
            refused = self._may_not_place(command, snapshot)
            if refused is not None:
                return refused
        if not self._around.devices_of(command.agent_id):
            return Refused(code="no_device", message="None of your telephones is connected.")
        clock = self._around.clock
        state = CallState(
            call_id=CallId(new_id()),
            session=SessionId(new_id()),
            direction=Direction.INTERNAL if isinstance(target, Extension) else Direction.OUTBOUND,
            arrived_at=clock.now(),
            arrived=clock.monotonic(),
            client=command.client,
            dialled=e164(command.number, region=self._around.config.region) or command.number,
            agent_id=command.agent_id,
        )
        self._begin(PlacedCall(state, self._around, self, target=target))
        return Done(call_id=state.call_id)

    def _may_not_place(self, command: PlaceCall, snapshot: DirectorySnapshot) -> Refused | None:
        if self.refusing or not self._room():
            return Refused(code="no_room", message="The exchange takes no new calls now.")
        person = next((entry for entry in snapshot.agents if entry.agent_id == command.agent_id), None)
        client = next((entry for entry in snapshot.clients if entry.code == command.client), None)
        if person is None or client is None or command.client not in person.clients:
            return Refused(code="not_your_client", message="You do not work for this client.")
        if client.outbound_number is None:
            return Refused(code="no_outbound_number", message="This client has no number to show. Set one first.")
        if any(agent.agent_id == person.agent_id and agent.call_id for agent in self._around.desk.live_agents()):
            return Refused(code="in_call", message="You are in a call already, or a call rings.")
        return None

    async def command(self, command: CallCommand) -> Reply:
        """Answer to a command about one call."""
        call = self._calls.get(command.call_id)
        if call is None:
            return Refused(code="call_over", message="The call is over.")
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        call.post(Commanded(command=command, reply=reply))
        return await reply

    async def recording_command(self, command: RecordingCommand) -> Reply:
        """Answer to a command about a call's recording; at once, whatever the call is busy with."""
        call = self._calls.get(command.call_id)
        if call is not None:
            return await call.recording.command(command)
        if isinstance(command, ClosePayment):
            return Done(call_id=command.call_id)
        return Refused(code="call_over", message="The call is over.")

    async def keypad_command(self, command: StartKeypad | StopKeypad) -> Reply:
        """Answer to a command about a caller's keypad; at once."""
        call = self._calls.get(command.call_id)
        if isinstance(command, StopKeypad):
            return await call.keypad.stop(command) if call is not None else Done(call_id=command.call_id)
        if call is None:
            return Refused(code="call_over", message="The call is over.")
        return await call.keypad.start(command)

    # Looking, and the end

    def live_calls(self) -> tuple[LiveCall, ...]:
        now = self._around.clock.monotonic()
        found = []
        for call in self._calls.values():
            state, keeping, recording = call.state, call.state.keeping, call.recording.now
            ended = recording.stopped if recording is not None and recording.stopped not in SEGMENT_ENDS else None
            found.append(
                LiveCall(
                    call_id=state.call_id,
                    client=state.client,
                    queue_id=state.queue_id,
                    agent_id=state.agent_id,
                    phase=state.phase.value,
                    seconds=max(0.0, now - state.arrived),
                    recording_id=call.recording.running,
                    suppressed=frozenset(keeping.suppressed),
                    payments=frozenset(keeping.payments),
                    stopped=keeping.stopped or ended,
                    mask_since=call.recording.mask_seconds,
                    consult=state.third.to.entry_id if state.third is not None else None,
                    parties=state.parties(),
                    keypad=call.keypad.field,
                )
            )
        return tuple(found)

    async def drained(self) -> None:
        """Return when no call is left."""
        await self._empty.wait()

    def end_all(self, reason: EndReason) -> None:
        for call in list(self._calls.values()):
            call.post(EndNow(reason=reason))

    @property
    def idle(self) -> bool:
        """Every mailbox is empty; for tests."""
        return all(call.quiet for call in self._calls.values())


def _incoming_leg(invite: IncomingInvite, role: Role) -> Leg:
    return Leg(leg_id=LegId(new_id()), role=role, dialog=invite.dialog, incoming=True, remote_sdp=invite.sdp)


def _device_leg(invite: IncomingInvite, device: DeviceEntry, role: Role) -> Leg:
    leg, source = _incoming_leg(invite, role), invite.source
    leg.device_id, leg.agent_id, leg.user = device.device_id, device.agent_id, device.kind
    browser = isinstance(source, DeviceSource) and source.browser
    leg.kind = LegKind.WEBRTC if browser else LegKind.SRTP if source.secure else LegKind.RTP
    return leg
