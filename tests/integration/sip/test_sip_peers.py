"""Real peers: PJSIP as a handset over UDP, TCP and TLS, SIPp as a carrier."""

import asyncio
import os
import shutil
import ssl
from pathlib import Path

import pytest
from tests.support.peers import PjsipPeer
from tests.support.sip_stage import certificate, sdp, stage
from tests.support.sip_world import DEVICES, PASSWORD, trunk

from ringfence.control.directory import DirectorySnapshot
from ringfence.engine.sip.api import (
    DeviceBound,
    DeviceSource,
    DialogConfirmed,
    DialogEnded,
    Identity,
    IncomingInvite,
    InviteAnswered,
    InviteRejected,
    ReinviteReceived,
    ToDevice,
)
from ringfence.engine.sip.config import SipConfig
from ringfence.kit.ids import DeviceId

DESK = DeviceId("desk1")
EXCHANGE = DirectorySnapshot(version=1, devices=DEVICES)


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
def test_pjsip_registers_calls_holds_and_is_called(transport: str, tmp_path: Path) -> None:
    async def run() -> None:
        context: ssl.SSLContext = certificate(tmp_path)
        config = SipConfig(udp_port=0, tcp_port=0, tls_port=0)
        async with stage(config, EXCHANGE, context=context) as exchange:
            port = exchange.server.listeners[transport][1]
            suffix = "" if transport == "udp" else f";transport={transport}"

            def start() -> PjsipPeer:
                return PjsipPeer(
                    user="desk1",
                    password=PASSWORD,
                    registrar=f"sip:127.0.0.1:{port}{suffix}",
                    transport=transport,
                    answer_after_ms=50,
                ).__enter__()

            peer = await asyncio.to_thread(start)
            try:
                bound = await exchange.wait(DeviceBound)
                assert (bound.device_id, bound.transport) == (DESK, transport)
                peer.call(f"sip:999@127.0.0.1:{port}{suffix}")
                incoming = await exchange.wait(IncomingInvite)
                assert incoming.source == DeviceSource(device_id=DESK, secure=transport == "tls", browser=False)
                assert (incoming.called, incoming.caller.number) == ("999", "201")
                await exchange.wait(DialogConfirmed)
                peer.do("hold")
                held = await exchange.wait(ReinviteReceived)
                assert held.sdp is not None
                assert "sendonly" in held.sdp
                await asyncio.sleep(0.2)
                peer.hang_up()
                assert (await exchange.wait(DialogEnded)).cause == "bye"
                dialog = exchange.server.invite(
                    ToDevice(device_id=DESK), sdp=sdp(), caller=Identity(number="+441632960001")
                )
                await exchange.wait(InviteAnswered)
                await asyncio.sleep(0.2)
                exchange.server.hang_up(dialog)
                await exchange.wait(DialogEnded, lambda event: event.dialog == dialog)
                await exchange.quiet()
            finally:
                await asyncio.to_thread(peer.__exit__, None, None, None)
            assert exchange.server.counters["errors"] == 0

    asyncio.run(run())


def test_pjsip_with_a_wrong_password_is_refused_and_a_rejected_call_says_so(tmp_path: Path) -> None:
    async def run() -> None:
        async with stage(SipConfig(udp_port=0), EXCHANGE) as exchange:
            registrar = f"sip:127.0.0.1:{exchange.server.listeners['udp'][1]}"

            def start(password: str) -> PjsipPeer:
                return PjsipPeer(
                    user="desk1", password=password, registrar=registrar, answer_after_ms=50, answer_code=486
                ).__enter__()

            wrong = await asyncio.to_thread(start, "wrong")
            try:
                refused = await asyncio.to_thread(lambda: wrong.wait("unregistered"))
                assert refused["code"] in (401, 403)
            finally:
                await asyncio.to_thread(wrong.__exit__, None, None, None)
            busy = await asyncio.to_thread(start, PASSWORD)
            try:
                await exchange.wait(DeviceBound)
                exchange.server.invite(ToDevice(device_id=DESK), sdp=sdp(), caller=Identity())
                assert (await exchange.wait(InviteRejected)).status == 486
            finally:
                await asyncio.to_thread(busy.__exit__, None, None, None)

    asyncio.run(run())


@pytest.mark.system
def test_sipp_places_calls_as_a_carrier_without_a_failure(tmp_path: Path) -> None:
    if shutil.which("sipp") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("sipp is missing; install the package sip-tester.")
        pytest.skip("sipp is missing; install the package sip-tester")

    async def run() -> None:
        carrier = trunk(host="127.0.0.1", allowed_networks=("127.0.0.1/32",))
        async with stage(SipConfig(udp_port=0), DirectorySnapshot(version=1, trunks=(carrier,))) as exchange:
            port = exchange.server.listeners["udp"][1]
            process = await asyncio.create_subprocess_exec(
                "sipp",
                *("-sn", "uac", f"127.0.0.1:{port}", "-i", "127.0.0.1", "-s", "+441632960100"),
                *("-m", "200", "-r", "50", "-d", "500", "-timeout", "60", "-timeout_error"),
                cwd=tmp_path,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
            code = await asyncio.wait_for(process.wait(), 90)
            assert code == 0
            await exchange.quiet()
            arrived = [event for event in exchange.events if isinstance(event, IncomingInvite)]
            ended = [event for event in exchange.events if isinstance(event, DialogEnded)]
            assert len(arrived) == 200
            assert {event.cause for event in ended} == {"bye"}
            assert exchange.server.counters["errors"] == 0

    asyncio.run(run())
