"""Recorded calls through a real engine process for a long time: are all recordings complete, and is memory flat?

    python -m tests.bench.long_mix --calls 60 --minutes 30       that many calls at any moment (R173)
    python -m tests.bench.long_mix --replay 1453 --minutes 60    one full day, arrivals as a Poisson process (R173)
    python -m tests.bench.long_mix --calls 20 --minutes 60 --memory

The engine runs as ``ringfence engine``; callers and handsets are this process, over real SIP and RTP on loopback. This
process also follows the facts as the worker would. Afterwards every sealed recording is found by its hash, opened with
its key, verified chunk by chunk and searched for missing packets, and the time recorded is compared with the time
talked. The engine's memory is sampled all the time and judged after a warm-up. Prints one JSON line that also says what
the machine was doing. It asks no database.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import AsyncExitStack
from hashlib import md5
from pathlib import Path
from typing import Any

from tests.bench.machine import MachineState, cpu_seconds, describe_machine, memory_kib, waited_seconds
from tests.bench.whole import MAX_SILENT_SHARE, Heard, listen
from typing_extensions import override

from ringfence.control.client import ControlClient, EngineDown
from ringfence.control.commands import Done, EngineStatus, GetStatus, LoadDirectory, Reply, SetAgentState
from ringfence.control.directory import (
    AgentEntry,
    ClientEntry,
    DeviceEntry,
    DirectorySnapshot,
    FlowVersion,
    NumberEntry,
    PlayNode,
    QueueEntry,
    QueueNode,
    Transport,
    TrunkEntry,
    UserKind,
)
from ringfence.control.facts import (
    AgentState,
    AnyFact,
    CallEnded,
    RecordingFailed,
    RecordingNotStarted,
    RecordingSealed,
)
from ringfence.engine.directory import DirectoryHolder
from ringfence.engine.media.embedded.config import MediaConfig
from ringfence.engine.media.embedded.engine import EmbeddedMediaEngine
from ringfence.engine.media.prompts import FilePromptCache
from ringfence.engine.sip.api import Identity, IncomingInvite, ToTrunk
from ringfence.engine.sip.config import SipConfig
from ringfence.engine.sip.server import SipServer
from ringfence.entry.demo.user_agent import Line, Outcome, UserAgent, type_taker
from ringfence.kit.clock import SystemClock
from ringfence.kit.ids import AgentId, ClientCode, ContentId, DeviceId, FlowId, QueueId, TrunkId
from ringfence.kit.tasks import TaskOwner

LOOPBACK = "127.0.0.1"
REALM = "ringfence"
PASSWORD = "bench"
ENGINE = TrunkId("engine")
NUMBER = "+441632960001"
CLIENT, QUEUE, FLOW = ClientCode("BBC"), QueueId("enquiries"), FlowId("main")
NOTICE, TALK = ContentId("notice"), ContentId("talk")
NOTICE_SECONDS = 0.4
MEMORY_LIMIT = 0.10
SAMPLE_SECONDS = 5.0
COMPLETE_SHARE = 0.97
"""Of the talk that the recordings together must hold: signalling takes its share of each end."""


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def snapshot(agents: int, carrier_port: int) -> DirectorySnapshot:
    """One council, one number, one queue, ``agents`` people with handsets."""
    people = [AgentId(f"agent-{number}") for number in range(agents)]
    return DirectorySnapshot(
        version=1,
        clients=(ClientEntry(code=CLIENT, name="Barford Borough Council", recording_enabled=True),),
        numbers=(NumberEntry(number=NUMBER, client=CLIENT, flow_id=FLOW),),
        flows=(
            FlowVersion(
                flow_id=FLOW,
                version=1,
                client=CLIENT,
                start="notice",
                nodes=(
                    PlayNode(node_id="notice", prompt=NOTICE, next="queue", announcement="notice-v1"),
                    QueueNode(node_id="queue", queue_id=QUEUE),
                ),
            ),
        ),
        queues=(QueueEntry(queue_id=QUEUE, client=CLIENT, name="Enquiries", wrap_seconds=0),),
        agents=tuple(
            AgentEntry(agent_id=agent, clients=frozenset({CLIENT}), queues=frozenset({QUEUE}), signed_off=True)
            for agent in people
        ),
        devices=tuple(
            DeviceEntry(
                device_id=DeviceId(f"handset-{number}"),
                kind=UserKind.AGENT,
                agent_id=agent,
                ha1=md5(f"handset-{number}:{REALM}:{PASSWORD}".encode(), usedforsecurity=False).hexdigest(),
            )
            for number, agent in enumerate(people)
        ),
        trunks=(
            TrunkEntry(
                trunk_id=TrunkId("carrier"),
                name="Carrier",
                host=LOOPBACK,
                port=carrier_port,
                transport=Transport.UDP,
                allowed_networks=("127.0.0.0/8",),
                options_seconds=0,
            ),
        ),
    )


def line_to_engine(port: int, handset: int | None) -> TrunkEntry:
    return TrunkEntry(
        trunk_id=ENGINE if handset is None else TrunkId(f"handset-{handset}"),
        name="Exchange",
        host=LOOPBACK,
        port=port,
        transport=Transport.UDP,
        register=handset is not None,
        username=None if handset is None else f"handset-{handset}",
        password=None if handset is None else PASSWORD,
        allowed_networks=("127.0.0.0/8",),
        options_seconds=0,
    )


class Followed:
    """Facts of the run, followed and acknowledged as the worker would, in a thread of its own."""

    def __init__(self, path: Path) -> None:
        self.facts: list[AnyFact] = []
        self.gaps = 0
        self._path = path
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        client, expected = ControlClient(self._path), 1
        try:
            for batch in client.follow():
                if batch is not None:
                    self.gaps += batch.first != expected
                    expected = batch.first + len(batch.facts)
                    self.facts.extend(batch.facts)
                    client.acknowledge(batch)
                if self._stop.is_set():
                    return
        except EngineDown:
            return

    def close(self) -> None:
        self._thread.join(20)
        self._stop.set()
        self._thread.join(5)

    def of(self, kind: type[Any]) -> list[Any]:
        return [fact for fact in self.facts if isinstance(fact, kind)]


class Mix:
    """Callers and handsets."""

    def __init__(self, options: argparse.Namespace, sip_port: int, folder: Path, tasks: TaskOwner) -> None:
        self.options, self.sip_port, self.folder, self.tasks = options, sip_port, folder, tasks
        self.chance = random.Random(options.seed)
        self.outcomes: Counter[str] = Counter()
        self.placed = 0
        self.talked_seconds = 0.0
        self.talk_seconds = options.talk_seconds
        self._carrier: UserAgent | None = None

    async def plug_in(
        self, stack: AsyncExitStack, trunks: tuple[TrunkEntry, ...], port: int, first_media: int, take: type_taker
    ) -> tuple[SipServer, UserAgent]:
        clock = SystemClock()
        config = MediaConfig(host=LOOPBACK, first_port=first_media, last_port=first_media + 999)
        media = EmbeddedMediaEngine(config, FilePromptCache(self.folder), clock)
        await media.start()
        stack.push_async_callback(media.close)
        directory = DirectoryHolder()
        _ = directory.load(DirectorySnapshot(version=1, trunks=trunks))
        sip = SipServer(SipConfig(host=LOOPBACK, udp_port=port, product="Bench"), directory, clock, os.urandom(32))
        agent = UserAgent(sip, media, self.tasks, take=take)
        await sip.start()
        stack.push_async_callback(sip.stop)
        stack.push_async_callback(agent.hang_up_all)
        return sip, agent

    async def take(self, agent: UserAgent, invite: IncomingInvite, line: Line) -> None:
        if await agent.accept(invite, line, ring_seconds=0.2):
            await agent.talk(line, TALK)
            await line.ended.wait()

    async def refuse(self, agent: UserAgent, invite: IncomingInvite, line: Line) -> None:
        return None

    async def one_call(self, carrier: UserAgent, talk_seconds: float) -> None:
        async def converse(line: Line) -> None:
            # The notice, the queue and the ringing come first; the caller speaks all the time.
            playing = self.tasks.start("speech", carrier.talk(line, TALK))
            try:
                await asyncio.sleep(NOTICE_SECONDS + 0.5 + talk_seconds)
            finally:
                playing.cancel()

        number = f"+4477009{self.placed % 1000:05d}"
        self.placed += 1
        self.talked_seconds += talk_seconds
        outcome: Outcome = await carrier.place(
            ToTrunk(trunk_id=ENGINE, number=NUMBER), caller=Identity(number=number), converse=converse
        )
        self.outcomes[outcome.value] += 1

    async def steady(self, carrier: UserAgent, until: float) -> None:
        """``--calls`` callers, each calling again as soon as they have hung up."""

        async def caller(number: int) -> None:
            await asyncio.sleep(number * 0.25)
            while time.monotonic() < until:
                await self.one_call(carrier, self.chance.uniform(0.5, 1.5) * self.talk_seconds)

        await asyncio.gather(*(caller(number) for number in range(self.options.calls)))

    async def replay(self, carrier: UserAgent, until: float) -> None:
        """``--replay`` calls at random moments of the time given."""
        began = time.monotonic()
        span = until - began
        moments = sorted(self.chance.uniform(0, span) for _ in range(self.options.replay))
        running: set[asyncio.Task[Any]] = set()
        for moment in moments:
            await asyncio.sleep(max(0.0, began + moment - time.monotonic()))
            task = self.tasks.start("call", self.one_call(carrier, self.chance.uniform(0.5, 1.5) * self.talk_seconds))
            running.add(task)
            task.add_done_callback(running.discard)
        while running:
            await asyncio.wait(running)

    async def run(self, client: ControlClient, agents: int, carrier_port: int, seconds: float) -> None:
        async with AsyncExitStack() as stack:
            handsets = tuple(line_to_engine(self.sip_port, number) for number in range(agents))
            await self.plug_in(stack, handsets, 0, 40000, self.take)
            _, carrier = await self.plug_in(
                stack, (line_to_engine(self.sip_port, None),), carrier_port, 42000, self.refuse
            )
            await until_registered(client, agents)
            for number in range(agents):
                reply = await asyncio.to_thread(
                    client.ask, SetAgentState(agent_id=AgentId(f"agent-{number}"), state=AgentState.AVAILABLE)
                )
                if not isinstance(reply, Done):
                    raise SystemExit(f"an agent could not become Available: {reply}")
            until = time.monotonic() + seconds
            await (self.replay(carrier, until) if self.options.replay else self.steady(carrier, until))
            await asyncio.sleep(1.0)


async def until_registered(client: ControlClient, number: int) -> None:
    deadline = time.monotonic() + 30
    while True:
        reply: Reply = await asyncio.to_thread(client.ask, GetStatus())
        if isinstance(reply, EngineStatus) and reply.registered_devices >= number:
            return
        if time.monotonic() > deadline:
            raise SystemExit("the handsets did not register within 30 s")
        await asyncio.sleep(0.2)


class Watch(threading.Thread):
    """Samples the engine's memory and processor time, and the machine."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.over = pid, threading.Event()
        self.memory: list[tuple[float, int]] = []
        self.machine = MachineState()
        self.began = time.monotonic()
        self.cpu_began = cpu_seconds(pid)
        self.waited_began = waited_seconds(pid)
        self.cpu_share = self.waited_share = 0.0

    @override
    def run(self) -> None:
        while not self.over.wait(SAMPLE_SECONDS):
            try:
                now = time.monotonic() - self.began
                self.memory.append((now, memory_kib(self.pid)))
                self.cpu_share = (cpu_seconds(self.pid) - self.cpu_began) / now
                self.waited_share = (waited_seconds(self.pid) - self.waited_began) / now
                self.machine.sample()
            except OSError:
                return

    def growth(self) -> float | None:
        """Of the last third's median over the first third's, after a warm-up of the first tenth."""
        values = [kib for _, kib in self.memory]
        values = values[len(values) // 10 :]
        third = len(values) // 3
        return statistics.median(values[-third:]) / statistics.median(values[:third]) - 1 if third >= 4 else None

    def by_minute(self) -> list[float]:
        """MiB at the end of each minute."""
        minutes: dict[int, float] = {}
        for at, kib in self.memory:
            minutes[int(at // 60)] = round(kib / 1024, 1)
        return list(minutes.values())


def prepare(folder: Path, sip_port: int, talk_seconds: float) -> Path:
    """Settings, folders, keys and prompts of an engine without a centre."""
    from ringfence.entry import installation
    from ringfence.entry import settings as settings_module

    config = folder / "ringfence.toml"
    config.write_text(
        f'data = "{folder / "data"}"\n[sip]\nudp_port = {sip_port}\n'
        "tcp_port = 0\ntls_port = 0\nws_port = 0\nwss_port = 0\n"
        "[media]\nfirst_port = 20000\nlast_port = 21999\n[metrics]\nengine_port = 0\nweb_port = 0\nworker_port = 0\n",
        encoding="utf-8",
    )
    settings = settings_module.choose(config)
    installation.make_folders(settings)
    installation.make_keys(settings)
    chance = random.Random(1)
    for place in (settings.prompts, folder):
        (place / f"{NOTICE}.alaw").write_bytes(b"\xd5" * int(8000 * NOTICE_SECONDS))
        (place / f"{TALK}.alaw").write_bytes(chance.randbytes(int(8000 * (talk_seconds * 1.6 + 4))))
    return config


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--calls", type=int, default=60, help="calls at any moment")
    parser.add_argument("--replay", type=int, default=0, help="instead: this many calls at random moments")
    parser.add_argument("--minutes", type=float, default=0.5)
    parser.add_argument("--talk-seconds", type=float, default=0.0, help="mean; default 60, or 45 for a replay")
    parser.add_argument("--memory", action="store_true", help="memory must stay flat within 10 %%")
    parser.add_argument("--seed", type=int, default=20260504)
    options = parser.parse_args()
    options.talk_seconds = options.talk_seconds or min(60.0 if not options.replay else 45.0, options.minutes * 20)
    busy = options.replay * options.talk_seconds / (options.minutes * 60)
    agents = options.calls if not options.replay else int(busy * 1.5 + 6)
    with tempfile.TemporaryDirectory(prefix="rf-") as name:
        figures = run(options, Path(name), agents)
    print(json.dumps(figures))
    return 0 if figures["within"] else 1


def run(options: argparse.Namespace, folder: Path, agents: int) -> dict[str, Any]:
    sip_port, carrier_port = free_port(), free_port()
    machine = describe_machine()
    config = prepare(folder, sip_port, options.talk_seconds)
    data = folder / "data"
    engine = subprocess.Popen(
        [sys.executable, "-m", "ringfence.entry.cli", "--config", str(config), "engine"], stderr=subprocess.DEVNULL
    )
    try:
        client = ControlClient(data / "run" / "engine.sock")
        wait_for_engine(engine, client)
        reply = client.ask(LoadDirectory(snapshot=snapshot(agents, carrier_port)))
        if not isinstance(reply, Done):
            raise SystemExit(f"the engine refused the directory: {reply}")
        followed, watch = Followed(data / "run" / "engine.sock"), Watch(engine.pid)
        watch.start()
        mix = asyncio.run(drive(options, sip_port, folder, client, agents, carrier_port))
        watch.over.set()
        watch.join()
        status = client.ask(GetStatus())
        engine.send_signal(signal.SIGTERM)
        engine.wait(60)
        followed.close()
    finally:
        if engine.poll() is None:
            engine.kill()
            engine.wait()
    from ringfence.entry.key_store import key_store

    heard: Heard = listen(data, key_store(), followed.of(RecordingSealed))
    sealed = len(followed.of(RecordingSealed))
    ended = Counter(fact.reason.value for fact in followed.of(CallEnded))
    growth = watch.growth()
    left = len(status.calls) if isinstance(status, EngineStatus) else -1
    recorded_seconds = sum(fact.duration_ms for fact in followed.of(RecordingSealed)) / 1000
    within = (
        mix.placed > 0
        and recorded_seconds >= COMPLETE_SHARE * mix.talked_seconds
        and heard.whole == sealed == mix.placed == mix.outcomes[Outcome.COMPLETED.value]
        and not heard.problems
        and heard.silent_share <= MAX_SILENT_SHARE
        and not followed.gaps
        and left == 0
        and (not options.memory or (growth is not None and growth <= MEMORY_LIMIT))
    )
    return {
        "kind": "replay" if options.replay else "steady",
        "minutes": options.minutes,
        "calls_at_once": agents if options.replay else options.calls,
        "placed": mix.placed,
        "outcomes": dict(mix.outcomes),
        "ended": dict(ended),
        "recordings_sealed": sealed,
        "recordings_whole": heard.whole,
        "recordings_failed": len(followed.of(RecordingFailed)) + len(followed.of(RecordingNotStarted)),
        "talked_hours": round(mix.talked_seconds / 3600, 3),
        "recorded_hours": round(recorded_seconds / 3600, 3),
        "packets_heard": heard.packets,
        "packets_silent": heard.silent,
        "facts": len(followed.facts),
        "fact_gaps": followed.gaps,
        "calls_left": left,
        "engine_cpu_percent": round(watch.cpu_share * 100, 1),
        "engine_starved_percent": round(watch.waited_share * 100, 1),
        "memory_mib_by_minute": watch.by_minute(),
        "memory_growth": None if growth is None else round(growth, 4),
        "problems": dict(heard.problems),
        "machine": machine,
        **watch.machine.figures(),
        "within": within,
    }


def wait_for_engine(engine: "subprocess.Popen[bytes]", client: ControlClient) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            client.ask(GetStatus())
            return
        except EngineDown:
            if engine.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("the engine did not start; run 'ringfence engine' to see why") from None
            time.sleep(0.1)


async def drive(
    options: argparse.Namespace, sip_port: int, folder: Path, client: ControlClient, agents: int, carrier_port: int
) -> Mix:
    async with TaskOwner("mix") as tasks:
        mix = Mix(options, sip_port, folder, tasks)
        await mix.run(client, agents, carrier_port, options.minutes * 60)
    return mix


if __name__ == "__main__":
    raise SystemExit(main())
