"""The process beside the three of ``ringfence up`` in the demo: callers who arrive gently, and two agents at handsets.

Everything goes over the wire: the callers are a carrier on loopback, the agents are registered handsets.
"""

import asyncio
import logging
import random
import secrets
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path

from ringfence.control.client import ControlClient
from ringfence.control.commands import EngineStatus
from ringfence.control.directory import DirectorySnapshot, Transport, TrunkEntry
from ringfence.engine.directory import DirectoryHolder
from ringfence.engine.errors import MediaError
from ringfence.engine.media.embedded.config import MediaConfig
from ringfence.engine.media.embedded.engine import EmbeddedMediaEngine
from ringfence.engine.media.prompts import FilePromptCache
from ringfence.engine.sip.api import IncomingInvite
from ringfence.engine.sip.config import SipConfig
from ringfence.engine.sip.server import SipServer
from ringfence.entry import ports
from ringfence.entry.demo import availability, people, scenarios
from ringfence.entry.demo.availability import Look
from ringfence.entry.demo.people import Caller, Switchboard
from ringfence.entry.demo.plan import Handset, Plan
from ringfence.entry.demo.scenarios import Scenario
from ringfence.entry.demo.user_agent import Line, Outcome, UserAgent, type_taker
from ringfence.entry.ports import PortNeed
from ringfence.kit.clock import SystemClock
from ringfence.kit.ids import AgentId, ClientCode, TrunkId
from ringfence.kit.tasks import TaskOwner

log = logging.getLogger(__name__)

ENGINE = TrunkId("engine")
LOOPBACK = "127.0.0.1"
MOST_CALLERS = 3
SEED = 20260504
PAUSE_SECONDS = (6.0, 20.0)
"""Between the end of one arrival and the next."""
VISITOR_PAUSE_SECONDS = 2.0
"""A visitor who goes Available hears the telephone after about this."""


class Simulator:
    """Runs until cancelled."""

    def __init__(self, plan: Plan, tasks: TaskOwner, *, sip_port: int, control_socket: Path, seed: int = SEED) -> None:
        self._plan = plan
        self._sip_port = sip_port
        self._control_socket = control_socket
        self._tasks = tasks
        self._visitor_client = plan.clients[0]
        self._chance = random.Random(seed)
        self._board = Switchboard()
        self._scenarios = scenarios.load()
        self._carrier: UserAgent | None = None
        self._visitor_free = asyncio.Event()
        self._talking: frozenset[AgentId] = frozenset()
        self.placed = 0

    async def run(self, ready: Callable[[], None]) -> None:
        """Register the handsets, then let callers arrive. ``ready`` is called when the telephones are plugged in."""
        async with AsyncExitStack() as stack:
            for number, handset in enumerate(self._plan.handsets):
                trunk = self._line_to_engine(handset)
                _ = await self._plug_in(stack, trunk, 0, 40000 + 100 * number, self._take_as_agent)
            carrier = await self._plug_in(
                stack, self._line_to_engine(None), self._carrier_port(), 41000, self._take_as_citizen
            )
            self._carrier = carrier
            ready()
            client = ControlClient(self._control_socket)
            simulated = frozenset(handset.agent_id for handset in self._plan.handsets)
            _ = self._tasks.start("availability", availability.keep(client, simulated, self._seen))
            _ = self._tasks.start("visitor", self._call_visitors())
            await self._arrivals()

    def _carrier_port(self) -> int:
        """Where the centre expects its carrier; any other one when that is taken: then calls come in but not out."""
        need = PortNeed(setting="", process="simulator", udp=True, host=LOOPBACK, port=self._plan.carrier_port)
        if ports.problem(need) is None:
            return need.port
        log.warning("%s is in use: calls that agents place will not be answered", need)
        return 0

    def _line_to_engine(self, handset: Handset | None) -> TrunkEntry:
        return TrunkEntry(
            trunk_id=ENGINE,
            name="The exchange",
            host=LOOPBACK,
            port=self._sip_port,
            transport=Transport.UDP,
            register=handset is not None,
            username=handset.device_id if handset is not None else None,
            password=handset.password if handset is not None else None,
            allowed_networks=("127.0.0.0/8",),
            options_seconds=0,
            plain_reason="Simulation on this machine only.",
        )

    async def _plug_in(
        self, stack: AsyncExitStack, trunk: TrunkEntry, port: int, first_media_port: int, take: type_taker
    ) -> UserAgent:
        clock = SystemClock()
        media = EmbeddedMediaEngine(
            MediaConfig(host=LOOPBACK, first_port=first_media_port, last_port=first_media_port + 99),
            FilePromptCache(scenarios.SPEECH),
            clock,
        )
        await media.start()
        stack.push_async_callback(media.close)
        directory = DirectoryHolder()
        _ = directory.load(DirectorySnapshot(version=1, trunks=(trunk,)))
        config = SipConfig(host=LOOPBACK, udp_port=port, product="Ringfence-Demo")
        sip = SipServer(config, directory, clock, secrets.token_bytes(32))
        agent = UserAgent(sip, media, self._tasks, take=take)
        await sip.start()
        stack.push_async_callback(sip.stop)
        stack.push_async_callback(agent.hang_up_all)
        return agent

    # Arrivals

    async def _arrivals(self) -> None:
        while True:
            await asyncio.sleep(self._chance.uniform(*PAUSE_SECONDS))
            if len(self._board) < MOST_CALLERS and not self._visitor_free.is_set():
                # The visitor's council is called by itself only now and then.
                codes = self._plan.clients
                weights = [1 if code == self._visitor_client else 4 for code in codes]
                self._arrive(self._chance.choices(codes, weights)[0])

    async def _call_visitors(self) -> None:
        """While a visitor is Available and nobody waits, one caller arrives for them."""
        while True:
            await self._visitor_free.wait()
            if not self._board.waiting():
                self._arrive(self._visitor_client)
            await asyncio.sleep(VISITOR_PAUSE_SECONDS)

    def _arrive(self, client: ClientCode) -> None:
        assert self._carrier is not None
        caller = Caller(
            number=self._board.free_number(self._chance),
            client=client,
            scenario=self._choose(client),
            since=asyncio.get_running_loop().time(),
        )
        self.placed += 1
        work = people.phone(self._carrier, self._board, caller, trunk=ENGINE, number=self._plan.number_of(client))
        _ = self._tasks.start("caller", _outcome(work))

    def _choose(self, client: ClientCode) -> Scenario:
        """A conversation that fits ``client``, the most fitting ones more often."""
        fitting = [scenario for scenario in self._scenarios if client in scenario.clients] or list(self._scenarios)
        weights = [3 if scenario.clients[:1] == (client,) else 1 for scenario in fitting]
        return self._chance.choices(fitting, weights)[0]

    # What the centre shows

    def _seen(self, now: Look, status: EngineStatus) -> None:
        if now.visitors_free:
            self._visitor_free.set()
        else:
            self._visitor_free.clear()
        for agent_id in now.visitors_talking - self._talking:
            # The engine tells no number here: in a first-come queue it is the caller who has waited longest.
            client = next((call.client for call in status.calls if call.agent_id == agent_id), None)
            if waiting := self._board.waiting(client):
                waiting[0].met.set()
        self._talking = now.visitors_talking

    # Calls that come in

    async def _take_as_agent(self, agent: UserAgent, invite: IncomingInvite, line: Line) -> None:
        await people.answer(agent, self._board, invite, line, self._scenarios[0])

    async def _take_as_citizen(self, agent: UserAgent, invite: IncomingInvite, line: Line) -> None:
        """Somebody whom an agent calls: picks up and speaks."""
        if await agent.accept(invite, line, ring_seconds=people.RING_SECONDS):
            await agent.talk(line, self._chance.choice(self._scenarios).caller_track)


async def _outcome(work: Coroutine[None, None, Outcome]) -> None:
    try:
        log.info("a simulated call ended: %s", (await work).value)
    except MediaError as error:
        log.warning("a simulated call failed: %s", type(error).__name__)
