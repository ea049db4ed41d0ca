"""What happens to a call in a browser when pages, connections and processes come and go: people are told the truth."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, WebSocketRoute, expect

from ringfence.control.client import EngineDown
from ringfence.control.commands import LiveAgent
from ringfence.control.facts import AgentState
from tests.e2e.conftest import AGENT_TONE, CALLER_TONE, calling
from tests.support import audio
from tests.support.browser import chromium, heard_hz, write_tone
from tests.support.centre import QUICK, sample_with
from tests.support.desk import AGENT, PATIENCE_MS, Desk, person
from tests.support.peers import PjsipPeer
from tests.support.system import System, eventually

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

SECOND = 8000


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The sample centre with short waits; dead media is noticed after six seconds instead of thirty."""
    folder = tmp_path_factory.mktemp("life")
    changes = {"wrap_seconds = 10": "wrap_seconds = 1", "ring_timeout_seconds = 20": "ring_timeout_seconds = 15"}
    centre = sample_with(folder / "centre", changes=changes)
    made = System(folder, database=os.environ.get("RINGFENCE_TEST_DATABASE", ""), centre=centre)
    text = made.config.read_text(encoding="utf-8")
    made.config.write_text(text.replace("[media]\n", "[media]\ndead_media_seconds = 6\n"), encoding="utf-8")
    with made as running:
        yield running


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    tone = write_tone(tmp_path_factory.mktemp("tone") / "tone.wav", AGENT_TONE, seconds=10, pulsed=True)
    with chromium(microphone=tone) as made:
        yield made


class Wire:
    """The browser's SIP connection, which a test can cut and mend."""

    def __init__(self) -> None:
        self.cut = False
        self._open: list[WebSocketRoute] = []

    def carry(self, socket: WebSocketRoute) -> None:
        if self.cut:
            socket.close(code=1001)
            return
        socket.connect_to_server()
        self._open.append(socket)

    def lose(self, context: BrowserContext) -> None:
        """The network is gone for pages and for SIP."""
        self.cut = True
        context.set_offline(True)
        for socket in self._open:
            socket.close(code=1001)
        self._open.clear()

    def mend(self, context: BrowserContext) -> None:
        self.cut = False
        context.set_offline(False)


@pytest.fixture(scope="module")
def wire() -> Wire:
    return Wire()


@pytest.fixture(scope="module")
def agent(browser: Browser, system: System, wire: Wire) -> Iterator[BrowserContext]:
    with person(browser, system, AGENT) as made:
        made.route_web_socket(f"ws://127.0.0.1:{system.ws_port}/**", wire.carry)
        made.route_web_socket(f"ws://127.0.0.1:{system.ws_port}", wire.carry)
        yield made


@pytest.fixture
def desk(agent: BrowserContext, system: System, wire: Wire) -> Iterator[Desk]:
    """The agent's desk, Available; afterwards nothing is stuck in the engine, and nobody is Available unreachably."""
    page = agent.new_page()
    page.on("dialog", lambda dialog: dialog.accept())
    made = Desk(system, page)
    made.open()
    made.available()
    yield made
    wire.mend(agent)
    page.close()

    eventually(lambda: not system.status().calls and not system.status().dialogs, what="no call and no dialog")
    eventually(lambda: not unreachable(system), seconds=40, what="no agent Available without a telephone")


def available(system: System) -> list[LiveAgent]:
    return [each for each in system.status().agents if each.state is AgentState.AVAILABLE]


def unreachable(system: System) -> list[LiveAgent]:
    """Agents who are Available without a telephone."""
    return [each for each in available(system) if not each.reachable]


@contextmanager
def in_call(system: System, desk: Desk, folder: Path) -> Iterator[PjsipPeer]:
    with calling(system, folder) as caller:
        caller.call(system.number(QUICK))
        desk.answer()
        both_hear(desk, folder)
        yield caller


def both_hear(desk: Desk, folder: Path) -> None:
    eventually(lambda: abs(heard_hz(desk.page, seconds=0.5)[0] - CALLER_TONE) < 12, what="the caller in the browser")

    def heard() -> bool:
        samples = audio.from_wav(folder / "caller.wav")[0][-int(1.2 * SECOND) :]
        return audio.tone_dbfs(samples, AGENT_TONE) > -30

    eventually(heard, seconds=30, what="the agent at the caller's")


def waits_with_sound(system: System, folder: Path) -> None:
    """The caller is in the queue, and not in silence."""
    eventually(lambda: any(call.phase == "queued" for call in system.status().calls), seconds=40, what="the queue")

    def music() -> bool:
        samples = audio.from_wav(folder / "caller.wav")[0][-SECOND:]
        return audio.level_dbfs(samples) > -45 and audio.tone_dbfs(samples, AGENT_TONE) < -40

    eventually(music, what="music for the caller")


def test_an_interrupted_path_is_negotiated_again_and_the_call_goes_on(
    system: System, desk: Desk, tmp_path: Path
) -> None:
    with in_call(system, desk, tmp_path) as caller:
        before = desk.figures()
        desk.lose_ice()
        eventually(lambda: desk.figures()["ufrag"] != before["ufrag"], what="an ICE restart")
        both_hear(desk, tmp_path)
        eventually(lambda: desk.figures()["received"] > before["received"] + 50, what="packets after the restart")
        assert desk.figures()["lost"] == 0
        desk.shows("problem-text", "")
        desk.shows("state-name", "On a call")
        caller.hang_up()
        desk.shows("state-name", "Available")


def test_a_second_tab_leaves_the_call_where_it_is(
    system: System, desk: Desk, agent: BrowserContext, tmp_path: Path
) -> None:
    with in_call(system, desk, tmp_path) as caller:
        second = agent.new_page()
        second.goto(f"{system.web}/desk/")
        expect(second.locator("#problem")).to_contain_text("open in another tab", timeout=PATIENCE_MS)
        second.close()
        both_hear(desk, tmp_path)
        desk.shows("state-name", "On a call")
        caller.hang_up()
        desk.shows("state-name", "Available")


def test_a_page_reloaded_in_a_call_sends_the_caller_back_to_the_queue_and_says_so(
    system: System, desk: Desk, tmp_path: Path
) -> None:
    with in_call(system, desk, tmp_path) as caller:
        desk.page.reload()
        desk.shows("phone-text", "Connected")
        waits_with_sound(system, tmp_path)
        desk.shows("state-name", "Not ready")
        desk.says("state-detail", "connection to your telephone was lost")
        desk.press("go-available")
        desk.answer()
        both_hear(desk, tmp_path)
        caller.hang_up()
        desk.shows("state-name", "Available")


def test_a_network_that_comes_back_in_time_keeps_the_call(
    system: System, desk: Desk, agent: BrowserContext, wire: Wire, tmp_path: Path
) -> None:
    with in_call(system, desk, tmp_path) as caller:
        wire.lose(agent)
        desk.says("problem-text", "No connection to the telephone service.")
        wire.mend(agent)
        desk.shows("phone-text", "Connected")
        desk.shows("problem-text", "", patience_ms=60_000)
        desk.shows("state-name", "On a call")
        both_hear(desk, tmp_path)
        desk.press("hang-up")
        caller.wait("state", state="DISCONNECTED")
        desk.shows("state-name", "Available")


def test_an_available_agent_whose_network_stays_away_is_not_left_available(
    system: System, desk: Desk, agent: BrowserContext, wire: Wire, tmp_path: Path
) -> None:
    wire.lose(agent)
    desk.says("problem-text", "No connection to the telephone service.")

    def left() -> bool:
        assert desk.text("phone-text")  # the cut is carried out while the page is being asked
        return not available(system)

    eventually(left, seconds=40, what="no agent Available without a telephone")
    with calling(system, tmp_path) as caller:
        caller.call(system.number(QUICK))
        waits_with_sound(system, tmp_path)
        wire.mend(agent)
        desk.shows("phone-text", "Connected", patience_ms=60_000)
        desk.shows("state-name", "Not ready")
        desk.says("state-detail", "connection to your telephone was lost")
        desk.press("go-available")
        desk.answer()
        both_hear(desk, tmp_path)
        caller.hang_up()
        desk.shows("state-name", "Available")


def test_an_engine_that_dies_ends_the_call_for_both_and_the_desk_recovers(
    system: System, desk: Desk, tmp_path: Path
) -> None:
    boot = system.status().boot_id
    with in_call(system, desk, tmp_path):
        os.kill(system.pid("engine"), signal.SIGKILL)
        desk.says("problem-text", "No connection to the telephone service.")

        def back() -> bool:
            try:
                return system.status().boot_id != boot and system.status().directory_version > 0
            except EngineDown:
                return False

        eventually(back, seconds=60, what="the engine")
        desk.shows("phone-text", "Connected", patience_ms=60_000)
        desk.shows("problem-text", "", patience_ms=60_000)
        desk.shows("idle-text", "No call")
        expect(desk.page.locator("#in-call")).to_be_hidden()
    (tmp_path / "again").mkdir()
    with calling(system, tmp_path / "again") as caller:
        desk.available()
        caller.call(system.number(QUICK))
        desk.answer()
        both_hear(desk, tmp_path / "again")
        caller.hang_up()
        desk.shows("state-name", "Available")


def test_nothing_is_left_in_the_engine(system: System) -> None:
    """The last to go are transactions, which keep their answers for 32 s (RFC 3261 section 17)."""
    eventually(lambda: system.status().transactions == 0, seconds=60, what="no transaction")
    now = system.status()
    assert (now.calls, now.dialogs) == ((), 0)
