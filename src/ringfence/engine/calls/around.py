"""What a call stands in: the rooms it talks to, and the constants of this installation."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from ringfence.control.directory import DeviceEntry, TrunkEntry, UserKind
from ringfence.engine.calls.desk import Desk
from ringfence.engine.calls.index import DeviceIndex
from ringfence.engine.calls.messages import GiveLeg, LegGiven, Message
from ringfence.engine.calls.state import Candidate
from ringfence.engine.calls.timers import Timers
from ringfence.engine.media.port import LegKind, LegProfile, MediaEngine
from ringfence.engine.ports import Directory, FactSink, PaymentAdapter
from ringfence.engine.recorder.api import Recorder
from ringfence.engine.sip.api import DeviceSource, DialogId, Identity, Sip, Source, Target
from ringfence.kit.clock import Clock
from ringfence.kit.ids import AgentId, CallId, DeviceId, SessionId
from ringfence.kit.tasks import TaskOwner


@dataclass(frozen=True, kw_only=True)
class CallConfig:
    """Patience and limits of calls."""

    region: str = "GB"
    """For numbers in national form."""
    max_calls: int = 1000
    plain_media: bool = True
    """Unencrypted media is allowed (loopback); off loopback only a trunk with a written reason may use it (R131)."""
    ring_seconds: float = 30.0
    """A transfer target, an agent's own device."""
    dial_seconds: float = 90.0
    """A number dialled through a trunk."""
    prompt_grace_seconds: float = 5.0
    """A prompt whose end is not reported this long after it is due counts as failed."""
    step_seconds: float = 10.0
    """One step of a call that takes longer ends the call: its media engine hangs."""
    keypad_pause_seconds: float = 4.0
    """Digits that make a whole field count as all of it when none follows for so long."""
    keypad_submit_seconds: float = 8.0
    """Patience with a payment adapter."""
    mailbox: int = 256
    """Messages that may wait; beyond it only those that close something are taken."""


class CallActor(Protocol):
    """Where messages for a call go."""

    def post(self, message: Message) -> None: ...


class Home(Protocol):
    """The call table, as a call sees it."""

    def invite(
        self, owner: CallActor, target: Target, *, sdp: str, caller: Identity, headers: Mapping[str, str] | None = None
    ) -> DialogId:
        """Start an outgoing dialog whose events come to ``owner``."""
        ...

    def forget(self, call_id: CallId) -> None:
        """The call is over."""
        ...

    def tell(self, call_id: CallId, message: Message) -> None:
        """Post to another call, if there still is one."""
        ...

    def ask_for_leg(self, request: GiveLeg) -> bool:
        """Pass it to the call that has the dialog; False when none has."""
        ...

    def session_of(self, call_id: CallId) -> SessionId | None:
        """Where the media of another call is."""
        ...

    def give_leg(self, given: LegGiven, to: CallId) -> bool:
        """Let another call go on with a leg and its dialog; False when that call is over."""
        ...


@dataclass(frozen=True, kw_only=True)
class Around:
    sip: Sip
    media: MediaEngine
    recorder: Recorder
    facts: FactSink
    directory: Directory
    clock: Clock
    timers: Timers
    desk: Desk
    config: CallConfig
    tasks: TaskOwner
    payments: PaymentAdapter | None = None

    @cached_property
    def _devices(self) -> DeviceIndex:
        return DeviceIndex(self.directory)

    # Who can be reached how

    def devices_of(self, agent_id: AgentId) -> tuple[DeviceEntry, ...]:
        """The agent's registered devices, browser first."""
        bound = [
            (not binding.browser, device.device_id, device)
            for device in self._devices.of_agent(agent_id)
            if (binding := self.sip.binding(device.device_id)) is not None
        ]
        if len(bound) > 1:
            bound.sort(key=lambda item: item[:2])
        return tuple([device for _, _, device in bound])

    def ways_to_device(self, device: DeviceEntry) -> tuple[Candidate, ...]:
        """How to ring ``device`` now; empty when it is not registered."""
        binding = self.sip.binding(device.device_id)
        if binding is None:
            return ()
        if binding.browser:
            kinds: tuple[LegKind, ...] = (LegKind.WEBRTC,)
        elif binding.secure:
            kinds = (LegKind.SRTP, LegKind.RTP) if self.config.plain_media else (LegKind.SRTP,)
        else:
            kinds = (LegKind.RTP,)
        return tuple(
            Candidate(kind=kind, device_id=device.device_id, agent_id=device.agent_id, user=device.kind)
            for kind in kinds
        )

    def ways_to_agent(self, agent_id: AgentId) -> tuple[Candidate, ...]:
        return tuple(way for device in self.devices_of(agent_id) for way in self.ways_to_device(device))

    def ways_to_extension(self, device: DeviceEntry) -> tuple[Candidate, ...]:
        """The person behind the extension, on whichever device they are."""
        own = self.ways_to_device(device)
        if device.agent_id is None:
            return own
        return tuple(dict.fromkeys((*self.ways_to_agent(device.agent_id), *own)))

    def ways_outside(self, number: str, *, urgent: bool = False) -> tuple[Candidate, ...]:
        """Every trunk that is up, in the directory's order; an emergency may use any, outgoing ones first.

        An emergency call also goes out unencrypted where nothing better is offered: it is never blocked.
        """
        trunks = self.directory.snapshot.trunks
        usable = [trunk for trunk in trunks if trunk.outbound]
        if urgent:
            usable += [trunk for trunk in trunks if not trunk.outbound]
        return tuple(
            Candidate(kind=kind, trunk_id=trunk.trunk_id, number=number)
            for trunk in usable
            if self.sip.trunk_up(trunk.trunk_id)
            for kind in self._trunk_kinds(trunk, urgent=urgent)
        )

    def _trunk_kinds(self, trunk: TrunkEntry, *, urgent: bool) -> tuple[LegKind, ...]:
        plain = urgent or self.config.plain_media or trunk.plain_reason is not None
        if trunk.transport.value in ("tls", "wss"):
            return (LegKind.SRTP, LegKind.RTP) if plain else (LegKind.SRTP,)
        return (LegKind.RTP,) if plain else ()

    # What a leg may look like

    def incoming_profile(self, source: Source) -> LegProfile:
        """What an offer from ``source`` may ask for (R131)."""
        if isinstance(source, DeviceSource):
            if source.browser:
                return LegProfile(kinds=frozenset({LegKind.WEBRTC}))
            plain, host = self.config.plain_media, None
        else:
            trunk = self.trunk(source.trunk_id)
            plain = self.config.plain_media or (trunk is not None and trunk.plain_reason is not None)
            host = trunk.advertised_host if trunk is not None else None
        kinds = {LegKind.SRTP} if source.secure else set()
        if plain:
            kinds.add(LegKind.RTP)
        return LegProfile(kinds=frozenset(kinds), advertised_host=host)

    def outgoing_profile(self, way: Candidate) -> LegProfile:
        trunk = self.trunk(way.trunk_id) if way.trunk_id is not None else None
        return LegProfile(
            kinds=frozenset({way.kind}), advertised_host=trunk.advertised_host if trunk is not None else None
        )

    def trunk(self, trunk_id: str) -> TrunkEntry | None:
        return next((entry for entry in self.directory.snapshot.trunks if entry.trunk_id == trunk_id), None)

    def device(self, device_id: DeviceId) -> DeviceEntry | None:
        return self._devices.device(device_id)

    def user_kind(self, device_id: DeviceId) -> UserKind:
        device = self.device(device_id)
        return device.kind if device is not None else UserKind.GENERAL
