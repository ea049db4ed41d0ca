"""Memory of a real engine process under rounds of the RFC 4475 set and random mutations of it, over UDP.

    python -m tests.bench.torture --rounds 60 --messages 2000

Sixteen peers at addresses of a known trunk, so that the rate limit lets everything through to the parser. After each
round the resident memory is sampled; after the last one the exchange is left alone until no transaction can be left.
Prints one JSON line. Kept: the last third of the samples is within 3 % of the first third after a warm-up of a quarter,
no transaction and no dialog is left, and the exchange still answers.
"""

import argparse
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean
from typing import Any

from tests.bench.long_mix import LOOPBACK, Followed, free_port, prepare, snapshot, wait_for_engine
from tests.bench.machine import MachineState, cpu_seconds, describe_machine, memory_kib
from tests.support.torture import MESSAGES, Mutations

from ringfence.control.client import ControlClient
from ringfence.control.commands import Done, EngineStatus, GetStatus, LoadDirectory

PEERS = 16
BURST = 32
PER_SECOND = 1500
DRIFT_PERCENT = 3.0
REST_SECONDS = 100.0
"""The longest that a transaction and the dialog behind it may live without an answer."""


class Peers:
    """Send, and read what comes back so that no buffer fills."""

    def __init__(self, port: int) -> None:
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(PEERS)]
        for number, each in enumerate(self.sockets):
            each.bind((f"127.0.7.{number + 1}", 0))
            each.connect((LOOPBACK, port))
            each.setblocking(False)
        self.sent = self.answered = 0

    def send(self, data: bytes) -> None:
        with contextlib.suppress(OSError):  # a mutation may be longer than a datagram, or a buffer full
            self.sockets[self.sent % PEERS].send(data)
        self.sent += 1

    def read(self, wait: float) -> None:
        end = time.monotonic() + wait
        while (left := end - time.monotonic()) > 0:
            for each in select.select(self.sockets, [], [], left)[0]:
                with contextlib.suppress(OSError):
                    each.recv(65_535)
                    self.answered += 1

    def close(self) -> None:
        for each in self.sockets:
            each.close()


def run(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    port = free_port()
    config = prepare(folder, port, 0.5)
    engine = subprocess.Popen(
        [sys.executable, "-m", "ringfence.entry.cli", "--config", str(config), "engine"], stderr=subprocess.DEVNULL
    )
    peers = Peers(port)
    try:
        client = ControlClient(folder / "data" / "run" / "engine.sock")
        wait_for_engine(engine, client)
        if not isinstance(client.ask(LoadDirectory(snapshot=snapshot(4, free_port()))), Done):
            raise SystemExit("The engine refused the directory.")
        followed = Followed(folder / "data" / "run" / "engine.sock")
        machine, cpu = MachineState(), cpu_seconds(engine.pid)
        stream, memory, most = Mutations(), [], 0
        for _ in range(options.rounds):
            messages = [*MESSAGES.values(), *(stream.next() for _ in range(options.messages))]
            for first in range(0, len(messages), BURST):
                for data in messages[first : first + BURST]:
                    peers.send(data)
                peers.read(BURST / PER_SECOND)
            memory.append(memory_kib(engine.pid))
            most = max(most, _status(client).transactions)
            machine.sample()
        spent = cpu_seconds(engine.pid) - cpu
        peers.read(REST_SECONDS)
        after, state = _status(client), machine.figures()
        rested = memory_kib(engine.pid)
        engine.send_signal(signal.SIGTERM)
        engine.wait(60)
        followed.close()
    finally:
        peers.close()
        if engine.poll() is None:
            os.kill(engine.pid, signal.SIGKILL)
            engine.wait()
    settled = memory[len(memory) // 4 :]
    third = max(1, len(settled) // 3)
    drift = 100 * (mean(settled[-third:]) / mean(settled[:third]) - 1)
    return {
        "rounds": options.rounds,
        "messages": peers.sent,
        "answers": peers.answered,
        "cpu_us_per_message": round(spent / peers.sent * 1e6, 1),
        "transactions_at_most": most,
        "facts_waiting": after.facts_waiting,
        "transactions_left": after.transactions,
        "dialogs_left": after.dialogs,
        "memory_mib": [round(value / 1024, 1) for value in memory],
        "memory_mib_after_rest": round(rested / 1024, 1),
        "drift_percent": round(drift, 2),
        "machine": describe_machine(),
        **state,
        "within": drift <= DRIFT_PERCENT and after.transactions == after.dialogs == 0 and peers.answered > 0,
    }


def _status(client: ControlClient) -> EngineStatus:
    status = client.ask(GetStatus())
    if not isinstance(status, EngineStatus):
        raise SystemExit(f"The engine does not say how it is: {status}")
    return status


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--messages", type=int, default=2000, help="mutations in each round")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rf-") as name:
        row = run(options, Path(name))
    print(json.dumps(row))
    return 0 if row["within"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
