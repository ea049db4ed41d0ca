"""A call over TLS and SRTP on both sides: heard both ways, recorded, and unreadable on the wire."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import AGENT_TONE, CALLER_TONE, calling, handset_agent
from tests.support import audio
from tests.support.capture import Capture, Packet, streams_with_tone
from tests.support.centre import QUICK, sample_with
from tests.support.stored import new_recording, sealed_recordings
from tests.support.system import System, eventually

pytestmark = [pytest.mark.timeout(180), pytest.mark.system]

CARRIER = "127.0.0.2"
SECURE_TRUNK = f"""
[[trunks]]
trunk_id = "secure-carrier"
name = "Carrier over TLS"
host = "{CARRIER}"
port = 5061
transport = "tls"
allowed_networks = ["{CARRIER}/32"]
outbound = false
options_seconds = 0
"""
NUMBER = "07700900456"


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The sample centre with a trunk over TLS; its plain trunk serves one address only."""
    folder = tmp_path_factory.mktemp("secure")
    centre = sample_with(folder / "centre", changes={'["127.0.0.0/8"]': '["127.0.0.1/32"]'}, added=SECURE_TRUNK)
    with System(folder, database=os.environ.get("RINGFENCE_TEST_DATABASE", ""), centre=centre) as running:
        yield running


def _talk(system: System, folder: Path, *, secure: bool) -> list[Packet]:
    """One call of three seconds, measured at both ends and in the recording; what was on the wire."""
    before = sealed_recordings(system)
    transport = "tls" if secure else "udp"
    options: dict[str, Any] = {"transport": transport, "srtp": secure}
    port = system.tls_port if secure else system.sip_port
    capture = Capture(
        folder / f"{transport}.pcap",
        first_udp=system.first_media_port,
        last_udp=system.last_media_port,
        ports=(system.tls_port, system.sip_port),
    )
    # Each end sends what only it sends, on both transports.
    with (
        capture,
        handset_agent(system, folder, **options, registrar=f"sip:127.0.0.1:{port};transport={transport}") as agent,
        calling(system, folder, number=NUMBER, bind=CARRIER if secure else "127.0.0.1", **options) as caller,
    ):
        caller.call(system.number(QUICK, transport=transport))
        agent.peer.wait("incoming", timeout=40)
        agent.peer.wait("state", state="CONFIRMED")
        time.sleep(3)
        caller.hang_up()
        agent.peer.wait("state", state="DISCONNECTED")
        caller.wait("state", state="DISCONNECTED")
    assert abs(audio.loudest_hz(audio.from_wav(folder / "caller.wav")[0][-8000:]) - AGENT_TONE) < 5
    assert abs(audio.loudest_hz(audio.from_wav(agent.heard)[0][-8000:]) - CALLER_TONE) < 5
    recording = new_recording(system, before)
    sides = [audio.from_alaw(side) for side in recording.read(1000, 2500)]
    assert [round(audio.loudest_hz(side) / 10) * 10 for side in sides] == [CALLER_TONE, AGENT_TONE]
    return list(capture.packets())


def _signalling(packets: list[Packet], port: int) -> bytes:
    return b"".join(packet.payload for packet in packets if port in (packet.source[1], packet.target[1]))


def test_a_call_over_tls_and_srtp_is_heard_both_ways_and_cannot_be_read_on_the_wire(
    system: System, tmp_path: Path
) -> None:
    packets = _talk(system, tmp_path, secure=True)
    media = [packet for packet in packets if packet.udp and len(packet.payload) > 150]
    assert len(media) > 4 * 100, "four streams of three seconds were not captured"
    assert streams_with_tone(packets, CALLER_TONE) == []
    assert streams_with_tone(packets, AGENT_TONE) == []
    tls = _signalling(packets, system.tls_port)
    assert len(tls) > 4000
    for readable in (b"SIP/2.0", b"INVITE", b"a=crypto", NUMBER.encode(), NUMBER[1:].encode(), b"REGISTER"):
        assert readable not in tls
    assert b"SIP/2.0" not in _signalling(packets, system.sip_port), "the call used the plain port"


def test_the_same_detectors_read_a_plain_call(system: System, tmp_path: Path) -> None:
    packets = _talk(system, tmp_path, secure=False)
    assert len(streams_with_tone(packets, CALLER_TONE)) == 2
    assert len(streams_with_tone(packets, AGENT_TONE)) == 2
    plain = _signalling(packets, system.sip_port)
    for readable in (b"SIP/2.0", b"INVITE", NUMBER.encode(), b"REGISTER"):
        assert readable in plain


def test_a_source_that_is_no_trunk_may_not_call_even_over_tls(system: System, tmp_path: Path) -> None:
    with calling(system, tmp_path, bind="127.0.0.3", transport="tls", srtp=True) as stranger:
        stranger.call(system.number(QUICK, transport="tls"))
        ended = stranger.wait("state", state="DISCONNECTED")
    assert ended["status"] in (401, 403, 407)
    assert system.status().calls == ()


def test_a_registered_handset_without_srtp_is_still_reached_on_loopback(system: System, tmp_path: Path) -> None:
    """R131 asks for SRTP off loopback only; on loopback the exchange falls back after a refusal of SRTP."""
    registrar = f"sip:127.0.0.1:{system.tls_port};transport=tls"
    with (
        handset_agent(system, tmp_path, transport="tls", registrar=registrar) as agent,
        calling(system, tmp_path) as caller,
    ):
        caller.call(system.number(QUICK))
        agent.peer.wait("state", state="CONFIRMED", timeout=40)
        heard = eventually(lambda: audio.from_wav(agent.heard)[0].size > 12000, what="a second and a half")
        assert heard
        caller.hang_up()
        agent.peer.wait("state", state="DISCONNECTED")
    assert abs(audio.loudest_hz(audio.from_wav(agent.heard)[0][-8000:]) - CALLER_TONE) < 5
