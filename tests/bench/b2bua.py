"""Complete calls per second through a real engine process: carrier, queue, agent's handset; both legs with real SDP.

    python -m tests.bench.b2bua --rate 300 --seconds 10

A call is INVITE, 200, ACK from the carrier, the queue's choice of an agent, INVITE, 180, 200, ACK to that agent's
handset, the bridge of both, 0.3 s of talk, BYE and 200 on both legs. Recording is off here: what the vault
manages is measured in vault_io. Carrier and handsets are two SIPp processes on the last core, the engine runs on the
first one as ``ringfence engine`` and its facts are followed as the worker would. Prints one JSON line.
"""

import argparse
import csv
import json
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from hashlib import md5
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from tests.bench.long_mix import (
    CLIENT,
    LOOPBACK,
    NUMBER,
    PASSWORD,
    QUEUE,
    REALM,
    Followed,
    free_port,
    prepare,
    snapshot,
    wait_for_engine,
)
from tests.bench.machine import MachineState, cpu_seconds, describe_machine, waited_seconds

from ringfence.control.client import ControlClient
from ringfence.control.commands import Done, EngineStatus, GetStatus, LoadDirectory, SetAgentState
from ringfence.control.directory import DirectorySnapshot, QueueNode
from ringfence.control.facts import AgentState, CallAnswered, CallArrived, CallEnded, OfferEnded
from ringfence.kit.ids import AgentId

TALK_MS = 300
SPARE_SECONDS = 0.3
"""Agents beyond those in a call: for the time that setting up and clearing take."""
RATE_LIMIT = 300
SETTLE_SECONDS = 3.0

_SDP = """v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio [auto_media_port] RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
"""

CARRIER = f"""<?xml version="1.0" encoding="UTF-8"?>
<scenario name="carrier">
<send retrans="500" start_rtd="1"><![CDATA[
INVITE sip:{NUMBER}@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
From: <sip:+441632960[call_number]@[local_ip]>;tag=[pid]c[call_number]
To: <sip:{NUMBER}@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:carrier@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

{_SDP}]]></send>
<recv response="100" optional="true"/>
<recv response="180" optional="true"/>
<recv response="200" rtd="1" rrs="true"/>
<send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
From: <sip:+441632960[call_number]@[local_ip]>;tag=[pid]c[call_number]
To: <sip:{NUMBER}@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
<pause milliseconds="{TALK_MS}"/>
<send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
From: <sip:+441632960[call_number]@[local_ip]>;tag=[pid]c[call_number]
To: <sip:{NUMBER}@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
<recv response="200"/>
</scenario>
"""

_ANSWER = """
SIP/2.0 {status}
[last_Via:]
[last_From:]
[last_To:]{tag}
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port]>
"""

HANDSETS = (
    """<?xml version="1.0" encoding="UTF-8"?>
<scenario name="handsets">
<recv request="INVITE"/>
<send><![CDATA["""
    + _ANSWER.format(status="180 Ringing", tag=";tag=[pid]h[call_number]")
    + """Content-Length: 0

]]></send>
<send retrans="500"><![CDATA["""
    + _ANSWER.format(status="200 OK", tag=";tag=[pid]h[call_number]")
    + f"""Content-Type: application/sdp
Content-Length: [len]

{_SDP}]]></send>
<recv request="ACK"/>
<recv request="BYE"/>
<send><![CDATA["""
    + _ANSWER.format(status="200 OK", tag="")
    + """Content-Length: 0

]]></send>
</scenario>
"""
)


def directory(agents: int, carrier_port: int) -> DirectorySnapshot:
    """Callers go straight to the queue, and nothing is recorded."""
    full = snapshot(agents, carrier_port)
    flow = replace(full.flows[0], start="queue", nodes=(QueueNode(node_id="queue", queue_id=QUEUE),))
    client = replace(full.clients[0], code=CLIENT, recording_enabled=False)
    return replace(full, clients=(client,), flows=(flow,))


class Registrar:
    """Registers every handset from the port on which one SIPp process then answers for all of them.

    The engine calls a handset back where its REGISTER came from, as one behind NAT needs it.
    """

    def __init__(self, engine_port: int, handset_port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((LOOPBACK, handset_port))
        self.socket.connect((LOOPBACK, engine_port))
        self.socket.settimeout(5)

    def register(self, number: int) -> None:
        user, call_id = f"handset-{number}", secrets.token_hex(8)
        uri = f"sip:{LOOPBACK}:{self.socket.getpeername()[1]}"
        challenge = self._ask(user, uri, call_id, 1, "")
        found = re.search(r'nonce="([^"]+)"', challenge)
        if found is None:
            raise SystemExit(f"A handset was not challenged: {challenge.splitlines()[0]}")
        nonce, cnonce = found[1], secrets.token_hex(8)
        secret, target = _md5(f"{user}:{REALM}:{PASSWORD}"), _md5(f"REGISTER:{uri}")
        response = _md5(f"{secret}:{nonce}:00000001:{cnonce}:auth:{target}")
        answer = self._ask(
            user,
            uri,
            call_id,
            2,
            f'Authorization: Digest username="{user}", realm="{REALM}", nonce="{nonce}", uri="{uri}", qop=auth, '
            f'nc=00000001, cnonce="{cnonce}", response="{response}", algorithm=MD5\r\n',
        )
        if not answer.startswith("SIP/2.0 200"):
            raise SystemExit(f"A handset could not register: {answer.splitlines()[0]}")

    def _ask(self, user: str, uri: str, call_id: str, sequence: int, extra: str) -> str:
        host, port = self.socket.getsockname()
        address = f"<sip:{user}@{LOOPBACK}>"
        self.socket.send(
            f"REGISTER {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{port};branch=z9hG4bK{secrets.token_hex(6)};rport\r\n"
            f"From: {address};tag={call_id}\r\nTo: {address}\r\nCall-ID: {call_id}\r\nCSeq: {sequence} REGISTER\r\n"
            f"Contact: <sip:{user}@{LOOPBACK}:{port}>\r\nExpires: 600\r\nMax-Forwards: 70\r\n"
            f"{extra}Content-Length: 0\r\n\r\n".encode()
        )
        return self.socket.recv(4096).decode()


def _md5(text: str) -> str:
    return md5(text.encode(), usedforsecurity=False).hexdigest()


def sipp(folder: Path, name: str, scenario: str, *arguments: str) -> "subprocess.Popen[bytes]":
    """One SIPp process in a folder of its own, on the last core."""
    place = folder / name
    place.mkdir()
    (place / "scenario.xml").write_text(scenario, encoding="utf-8")
    cores = sorted(os.sched_getaffinity(0))
    return subprocess.Popen(
        ["sipp", "-sf", "scenario.xml", "-i", LOOPBACK, "-nostdin", "-timer_resol", "1", *arguments],
        cwd=place,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, {cores[-1]}),
    )


def until_bound(port: int, patience: float = 10.0) -> None:
    """SIPp listens when its port cannot be bound any more."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                return
        time.sleep(0.05)
    raise SystemExit("SIPp did not start.")


def run(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    engine_port, carrier_port, handset_port = free_port(), free_port(), free_port()
    agents = round(options.rate * (TALK_MS / 1000 + SPARE_SECONDS))
    total = round(options.rate * options.seconds)
    config = prepare(folder, engine_port, 0.5)
    cores = sorted(os.sched_getaffinity(0))
    engine = subprocess.Popen(
        [sys.executable, "-m", "ringfence.entry.cli", "--config", str(config), "engine"],
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, {cores[0]}),
    )
    handsets: subprocess.Popen[bytes] | None = None
    try:
        client = ControlClient(folder / "data" / "run" / "engine.sock")
        wait_for_engine(engine, client)
        reply = client.ask(LoadDirectory(snapshot=directory(agents, carrier_port)))
        if not isinstance(reply, Done):
            raise SystemExit(f"The engine refused the directory: {reply}")
        followed = Followed(folder / "data" / "run" / "engine.sock")
        registrar = Registrar(engine_port, handset_port)
        for number in range(agents):
            registrar.register(number)
            reply = client.ask(SetAgentState(agent_id=AgentId(f"agent-{number}"), state=AgentState.AVAILABLE))
            if not isinstance(reply, Done):
                raise SystemExit(f"An agent could not become Available: {reply}")
        registrar.socket.close()
        handsets = sipp(folder, "handsets", HANDSETS, "-p", str(handset_port), "-trace_stat")
        until_bound(handset_port)
        machine, cpu, waited = MachineState(), cpu_seconds(engine.pid), waited_seconds(engine.pid)
        began = time.monotonic()
        carrier = sipp(
            folder, "carrier", CARRIER, f"{LOOPBACK}:{engine_port}", "-p", str(carrier_port), "-r", str(options.rate),
            "-m", str(total), "-l", str(options.rate * 20), "-trace_rtt", "-rtt_freq", "1", "-trace_stat", "-fd", "1",
        )  # fmt: skip
        while carrier.poll() is None and time.monotonic() - began < options.seconds * 4 + 60:
            machine.sample()
            time.sleep(0.5)
        lasted = time.monotonic() - began
        if carrier.poll() is None:
            carrier.kill()
        spent, waited = cpu_seconds(engine.pid) - cpu, waited_seconds(engine.pid) - waited
        time.sleep(SETTLE_SECONDS)
        status = client.ask(GetStatus())
        handsets.send_signal(signal.SIGUSR1)
        engine.send_signal(signal.SIGTERM)
        engine.wait(60)
        followed.close()
        state = machine.figures()
    finally:
        for process in (engine, handsets):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()
    return figures(options, folder, followed, total=total, spent=spent, lasted=lasted, code=carrier.returncode) | {
        "agents": agents,
        "calls_left": len(status.calls) if isinstance(status, EngineStatus) else -1,
        "engine_cpu_percent": round(100 * spent / lasted, 1),
        "starved_percent": round(100 * waited / lasted, 1),
        "machine": describe_machine(),
        **state,
    }


def figures(
    options: argparse.Namespace,
    folder: Path,
    followed: Followed,
    *,
    total: int,
    spent: float,
    lasted: float,
    code: int | None,
) -> dict[str, Any]:
    """What the peers and the facts tell."""
    carrier = last_row(next((folder / "carrier").glob("*_.csv")))
    failed = int(carrier["FailedCall(C)"])
    arrived = {fact.call_id: fact.at for fact in followed.of(CallArrived)}
    answered = {fact.call_id: fact.at for fact in followed.of(CallAnswered)}
    ended = len(followed.of(CallEnded))
    to_agent = sorted((answered[call] - at).total_seconds() * 1000 for call, at in arrived.items() if call in answered)
    times = sorted(
        float(row.split(";")[1])
        for path in (folder / "carrier").glob("*_rtt.csv")
        for row in path.read_text(encoding="ascii").splitlines()[1:]
    )
    per_second = round(int(carrier["SuccessfulCall(C)"]) / max(0.001, lasted - TALK_MS / 1000), 1)
    complete = code == 0 and failed == 0 and len(answered) == ended == total
    return {
        "rate": options.rate,
        "calls": total,
        "successful_at_carrier": int(carrier["SuccessfulCall(C)"]),
        "failed_at_carrier": failed,
        "retransmissions_at_carrier": int(carrier["Retransmissions(C)"]),
        "answered_by_agents": len(answered),
        "ended": ended,
        "offers": dict(Counter(fact.outcome.value for fact in followed.of(OfferEnded))),
        "fact_gaps": followed.gaps,
        "calls_per_second": per_second,
        "cpu_ms_per_call": round(spent * 1000 / total, 3),
        "calls_per_second_and_core": round(total / spent),
        "carrier_answer_ms_p50_p99": quantiles(times),
        "agent_answer_ms_p50_p99": quantiles(to_agent),
        "recording": "off",
        "within": complete and total / spent >= RATE_LIMIT and options.rate >= RATE_LIMIT,
    }


def last_row(path: Path) -> dict[str, str]:
    with path.open(encoding="ascii") as file:
        return list(csv.DictReader(file, delimiter=";"))[-1]


def quantiles(values: list[float]) -> list[float]:
    if not values:
        return []
    return [round(values[min(len(values) - 1, int(len(values) * share))], 1) for share in (0.5, 0.99)]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rate", type=int, default=RATE_LIMIT)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    if shutil.which("sipp") is None:
        raise SystemExit("SIPp is missing. Install the package sip-tester.")
    with tempfile.TemporaryDirectory(prefix="rf-") as name:
        row = run(options, Path(name))
    print(json.dumps(row))
    return 0 if row["within"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
