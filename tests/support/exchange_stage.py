"""A whole exchange on loopback sockets, with a carrier and handsets that speak SIP and RTP to it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

from ringfence.control.commands import AnyCommand, Done, LoadDirectory, Reply, SetAgentState
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
    PlayNode,
    QueueEntry,
    QueueNode,
    TransferEntry,
    Transport,
    TrunkEntry,
    UserKind,
)
from ringfence.control.facts import AgentState, AnyFact, CallEnded, Fact, RecordingSealed
from ringfence.control.recording_rules import STANDARD, EntryClass
from ringfence.engine.calls import CallConfig
from ringfence.engine.exchange import Exchange, ExchangeConfig
from ringfence.engine.fakes import MemoryDirectory
from ringfence.engine.media.embedded import MediaConfig
from ringfence.engine.payments import SandboxPaymentAdapter
from ringfence.engine.sip.api import (
    Cancelled,
    DialogEnded,
    DialogId,
    Identity,
    IncomingInvite,
    InviteAnswered,
    InviteRejected,
    ReinviteReceived,
    SipEvent,
    ToTrunk,
    TrunkStatus,
)
from ringfence.engine.sip.config import SipConfig
from ringfence.engine.sip.core.digest import ha1_of
from ringfence.engine.sip.server import SipServer
from ringfence.kit.clock import SystemClock
from ringfence.kit.ids import AgentId, ClientCode, ContentId, DeviceId, EntryId, FlowId, QueueId, TrunkId
from ringfence.vault.keys import FileRootKey
from ringfence.vault.keystore import SqliteKeyStore
from ringfence.vault.opening import SealedReader, read_header
from tests.support.audio import from_alaw, loudest_hz, tone_alaw, tone_dbfs
from tests.support.media import Phone, until

E = TypeVar("E", bound=SipEvent)
F = TypeVar("F", bound=Fact)

CARRIER_HOST = "127.0.0.2"
PASSWORD = "correct horse"
CALLER = "+441632960500"
OUTSIDE = "+441632960200"
GREETING_HZ = {"BBC": 600.0, "ELDC": 850.0, "SHDC": 1150.0}
NUMBERS = {"BBC": "+441632960001", "ELDC": "+441632960002", "SHDC": "+441632960003"}
NOTICE_HZ, MUSIC_HZ = 1500.0, 350.0
PROMPT_SECONDS = 0.3
ANN, BOB = AgentId("ann"), AgentId("bob")
HANDSETS = {"ann-desk": ANN, "bob-desk": BOB, "office": None, "planning": None}


class Telephone:
    """One SIP line with audio: a carrier's side, or a registered handset."""

    def __init__(self, exchange_port: int, *, host: str = "127.0.0.1", username: str | None = None) -> None:
        trunk = TrunkEntry(
            trunk_id=TrunkId("exchange"),
            name="exchange",
            host="127.0.0.1",
            port=exchange_port,
            transport=Transport.UDP,
            register=username is not None,
            username=username,
            password=PASSWORD if username else None,
            allowed_networks=("127.0.0.1/32",),
            options_seconds=0,
        )
        self.sip = SipServer(
            SipConfig(host=host, udp_port=0),
            MemoryDirectory(DirectorySnapshot(version=1, trunks=(trunk,))),
            SystemClock(),
            b"unused",
        )
        self.sip.set_listener(self._on_event)
        self.events: list[SipEvent] = []
        self.phone = Phone()
        self.dialog: DialogId | None = None
        self.auto_accept = True

    def _on_event(self, event: SipEvent) -> None:
        self.events.append(event)
        if isinstance(event, ReinviteReceived) and self.auto_accept:
            self.sip.accept_reinvite(event.dialog, sdp=self.phone.sdp())

    async def start(self) -> None:
        await self.sip.start()

    async def close(self) -> None:
        await self.sip.stop()
        self.phone.close()

    @property
    def port(self) -> int:
        return self.sip.listeners["udp"][1]

    async def registered(self) -> None:
        await until(lambda: any(isinstance(e, TrunkStatus) and e.up for e in self.events), what="registration")

    # Placing

    def call(self, number: str, *, caller: str = CALLER) -> DialogId:
        target = ToTrunk(trunk_id=TrunkId("exchange"), number=number)
        self.dialog = self.sip.invite(target, sdp=self.phone.sdp(), caller=Identity(number=caller))
        return self.dialog

    async def connected(self) -> None:
        """Our call was answered; our microphone works."""
        found = await self.event(InviteAnswered)
        self.phone.hear(found.sdp)
        self.phone.say()

    async def rejected(self) -> int:
        return (await self.event(InviteRejected)).status

    # Taking

    async def rung(self) -> IncomingInvite:
        found = await self.event(IncomingInvite)
        self.dialog = found.dialog
        return found

    async def answer(self) -> None:
        """Pick up what rings."""
        found = await self.rung()
        assert found.sdp is not None
        self.phone.hear(found.sdp)
        self.sip.answer(found.dialog, sdp=self.phone.sdp())
        self.phone.say()

    async def refuse(self, status: int) -> None:
        self.sip.hang_up((await self.rung()).dialog, status=status)

    def hang_up(self) -> None:
        assert self.dialog is not None
        self.sip.hang_up(self.dialog)

    async def over(self) -> None:
        await until(
            lambda: any(isinstance(e, DialogEnded | Cancelled | InviteRejected) for e in self.events), what="the end"
        )

    async def event(self, kind: type[E]) -> E:
        await until(lambda: any(isinstance(e, kind) for e in self.events), seconds=6, what=kind.__name__)
        return next(e for e in self.events if isinstance(e, kind))

    # Audio

    def heard_hz(self, newest_seconds: float = 0.3) -> float:
        """The tone in what was heard last; 0 when too little was."""
        audio = self.phone.heard()[-int(newest_seconds * 8000) :]
        return loudest_hz(from_alaw(audio)) if len(audio) >= 800 else 0.0

    def hears(self, hz: float) -> bool:
        audio = from_alaw(self.phone.heard()[-1600:])
        return audio.size >= 800 and tone_dbfs(audio, hz) > -25

    async def hums(self, hz: float, seconds: float) -> None:
        await self.phone.talk(tone_alaw(hz, seconds), pace=0.02)


def directory(version: int, *, carrier_port: int) -> DirectorySnapshot:
    """Three clients with a greeting each, one queue each, two agents, two offices."""
    flows, queues, numbers, clients = [], [], [], []
    for name, number in NUMBERS.items():
        client, flow, queue = ClientCode(name), FlowId(f"flow-{name}"), QueueId(f"queue-{name}")
        clients.append(
            ClientEntry(
                code=client,
                name=name,
                recording_enabled=True,
                outbound_number=f"{number[:-2]}90",
                recording_rules=STANDARD,
            )
        )
        numbers.append(NumberEntry(number=number, client=client, flow_id=flow))
        queues.append(
            QueueEntry(
                queue_id=queue,
                client=client,
                name=name,
                music=ContentId("music"),
                ring_timeout_seconds=1 if name == "SHDC" else 20,
                wrap_seconds=1,
            )
        )
        flows.append(
            FlowVersion(
                flow_id=flow,
                version=1,
                client=client,
                start="hours",
                nodes=(
                    HoursNode(node_id="hours", hours_id="always", open_to="greeting", closed_to="end"),
                    PlayNode(node_id="greeting", prompt=ContentId(f"greeting-{name}"), next="notice"),
                    PlayNode(
                        node_id="notice", prompt=ContentId("notice"), next="queue", announcement=f"notice-{name}-1"
                    ),
                    QueueNode(node_id="queue", queue_id=queue),
                    EndNode(node_id="end", reason="closed"),
                ),
            )
        )
    everything = frozenset(client.code for client in clients)
    return DirectorySnapshot(
        version=version,
        clients=tuple(clients),
        numbers=tuple(numbers),
        hours=(HoursEntry(hours_id="always", time_zone="Europe/London", periods=(), always_open=True),),
        flows=tuple(flows),
        queues=tuple(queues),
        agents=tuple(
            AgentEntry(
                agent_id=agent,
                clients=everything,
                queues=frozenset(queue.queue_id for queue in queues),
                signed_off=True,
            )
            for agent in (ANN, BOB)
        ),
        devices=tuple(
            DeviceEntry(
                device_id=DeviceId(name),
                kind=UserKind.AGENT if agent else UserKind.GENERAL,
                agent_id=agent,
                ha1=ha1_of(name, "ringfence", PASSWORD),
                extension=str(201 + number),
            )
            for number, (name, agent) in enumerate(HANDSETS.items())
        ),
        trunks=(
            TrunkEntry(
                trunk_id=TrunkId("carrier"),
                name="Carrier",
                host=CARRIER_HOST,
                port=carrier_port,
                transport=Transport.UDP,
                allowed_networks=(f"{CARRIER_HOST}/32",),
                options_seconds=0,
            ),
        ),
        entries=(
            TransferEntry(entry_id=EntryId("housing"), name="Housing", target=OUTSIDE, entry_class=EntryClass.OUTSIDE),
            TransferEntry(entry_id=EntryId("bob"), name="Bob", target="202", entry_class=EntryClass.CENTRE),
        ),
    )


class _File:
    """One file of the spool, as a RangeSource."""

    def __init__(self, path: Path) -> None:
        self._data = path.read_bytes()

    def read_range(self, name: str, start: int, length: int) -> bytes:
        return self._data[start : start + length]

    def size(self, name: str) -> int:
        return len(self._data)


class ExchangeStage:
    """A running exchange and the telephones around it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        prompts = folder / "prompts"
        prompts.mkdir(parents=True, exist_ok=True)
        tones = {f"greeting-{name}": hz for name, hz in GREETING_HZ.items()} | {"notice": NOTICE_HZ}
        for name, hz in tones.items():
            (prompts / f"{name}.alaw").write_bytes(tone_alaw(hz, PROMPT_SECONDS))
        (prompts / "music.alaw").write_bytes(tone_alaw(MUSIC_HZ, 1.0))
        root = folder / "root.key"
        key = FileRootKey.load(root) if root.exists() else FileRootKey.create(root)
        self.keys = SqliteKeyStore(folder / "keys.sqlite3", key)
        self.spool = folder / "spool"
        self.payments = SandboxPaymentAdapter(SystemClock())
        self.exchange = Exchange(
            ExchangeConfig(
                control_socket=folder / "run" / "engine.sock",
                prompts=prompts,
                spool=self.spool,
                keys=self.keys,
                token_secret=b"a secret of this test",
                sip=SipConfig(udp_port=0, tcp_port=0, ws_port=0),
                media=MediaConfig(first_port=31000, last_port=33999),
                calls=CallConfig(ring_seconds=2.0),
                payments=self.payments,
            )
        )
        self.facts: list[AnyFact] = []
        self.telephones: list[Telephone] = []
        self.carrier: Telephone

    @property
    def sip_port(self) -> int:
        return self.exchange.sip.listeners["udp"][1]

    async def open(self) -> None:
        self.running = asyncio.ensure_future(self.exchange.run())
        async with asyncio.timeout(10):
            await self.exchange.ready.wait()
        self.carrier = await self.telephone(host=CARRIER_HOST)
        assert await self.ask(LoadDirectory(snapshot=directory(1, carrier_port=self.carrier.port))) == Done()

    async def close(self) -> None:
        await asyncio.gather(*(telephone.close() for telephone in self.telephones))
        await self.stop()

    async def stop(self) -> None:
        """Stop the exchange while the telephones go on."""
        self.exchange.stop()
        async with asyncio.timeout(30):
            await self.running

    async def telephone(self, *, host: str = "127.0.0.1", username: str | None = None) -> Telephone:
        made = Telephone(self.sip_port, host=host, username=username)
        await made.start()
        self.telephones.append(made)
        return made

    async def caller(self) -> Telephone:
        """Another line of the carrier."""
        return await self.telephone(host=CARRIER_HOST)

    async def handset(self, name: str, *, available: bool = True) -> Telephone:
        made = await self.telephone(username=name)
        await made.registered()
        agent = HANDSETS[name]
        if agent is not None and available:
            await until(lambda: self.exchange.desk.board.agents[agent].reachable, what="reachable agent")
            await self.choose(agent, AgentState.AVAILABLE)
        return made

    async def ask(self, command: AnyCommand) -> Reply:
        return await self.exchange.handle(command)

    async def choose(self, agent: AgentId, state: AgentState) -> None:
        assert await self.ask(SetAgentState(agent_id=agent, state=state)) == Done()

    def of(self, kind: type[F]) -> list[F]:
        """Facts of one kind so far."""
        facts = self.exchange.journal.after(0)
        return [fact for fact in facts.facts if isinstance(fact, kind)] if facts is not None else []

    async def fact(self, kind: type[F], *, count: int = 1, seconds: float = 6.0) -> F:
        """The ``count``-th fact of a kind."""
        await until(lambda: len(self.of(kind)) >= count, seconds=seconds, what=f"{count} {kind.__name__}")
        return self.of(kind)[count - 1]

    async def ended(self, count: int = 1) -> CallEnded:
        found = await self.fact(CallEnded, count=count)
        await until(lambda: len(self.exchange.calls) == 0, what="an empty call table")
        assert (await self.exchange.media.load()).sessions == 0
        return found

    def recorded(self, sealed: RecordingSealed) -> tuple[bytes, bytes]:
        """The caller's and the agent's side of a sealed recording."""
        [path] = self.spool.rglob(f"*{sealed.recording_id}*.rfr")
        file = _File(path)
        reader = SealedReader(file, path.name, self.keys.unwrap(read_header(file, path.name).key))
        return reader.read(0, sealed.duration_ms)

    def agent_state(self, agent: AgentId) -> AgentState:
        return self.exchange.desk.board.agents[agent].state

    async def holds(self, condition: Callable[[], object], what: str, seconds: float = 4.0) -> None:
        await until(condition, seconds=seconds, what=what)


@contextlib.asynccontextmanager
async def exchange_stage(folder: Path) -> AsyncIterator[ExchangeStage]:
    stage = ExchangeStage(folder)
    await stage.open()
    try:
        yield stage
    finally:
        await stage.close()
