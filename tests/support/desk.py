"""The agent desk in a real browser: signed in as a new person, seen and worked as that person would."""

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, TimeoutError, expect

from tests.support import browser as chromium
from tests.support.system import System, eventually

AGENT = "agent@centre.example"
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
PATIENCE_MS = 30_000
"""For what takes a moment on an idle machine and much longer on a busy one."""

# Keeps every peer connection of a page for measuring; the page's own scripts see the browser's class.
_CONNECTIONS = """() => {
  const Real = window.RTCPeerConnection;
  window.connections = [];
  window.RTCPeerConnection = class RTCPeerConnection extends Real {
    constructor(...values) { super(...values); window.connections.push(this); }
  };
}"""
_FIGURES = """async () => {
  const connection = window.connections.at(-1);
  const entries = [...(await connection.getStats()).values()];
  const inbound = entries.find((item) => item.type === 'inbound-rtp');
  const outbound = entries.find((item) => item.type === 'outbound-rtp');
  const transport = entries.find((item) => item.type === 'transport');
  const codec = entries.find((item) => item.id === inbound.codecId);
  return {
    lost: inbound.packetsLost, received: inbound.packetsReceived, sent: outbound.packetsSent,
    codec: codec.mimeType, dtls: transport.dtlsState, srtp: transport.srtpCipher ?? '',
    ufrag: /a=ice-ufrag:(\\S+)/.exec(connection.localDescription.sdp)[1],
    profile: /m=audio \\d+ (\\S+)/.exec(connection.remoteDescription.sdp)[1],
  };
}"""
# As the browser does when the network goes: the property says so, then the event comes.
_LOSE_ICE = """() => {
  const connection = window.connections.at(-1);
  Object.defineProperty(connection, 'iceConnectionState', { get: () => 'disconnected', configurable: true });
  connection.dispatchEvent(new Event('iceconnectionstatechange'));
  delete connection.iceConnectionState;
}"""


class Desk:
    """One open desk."""

    def __init__(self, system: System, page: Page) -> None:
        self.system = system
        self.page = page

    def open(self) -> None:
        """The page, with its telephone registered."""
        self.page.goto(f"{self.system.web}/desk/")
        self.shows("phone-text", "Connected")

    def shows(self, part: str, text: str, *, patience_ms: float = PATIENCE_MS) -> None:
        """The element has this text, at the latest after a while."""
        expect(self.page.locator(f"#{part}")).to_have_text(text, timeout=patience_ms)

    def says(self, part: str, text: str, *, patience_ms: float = PATIENCE_MS) -> None:
        """The element's text contains this."""
        expect(self.page.locator(f"#{part}")).to_contain_text(text, timeout=patience_ms)

    def text(self, part: str) -> str:
        return self.page.locator(f"#{part}").inner_text()

    def press(self, part: str) -> None:
        self.page.locator(f"#{part}").click(timeout=PATIENCE_MS)

    def keys(self, digit: int) -> None:
        """The documented shortcut."""
        self.page.keyboard.press(f"Control+Shift+Digit{digit}")

    def available(self) -> None:
        """Go Available and stay so. Wrapping up may end by itself meanwhile, and with it the button goes."""

        def is_available() -> bool:
            if self.text("state-name") == "Available":
                return True
            button = self.page.locator("#go-available")
            if button.is_visible():
                with contextlib.suppress(TimeoutError):
                    button.click(timeout=1000)
            return False

        eventually(is_available, seconds=PATIENCE_MS / 1000, what="Available")

    def rings(self) -> None:
        """A call rings and can be answered here."""
        expect(self.page.locator("#incoming")).to_be_visible(timeout=PATIENCE_MS)
        expect(self.page.locator("#answer")).to_be_visible(timeout=PATIENCE_MS)

    def answer(self) -> None:
        self.rings()
        self.press("answer")
        self.shows("state-name", "On a call")

    def figures(self) -> dict[str, Any]:
        """The browser's own statistics of the newest call, and what was negotiated."""
        found: dict[str, Any] = self.page.evaluate(_FIGURES)
        return found

    def lose_ice(self) -> None:
        """The browser tells the page that the path of the sound is interrupted."""
        self.page.evaluate(_LOSE_ICE)

    def problems(self) -> list[str]:
        return problems(self.page)


def problems(page: Page) -> list[str]:
    """What axe says against the page as it is now, with the element."""
    found = Axe().run(page, options=WCAG).response["violations"]
    return [f"{item['id']}: {node['html'][:160]}" for item in found for node in item["nodes"]]


@contextmanager
def profile(browser: Browser, system: System) -> Iterator[BrowserContext]:
    """A fresh browser profile whose peer connections can be measured."""
    made = chromium.context(browser, system.web)
    made.add_init_script(f"({_CONNECTIONS})()")
    try:
        yield made
    finally:
        with contextlib.suppress(Exception):
            made.close()


@contextmanager
def person(browser: Browser, system: System, email: str) -> Iterator[BrowserContext]:
    """A profile signed in as ``email``, a new person with an authenticator app."""
    with profile(browser, system) as made:
        page = made.new_page()
        system.sign_in(page, email)
        page.close()
        yield made
