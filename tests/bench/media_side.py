"""The process that the media benchmark loads: the embedded engine with the real recorder, or a bare relay.

The relays say what a packet costs on this machine at this moment whatever Python does with it: ``floor`` receives and
sends, ``trial`` also rewrites the header and appends to a list, as the trial's engine did. The engine's cost is told
as a multiple of the floor, which survives a busy machine; percent of a core does not.
"""

import asyncio
import gc
import json
import os
import resource
import socket
import struct
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.bench.machine import waited_seconds
from tests.bench.whole import listen

from ringfence.control.directory import ClientEntry, DirectorySnapshot, UserKind
from ringfence.control.facts import Direction, RecordingSealed
from ringfence.engine.exchange import GC_THRESHOLDS
from ringfence.engine.fakes import MemoryDirectory, MemoryFacts, MemoryPrompts
from ringfence.engine.media.embedded import EmbeddedMediaEngine, MediaConfig
from ringfence.engine.media.port import LegKind, LegProfile
from ringfence.engine.recorder import CallRecorder, SpoolVault
from ringfence.engine.recorder.api import RecordingRequest
from ringfence.kit.clock import SystemClock
from ringfence.kit.ids import AgentId, CallId, ClientCode, LegId, SessionId
from ringfence.kit.tasks import TaskOwner
from ringfence.vault import FileRootKey, SqliteKeyStore

HEADER = struct.Struct("!BBHII")
CLIENT = ClientCode("BBC")
A, B = LegId("a"), LegId("b")


class BareRelay:
    """Two sockets for each call and nothing of an exchange."""

    def __init__(self, style: str) -> None:
        self.style = style
        self.sockets: list[socket.socket] = []
        self.kept: list[tuple[bool, float, bytes]] = []

    def join(self, one: int, other: int) -> tuple[int, int]:
        """Relay between the phones at these ports; returns the ports to send to."""
        legs = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2)]
        for leg in legs:
            leg.setblocking(False)
            leg.bind(("127.0.0.1", 0))
        self.sockets += legs
        shape = self._floor if self.style == "floor" else self._trial
        loop = asyncio.get_running_loop()
        for leg, peer, target in ((legs[0], legs[1], other), (legs[1], legs[0], one)):
            loop.add_reader(leg.fileno(), shape(leg, peer, ("127.0.0.1", target)))
        return legs[0].getsockname()[1], legs[1].getsockname()[1]

    @staticmethod
    def _floor(leg: socket.socket, peer: socket.socket, target: tuple[str, int]) -> Any:
        receive, send = leg.recvfrom, peer.sendto

        def readable() -> None:
            data, _ = receive(2048)
            send(data, target)

        return readable

    def _trial(self, leg: socket.socket, peer: socket.socket, target: tuple[str, int]) -> Any:
        receive, send, ssrc, direction = leg.recvfrom, peer.sendto, id(leg) & 0xFFFFFFFF, leg is self.sockets[-1]

        def readable() -> None:
            data, _ = receive(2048)
            first, second, sequence, timestamp, _ = HEADER.unpack_from(data)
            self.kept.append((direction, time.monotonic(), data))
            if len(self.kept) >= 20_000:
                self.kept.clear()
            packet = HEADER.pack(first, second, sequence + 7 & 0xFFFF, timestamp + 9 & 0xFFFFFFFF, ssrc) + data[12:]
            send(packet, target)

        return readable


class RecordedCalls:
    """The embedded engine and the recorder, wired as the exchange wires them."""

    def __init__(self, folder: Path, tasks: TaskOwner) -> None:
        clock = SystemClock()
        config = MediaConfig(first_port=33000, last_port=35999, consent_seconds=3600)
        self.media = EmbeddedMediaEngine(config, MemoryPrompts({}), clock)
        self.folder = folder
        self.keys = SqliteKeyStore(folder / "keys" / "keys.sqlite3", FileRootKey.create(folder / "keys" / "root.key"))
        self.facts = MemoryFacts()
        hop = asyncio.get_running_loop().call_soon_threadsafe
        self.vault = SpoolVault(folder / "spool", self.keys, self.facts, hop=hop, clock=clock)
        snapshot = DirectorySnapshot(
            version=1, clients=(ClientEntry(code=CLIENT, name="Barford Borough Council", recording_enabled=True),)
        )
        self.recorder = CallRecorder(
            media=self.media,
            vault=self.vault,
            directory=MemoryDirectory(snapshot),
            facts=self.facts,
            clock=clock,
            tasks=tasks,
        )
        self.vault.start()

    async def anchor(self, session: str, leg: str, sdp: str) -> str:
        return await self.media.anchor(SessionId(session), LegId(leg), sdp, LegProfile(kinds=frozenset(LegKind)))

    async def bridge(self, session: str) -> None:
        await self.media.bridge(SessionId(session), A, B)
        begun = await self.recorder.begin(
            RecordingRequest(
                call_id=CallId(session),
                session=SessionId(session),
                client=CLIENT,
                direction=Direction.INBOUND,
                answered_by=UserKind.AGENT,
                agent_id=AgentId("agent"),
                caller_leg=A,
                agent_leg=B,
                wording="notice-v1",
            )
        )
        if begun is None:
            raise RuntimeError("The recording did not start.")

    async def seal(self) -> dict[str, Any]:
        """Close and open every recording."""
        await self.recorder.close()
        await asyncio.to_thread(self.vault.close)
        await asyncio.sleep(0)
        heard = listen(self.folder, self.keys, self.facts.of(RecordingSealed))
        return {"whole": heard.whole, "problems": dict(heard.problems), "silent_share": heard.silent_share}


async def serve(style: str, folder: Path) -> None:
    """Take one command a line from stdin and answer each on stdout."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with TaskOwner("bench") as tasks:
        relay = BareRelay(style)
        calls = RecordedCalls(folder, tasks)
        await calls.media.start()
        while line := await reader.readline():
            command = json.loads(line)
            answer: Any = None
            match command["do"]:
                case "join":
                    answer = relay.join(command["one"], command["other"])
                case "anchor":
                    answer = await calls.anchor(command["session"], command["leg"], command["sdp"])
                case "bridge":
                    await calls.bridge(command["session"])
                case "freeze":
                    gc.collect()
                    gc.freeze()
                    gc.set_threshold(*GC_THRESHOLDS)
                case "seal":
                    answer = await calls.seal()
                case "usage":
                    usage = resource.getrusage(resource.RUSAGE_SELF)
                    answer = {
                        "cpu": usage.ru_utime + usage.ru_stime,
                        "rss_mb": usage.ru_maxrss / 1024,
                        "waited": waited_seconds(),
                    }
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
        await calls.media.close()


def main(style: str, core: int, loop: str) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    with tempfile.TemporaryDirectory(prefix="ringfence-bench-") as name:
        work = serve(style, Path(name))
        if loop == "uvloop":
            import uvloop

            uvloop.run(work)
        else:
            asyncio.run(work)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
