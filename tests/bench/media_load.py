"""Loads the embedded media engine with bridged and recorded calls; prints a table and writes JSON.

    python -m tests.bench.media_load --calls 150 --mode plain --mode dtls --json media.json

The engine runs in a process of its own on the first core (media_side.py), with the real recorder and sealing, and the
telephones in this one on the last. CPU is the engine's own (getrusage, all its threads). Every round also loads two
bare relays, so that the cost of a packet can be told as a multiple of what the machine takes for it at that moment.
Latency is one way through the engine: from just before a phone's send to the kernel's receive timestamp at the other
phone (SO_TIMESTAMPNS), so the lateness of this Python generator in reading is not in it. The generator itself is the
limit at some 200 calls: its share of its core is printed. Latency means something only while the engine is not
starved: how long it had to wait for its core is printed, and the load average. Beside the quantiles of all packets
stands the p99 of those that arrived in calm windows: a quarter of a second in which the engine waited for its core for
at most a hundredth of the time and the host stole nothing.
"""

import argparse
import asyncio
import gc
import json
import os
import select
import socket
import statistics
import struct
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pylibsrtp
from tests.bench.machine import MachineState, describe_machine, stolen_ticks, waited_seconds
from tests.support.media import Phone
from tests.support.media_browser import Browser

PACKET = struct.Struct("!BBHIIQ")
SO_TIMESTAMPNS = 35
TICK_NS = 20_000_000
LIMITS = {"plain": 0.45, "dtls": 0.55}
"""Percent of a core for each call."""
RELAYS = ("floor", "trial")
P99_LIMIT_US = 1000.0
STARVED_PERCENT = 3.0
"""Of waiting for the core; beyond it latency and loss say more about the neighbours than about the engine."""
WINDOW_SECONDS = 0.25
CALM_SHARE = 0.01
CALM_ENOUGH = 20.0
"""Percent of the packets that calm windows must hold before their p99 says anything."""


@dataclass(frozen=True)
class Result:
    mode: str
    loop: str
    calls: int
    seconds: float
    cpu_percent: float
    cpu_percent_per_call: float
    us_per_packet: float
    sent: int
    lost: int
    whole: int
    """Recordings that were sealed, opened and found whole."""
    p50_us: float
    p99_us: float
    p999_us: float
    max_us: float
    calm_p99_us: float
    """Of the packets in calm windows."""
    calm_percent: float
    """Share of packets in them."""
    starved_percent: float
    """Share of the time in which the engine was ready but another process had its core."""
    generator_percent: float
    load_average: list[float]
    steal_percent: float
    engine_rss_mb: float


def pin(core: int, *, realtime: bool) -> None:
    """One core for this process, where the system lets it. What it starts inherits the scheduling class."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core})
    if realtime:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))


def cores() -> tuple[int, int]:
    """One core for the engine and one for the telephones; the same one on a machine that has no second."""
    allowed = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    return allowed[0], allowed[-1]


class Engine:
    """The process under test, seen from here."""

    def __init__(self, style: str, *, core: int, loop: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.media_side", style, str(core), loop],
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


FILLING = b"\x2a" * 152


async def set_up(engine: Engine, *, calls: int, mode: str) -> list[Line]:
    """Every call bridged, recorded and, in the browser's case, connected by ICE and DTLS."""
    lines: list[Line] = []
    for n in range(calls):
        session = f"s{n}"
        caller = Phone()
        if mode in RELAYS:
            agent = Phone()
            one, other = engine.ask("join", one=caller.port, other=agent.port)
            caller.remote, agent.remote = ("127.0.0.1", one), ("127.0.0.1", other)
        else:
            caller.hear(engine.ask("anchor", session=session, leg="a", sdp=caller.sdp()))
            if mode == "dtls":
                agent = browser = Browser()
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


class Windows:
    """Notes, four times a second, how many packets had arrived and what the engine had waited and the host stolen."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._marks: list[tuple[int, float, float, int]] = []
        self._due = 0.0

    def look(self, arrived: int) -> None:
        now = time.monotonic()
        if now >= self._due:
            self._due = now + WINDOW_SECONDS
            self._marks.append((arrived, now, waited_seconds(self._pid), stolen_ticks()))

    def calm(self, latencies: list[int]) -> list[int]:
        """The latencies of the calm windows."""
        found: list[int] = []
        for (first, began, waited, stolen), (last, ended, later, more) in pairwise(self._marks):
            if later - waited <= CALM_SHARE * (ended - began) and more == stolen:
                found += latencies[first:last]
        return found


def run(lines: list[Line], *, seconds: float, windows: Windows | None = None) -> list[int]:
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
        if windows is not None:
            windows.look(len(latencies))
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


def measure(mode: str, *, calls: int, seconds: float, core: int, loop: str) -> Result:
    engine = Engine(mode, core=core, loop=loop)
    try:
        lines = asyncio.run(set_up(engine, calls=calls, mode=mode))
        engine.ask("freeze")
        gc.collect()
        gc.disable()  # here, in the telephones: their pauses would come out of the engine as bursts
        run(lines, seconds=1.0)
        for line in lines:
            line.sent = 0
        machine = MachineState()
        before, own = engine.ask("usage"), time.process_time()
        begin = time.monotonic()
        windows = Windows(engine.process.pid)
        latencies = run(lines, seconds=seconds, windows=windows)
        calm = sorted(windows.calm(latencies))
        latencies.sort()
        lasted = time.monotonic() - begin - 0.5
        after, own = engine.ask("usage"), time.process_time() - own
        state = machine.figures()
        for line in lines:
            line.socket.close()
        sealed = {"whole": 0} if mode in RELAYS else engine.ask("seal")
        if sealed.get("problems"):
            raise SystemExit(f"Recordings are not whole: {sealed}")
    finally:
        gc.enable()
        engine.close()
    sent = sum(line.sent for line in lines)
    cpu = 100 * (after["cpu"] - before["cpu"]) / lasted

    def quantile(share: float, of: list[int] = latencies) -> float:
        return of[min(len(of) - 1, int(len(of) * share))] / 1000 if of else 0.0

    return Result(
        mode=mode,
        loop=loop,
        calls=calls,
        seconds=round(lasted, 2),
        cpu_percent=round(cpu, 2),
        cpu_percent_per_call=round(cpu / calls, 3),
        us_per_packet=round((after["cpu"] - before["cpu"]) / max(1, len(latencies)) * 1e6, 2),
        sent=sent,
        lost=sent - len(latencies),
        whole=sealed["whole"],
        p50_us=round(quantile(0.5), 1),
        p99_us=round(quantile(0.99), 1),
        p999_us=round(quantile(0.999), 1),
        max_us=round(quantile(1.0), 1),
        calm_p99_us=round(quantile(0.99, calm), 1),
        calm_percent=round(100 * len(calm) / max(1, len(latencies)), 1),
        starved_percent=round(100 * (after["waited"] - before["waited"]) / lasted, 1),
        generator_percent=round(100 * own / lasted, 1),
        load_average=state["load_average"],
        steal_percent=state["steal_percent"],
        engine_rss_mb=round(after["rss_mb"], 1),
    )


def summary(results: list[Result]) -> list[dict[str, Any]]:
    """For each mode and number of calls the median round, beside the floor of the same run."""
    rows: list[dict[str, Any]] = []
    for calls in sorted({result.calls for result in results}):
        of = {mode: [each for each in results if each.mode == mode and each.calls == calls] for mode in MODES}
        floor = _median(of["floor"], "us_per_packet")
        for mode, rounds in of.items():
            if not rounds:
                continue
            row: dict[str, Any] = {"mode": mode, "calls": calls, "rounds": len(rounds)}
            for name in ("cpu_percent_per_call", "us_per_packet", "p50_us", "p99_us", "calm_p99_us", "calm_percent",
                         "starved_percent"):  # fmt: skip
                row[name] = round(_median(rounds, name), 3)
            row["times_floor"] = round(row["us_per_packet"] / floor, 2) if floor else None
            row["lost"] = sum(each.lost for each in rounds)
            row["steal_percent"] = max(each.steal_percent for each in rounds)
            row["load_average"] = max(each.load_average[2] for each in rounds)
            if mode in LIMITS:
                row["limit"] = LIMITS[mode]
                row["cost_kept"] = row["cpu_percent_per_call"] <= LIMITS[mode]
                starved = row["starved_percent"] > STARVED_PERCENT
                calm = row["calm_percent"] >= CALM_ENOUGH and row["calm_p99_us"] < P99_LIMIT_US
                kept = (row["p99_us"] < P99_LIMIT_US or calm) and row["lost"] == 0
                row["latency_kept"] = "starved" if starved and not kept else kept
                row["within"] = row["cost_kept"] and row["latency_kept"] is not False
            rows.append(row)
    return rows


MODES = (*RELAYS, *LIMITS)


def _median(rounds: list[Result], name: str) -> float:
    return statistics.median(getattr(each, name) for each in rounds) if rounds else 0.0


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--calls", type=int, action="append")
    parser.add_argument("--mode", choices=MODES, action="append")
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), default=None)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--realtime", action="store_true", help="SCHED_FIFO for both processes; needs the right to it")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    loop = options.loop or ("uvloop" if _has_uvloop() else "asyncio")
    machine = describe_machine()
    engine_core, phone_core = cores()
    pin(phone_core, realtime=options.realtime)
    results: list[Result] = []
    print(f"{'mode':6}{'loop':9}{'calls':>6}{'CPU %':>8}{'%/call':>8}{'us/pkt':>8}{'sent':>9}{'lost':>6}{'p50 us':>8}"
          f"{'p99 us':>9}{'p99.9 us':>10}{'calm p99':>10}{'calm %':>8}{'starved %':>11}{'gen %':>7}"
          f"{'steal %':>9}{'load':>6}")  # fmt: skip
    for _ in range(options.rounds):
        for mode in options.mode or MODES:
            for calls in options.calls or [150]:
                result = measure(mode, calls=calls, seconds=options.seconds, core=engine_core, loop=loop)
                results.append(result)
                print(f"{mode:6}{loop:9}{calls:6}{result.cpu_percent:8.1f}{result.cpu_percent_per_call:8.3f}"
                      f"{result.us_per_packet:8.1f}{result.sent:9}{result.lost:6}{result.p50_us:8.0f}"
                      f"{result.p99_us:9.0f}{result.p999_us:10.0f}{result.calm_p99_us:10.0f}{result.calm_percent:8.0f}"
                      f"{result.starved_percent:11.1f}"
                      f"{result.generator_percent:7.0f}{result.steal_percent:9.1f}{result.load_average[2]:6.1f}",
                      flush=True)  # fmt: skip
    rows = summary(results)
    for row in rows:
        print(json.dumps(row))
    if options.json:
        figures = {"machine": machine, "results": rows, "rounds": [asdict(result) for result in results]}
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0 if all(row.get("within", True) for row in rows) else 1


def _has_uvloop() -> bool:
    try:
        import uvloop  # noqa: F401 - only whether it is installed
    except ImportError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
