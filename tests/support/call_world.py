"""A centre in memory for tests of calls: two clients, one queue each, agents, trunks, and a hand on the clock."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from ringfence.control.commands import Done, Refused, Reply, SetAgentState
from ringfence.control.directory import (
    AgentEntry,
    ClientEntry,
    DeviceEntry,
    DirectorySnapshot,
    EndNode,
    FlowVersion,
    HoursEntry,
    HoursNode,
    NumberEntry,
    OpeningPeriod,
    PlayNode,
    QueueEntry,
    QueueNode,
    TransferEntry,
    Transport,
    TrunkEntry,
    UserKind,
)
from ringfence.control.facts import AgentState, AnyFact, CallArrived, CallEnded
from ringfence.control.recording_rules import STANDARD, EntryClass, RecordingEffect, RecordingRule, TransferKind
from ringfence.engine.calls import Around, CallConfig, CallTable, Desk
from ringfence.engine.calls.fakes import Invited, ManualTimers, MemoryMedia, MemoryRecorder, MemorySip, sdp
from ringfence.engine.calls.messages import CallCommand
from ringfence.engine.calls.state import CallState
from ringfence.engine.fakes import MemoryDirectory, MemoryFacts
from ringfence.engine.media.port import LegMediaLost
from ringfence.engine.payments import SandboxPaymentAdapter
from ringfence.engine.sip.api import (
    Binding,
    Cancelled,
    DeviceBound,
    DeviceSource,
    DeviceUnbound,
    DialogConfirmed,
    DialogEnded,
    DialogId,
    Identity,
    IncomingInvite,
    InviteAnswered,
    InviteRejected,
    Replaces,
    Ringing,
    SipEvent,
    TrunkSource,
)
from ringfence.kit.clock import ManualClock
from ringfence.kit.ids import AgentId, CallId, ClientCode, ContentId, DeviceId, EntryId, FlowId, LegId, QueueId, TrunkId
from ringfence.kit.tasks import TaskOwner

T = TypeVar("T")
F = TypeVar("F", bound=AnyFact)

BBC, ELDC = ClientCode("BBC"), ClientCode("ELDC")
ANN, BOB = AgentId("ann"), AgentId("bob")
QUEUE = QueueId("q-bbc")
NUMBER, CALLER = "+441632960001", "+441632960500"
CARRIER, SPARE = TrunkId("carrier"), TrunkId("spare")
GREETING, NOTICE, CLOSED, MUSIC, FIRST, LATER = (
    ContentId(name) for name in ("greeting", "notice", "closed", "music", "first", "later")
)


def directory(version: int = 1) -> DirectorySnapshot:
    nodes = (
        HoursNode(node_id="hours", hours_id="h", open_to="greeting", closed_to="closed"),
        PlayNode(node_id="greeting", prompt=GREETING, next="notice"),
        PlayNode(node_id="notice", prompt=NOTICE, next="queue", announcement="w1"),
        QueueNode(node_id="queue", queue_id=QUEUE),
        PlayNode(node_id="closed", prompt=CLOSED, next="end"),
        EndNode(node_id="end", reason="closed"),
    )
    week = tuple(OpeningPeriod(weekday=day, opens="09:00", closes="17:00") for day in range(5))
    trunk = {"host": "192.0.2.9", "port": 5060, "transport": Transport.UDP}
    agent = {"clients": frozenset({BBC}), "queues": frozenset({QUEUE}), "signed_off": True}
    return DirectorySnapshot(
        version=version,
        clients=(
            ClientEntry(
                code=BBC,
                name="Boston",
                recording_enabled=True,
                outbound_number="+441632960100",
                recording_rules=STANDARD,
            ),
            ClientEntry(code=ELDC, name="East Lindsey"),
        ),
        numbers=(NumberEntry(number=NUMBER, client=BBC, flow_id=FlowId("f")),),
        hours=(HoursEntry(hours_id="h", time_zone="Europe/London", periods=week),),
        flows=(FlowVersion(flow_id=FlowId("f"), version=3, client=BBC, start="hours", nodes=nodes),),
        queues=(
            QueueEntry(
                queue_id=QUEUE,
                client=BBC,
                name="Boston",
                music=MUSIC,
                position_prompts=(FIRST, LATER),
                max_waiting=3,
            ),
        ),
        agents=(AgentEntry(agent_id=ANN, **agent), AgentEntry(agent_id=BOB, **agent)),  # type: ignore[arg-type]
        devices=(
            DeviceEntry(device_id=DeviceId("ann-desk"), kind=UserKind.AGENT, agent_id=ANN, extension="201"),
            DeviceEntry(device_id=DeviceId("ann-web"), kind=UserKind.AGENT, agent_id=ANN),
            DeviceEntry(device_id=DeviceId("bob-desk"), kind=UserKind.AGENT, agent_id=BOB, extension="202"),
            DeviceEntry(device_id=DeviceId("office"), kind=UserKind.GENERAL, extension="301"),
            DeviceEntry(device_id=DeviceId("planning"), kind=UserKind.GENERAL, extension="302"),
        ),
        trunks=(
            TrunkEntry(trunk_id=CARRIER, name="Carrier", **trunk),  # type: ignore[arg-type]
            TrunkEntry(trunk_id=SPARE, name="Spare", **trunk),  # type: ignore[arg-type]
            TrunkEntry(trunk_id=TrunkId("in-only"), name="In", outbound=False, **trunk),  # type: ignore[arg-type]
        ),
        entries=(
            TransferEntry(
                entry_id=EntryId("out"), name="Housing", target="+441632960200", entry_class=EntryClass.OUTSIDE
            ),
            TransferEntry(entry_id=EntryId("bob"), name="Colleague", target="202", entry_class=EntryClass.CENTRE),
            TransferEntry(
                entry_id=EntryId("eldc"),
                name="Other client",
                target="+441632960201",
                entry_class=EntryClass.OUTSIDE,
                clients=frozenset({ELDC}),
            ),
        ),
    )


class World:
    """Everything around the calls in memory. Use inside ``run``."""

    def __init__(self, config: CallConfig | None = None) -> None:
        self.clock = ManualClock(datetime(2026, 1, 14, 12, tzinfo=UTC))
        self.sip, self.media, self.recorder = MemorySip(), MemoryMedia(), MemoryRecorder()
        self.facts, self.timers = MemoryFacts(), ManualTimers(self.clock)
        self.directory = MemoryDirectory(directory())
        self.desk = Desk(self.facts, self.clock, self.timers)
        self.tasks = TaskOwner("test calls")
        self.payments = SandboxPaymentAdapter(self.clock)
        self.around = Around(
            sip=self.sip,
            media=self.media,
            recorder=self.recorder,
            facts=self.facts,
            directory=self.directory,
            clock=self.clock,
            timers=self.timers,
            desk=self.desk,
            config=config or CallConfig(),
            tasks=self.tasks,
            payments=self.payments,
        )
        self.table = CallTable(self.around, self.tasks)
        self.sip.set_listener(self.table.on_sip)
        self.media.on_event = self.table.on_media
        self.sip.trunks = {CARRIER: True, SPARE: True}
        self.table.directory_changed(self.directory.snapshot)

    async def settle(self) -> None:
        """Let every mailbox run dry."""
        for _ in range(1000):
            await asyncio.sleep(0)
            if self.table.idle:
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                if self.table.idle:
                    return
        raise AssertionError("the calls never settle")

    async def advance(self, seconds: float) -> None:
        upto = self.clock.monotonic() + seconds
        while self.timers.fire_next(upto):
            await self.settle()

    async def tell(self, event: SipEvent) -> None:
        self.sip.report(event)
        await self.settle()

    # The callers' side

    async def arrive(
        self, called: str = NUMBER, *, number: str | None = CALLER, private: bool = False, offer: str | None = ""
    ) -> DialogId:
        dialog = self.sip.new_dialog()
        await self.tell(
            IncomingInvite(
                dialog=dialog,
                source=TrunkSource(trunk_id=CARRIER, secure=False),
                called=called,
                caller=Identity(number=number, name="Pat Example", private=private),
                sdp=sdp() if offer == "" else offer,
            )
        )
        return dialog

    async def device_dials(
        self, device: str, called: str, *, replaces: Replaces | None = None, offer: str | None = ""
    ) -> DialogId:
        dialog = self.sip.new_dialog()
        await self.tell(
            IncomingInvite(
                dialog=dialog,
                source=DeviceSource(device_id=DeviceId(device), secure=False, browser=False),
                called=called,
                caller=Identity(number=device),
                sdp=sdp() if offer == "" else offer,
                replaces=replaces,
            )
        )
        return dialog

    async def confirm(self, dialog: DialogId, answer: str | None = None) -> None:
        await self.tell(DialogConfirmed(dialog=dialog, sdp=answer))

    async def prompt_ends(self, *, completed: bool = True) -> None:
        state = self.only()
        assert state.customer is not None
        self.media.finish(state.session, state.customer, completed=completed)
        await self.settle()

    async def queued(self, *, private: bool = False) -> DialogId:
        """A caller who heard greeting and notice."""
        before = set(self.table._calls)
        dialog = await self.arrive(private=private)
        await self.confirm(dialog)
        [call_id] = set(self.table._calls) - before
        state = self.state(call_id)
        for _ in range(2):
            assert state.customer is not None
            self.media.finish(state.session, state.customer)
            await self.settle()
        return dialog

    async def hangs_up(self, dialog: DialogId, cause: str = "bye") -> None:
        await self.tell(DialogEnded(dialog=dialog, cause=cause))

    async def cancels(self, dialog: DialogId) -> None:
        await self.tell(Cancelled(dialog=dialog))

    # The agents' side

    async def bind(self, device: str, *, browser: bool = False, secure: bool = False) -> None:
        device_id = DeviceId(device)
        transport = "wss" if browser else "tls" if secure else "udp"
        self.sip.bindings[device_id] = Binding(
            device_id=device_id, transport=transport, secure=secure or browser, browser=browser
        )
        await self.tell(DeviceBound(device_id=device_id, transport=transport))

    async def unbind(self, device: str) -> None:
        del self.sip.bindings[DeviceId(device)]
        await self.tell(DeviceUnbound(device_id=DeviceId(device), cause="flow_closed"))

    async def choose(self, agent: AgentId, state: AgentState) -> Reply:
        reply = self.desk.choose(SetAgentState(agent_id=agent, state=state))
        await self.settle()
        return reply

    async def ready(self, agent: AgentId = ANN, device: str = "ann-desk") -> None:
        await self.bind(device)
        assert await self.choose(agent, AgentState.AVAILABLE) == Done()

    @property
    def last(self) -> Invited:
        """The newest INVITE we sent."""
        return self.sip.invited[-1]

    async def ring(self, dialog: DialogId, status: int = 180, answer: str | None = None) -> None:
        await self.tell(Ringing(dialog=dialog, status=status, sdp=answer))

    async def pick_up(self, dialog: DialogId | None = None, answer: str | None = None) -> DialogId:
        dialog = dialog or self.last.dialog
        self.sip.established.add(dialog)
        await self.tell(InviteAnswered(dialog=dialog, sdp=answer or sdp()))
        return dialog

    async def refuse(self, status: int, dialog: DialogId | None = None) -> None:
        await self.tell(InviteRejected(dialog=dialog or self.last.dialog, status=status, reason=""))

    async def talking(self) -> tuple[DialogId, DialogId]:
        """A caller and Ann in conversation."""
        await self.ready()
        caller = await self.queued()
        return caller, await self.pick_up()

    async def command(self, command: CallCommand) -> Reply:
        reply = await self.table.command(command)
        await self.settle()
        return reply

    async def media_lost(self, leg: LegId | None) -> None:
        assert leg is not None
        self.table.on_media(LegMediaLost(session=self.only().session, leg=leg, silent_seconds=30))
        await self.settle()

    # The directory

    def rule(self, kind: TransferKind, entry_class: EntryClass, effect: RecordingEffect | None) -> None:
        """Change one cell of the client's matrix, or take it out."""
        rules = tuple(each for each in STANDARD if (each.kind, each.entry_class) != (kind, entry_class))
        if effect is not None:
            rules += (RecordingRule(kind=kind, entry_class=entry_class, effect=effect),)
        old = self.directory.snapshot
        clients = tuple(
            msgspec.structs.replace(client, recording_rules=rules) if client.code == BBC else client
            for client in old.clients
        )
        self.directory.snapshot = msgspec.structs.replace(old, version=old.version + 1, clients=clients)

    # Looking

    def hear_each_other(self) -> set[str]:
        """Roles of the legs that hear, and are heard by, at least one other; nobody else hears anybody."""
        state = self.only()
        pairs = {
            (one.role, other.role)
            for one in state.legs.values()
            for other in state.legs.values()
            if one is not other and self.media.hears(state.session, one.leg_id, other.leg_id)
        }
        assert pairs == {(b, a) for a, b in pairs}, "somebody is heard and does not hear"
        return {role.value for pair in pairs for role in pair}

    def recorded(self) -> bool:
        """What agent and caller say is kept now."""
        found = self.recorder.state(self.only().call_id)
        return found is not None and found.stopped is None and not found.suppressed

    def state(self, call_id: CallId) -> CallState:
        return self.table._calls[call_id].state

    def only(self) -> CallState:
        """The state of the one call."""
        [call] = self.table._calls.values()
        return call.state

    def agent_state(self, agent: AgentId = ANN) -> AgentState:
        return self.desk.board.agents[agent].state

    def both_hear(self) -> bool:
        state = self.only()
        assert state.customer is not None
        assert state.agent is not None
        return self.media.hears(state.session, state.customer, state.agent) and self.media.hears(
            state.session, state.agent, state.customer
        )

    def names(self) -> list[str]:
        return [type(fact).__name__ for fact in self.facts.facts]

    async def close(self) -> None:
        """Nothing may be left: calls, media, timers, unfinished facts."""
        await self.settle()
        arrived = [fact.call_id for fact in self.facts.of(CallArrived)]
        ended = [fact.call_id for fact in self.facts.of(CallEnded)]
        assert len(set(ended)) == len(ended), "CallEnded exactly once"
        assert set(arrived) - set(self.table._calls) == set(ended), "every call that is over has ended"
        assert set(self.media.sessions) <= set(self.table._sessions), "media outlives its call"
        await self.tasks.close()


def run(scenario: Callable[[World], Coroutine[Any, Any, None]], config: CallConfig | None = None) -> World:
    """Play ``scenario`` in a fresh world and check that nothing is left over."""

    async def main() -> World:
        world = World(config)
        await scenario(world)
        await world.close()
        return world

    return asyncio.run(main())


def refusal(reply: Reply) -> str:
    assert isinstance(reply, Refused)
    return reply.code
