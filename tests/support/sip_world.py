"""SIP without sockets or waiting: user agents in virtual time, joined by lossy links, and peers that speak raw text."""

import heapq
import random
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from typing_extensions import override

from ringfence.control.directory import (
    DeviceEntry,
    DirectorySnapshot,
    Transport,
    TrunkEntry,
    UserKind,
)
from ringfence.engine.fakes import MemoryDirectory
from ringfence.engine.sip.api import IncomingInvite, SipEvent
from ringfence.engine.sip.config import SipConfig
from ringfence.engine.sip.core.digest import Credentials, DigestClient, ha1_of
from ringfence.engine.sip.core.flow import Flow
from ringfence.engine.sip.user_agent import UserAgent
from ringfence.kit.ids import DeviceId, TrunkId

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
SECRET = b"a secret of this test"
PASSWORD = "correct horse"
OFFER = "v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"
ANSWER = OFFER.replace("o=- 1 1", "o=- 2 1")

DEVICES = (
    DeviceEntry(
        device_id=DeviceId("desk1"), kind=UserKind.AGENT, ha1=ha1_of("desk1", "ringfence", PASSWORD), extension="201"
    ),
    DeviceEntry(device_id=DeviceId("browser1"), kind=UserKind.AGENT),
)


def trunk(trunk_id: str = "carrier", **changes: Any) -> TrunkEntry:
    values: dict[str, Any] = {
        "trunk_id": TrunkId(trunk_id),
        "name": trunk_id,
        "host": "127.0.0.9",
        "port": 5060,
        "transport": Transport.UDP,
        "allowed_networks": ("127.0.0.9/32",),
        "options_seconds": 0,
    }
    return TrunkEntry(**(values | changes))


class RecordingFlow(Flow):
    """Keeps what is written."""

    __slots__ = ("sent",)

    def __init__(self, protocol: str = "udp", remote: tuple[str, int] = ("127.0.0.9", 5060)) -> None:
        super().__init__(protocol=protocol, remote=remote, host="127.0.0.1", port=5060)
        self.sent: list[str] = []

    @override
    def _write(self, data: bytes) -> None:
        self.sent.append(data.decode())

    def take(self) -> list[str]:
        taken, self.sent = self.sent, []
        return taken


class World:
    """One user agent under test, with a clock that only this object moves."""

    def __init__(
        self,
        config: SipConfig | None = None,
        snapshot: DirectorySnapshot | None = None,
        *,
        seed: int = 1,
    ) -> None:
        self.now = 1000.0
        self.directory = MemoryDirectory(snapshot or DirectorySnapshot(version=1, devices=DEVICES, trunks=(trunk(),)))
        self.opened: list[RecordingFlow] = []
        self.events: list[SipEvent] = []
        self.react: Callable[[SipEvent], None] | None = None
        self.agent = UserAgent(
            config or SipConfig(),
            self.directory,
            token_secret=SECRET,
            wall=lambda: START + timedelta(seconds=self.now - 1000),
            entropy=random.Random(seed).randbytes,
            open_flow=self._open,
            now=self.now,
        )
        self.agent.directory_changed()
        self.started = self.take()

    def _open(self, entry: TrunkEntry) -> Flow:
        flow = RecordingFlow(entry.transport.value, (entry.host, entry.port))
        self.opened.append(flow)
        return flow

    def settle(self) -> None:
        while self.agent.events:
            event = self.agent.events.popleft()
            self.events.append(event)
            if self.react is not None:
                self.react(event)

    def feed(self, text: str | bytes, flow: Flow) -> None:
        data = text.encode() if isinstance(text, str) else text
        self.agent.feed(data, flow, self.now)
        self.settle()

    def wait(self, seconds: float) -> None:
        """Let time pass; what the listener does in reaction happens at the instant of each event."""
        until = self.now + seconds
        while (at := self.agent.next_at()) is not None and at <= until:
            self.now = max(self.now, at)
            self.agent.advance(self.now)
            self.settle()
        self.now = until
        self.agent.advance(until)
        self.settle()

    def take(self) -> list[SipEvent]:
        self.settle()
        taken, self.events = self.events, []
        return taken

    def close(self, flow: Flow) -> None:
        self.agent.flow_closed(flow, self.now)
        self.settle()

    @property
    def left(self) -> tuple[int, int]:
        """Transactions and dialogs."""
        return len(self.agent.endpoint.table), len(self.agent.table)


class Phone:
    """A peer that writes SIP by hand."""

    def __init__(self, world: World, flow: RecordingFlow, *, user: str = "+441632960001") -> None:
        self.world = world
        self.flow = flow
        self.user = user
        self.call_id = f"{user}-{flow.protocol}-{flow.remote[1]}@phone.example"
        self.contact = f"<sip:{user}@10.0.0.7:5999>"
        self.tag = "phonetag"
        self.to_tag = ""
        self.cseq = 0
        self.branches = 0
        self.last = ""
        self.digest: DigestClient | None = None

    def branch(self, number: int) -> str:
        return f"z9hG4bK{self.user.strip('+')}at{self.flow.remote[1]}x{number}"

    def build(
        self,
        method: str,
        uri: str,
        *,
        cseq: int | None = None,
        branch: str | None = None,
        body: str = "",
        headers: tuple[str, ...] = (),
        to_tag: str | None = None,
        to: str | None = None,
    ) -> str:
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        if branch is None:
            self.branches += 1
            branch = self.branch(self.branches)
        tag = self.to_tag if to_tag is None else to_tag
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/{self.flow.protocol.upper()} 10.0.0.7:5999;branch={branch};rport",
            "Max-Forwards: 70",
            f"From: <sip:{self.user}@phone.example>;tag={self.tag}",
            f"To: <{to or uri}>" + (f";tag={tag}" if tag else ""),
            f"Call-ID: {self.call_id}",
            f"CSeq: {cseq} {method}",
            f"Contact: {self.contact}",
            *headers,
        ]
        if body:
            lines.append("Content-Type: application/sdp")
        lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines) + "\r\n\r\n" + body

    def send(self, method: str, uri: str, **options: Any) -> list[str]:
        """Send one request and return what came back at once."""
        self.flow.take()
        self.last = self.build(method, uri, **options)
        self.world.feed(self.last, self.flow)
        return self.flow.take()

    def again(self) -> list[str]:
        """The last request once more, byte for byte."""
        self.flow.take()
        self.world.feed(self.last, self.flow)
        return self.flow.take()

    def authorized(self, method: str, uri: str, *, username: str, password: str, **options: Any) -> list[str]:
        """Send, and answer the challenge."""
        first = self.send(method, uri, **options)
        assert status_of(first[-1]) == 401, first
        self.digest = DigestClient(Credentials(username, password), random.Random(5).randbytes)
        header = self.digest.authorize(401, [header_of(first[-1], "WWW-Authenticate")], method=method, uri=uri)
        assert header is not None
        options["headers"] = (*options.get("headers", ()), f"{header[0]}: {header[1]}")
        return self.send(method, uri, **options)

    def invite(self, uri: str = "sip:+441632960100@ringfence", **options: Any) -> list[str]:
        options.setdefault("body", OFFER)
        return self.send("INVITE", uri, **options)

    def ack(self, answer: str) -> None:
        """Acknowledge a 2xx (new branch) or another final (same branch)."""
        self.to_tag = tag_of(answer, "To")
        cseq = int(header_of(answer, "CSeq").split()[0])
        branch = None
        if status_of(answer) >= 300:
            match = re.search(r"branch=([^;]+)", header_of(answer, "Via"))
            assert match is not None
            branch = match.group(1)
        self.world.feed(self.build("ACK", "sip:ringfence@127.0.0.1", cseq=cseq, branch=branch), self.flow)

    def reply(
        self, request: str, status: int, *, body: str = "", tag: str = "remote", headers: tuple[str, ...] = ()
    ) -> None:
        """Answer a request of the agent under test."""
        to = header_of(request, "To")
        lines = [
            f"SIP/2.0 {status} Whatever",
            *[f"Via: {via}" for via in headers_of(request, "Via")],
            f"From: {header_of(request, 'From')}",
            f"To: {to}" if ";tag=" in to or status == 100 else f"To: {to};tag={tag}",
            f"Call-ID: {header_of(request, 'Call-ID')}",
            f"CSeq: {header_of(request, 'CSeq')}",
            f"Contact: {self.contact}",
            *headers,
        ]
        if body:
            lines.append("Content-Type: application/sdp")
        lines.append(f"Content-Length: {len(body)}")
        self.world.feed("\r\n".join(lines) + "\r\n\r\n" + body, self.flow)

    def within(self, request: str, method: str, **options: Any) -> list[str]:
        """A request inside the dialog that ``request`` of the agent under test began."""
        self.call_id = header_of(request, "Call-ID")
        self.tag = tag_of(request, "To") or "remote"
        self.to_tag = tag_of(request, "From")
        return self.send(method, "sip:ringfence@127.0.0.1", **options)


def status_of(message: str) -> int:
    parts = message.split(" ", 2)
    return int(parts[1]) if parts[0] == "SIP/2.0" else 0


def method_of(message: str) -> str:
    return message.split(" ", 1)[0]


def headers_of(message: str, name: str) -> list[str]:
    head = message.partition("\r\n\r\n")[0]
    return [
        line.partition(":")[2].strip()
        for line in head.split("\r\n")[1:]
        if line.partition(":")[0].strip().lower() == name.lower()
    ]


def header_of(message: str, name: str) -> str:
    return headers_of(message, name)[0]


def tag_of(message: str, name: str) -> str:
    match = re.search(r";tag=([^;\s]+)", header_of(message, name))
    return match.group(1) if match else ""


def incoming(events: list[SipEvent]) -> IncomingInvite:
    (event,) = [each for each in events if isinstance(each, IncomingInvite)]
    return event


class Net:
    """Virtual network: delivers after a delay, loses by chance, moves time to the next thing that happens."""

    def __init__(self, *, loss: float = 0.0, delay: float = 0.02, seed: int = 1) -> None:
        self.now = 0.0
        self._loss = loss
        self._delay = delay
        self._random = random.Random(seed)
        self._order = 0
        self._queue: list[tuple[float, int, Callable[[], object]]] = []
        self.agents: dict[str, UserAgent] = {}
        self.listeners: dict[str, Callable[[SipEvent], None]] = {}
        self.sent = 0

    def at(self, seconds: float, action: Callable[[], object]) -> None:
        self._order += 1
        heapq.heappush(self._queue, (self.now + seconds, self._order, action))

    def transmit(self, source: str, target: str, data: bytes) -> None:
        self.sent += 1
        if self._random.random() >= self._loss:
            self.at(self._delay, lambda: self.agents[target].feed(data, LinkFlow(self, target, source), self.now))

    def join(self, host: str, config: SipConfig, snapshot: DirectorySnapshot, seed: int) -> UserAgent:
        agent = UserAgent(
            config,
            MemoryDirectory(snapshot),
            token_secret=SECRET,
            wall=lambda: START + timedelta(seconds=self.now),
            entropy=random.Random(seed).randbytes,
            open_flow=lambda entry: LinkFlow(self, host, entry.host),
        )
        self.agents[host] = agent
        agent.directory_changed()
        return agent

    def run(self, until: float) -> None:
        while True:
            due = [agent.next_at() for agent in self.agents.values()]
            times = [at for at in due if at is not None] + [entry[0] for entry in self._queue[:1]]
            at = min(times, default=until)
            if at > until:
                self.now = until
                return
            self.now = max(self.now, at)
            for agent in self.agents.values():
                agent.advance(self.now)
            while self._queue and self._queue[0][0] <= self.now:
                heapq.heappop(self._queue)[2]()
            for host, agent in self.agents.items():
                while agent.events:
                    self.listeners[host](agent.events.popleft())
            if not times:
                return


class LinkFlow(Flow):
    """UDP from one agent of a Net to another."""

    __slots__ = ("_net", "_own")

    def __init__(self, net: Net, own: str, remote: str) -> None:
        super().__init__(protocol="udp", remote=(remote, 5060), host=own, port=5060)
        self._net = net
        self._own = own

    @override
    def _write(self, data: bytes) -> None:
        self._net.transmit(self._own, self.remote[0], data)
