"""Loads the embedded media engine with bridged and tapped calls; prints a table and writes JSON.

    python -m tests.bench.media_load --calls 150 --mode plain --mode dtls --json media.json

The engine runs in a process of its own on the first core and the telephones in this one on the last. CPU is the
engine's own (getrusage). Latency is one way through the engine: from just before a phone's send to the kernel's
receive timestamp at the other phone (SO_TIMESTAMPNS), so the lateness of this Python generator in reading is not in
it. The generator itself is the limit at some 200 calls: its share of its core is printed. Latency means something
only while the engine is not starved: how long it had to wait for its core is printed, and the load average.
"""

import argparse
import asyncio
import gc
import json
import os
import platform
import resource
import select
import socket
import struct
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pylibsrtp
from tests.support.media import Phone
from tests.support.media_browser import Browser

from ringfence.engine.fakes import MemoryPrompts
from ringfence.engine.media.embedded import EmbeddedMediaEngine, MediaConfig
from ringfence.engine.media.port import LegKind, LegProfile
from ringfence.kit.clock import SystemClock
from ringfence.kit.ids import LegId, SessionId

PACKET = struct.Struct("!BBHIIQ")
SO_TIMESTAMPNS = 35
TICK_NS = 20_000_000
LIMITS = {"plain": 0.45, "dtls": 0.55}
"""Percent of a core for each call."""
P99_LIMIT_US = 1000.0


@dataclass(frozen=True)
class Result:
    mode: str
    loop: str
    calls: int
    seconds: float
    cpu_percent: float
    cpu_percent_per_call: float
    sent: int
    lost: int
    tapped: int
    p50_us: float
    p99_us: float
    p999_us: float
    max_us: float
    starved_percent: float
    """Share of the time in which the engine was ready but another process had its core."""
    generator_percent: float
    load_average: float
    engine_rss_mb: float

    @property
    def within(self) -> bool:
        return self.lost == 0 and self.cpu_percent_per_call <= LIMITS[self.mode] and self.p99_us < P99_LIMIT_US


def pin(core: int, *, realtime: bool) -> None:
    """One core for this process, where the system lets it."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    if realtime:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))


def cores() -> tuple[int, int]:
    """One core for the engine and one for the telephones; the same one on a machine that has no second."""
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    return allowed[0], allowed[-1]


def waited_seconds() -> float:
    """How long this process was ready to run but another had its core (Linux); 0 where that is not told."""
    try:
        return int(Path("/proc/self/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0


class Spool:
    """A sink that does what a recorder's does: keep the packets, give them away every two seconds."""

    def __init__(self) -> None:
        self.count = 0
        self._kept: list[tuple[str, float, bytes]] = []

    def frame(self, *, leg: LegId, at: float, payload: bytes, rtp_timestamp: int, alaw: bool) -> None:
        self._kept.append((leg, at, payload))
        if len(self._kept) >= 200:
            self.count += len(self._kept)
            self._kept.clear()


async def serve() -> None:
    """Take one command a line from stdin and answer each on stdout."""
    config = MediaConfig(first_port=33000, last_port=35999, consent_seconds=3600)
    engine = EmbeddedMediaEngine(config, MemoryPrompts({}), SystemClock())
    await engine.start()
    sinks: list[Spool] = []
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        command = json.loads(line)
        answer: Any = None
        match command["do"]:
            case "anchor":
                profile = LegProfile(kinds=frozenset(LegKind))
                answer = await engine.anchor(
                    SessionId(command["session"]), LegId(command["leg"]), command["sdp"], profile
                )
            case "bridge":
                session = SessionId(command["session"])
                await engine.bridge(session, LegId("a"), LegId("b"))
                sinks.append(Spool())
                await engine.tap(session, (LegId("a"), LegId("b")), sinks[-1])
            case "freeze":
                gc.collect()
                gc.freeze()
            case "usage":
                usage = resource.getrusage(resource.RUSAGE_SELF)
                answer = {
                    "cpu": usage.ru_utime + usage.ru_stime,
                    "rss_mb": usage.ru_maxrss / 1024,
                    "tapped": sum(sink.count for sink in sinks),
                    "waited": waited_seconds(),
                }
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
    await engine.close()


class Engine:
    """The engine's process, seen from here."""

    def __init__(self, *, core: int, loop: str, realtime: bool) -> None:
        arguments = ["engine", "--core", str(core), "--loop", loop] + (["--realtime"] if realtime else [])
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.media_load", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, do: str, **values: object) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"do": do, **values}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("The engine's process ended. Its error stands above.")
        return json.loads(line)

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(10)


class Line:
    """One phone on a connected socket, with its place in the 20 ms."""

    def __init__(self, phone: Phone) -> None:
        assert phone.remote is not None
        self.socket = phone.rtp.dup()
        self.socket.setblocking(False)
        self.socket.connect(phone.remote)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.tx: pylibsrtp.Session | None = getattr(phone, "tx", None)
        self.rx: pylibsrtp.Session | None = getattr(phone, "rx", None)
        self.sequence = phone.sequence & 0x7FFF
        self.ssrc = phone.ssrc
        self.sent = 0

    def send(self) -> None:
        self.sequence += 1
        self.sent += 1
        head = PACKET.pack(0x80, 8, self.sequence & 0xFFFF, (self.sequence * 160) & 0xFFFFFFFF, self.ssrc,
                           time.time_ns())  # fmt: skip
        packet = head + FILLING
        self.socket.send(self.tx.protect(packet) if self.tx else packet)


FILLING = b"\xd5" * 152


async def set_up(engine: Engine, *, calls: int, mode: str) -> list[Line]:
    """Every call bridged, tapped and, in the browser's case, connected by ICE and DTLS."""
    lines: list[Line] = []
    for n in range(calls):
        session = f"s{n}"
        caller = Phone()
        caller.hear(engine.ask("anchor", session=session, leg="a", sdp=caller.sdp()))
        if mode == "dtls":
            agent: Phone = (browser := Browser())
            browser.hear(engine.ask("anchor", session=session, leg="b", sdp=browser.describe(setup="actpass")))
            await browser.connect()
        else:
            agent = Phone()
            agent.hear(engine.ask("anchor", session=session, leg="b", sdp=agent.sdp()))
        engine.ask("bridge", session=session)
        lines += [Line(caller), Line(agent)]
        caller.close()
        agent.close()
    return lines


def run(lines: list[Line], *, seconds: float) -> list[int]:
    """Send on every line every 20 ms, evenly spread, and return the latency of each packet in nanoseconds."""
    poll = select.epoll()
    by_fd = {line.socket.fileno(): line for line in lines}
    for fd in by_fd:
        poll.register(fd, select.EPOLLIN)
    latencies: list[int] = []
    step = TICK_NS // len(lines)
    begin = time.monotonic_ns()
    due, turn = begin, 0
    end = begin + int(seconds * 1e9)
    while due < end:
        now = time.monotonic_ns()
        while due <= now and due < end:
            lines[turn].send()
            turn = (turn + 1) % len(lines)
            due += step
        _collect(poll, by_fd, latencies, max(0.0, (due - time.monotonic_ns()) / 1e9))
    quiet_at = time.monotonic() + 0.5
    while time.monotonic() < quiet_at:
        _collect(poll, by_fd, latencies, 0.05)
    poll.close()
    return latencies


def _collect(poll: select.epoll, by_fd: dict[int, Line], latencies: list[int], wait: float) -> None:
    for fd, _ in poll.poll(wait):
        line = by_fd[fd]
        try:
            data, ancillary, _, _ = line.socket.recvmsg(2048, 64)
        except OSError:
            continue
        if 64 <= data[1] & 0x7F <= 95 or data[0] < 128:
            continue
        seconds, nanoseconds = struct.unpack("qq", ancillary[0][2][:16])
        plain = line.rx.unprotect(data) if line.rx else data
        latencies.append(seconds * 1_000_000_000 + nanoseconds - PACKET.unpack_from(plain)[5])


def measure(mode: str, *, calls: int, seconds: float, core: int, loop: str, realtime: bool) -> Result:
    engine = Engine(core=core, loop=loop, realtime=realtime)
    try:
        lines = asyncio.run(set_up(engine, calls=calls, mode=mode))
        engine.ask("freeze")
        gc.collect()
        gc.disable()  # here, in the telephones: their pauses would come out of the engine as bursts
        run(lines, seconds=1.0)
        for line in lines:
            line.sent = 0
        before, own = engine.ask("usage"), time.process_time()
        begin = time.monotonic()
        latencies = sorted(run(lines, seconds=seconds))
        lasted = time.monotonic() - begin - 0.5
        after, own = engine.ask("usage"), time.process_time() - own
        for line in lines:
            line.socket.close()
    finally:
        gc.enable()
        engine.close()
    sent = sum(line.sent for line in lines)
    cpu = 100 * (after["cpu"] - before["cpu"]) / lasted

    def quantile(share: float) -> float:
        return latencies[min(len(latencies) - 1, int(len(latencies) * share))] / 1000 if latencies else 0.0

    return Result(
        mode=mode,
        loop=loop,
        calls=calls,
        seconds=round(lasted, 2),
        cpu_percent=round(cpu, 2),
        cpu_percent_per_call=round(cpu / calls, 3),
        sent=sent,
        lost=sent - len(latencies),
        tapped=after["tapped"] - before["tapped"],
        p50_us=round(quantile(0.5), 1),
        p99_us=round(quantile(0.99), 1),
        p999_us=round(quantile(0.999), 1),
        max_us=round(quantile(1.0), 1),
        starved_percent=round(100 * (after["waited"] - before["waited"]) / lasted, 1),
        generator_percent=round(100 * own / lasted, 1),
        load_average=round(os.getloadavg()[0], 2),
        engine_rss_mb=round(after["rss_mb"], 1),
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("role", nargs="?", choices=("engine", "bench"), default="bench")
    parser.add_argument("--calls", type=int, action="append")
    parser.add_argument("--mode", choices=sorted(LIMITS), action="append")
    parser.add_argument("--core", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default=None)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--realtime", action="store_true", help="SCHED_FIFO for both processes; needs the right to it")
    parser.add_argument("--check", action="store_true", help="exit 1 when a run is over budget")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    loop = options.loop or ("uvloop" if _has_uvloop() else "asyncio")
    if options.role == "engine":
        pin(options.core, realtime=options.realtime)
        if loop == "uvloop":
            import uvloop

            uvloop.run(serve())
        else:
            asyncio.run(serve())
        return 0
    engine_core, phone_core = cores()
    pin(phone_core, realtime=options.realtime)
    results: list[Result] = []
    print(f"{'mode':6}{'loop':9}{'calls':>6}{'CPU %':>8}{'%/call':>8}{'sent':>9}{'lost':>6}{'p50 us':>8}{'p99 us':>9}"
          f"{'p99.9 us':>10}{'starved %':>11}{'gen %':>7}{'load':>6}  budget")  # fmt: skip
    for _ in range(options.repeat):
        for mode in options.mode or sorted(LIMITS):
            for calls in options.calls or [150]:
                result = measure(
                    mode,
                    calls=calls,
                    seconds=options.seconds,
                    core=engine_core,
                    loop=loop,
                    realtime=options.realtime,
                )
                results.append(result)
                print(f"{mode:6}{loop:9}{calls:6}{result.cpu_percent:8.1f}{result.cpu_percent_per_call:8.3f}"
                      f"{result.sent:9}{result.lost:6}{result.p50_us:8.0f}{result.p99_us:9.0f}{result.p999_us:10.0f}"
                      f"{result.starved_percent:11.1f}{result.generator_percent:7.0f}{result.load_average:6.1f}  "
                      f"{'kept' if result.within else 'MISSED'}", flush=True)  # fmt: skip
    if options.json:
        machine = {"python": platform.python_version(), "system": platform.release(), "cores": os.cpu_count()}
        options.json.write_text(
            json.dumps({"machine": machine, "results": [asdict(result) for result in results]}, indent=2) + "\n"
        )
    return 1 if options.check and not all(result.within for result in results) else 0


def _has_uvloop() -> bool:
    try:
        import uvloop  # noqa: F401
    except ImportError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
