"""Mask and payment on a real call: a browser, a caller, the exchange, and what is kept of it in the end."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from ringfence.control.commands import LiveCall
from ringfence.control.facts import SuppressionReason
from tests.e2e.conftest import AGENT_TONE, calling
from tests.support.browser import chromium, write_tone
from tests.support.centre import QUICK, sample_with
from tests.support.desk import AGENT, PATIENCE_MS, Desk, person
from tests.support.provider import Provider, provider
from tests.support.stored import new_recording, sealed_recordings
from tests.support.system import System, eventually

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

MANAGER = "operations@centre.example"
QUIET = 0xD5


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("payment")
    centre = sample_with(folder / "centre", changes={"wrap_seconds = 10": "wrap_seconds = 2"})
    database = os.environ.get("RINGFENCE_TEST_DATABASE", "")
    with System(folder, database=database, centre=centre, secure_pages=True) as running:
        yield running


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    tone = write_tone(tmp_path_factory.mktemp("tone") / "tone.wav", AGENT_TONE, seconds=10, pulsed=True)
    with chromium(microphone=tone) as made:
        yield made


@pytest.fixture(scope="module")
def till(browser: Browser, system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    """A payment page of the first council, put on its list by the person who may."""
    with provider(tmp_path_factory.mktemp("provider")) as page, person(browser, system, MANAGER) as manager:
        form = manager.new_page()
        form.goto(f"{system.web}/payments/pages/BBC/add/")
        form.get_by_label("Name").fill("Council tax")
        form.get_by_label("Web address").fill(page.url)
        form.get_by_role("button", name="Save").click()
        expect(form.get_by_text("The payment page is saved.")).to_be_visible()
        yield page


@pytest.fixture(scope="module")
def agent(browser: Browser, system: System) -> Iterator[BrowserContext]:
    with person(browser, system, AGENT) as made:
        yield made


@pytest.fixture
def desk(agent: BrowserContext, system: System) -> Iterator[Desk]:
    page = agent.new_page()
    made = Desk(system, page)
    made.open()
    made.available()
    yield made
    page.close()
    eventually(lambda: not system.status().calls, what="the end of every call")


def call_of(system: System) -> LiveCall:
    [call] = [call for call in system.status().calls if call.agent_id is not None]
    return call


def until(system: System, reasons: set[SuppressionReason]) -> float:
    """When the exchange had exactly these reasons for silence, looked at every few milliseconds."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if call_of(system).suppressed == reasons:
            return time.monotonic()
    raise AssertionError(f"the exchange never had {reasons}")


def test_a_payment_pauses_before_its_page_and_resumes_at_its_close(
    system: System, desk: Desk, till: Provider, tmp_path: Path
) -> None:
    before = sealed_recordings(system)
    with calling(system, tmp_path) as caller:
        caller.call(system.number(QUICK))
        desk.answer()
        desk.shows("recording-text", "Recording")
        with desk.page.expect_popup(timeout=PATIENCE_MS) as popup:
            pressed = time.monotonic()
            desk.keys(9)
            assert until(system, {SuppressionReason.PAYMENT}) - pressed < 0.5
        window = popup.value
        expect(window.frame_locator("iframe").get_by_role("heading")).to_have_text("Invented payments")
        assert call_of(system).suppressed == {SuppressionReason.PAYMENT}
        desk.shows("recording-text", "Paused: payment")
        desk.keys(8)  # a mask within the payment outlives it
        desk.shows("mask", "Unmask recording")
        closed = time.monotonic()
        window.get_by_role("button", name="Payment is finished").click()
        assert until(system, {SuppressionReason.MASK}) - closed < 1
        desk.says("recording-text", "Masked by you")
        desk.keys(8)
        until(system, set())
        desk.shows("recording-text", "Recording")
        heard = desk.page.evaluate("() => performance.now()")
        desk.page.wait_for_function("(since) => performance.now() - since > 1000", arg=heard)
        caller.hang_up()
        desk.shows("state-name", "Available")
    recording = new_recording(system, before)
    payment, mask = recording.manifest.spans
    assert (payment.reason, mask.reason) == ("payment", "mask")
    for span in (payment, mask):
        for side in recording.read(span.start_ms, span.end_ms):
            assert side == bytes([QUIET]) * len(side), f"something was kept during the {span.reason}"
    assert any(byte != QUIET for byte in recording.read(mask.end_ms + 300, recording.duration_ms)[0])
    assert till.asked


def test_a_mask_by_shortcut_is_in_force_within_half_a_second(system: System, desk: Desk, tmp_path: Path) -> None:
    with calling(system, tmp_path) as caller:
        caller.call(system.number(QUICK))
        desk.answer()
        desk.shows("recording-text", "Recording")
        for masked in (True, False):
            pressed = time.monotonic()
            desk.keys(8)
            reached = until(system, {SuppressionReason.MASK} if masked else set())
            assert reached - pressed < 0.5
            if masked:
                desk.says("status", "The recording is masked.")
                desk.shows("mask", "Unmask recording")
                desk.page.get_by_label("The recording is masked. Why?").select_option(label="About somebody else")
                desk.page.get_by_role("button", name="Save the reason").click()
                desk.says("status", "The reason is kept")
        desk.keys(0)
        desk.keys(1)
        desk.page.get_by_label("Why must it stop?").select_option(label="A private call")
        desk.page.get_by_role("button", name="Stop for good").click()
        desk.shows("recording-text", "Stopped: by the agent")
        assert desk.page.locator("#stop-open").is_hidden()
        caller.hang_up()
        desk.shows("state-name", "Available")


def test_a_payment_page_that_dies_keeps_the_call_paused_to_its_end(
    system: System, desk: Desk, till: Provider, tmp_path: Path
) -> None:
    before = sealed_recordings(system)
    with calling(system, tmp_path) as caller:
        caller.call(system.number(QUICK))
        desk.answer()
        desk.shows("recording-text", "Recording")
        with desk.page.expect_popup(timeout=PATIENCE_MS) as popup:
            desk.press("pay")
        expect(popup.value.frame_locator("iframe").get_by_role("heading")).to_have_text("Invented payments")
        desk.page.context.set_offline(True)
        popup.value.close()
        desk.page.context.set_offline(False)
        desk.says("payments", "The recording stays paused")
        assert call_of(system).suppressed == {SuppressionReason.PAYMENT}
        caller.hang_up()
        desk.shows("state-name", "Available")
    recording = new_recording(system, before)
    (span,) = recording.manifest.spans
    assert (span.reason, span.end_ms) == ("payment", recording.duration_ms)
