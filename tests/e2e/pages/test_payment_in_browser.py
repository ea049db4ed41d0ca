"""A payment in a real browser: the pause comes first, a proven close ends it, and nothing else ever does (R25 to R28).

The exchange is the stand-in on a real control socket: what it was asked is all that could pause or resume a recording.
"""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
from django.db import transaction
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, expect
from playwright.sync_api import Error as PlaywrightError
from tests.e2e.pages.conftest import Site, signed_in
from tests.e2e.pages.judging import overflow, problems
from tests.e2e.pages.test_pages_in_browser import tell
from tests.e2e.pages.test_people_in_browser import nobody_does_anything, stays_signed_in
from tests.support import browser as chromium
from tests.support.provider import Provider, provider
from tests.support.system import eventually

from ringfence.centre.calls.models import Call
from ringfence.centre.jobs.models import Alarm
from ringfence.centre.live.actions import Payload, emit
from ringfence.centre.live.models import AgentPresence, Topic
from ringfence.centre.payments import actions
from ringfence.centre.payments.models import Payment, PaymentLink, PaymentState
from ringfence.centre.payments.queries import Times
from ringfence.centre.tenancy import all_clients
from ringfence.control.commands import ClosePayment, LiveCall, OpenPayment, StartKeypad
from ringfence.control.facts import AgentState, SuppressionReason
from ringfence.kit.ids import CallId, ClientCode, RecordingId

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

WARN_SECONDS = 4
SILENT = "Nobody knows whether the payment page is closed: Council tax. The recording stays paused."
PATIENCE_MS = 30_000


@dataclass
class Till:
    """A site whose agent is in a call of a client with one payment page."""

    site: Site
    provider: Provider

    def asked(self, kind: type[OpenPayment | ClosePayment]) -> int:
        return sum(isinstance(command, kind) for command in self.site.engine.asked)

    def opened(self, desk: Page) -> Page:
        """The payment window after one press of the button."""
        with desk.expect_popup(timeout=PATIENCE_MS) as popup:
            desk.click("#pay")
        expect(popup.value.frame_locator("iframe").get_by_role("heading")).to_have_text("Invented payments")
        return popup.value

    def tell_keys(self, digits: int) -> None:
        """As the bridge tells followers of the keypad: how many keys, never which."""
        payload: Payload = {
            "call": "call-heard",
            "kind": "keypad",
            "field": "card_number",
            "digits": digits,
            "outcome": "typing",
        }
        with transaction.atomic():
            emit(Topic.CALL, payload, client="BBC", agent=self.site.centre.agent)

    def closes(self, number: int) -> None:
        eventually(lambda: self.asked(ClosePayment) == number, what="the close at the exchange")

    @staticmethod
    def supervisors_warned() -> bool:
        """After the worker's job has looked, which it does every 15 seconds."""
        actions.watch(now=timezone.now())
        return Alarm.objects.filter(code="payment_unwatched", cleared_at=None).exists()

    def stays_paused(self, desk: Page, *, closed: int = 0) -> None:
        """Nobody closed anything; the agent is warned, then the supervisors."""
        expect(desk.locator("#problem-text")).to_contain_text(SILENT, timeout=PATIENCE_MS)
        expect(desk.locator("#alarm")).to_contain_text(SILENT)
        eventually(self.supervisors_warned, seconds=60, what="the alarm of the supervisors")
        with all_clients("a test"):
            assert Payment.objects.filter(state=PaymentState.OPEN).count() == 1
        assert self.asked(ClosePayment) == closed, "a silent page ended the pause"


@pytest.fixture
def till(site: Site, tmp_path: Path) -> Iterator[Till]:
    with provider(tmp_path) as page:
        times = Times(warn_agent_seconds=WARN_SECONDS, warn_supervisor_seconds=WARN_SECONDS + 1)
        actions.change_settings(client="BBC", times=times, by=None)
        origin, _, path = page.url.rpartition("/")
        with all_clients("a test"):
            PaymentLink.objects.filter(pk="link-tax").update(origin=origin, path=f"/{path}")
            Call.objects.filter(pk="call-heard").update(ended_at=None)
        site.engine.become(site.centre.agent, AgentState.TALKING, call="call-heard")
        site.engine.calls[CallId("call-heard")] = LiveCall(
            call_id=CallId("call-heard"),
            client=ClientCode("BBC"),
            queue_id=site.centre.queues["BBC"],
            agent_id=site.centre.agent,
            phase="talking",
            seconds=12.0,
            recording_id=RecordingId("rec-live"),
        )
        yield Till(site=site, provider=page)


@contextlib.contextmanager
def at_the_desk(browser: Browser, site: Site) -> Iterator[tuple[BrowserContext, Page]]:
    with signed_in(browser, site, "agt") as profile:
        desk = profile.new_page()
        desk.goto("/desk/")
        expect(desk.locator("#pay")).to_be_visible()
        yield profile, desk


def test_the_page_is_not_even_named_before_the_pause_is_confirmed(browser: Browser, till: Till) -> None:
    till.site.engine.gate = threading.Event()
    with at_the_desk(browser, till.site) as (profile, desk):
        bodies: list[str] = []
        desk.on("response", lambda answer: bodies.append(answer.url))
        desk.keyboard.press("Control+Shift+Digit9")
        eventually(lambda: till.asked(OpenPayment) == 1, what="the question for the pause")
        assert len(profile.pages) == 1
        assert till.provider.asked == []
        assert not any("/payments/launch/" in url for url in bodies)
        assert till.provider.url not in desk.content()
        with desk.expect_popup(timeout=PATIENCE_MS) as popup:
            till.site.engine.gate.set()
        expect(popup.value.frame_locator("iframe").get_by_role("heading")).to_have_text("Invented payments")
        expect(desk.locator("#status")).to_contain_text("Paused: payment.")
        assert problems(desk) == []
        assert problems(popup.value) == []
        popup.value.set_viewport_size({"width": 320, "height": 640})
        assert overflow(popup.value) <= 0
        desk.get_by_role("button", name="Card number").click()
        eventually(lambda: isinstance(till.site.engine.asked[-1], StartKeypad), what="keypad entry")
        for digits in (1, 7):
            till.tell_keys(digits)
        expect(desk.locator("#keypad-progress")).to_have_text("Card number: 7 keys so far.", timeout=PATIENCE_MS)
        popup.value.close()
        till.closes(1)


def test_a_mask_that_lasts_is_called_to_mind_and_a_window_of_its_own_proves_nothing(
    browser: Browser, till: Till
) -> None:
    with all_clients("a test"):
        PaymentLink.objects.filter(pk="link-tax").update(opens="window")
    with at_the_desk(browser, till.site) as (_profile, desk):
        with desk.expect_popup(timeout=PATIENCE_MS) as popup:
            desk.click("#pay")
        window = popup.value
        with window.expect_popup(timeout=PATIENCE_MS) as page:
            window.get_by_role("button", name="Open the payment page").click()
        expect(page.value.get_by_role("heading")).to_have_text("Invented payments")
        page.value.close()
        expect(window.locator("#payment-text")).to_have_text("The payment page seems to be closed. Is it?")
        assert till.asked(ClosePayment) == 0, "a handle that says closed is no proof"
        window.get_by_role("button", name="Payment is finished").click()
        till.closes(1)

        call = CallId("call-heard")
        masked = frozenset({SuppressionReason.MASK})
        till.site.engine.calls[call] = msgspec.structs.replace(
            till.site.engine.calls[call], suppressed=masked, mask_since=61.0
        )
        tell(till.site)
        expect(desk.locator("#alarm")).to_contain_text("The recording has been masked for 1:0", timeout=PATIENCE_MS)
        expect(desk.locator("#mask")).to_have_text("Unmask recording")
        assert problems(desk) == []


REFUSED = "This payment page cannot be opened"


def test_closing_the_window_ends_the_pause_and_a_second_one_never_opens(browser: Browser, till: Till) -> None:
    with at_the_desk(browser, till.site) as (profile, desk):
        for number, how in enumerate(("button", "tab", "reload"), 1):
            window = till.opened(desk)
            second = profile.new_page()
            second.goto(window.url)
            expect(second.get_by_role("heading", level=1)).to_have_text(REFUSED)
            second.close()
            expect(desk.locator("#payments")).to_contain_text("The payment page is open")
            assert (len(till.provider.asked), till.asked(ClosePayment)) == (number, number - 1)
            if how == "button":
                window.get_by_role("button", name="Payment is finished").click()
            elif how == "tab":
                window.close()
            else:
                window.reload()
                expect(window.get_by_role("heading", level=1)).to_have_text(REFUSED)
                window.close()
            till.closes(number)
            expect(desk.locator("#payments")).to_be_hidden(timeout=PATIENCE_MS)
            expect(desk.locator("#problem-text")).not_to_contain_text("payment page")


def test_a_crash_or_a_lost_network_stays_paused_until_the_agent_answers_for_it(browser: Browser, till: Till) -> None:
    with at_the_desk(browser, till.site) as (profile, desk):
        window = till.opened(desk)
        with window.expect_event("crash"), contextlib.suppress(PlaywrightError):
            window.goto("chrome://crash")
        till.stays_paused(desk)
        window.close()
        finish = desk.get_by_role("button", name="Payment is finished")
        finish.click()
        assert problems(desk) == []
        desk.get_by_role("button", name="Go back").locator("visible=true").click()
        assert till.asked(ClosePayment) == 0
        finish.click()
        desk.get_by_role("button", name="The page is closed: go on").click()
        till.closes(1)
        expect(desk.locator("#problem-text")).not_to_contain_text("payment page", timeout=PATIENCE_MS)

        window = till.opened(desk)
        profile.set_offline(True)
        expect(window.locator("#payment-text")).to_contain_text("The recording stays paused", timeout=PATIENCE_MS)
        window.close()  # what it says at its end is lost with the network
        expect(desk.locator("#problem-text")).to_contain_text(SILENT, timeout=PATIENCE_MS)
        profile.set_offline(False)
        till.stays_paused(desk, closed=1)


def test_a_payment_outlives_a_session_that_nobody_uses_and_warns_before(browser: Browser, till: Till) -> None:
    with at_the_desk(browser, till.site) as (profile, desk):
        profile.clock.install()
        window = till.opened(desk)
        till.site.engine.become(till.site.centre.agent, AgentState.NOT_READY)
        AgentPresence.objects.filter(agent_id=till.site.centre.agent).update(state=AgentState.NOT_READY)
        nobody_does_anything(window, minutes=29)
        warning = window.get_by_role("alertdialog", name="You will soon be signed out")
        expect(window.get_by_role("button", name="Stay signed in")).to_be_focused(timeout=PATIENCE_MS)
        assert problems(window) == []
        stays_signed_in(window)
        expect(warning).to_be_hidden()
        nobody_does_anything(window, minutes=31)
        over = window.get_by_role("alertdialog", name="You have been signed out")
        expect(over).to_contain_text("The payment page is still open here", timeout=PATIENCE_MS)
        expect(window.locator("#payment-text")).to_contain_text("The recording stays paused", timeout=PATIENCE_MS)
        assert problems(window) == []
        assert till.asked(ClosePayment) == 0
        with profile.expect_page() as opened:
            window.keyboard.press("Enter")
        opened.value.goto("/demo/signin/agt/")
        window.bring_to_front()
        window.evaluate("() => dispatchEvent(new Event('focus'))")  # a headless tab never loses it
        expect(over).to_be_hidden()
        expect(window.frame_locator("iframe").get_by_role("heading")).to_have_text("Invented payments")
        assert len(till.provider.asked) == 1, "the payment page was not opened again"
        expect(window.locator("#payment-text")).to_have_text("Paused: payment", timeout=PATIENCE_MS)
        window.get_by_role("button", name="Payment is finished").click()
        till.closes(1)


def test_a_sleeping_or_killed_browser_stays_paused_and_the_next_one_is_told(browser: Browser, till: Till) -> None:
    doomed = browser.browser_type.launch(executable_path=chromium.EXECUTABLE, args=list(chromium.ARGUMENTS))
    found = doomed.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    (pid,) = [int(process["id"]) for process in found if process["type"] == "browser"]
    with contextlib.suppress(PlaywrightError), at_the_desk(doomed, till.site) as (_profile, desk):
        till.opened(desk)
        asleep = family(pid)
        for process in asleep:
            os.kill(process, signal.SIGSTOP)
        try:
            eventually(till.supervisors_warned, seconds=60, what="the alarm of the supervisors")
            assert till.asked(ClosePayment) == 0
        finally:
            for process in asleep:
                os.kill(process, signal.SIGCONT)
        eventually(lambda: not till.supervisors_warned(), seconds=60, what="contact after waking")
        assert till.asked(ClosePayment) == 0, "waking ended the pause"
        os.kill(pid, signal.SIGKILL)
        desk.wait_for_timeout(1000)
    assert not doomed.is_connected()
    with at_the_desk(browser, till.site) as (_profile, desk):
        till.stays_paused(desk)


def family(pid: int) -> list[int]:
    """The process and everything it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *(each for child in children for each in family(int(child)))]
