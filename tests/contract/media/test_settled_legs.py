"""A leg of the embedded engine whose far side stays where it is gets a connected socket: nobody may notice."""

import asyncio
import socket

import pytest
from tests.support.audio import tone_alaw
from tests.support.media import Phone, until
from tests.support.media_stage import AGENT, CALLER, S, Stage

from ringfence.engine.media.embedded import EmbeddedMediaEngine
from ringfence.engine.media.embedded.leg import Leg
from ringfence.engine.media.embedded.sockets import PortRange
from ringfence.kit.ids import LegId

TONE = tone_alaw(440, 0.4)


def leg_of(stage: Stage, leg: LegId) -> Leg:
    if not isinstance(stage.engine, EmbeddedMediaEngine):
        pytest.skip("how another engine sends is its own affair")
    return stage.engine._sessions[S].legs[leg]


async def settled(stage: Stage, *legs: LegId) -> None:
    await until(lambda: all(leg_of(stage, leg)._line is not None for leg in legs), what="a settled leg")


async def talking(stage: Stage) -> tuple[Phone, Phone]:
    caller, agent = await stage.bridged()
    await caller.talk(TONE[:800])
    await agent.talk(TONE[:800])
    await settled(stage, CALLER, AGENT)
    return caller, agent


async def hears(phone: Phone, other: Phone) -> None:
    """Ten packets of the one reach the other, each once and in order."""
    before = len(phone.packets)
    await other.talk(TONE[:1600])
    await until(lambda: len(phone.packets) - before == 10)
    assert b"".join(packet.payload for packet in phone.packets[before:]) == TONE[:1600]


async def test_both_go_on_hearing_each_other(stage: Stage) -> None:
    caller, agent = await talking(stage)
    await hears(agent, caller)
    await hears(caller, agent)
    assert (await stage.stats_of(CALLER)).packets_dropped == 0


async def test_strangers_are_dropped_and_counted(stage: Stage) -> None:
    caller, agent = await talking(stage)
    stranger = stage.phone()
    stranger.remote, stranger.payload_type = caller.remote, caller.payload_type
    await stranger.talk(TONE[:1600])
    await hears(agent, caller)
    await until(lambda: leg_of(stage, CALLER).dropped == 10)
    assert stranger.packets == []


async def test_the_signalled_address_takes_the_leg_back(stage: Stage) -> None:
    caller, agent = await stage.bridged()
    stranger = stage.phone()
    stranger.remote, stranger.payload_type = caller.remote, caller.payload_type
    await stranger.talk(TONE[:800])
    await settled(stage, CALLER)
    await caller.talk(TONE[:800])
    await settled(stage, CALLER)
    heard = len(stranger.packets)
    await agent.talk(TONE[:800])
    await until(lambda: len(caller.packets) == 5)
    assert len(stranger.packets) == heard


async def test_a_re_invite_moves_it_to_another_telephone(stage: Stage) -> None:
    caller, agent = await talking(stage)
    moved = stage.phone()
    moved.hear(await stage.engine.renegotiate(S, CALLER, moved.sdp(version=2)))
    await hears(moved, agent)
    await moved.talk(TONE[:320])
    await settled(stage, CALLER)
    await hears(agent, moved)
    await hears(moved, agent)
    heard = len(agent.packets)
    await caller.talk(TONE[:800])
    await until(lambda: leg_of(stage, CALLER).dropped == 5)
    assert len(agent.packets) == heard


async def test_a_port_that_was_closed_for_a_while_loses_only_what_came_meanwhile(stage: Stage) -> None:
    caller, agent = await talking(stage)
    port = caller.port
    asyncio.get_running_loop().remove_reader(caller.rtp.fileno())
    caller.rtp.close()
    await agent.talk(TONE[:800], pace=0.005)
    caller.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    caller.rtp.bind(("127.0.0.1", port))
    caller.rtp.setblocking(False)
    asyncio.get_running_loop().add_reader(caller.rtp.fileno(), caller._readable)
    await hears(caller, agent)


async def test_prompts_digits_and_reports_go_the_same_way(stage: Stage) -> None:
    caller, agent = await talking(stage)
    heard = len(agent.packets)
    await caller.press("42#")
    await until(lambda: sum(packet.payload_type == agent.dtmf_payload_type for packet in agent.packets[heard:]) == 21)
    caller.rtp.sendto(b"\x80\xc9\x00\x01\x00\x00\x00\x01", caller.remote or ("", 0))
    caller.raw(b"\x16short")
    await until(lambda: leg_of(stage, CALLER).dropped == 2)
    await hears(agent, caller)


async def test_a_browser_settles_and_follows_its_nomination(stage: Stage) -> None:
    caller = await stage.anchored()
    browser = await stage.rung()
    await stage.engine.bridge(S, CALLER, AGENT)
    await caller.talk(TONE[:800])
    await browser.talk(TONE[:800])
    await settled(stage, CALLER, AGENT)
    await hears(browser, caller)
    await hears(caller, browser)
    loop, old = asyncio.get_running_loop(), browser.rtp
    loop.remove_reader(old.fileno())
    browser.rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    browser.rtp.bind(("127.0.0.1", 0))
    browser.rtp.setblocking(False)
    loop.add_reader(browser.rtp.fileno(), browser._readable)
    old.close()
    answers = len(browser.answers)
    browser.check()
    await until(lambda: len(browser.answers) > answers)
    await hears(browser, caller)
    await settled(stage, AGENT)
    await hears(caller, browser)


async def test_a_leg_without_a_line_works_as_before(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object) -> None:
        raise OSError("no second socket on this system")

    caller, agent = await stage.bridged()
    monkeypatch.setattr("ringfence.engine.media.embedded.sockets.PortPair.line", refuse)
    await caller.talk(TONE[:800])
    await until(lambda: leg_of(stage, CALLER)._lineless)
    await hears(agent, caller)
    assert leg_of(stage, CALLER)._line is None


async def test_release_closes_it(stage: Stage) -> None:
    await talking(stage)
    lines = [leg_of(stage, leg)._line for leg in (CALLER, AGENT)]
    await stage.engine.release(S)
    assert [line.fileno() for line in lines if line is not None] == [-1, -1]


def test_a_line_hears_its_remote_alone_and_the_port_is_not_shared() -> None:
    pair = PortRange(host="127.0.0.1", first=36300, last=36399).allocate()
    near, far = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    with near, far, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as thief:
        near.bind(("127.0.0.1", 0))
        far.bind(("127.0.0.1", 0))
        with pair.line(near.getsockname()) as line:
            near.sendto(b"near", ("127.0.0.1", pair.port))
            far.sendto(b"far", ("127.0.0.1", pair.port))
            assert line.recv(100) == b"near"
            assert pair.rtp.recvfrom(100) == (b"far", far.getsockname())
            thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with pytest.raises(OSError):
                thief.bind(("127.0.0.1", pair.port))
    pair.close()
