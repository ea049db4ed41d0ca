"""The SIP edge on real sockets: two of ours with each other, browsers' WebSocket, streams, TLS, refusals."""

import asyncio
import contextlib
import ssl
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
import websockets
from tests.support.sip_stage import certificate, sdp, stage
from tests.support.sip_world import DEVICES, PASSWORD, SECRET, header_of, status_of, trunk
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from ringfence.control import tokens
from ringfence.control.directory import DirectorySnapshot, Transport
from ringfence.engine.sip.api import (
    DeviceBound,
    DeviceUnbound,
    DialogEnded,
    DialogId,
    Identity,
    IncomingInvite,
    InviteAnswered,
    InviteRejected,
    ReinviteAnswered,
    ToDevice,
    ToTrunk,
    TrunkStatus,
)
from ringfence.engine.sip.config import SipConfig
from ringfence.engine.sip.core.digest import Credentials, DigestClient
from ringfence.engine.sip.errors import ListenerFailed, PlainListenerRefused
from ringfence.kit.ids import DeviceId, TrunkId

EXCHANGE = DirectorySnapshot(version=1, devices=DEVICES)
DESK = DeviceId("desk1")


def account(transport: Transport, port: int) -> DirectorySnapshot:
    entry = trunk(
        "exchange",
        host="127.0.0.1",
        port=port,
        transport=transport,
        register=True,
        username="desk1",
        password=PASSWORD,
        allowed_networks=(),
    )
    return DirectorySnapshot(version=1, trunks=(entry,))


@pytest.mark.parametrize("transport", [Transport.UDP, Transport.TCP, Transport.TLS])
def test_a_simulated_handset_registers_calls_and_is_called(transport: Transport, tmp_path: Path) -> None:
    async def run() -> None:
        context = certificate(tmp_path)
        trusting = ssl.create_default_context(cafile=tmp_path / "cert.pem")
        config = SipConfig(udp_port=0, tcp_port=0, tls_port=0)
        async with stage(config, EXCHANGE, context=context) as exchange:
            port = exchange.server.listeners[transport.value][1]
            own = SipConfig(udp_port=0)
            async with stage(own, account(transport, port), outgoing=trusting) as handset:
                await handset.wait(TrunkStatus, lambda event: event.up)
                bound = await exchange.wait(DeviceBound)
                assert (bound.device_id, bound.transport) == (DESK, transport.value)
                caller = Identity(number="+441632960001", name="Sam Example")
                dialog = exchange.server.invite(ToDevice(device_id=DESK), sdp=sdp(), caller=caller)
                ringing = await handset.wait(IncomingInvite)
                assert ringing.caller == caller
                await exchange.wait(InviteAnswered)
                exchange.server.reinvite(dialog, sdp=sdp(40002))
                await exchange.wait(ReinviteAnswered)
                handset.server.hang_up(ringing.dialog)
                ended = await exchange.wait(DialogEnded)
                assert (ended.dialog, ended.cause) == (dialog, "bye")
                out = handset.server.invite(
                    ToTrunk(trunk_id=TrunkId("exchange"), number="999"), sdp=sdp(), caller=Identity()
                )
                await handset.wait(InviteAnswered)
                assert (await exchange.wait(IncomingInvite)).called == "999"
                handset.server.hang_up(out)
                await exchange.quiet()
            gone = await exchange.wait(DeviceUnbound)
            assert gone.cause in ("unregistered", "flow_closed")
            assert exchange.server.counters["errors"] == 0

    asyncio.run(run())


class Browser:
    """SIP text frames over a WebSocket, as JsSIP sends them."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.cseq = 0
        token = tokens.mint(SECRET, DeviceId("browser1"), now=datetime.now(UTC))
        self.username = token.username
        self.digest = DigestClient(Credentials(token.username, token.password), lambda count: b"r" * count)

    def request(self, method: str, *headers: str, to_tag: str = "", body: str = "", cseq: int | None = None) -> str:
        if cseq is None:
            self.cseq += 1
            cseq = self.cseq
        to = "browser1" if method == "REGISTER" else "202"
        lines = [
            f"{method} sip:{'ringfence' if method == 'REGISTER' else '202@ringfence'} SIP/2.0",
            f"Via: SIP/2.0/WSS f00.invalid;branch=z9hG4bKb{self.cseq}{method}",
            "Max-Forwards: 69",
            f"To: <sip:{to}@ringfence>" + (f";tag={to_tag}" if to_tag else ""),
            "From: <sip:browser1@ringfence>;tag=bt",
            "Call-ID: fixed",
            f"CSeq: {cseq} {method}",
            'Contact: <sip:br@f00.invalid;transport=ws>;+sip.instance="<urn:uuid:1>";reg-id=1',
            "Supported: path,gruu,outbound",
            *headers,
        ]
        if body:
            lines.append("Content-Type: application/sdp")
        lines.append(f"Content-Length: {len(body)}")
        return "\r\n".join(lines) + "\r\n\r\n" + body

    async def read(self) -> str:
        frame = await asyncio.wait_for(self.socket.recv(), 5)
        assert isinstance(frame, str)
        return frame

    async def register(self, *, binary: bool = False) -> str:
        await self.socket.send(self.request("REGISTER"))
        challenge = header_of(await self.read(), "WWW-Authenticate")
        header = self.digest.authorize(401, [challenge], method="REGISTER", uri="sip:ringfence")
        assert header is not None
        text = self.request("REGISTER", f"{header[0]}: {header[1]}")
        await self.socket.send(text.encode() if binary else text)
        return await self.read()


@pytest.mark.parametrize("binary", [False, True])
def test_a_browser_registers_by_token_and_calls_on_its_proven_connection(binary: bool, tmp_path: Path) -> None:
    async def run() -> None:
        context = certificate(tmp_path)
        trusting = ssl.create_default_context(cafile=tmp_path / "cert.pem")
        async with stage(SipConfig(wss_port=0), EXCHANGE, context=context) as exchange:
            port = exchange.server.listeners["wss"][1]
            url = f"wss://127.0.0.1:{port}/"
            async with connect(url, subprotocols=[Subprotocol("sip")], ssl=trusting) as socket:
                browser = Browser(socket)
                answer = await browser.register(binary=binary)
                assert status_of(answer) == 200
                assert header_of(answer, "Require") == "outbound"
                await socket.send("\r\n\r\n")
                assert await browser.read() == "\r\n"
                await socket.send(browser.request("INVITE", body=sdp()))
                statuses = [await browser.read() for _ in range(3)]
                assert [status_of(each) for each in statuses] == [100, 180, 200]
                tag = header_of(statuses[-1], "To").rpartition("tag=")[2]
                await socket.send(browser.request("ACK", to_tag=tag, cseq=browser.cseq))
                await socket.send(browser.request("BYE", to_tag=tag))
                assert status_of(await browser.read()) == 200
                binding = exchange.server.binding(DeviceId("browser1"))
                assert binding is not None
                assert (binding.browser, binding.secure) == (True, True)
            await exchange.wait(DeviceUnbound, lambda event: event.cause == "flow_closed")

    asyncio.run(run())


def test_pages_of_other_sites_and_other_subprotocols_are_refused() -> None:
    async def run() -> None:
        config = SipConfig(ws_port=0, allowed_origins=("https://calls.example",))
        async with stage(config, EXCHANGE) as exchange:
            url = f"ws://127.0.0.1:{exchange.server.listeners['ws'][1]}/"
            sip = [Subprotocol("sip")]
            for origin in ("https://calls.example", "http://localhost:8000", None):
                async with connect(url, subprotocols=sip, origin=Origin(origin) if origin else None) as socket:
                    assert socket.subprotocol == "sip"
            with pytest.raises(websockets.InvalidStatus, match="403"):
                await connect(url, subprotocols=sip, origin=Origin("https://evil.example"))
            with pytest.raises(websockets.InvalidStatus, match="400"):
                await connect(url)

    asyncio.run(run())


def test_streams_may_be_split_pipelined_and_kept_alive_but_not_broken() -> None:
    options = (
        "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK{n}\r\nFrom: <sip:a@b.example>;tag=1\r\n"
        "To: <sip:x>\r\nCall-ID: c{n}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    )

    async def run() -> None:
        async with stage(SipConfig(tcp_port=0), EXCHANGE) as exchange:
            port = exchange.server.listeners["tcp"][1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            both = (options.format(n=1) + "\r\n\r\n" + options.format(n=2)).encode()
            for at in range(0, len(both), 50):
                writer.write(both[at : at + 50])
                await asyncio.sleep(0)
            text = ""
            while text.count("SIP/2.0 200") < 2:
                text += (await asyncio.wait_for(reader.read(4096), 5)).decode()
            assert "\r\n\r\n\r\n" in text  # the pong between them
            writer.write(b"INVITE sip:x SIP/2.0\r\nno length\r\n\r\n")
            assert await asyncio.wait_for(reader.read(100), 5) == b""
            writer.close()

    asyncio.run(run())


def test_plain_listeners_are_refused_off_loopback_and_a_taken_port_is_named() -> None:
    async def run() -> None:
        with pytest.raises(PlainListenerRefused, match="TLS and WSS only"):
            async with stage(SipConfig(host="0.0.0.0", udp_port=0), EXCHANGE):
                pass
        with pytest.raises(ListenerFailed, match="certificate"):
            async with stage(SipConfig(tls_port=0), EXCHANGE):
                pass
        async with stage(SipConfig(tcp_port=0), EXCHANGE) as first:
            with pytest.raises(ListenerFailed, match="Choose another port"):
                async with stage(SipConfig(tcp_port=first.server.listeners["tcp"][1]), EXCHANGE):
                    pass

    asyncio.run(run())


def test_a_trunk_that_cannot_be_reached_is_down_and_calls_to_it_are_rejected() -> None:
    entries = (
        trunk("nobody", host="127.0.0.1", port=1, transport=Transport.TCP),
        trunk("nameless", host="no.such.host.invalid", plain_reason="test"),
    )

    async def run() -> None:
        async with stage(SipConfig(udp_port=0), DirectorySnapshot(version=1, trunks=entries)) as exchange:
            for entry in entries:
                target = ToTrunk(trunk_id=entry.trunk_id, number="+441632960001")
                dialog = exchange.server.invite(target, sdp=sdp(), caller=Identity())
                await exchange.wait(InviteRejected, partial(rejected, dialog))

    asyncio.run(run())


def rejected(dialog: DialogId, event: InviteRejected) -> bool:
    return event.dialog == dialog and event.status == 503


def test_connections_of_one_source_are_bounded() -> None:
    async def run() -> None:
        async with stage(SipConfig(tcp_port=0, connections_per_source=3), EXCHANGE) as exchange:
            port = exchange.server.listeners["tcp"][1]
            opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(4)]
            assert await asyncio.wait_for(opened[3][0].read(10), 5) == b""
            for _, writer in opened:
                writer.close()
            assert exchange.server.counters["refused_connections"] == 1

    asyncio.run(run())


@pytest.mark.parametrize("kind", ["tls", "ws", "wss"])
def test_a_stranger_who_stalls_in_the_handshake_is_cut_off(kind: str, tmp_path: Path) -> None:
    async def run() -> None:
        config = SipConfig(tls_port=0, ws_port=0, wss_port=0, handshake_seconds=0.2)
        async with stage(config, EXCHANGE, context=certificate(tmp_path)) as exchange:
            port = exchange.server.listeners[kind][1]
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"\x16" if kind != "ws" else b"GET")
            with contextlib.suppress(ConnectionError):
                await asyncio.wait_for(reader.read(), 5)
            writer.close()

    asyncio.run(run())


def test_a_stranger_who_falls_silent_is_cut_off_and_a_carrier_is_not() -> None:
    options = (
        b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:b@h>\r\n"
    )
    options += b"Call-ID: 1\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"

    async def run() -> None:
        carrier = trunk("carrier", host="127.0.0.1", allowed_networks=("127.0.0.1/32",), options_seconds=0)
        for snapshot, kept in (
            (DirectorySnapshot(version=1), False),
            (DirectorySnapshot(version=1, trunks=(carrier,)), True),
        ):
            async with stage(SipConfig(tcp_port=0, stranger_seconds=0.3), snapshot) as exchange:
                reader, writer = await asyncio.open_connection("127.0.0.1", exchange.server.listeners["tcp"][1])
                writer.write(options)
                assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"SIP/2.0 200")
                silent = asyncio.ensure_future(reader.read(1))
                done, _ = await asyncio.wait({silent}, timeout=1.2 if kept else 10)
                assert bool(done) is not kept
                silent.cancel()
                with contextlib.suppress(ConnectionError, asyncio.CancelledError):
                    await silent
                writer.close()

    asyncio.run(run())


def test_ipv6_addresses_stand_in_brackets() -> None:
    async def run() -> None:
        snapshot = DirectorySnapshot(
            version=1, trunks=(trunk("six", host="::1", allowed_networks=("::1/128",), options_seconds=0),)
        )
        async with stage(SipConfig(host="::1", udp_port=0), snapshot) as six:
            port = six.server.listeners["udp"][1]
            own = DirectorySnapshot(version=1, trunks=(trunk("other", host="::1", port=port),))
            async with stage(SipConfig(host="::1", udp_port=0), own) as other:
                target = ToTrunk(trunk_id=TrunkId("other"), number="+441632960001")
                dialog = other.server.invite(target, sdp=sdp(), caller=Identity(number="+441632960002"))
                await other.wait(InviteAnswered)
                other.server.hang_up(dialog)
                await six.wait(DialogEnded)

    asyncio.run(run())
