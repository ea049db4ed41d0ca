"""Port pairs on real sockets, and what the engine leaves behind: nothing."""

import asyncio
import os
import socket
import time
from typing import Any

import pytest
from tests.support.audio import tone_alaw
from tests.support.media import Phone, of, until
from tests.support.media_browser import Browser

from ringfence.engine.errors import EngineUnavailable
from ringfence.engine.fakes import MemoryPrompts
from ringfence.engine.media.embedded import EmbeddedMediaEngine, MediaConfig
from ringfence.engine.media.embedded.sockets import PortRange
from ringfence.engine.media.port import LegKind, LegMediaLost, LegProfile, MediaEvent, PlaybackDone
from ringfence.kit.clock import SystemClock
from ringfence.kit.ids import ContentId, LegId, SessionId

ANY = LegProfile(kinds=frozenset(LegKind))


def test_rtp_is_even_rtcp_is_the_next_and_a_busy_port_is_passed_over() -> None:
    ports = PortRange(host="127.0.0.1", first=36001, last=36009)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as busy:
        busy.bind(("127.0.0.1", 36005))
        pairs = [ports.allocate() for _ in range(3)]
        assert [pair.port for pair in pairs] == [36002, 36006, 36008]
        assert [pair.rtcp.getsockname()[1] for pair in pairs] == [36003, 36007, 36009]
        with pytest.raises(EngineUnavailable):
            ports.allocate()
    for pair in pairs:
        pair.close()


def test_a_port_rests_before_it_is_used_again() -> None:
    ports = PortRange(host="127.0.0.1", first=36010, last=36019)
    seen = []
    for _ in range(5):
        pair = ports.allocate()
        seen.append(pair.port)
        pair.close()
    assert len(set(seen)) == 5


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="counts files by /proc")
def test_released_sessions_leave_no_socket_reader_or_timer() -> None:
    async def play() -> None:
        config = MediaConfig(first_port=36100, last_port=36199)
        engine = EmbeddedMediaEngine(config, MemoryPrompts({ContentId("p"): bytes(8000)}), SystemClock())
        await engine.start()
        before = open_files()
        for n in range(30):
            session = SessionId(f"s{n}")
            phone, browser = Phone(), Browser()
            phone.hear(await engine.anchor(session, LegId("a"), phone.sdp(), ANY))
            browser.hear(await engine.anchor(session, LegId("b"), browser.describe(setup="actpass"), ANY))
            browser.check()
            await until(lambda browser=browser: browser.answers)  # type: ignore[misc] # mypy cannot infer a bound default
            browser.start_dtls()
            await engine.play(session, LegId("a"), ContentId("p"))
            phone.close()
            browser.close()
            await engine.release(session)
        assert open_files() == before
        load = await engine.load()
        assert (load.sessions, load.legs) == (0, 0)
        await engine.close()
        await engine.close()

    asyncio.run(play())


def test_a_stall_of_the_loop_costs_a_prompt_no_packet() -> None:
    async def play() -> None:
        config = MediaConfig(first_port=36200, last_port=36299)
        audio = tone_alaw(1000, 0.6)
        engine = EmbeddedMediaEngine(config, MemoryPrompts({ContentId("p"): audio}), SystemClock())
        await engine.start()
        phone = Phone()
        phone.hear(await engine.anchor(SessionId("s"), LegId("a"), phone.sdp(), ANY))
        begin = time.monotonic()
        await engine.play(SessionId("s"), LegId("a"), ContentId("p"))
        await until(lambda: len(phone.packets) >= 3)
        time.sleep(0.15)  # noqa: ASYNC251 - blocks the loop on purpose
        assert isinstance(await anext(engine.events()), PlaybackDone)
        assert time.monotonic() - begin < 0.8
        await until(lambda: len(phone.packets) == 30)
        assert phone.heard() == audio
        phone.close()
        await engine.close()

    asyncio.run(play())


def test_a_browser_without_consent_is_lost_once_gets_nothing_and_may_come_back() -> None:
    async def play() -> None:
        config = MediaConfig(first_port=36400, last_port=36499, consent_seconds=0.3, sweep_seconds=0.02)
        engine = EmbeddedMediaEngine(config, MemoryPrompts({}), SystemClock())
        await engine.start()
        seen: list[MediaEvent] = []

        async def read() -> None:
            async for event in engine.events():
                seen.append(event)  # noqa: PERF401 - seen while it grows

        reader = asyncio.create_task(read())
        session, phone, browser = SessionId("s"), Phone(), Browser()
        phone.hear(await engine.anchor(session, LegId("a"), phone.sdp(), ANY))
        browser.hear(await engine.anchor(session, LegId("b"), browser.describe(setup="actpass"), ANY))
        await engine.bridge(session, LegId("a"), LegId("b"))
        await browser.connect()
        await browser.talk(bytes(160))
        await until(lambda: of(seen, LegMediaLost))
        await asyncio.gather(browser.talk(bytes(1600)), phone.talk(bytes(1600)))
        await asyncio.sleep(0.05)
        assert (len(phone.packets), browser.packets) == (1, [])
        assert [event.leg for event in of(seen, LegMediaLost)] == [LegId("b")]
        browser.check()
        await until(lambda: len(browser.answers) == 2)
        await asyncio.gather(browser.talk(bytes(160)), phone.talk(bytes(160)))
        await until(lambda: len(phone.packets) == 2 and len(browser.packets) == 1)
        await engine.close()
        await reader
        phone.close()
        browser.close()

    asyncio.run(play())


@pytest.mark.parametrize(
    "values",
    [{"host": "localhost"}, {"host": "0.0.0.0"}, {"advertised_host": "x"}, {"first_port": 20000, "last_port": 20000}],
)
def test_a_configuration_that_cannot_work_is_refused(values: dict[str, Any]) -> None:
    MediaConfig(host="0.0.0.0", advertised_host="192.0.2.1")
    with pytest.raises(ValueError):
        MediaConfig(**values)


def test_unread_events_are_bounded_and_the_oldest_go_first() -> None:
    async def play() -> None:
        config = MediaConfig(first_port=36300, last_port=36399, events=3)
        engine = EmbeddedMediaEngine(config, MemoryPrompts({ContentId("p"): bytes(80)}), SystemClock())
        await engine.start()
        phone = Phone()
        await engine.anchor(SessionId("s"), LegId("a"), phone.sdp(), ANY)
        started = [await engine.play(SessionId("s"), LegId("a"), ContentId("p")) for _ in range(6)]
        assert engine.events_dropped == 2
        events = engine.events()
        first = await anext(events)
        assert isinstance(first, PlaybackDone)
        assert first.playback_id == started[2].playback_id
        phone.close()
        await engine.close()

    asyncio.run(play())
