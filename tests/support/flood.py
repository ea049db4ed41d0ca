"""Hostile traffic from one loopback address, in a process of its own: ``python -m tests.support.flood '{...}'``.

Sends until its standard input ends, or the time is over, then prints how much as one JSON line. ``kind`` is
``datagrams`` (requests that nobody vouches for, and garbage) or ``connections`` (streams and WebSockets that stall,
dribble or talk nonsense).
"""

import contextlib
import json
import random
import select
import selectors
import socket
import sys
import time
from dataclasses import dataclass
from typing import Any, cast


@dataclass(kw_only=True)
class Flood:
    kind: str
    seconds: float
    source: str = "127.0.0.9"
    udp_port: int = 0
    stream_ports: tuple[int, ...] = ()
    ws_ports: tuple[int, ...] = ()
    per_second: int = 3000


def told_to_end() -> bool:
    return bool(select.select([sys.stdin], [], [], 0)[0])


def request(method: str, number: int, port: int) -> bytes:
    """A well-formed request of a stranger, each with a transaction and a dialog of its own."""
    user = random.choice(("handset-1", "handset-2", "07700900999", "nobody"))
    target = f"sip:+44163296000{number % 5}@127.0.0.1:{port}" if method == "INVITE" else f"sip:127.0.0.1:{port}"
    body = "v=0\r\no=- 1 1 IN IP4 127.0.0.9\r\ns=-\r\nc=IN IP4 127.0.0.9\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"
    lines = (
        f"{method} {target} SIP/2.0",
        f"Via: SIP/2.0/UDP 127.0.0.9:5060;rport;branch=z9hG4bK{number:x}{random.getrandbits(32):x}",
        "Max-Forwards: 70",
        f"From: <sip:{user}@127.0.0.1>;tag={number:x}",
        f"To: <sip:{user}@127.0.0.1>",
        f"Call-ID: {random.getrandbits(64):x}",
        f"CSeq: 1 {method}",
        f"Contact: <sip:{user}@127.0.0.9:5060>",
        *(["Content-Type: application/sdp"] if method == "INVITE" else ["Expires: 60"]),
        f"Content-Length: {len(body) if method == 'INVITE' else 0}",
    )
    return ("\r\n".join(lines) + "\r\n\r\n" + (body if method == "INVITE" else "")).encode()


def datagrams(flood: Flood) -> dict[str, int]:
    """Requests and garbage, evenly, at about ``per_second``."""
    sent = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((flood.source, 0))
        sender.setblocking(False)
        began = time.monotonic()
        while (gone := time.monotonic() - began) < flood.seconds and not told_to_end():
            while sent < gone * flood.per_second:
                kind = ("REGISTER", "INVITE", "OPTIONS", "")[sent % 4]
                data = request(kind, sent, flood.udp_port) if kind else random.randbytes(random.randint(1, 1400))
                with contextlib.suppress(BlockingIOError):
                    sender.sendto(data, ("127.0.0.1", flood.udp_port))
                sent += 1
            time.sleep(0.002)
    return {"sent": sent}


def connections(flood: Flood) -> dict[str, int]:
    """Up to 60 connections to each port: some say nothing, some one byte at a time, some nonsense; lost ones again."""
    upgrade = (
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Protocol: sip\r\n\r\n"
    )
    counts = {"opened": 0, "refused": 0, "closed": 0, "written": 0}
    chooser = selectors.DefaultSelector()
    ports = (*flood.stream_ports, *flood.ws_ports)
    began = time.monotonic()

    def open_one(port: int) -> None:
        side = socket.socket()
        side.bind((flood.source, 0))
        side.setblocking(False)
        side.connect_ex(("127.0.0.1", port))
        manner = counts["opened"] % 4
        slow = upgrade if port in flood.ws_ports else request("INVITE", counts["opened"], port)
        chooser.register(
            side,
            selectors.EVENT_READ | selectors.EVENT_WRITE,
            {"port": port, "at": 0, "slow": slow, "manner": manner, "next": 0.0},
        )
        counts["opened"] += 1

    for port in ports:
        for _ in range(60):
            open_one(port)
    while time.monotonic() - began < flood.seconds and not told_to_end():
        now = time.monotonic()
        for key, events in chooser.select(0.05):
            side, state = cast(socket.socket, key.fileobj), key.data
            try:
                if events & selectors.EVENT_READ and not side.recv(65536):
                    raise ConnectionError
                if events & selectors.EVENT_WRITE and now >= state["next"] and state["manner"]:
                    counts["written"] += write(side, state, now)
            except BlockingIOError:
                pass
            except OSError:
                counts["closed"] += 1
                chooser.unregister(side)
                side.close()
                if counts["opened"] < 4000:
                    open_one(state["port"])
        time.sleep(0.01)
    for key in list(chooser.get_map().values()):
        cast(socket.socket, key.fileobj).close()
    chooser.close()
    return counts


def write(side: socket.socket, state: dict[str, Any], now: float) -> int:
    """The next bytes in this connection's manner: 1 dribbles a real beginning, 2 and 3 send nonsense."""
    if state["manner"] == 1:
        state["next"] = now + 0.3
        piece = state["slow"][state["at"] : state["at"] + 1]
        state["at"] += 1
        return side.send(piece or b"x")
    state["next"] = now + 0.1
    if state["manner"] == 2 and not state["at"]:
        state["at"] = 1
        return side.send(state["slow"])
    return side.send(random.randbytes(600) + b"\r\n\r\n")


if __name__ == "__main__":
    wanted = Flood(**json.loads(sys.argv[1]))
    print(json.dumps((datagrams if wanted.kind == "datagrams" else connections)(wanted)), flush=True)
