"""Each page in a real browser: no rule of axe broken, no sideways scrolling at 320 pixels, everything by keyboard."""

import re
from collections.abc import Iterator
from urllib.error import HTTPError
from urllib.request import HTTPCookieProcessor, build_opener

import pytest
from django.db import transaction
from playwright.sync_api import Browser, Page, expect
from tests.e2e.pages.conftest import Site, signed_in
from tests.e2e.pages.judging import faults, keyboard_faults, narrow_faults, problems
from tests.support.browser import context
from tests.support.connections import connections_opened
from tests.support.system import eventually

from ringfence.centre.live.actions import emit
from ringfence.centre.live.models import Topic
from ringfence.control.commands import LiveCall, SetAgentState
from ringfence.control.facts import AgentState, SuppressionReason
from ringfence.kit.ids import CallId, ClientCode, RecordingId

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

PAGES = {
    "tl": [
        "/",
        "/account/",
        "/account/2fa/",
        "/account/2fa/totp/activate/",
        "/account/2fa/webauthn/add/",
        "/account/sessions/",
        "/account/logout/",
        "/calls/",
        "/calls/?since=bins",
        "/calls/?until=2020-01-01",
        "/calls/call-heard/",
        "/calls/call-heard/number/",
        "/recordings/",
        "/recordings/rec-heard/",
        "/payments/",
        "/payments/launch/nothing",
        "/audit/",
        "/audit/export/",
        "/audit/recording/rec-heard/",
        "/listening/",
        "/listening/mine/",
        "/health/",
        "/nowhere/",
    ],
    "codm": [
        "/payments/pages/",
        "/payments/pages/BBC/add/",
        "/payments/pages/change/link-tax/",
        "/payments/pages/remove/link-tax/",
        "/payments/settings/BBC/",
        "/payments/settings/BBC/secret/",
        "/notices/",
        "/notices/BBC/draft/",
        "/privacy/ELDC/",
        "/assessments/",
        "/assessments/draft/",
        "/assessments/dpia-bbc/",
        "/assessments/dpia-bbc/end/",
        "/breaches/",
        "/breaches/open/",
        "/breaches/breach-1/",
        "/breaches/breach-1/contain/sessions/",
        "/breaches/breach-1/contain/key/",
        "/breaches/breach-1/affected/",
        "/breaches/breach-1/account/",
        "/breaches/breach-1/close/",
        "/breaches/breach-2/record/",
    ],
    "dpo": [
        "/",
        "/breaches/breach-1/",
        "/breaches/breach-1/decide/",
        "/disclosures/disclosure-2/",
        "/disclosures/disclosure-2/hear/",
        "/disclosures/disclosure-2/advice/",
        "/assessments/dpia-bbc/advise/",
    ],
    "hos": [
        "/assessments/dpia-bbc/approve/",
        "/disclosures/disclosure-2/override/",
        "/disclosures/disclosure-3/decide/",
    ],
    "saro": [
        "/",
        "/disclosures/",
        "/disclosures/open/",
        "/disclosures/disclosure-1/",
        "/disclosures/disclosure-1/attach/",
        "/disclosures/disclosure-1/ask/",
        "/disclosures/disclosure-1/withdraw/",
        "/disclosures/disclosure-1/procedure/",
        "/disclosures/disclosure-4/",
        "/disclosures/disclosure-4/end/",
        "/disclosures/disclosure-4/close/",
        "/disclosures/disclosure-6/",
        "/disclosures/recordings/rec-heard/",
    ],
    "agt": ["/desk/"],
}


def in_call(site: Site, phase: str = "talking", *, suppressed: frozenset[SuppressionReason] = frozenset()) -> None:
    """The agent has a call that is being recorded."""
    state = {"ringing": AgentState.RINGING, "held": AgentState.HOLD}.get(phase, AgentState.TALKING)
    site.engine.become(site.centre.agent, state, call="call-live")
    site.engine.calls[CallId("call-live")] = LiveCall(
        call_id=CallId("call-live"),
        client=ClientCode("BBC"),
        queue_id=site.centre.queues["BBC"],
        agent_id=site.centre.agent,
        phase=phase,
        seconds=12.0,
        recording_id=None if phase == "ringing" else RecordingId("rec-live"),
        suppressed=suppressed,
    )


def tell(site: Site) -> None:
    """Followers hear that something about the agent has changed, as the bridge lets them know."""
    with transaction.atomic():
        emit(Topic.AGENT, {"agent": site.centre.agent}, agent=site.centre.agent)


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """Filled by the test; reported together, so that one run shows every page at fault."""
    found: list[str] = []
    yield found
    assert found == []


BAD = """<!DOCTYPE html><html lang="en"><title>Bad</title><main id="main">
<style>#plain:focus { outline: none } #under { position: absolute; top: 300px; left: 0; background: none }
#cover { position: absolute; top: 280px; left: 0; width: 300px; height: 90px; background: #fff }
.panel { width: 100px; border: 1px solid } .panel div { width: 140px }</style>
<a href="#main">Skip</a><button id="plain">Plain</button><button id="first" tabindex="2">First</button>
<button id="never" tabindex="-1">Never</button><button id="late">Late</button><button id="under">Under</button>
<div id="cover"></div><div class="panel"><div>Wide</div></div></main>"""
TRAP = """<!DOCTYPE html><html lang="en"><title>Trap</title><main id="main"><a href="#main">Skip</a><button>One</button>
<button id="last">Two</button></main>"""


def test_a_page_that_needs_a_mouse_would_be_found(browser: Browser, loop_beside_django: None) -> None:
    page = browser.new_page()
    page.set_content(BAD)
    found = " ".join(keyboard_faults(page))
    for fault in (
        'the focus is not seen: <button id="plain"',
        'positive tabindex: <button id="first"',
        'no stop: <button id="never"',
        'covered when it has the focus: <button id="under"',
        "Tab reaches <",
        "the skip link does not go to #main",
    ):
        assert fault in found, fault
    (narrow,) = narrow_faults(page)
    assert "<div>Wide</div> sticks 39.0 px out" in narrow
    page.set_content(TRAP)
    page.evaluate("() => last.addEventListener('keydown', (event) => event.preventDefault())")
    assert keyboard_faults(page) == ["about:blank: Tab never leaves the page"]
    page.close()


def test_no_page_for_everybody_breaks_a_rule_or_needs_a_mouse(
    browser: Browser, site: Site, complaints: list[str]
) -> None:
    fresh = context(browser, site.url)
    page = fresh.new_page()
    for url in ("/account/login/", "/accessibility/", "/licences/"):
        page.goto(url)
        complaints += faults(page)
    fresh.close()


@pytest.mark.parametrize("role", PAGES)
def test_no_page_breaks_a_rule_or_scrolls_sideways_or_needs_a_mouse(
    browser: Browser, site: Site, complaints: list[str], role: str
) -> None:
    with signed_in(browser, site, role) as profile:
        page = profile.new_page()
        for url in PAGES[role]:
            page.goto(url)
            if url == "/desk/":
                expect(page.locator("#problem")).to_contain_text("No connection to the telephone service")
            complaints += faults(page)


def test_a_page_that_says_no_leaves_no_database_connection_behind(site: Site) -> None:
    visitor = build_opener(HTTPCookieProcessor())
    visitor.open(f"{site.url}/demo/signin/tl/").close()
    with connections_opened() as opened, pytest.raises(HTTPError) as refused:
        visitor.open(f"{site.url}/nowhere/")
    with refused.value as page:
        assert page.status == 404
        assert b"Sign out" in page.read()  # made for the person, who was looked up
    assert opened
    eventually(lambda: all(each.connection is None for each in opened), what="the end of its connections")


def test_the_desk_in_a_call_breaks_no_rule_reflows_and_needs_no_mouse(
    browser: Browser, site: Site, complaints: list[str]
) -> None:
    with signed_in(browser, site, "agt") as profile:
        page = profile.new_page()
        for phase in ("ringing", "talking", "held", "consulting", "conference"):
            in_call(site, phase)
            page.goto("/desk/")
            expect(page.locator("#call-client")).to_have_text("Barford Borough Council")
            if phase == "talking":
                page.click("#transfer-open")
            complaints += [f"{phase}: {fault}" for fault in faults(page)]


def test_the_desk_is_worked_by_keyboard_alone(browser: Browser, site: Site) -> None:
    agent, engine = site.centre.agent, site.engine
    engine.become(agent, AgentState.NOT_READY, reason="lunch")
    with signed_in(browser, site, "agt") as profile:
        page = profile.new_page()
        page.goto("/desk/")
        expect(page.locator("#state-name")).to_have_text("Not ready")
        expect(page.locator("#state-detail")).to_have_text("Lunch")
        page.keyboard.press("Control+Shift+Digit6")
        expect(page.locator("#state-name")).to_have_text("Available")
        assert engine.asked == [SetAgentState(agent_id=agent, state=AgentState.AVAILABLE)]

        page.focus("#dial-number")
        in_call(site, "ringing")
        tell(site)
        expect(page.locator("#incoming")).to_be_visible()
        expect(page.locator("#alarm")).to_contain_text("Incoming call for Barford Borough Council")
        assert page.evaluate("() => document.activeElement.id") == "dial-number", "the call stole the focus"

        in_call(site)
        page.reload()
        expect(page.locator("#recording-text")).to_have_text("Recording")
        page.keyboard.press("Control+Shift+Digit4")
        expect(page.locator("#transfer-search")).to_be_focused()
        page.keyboard.type("out-of")
        expect(page.locator("#transfer-list li:visible")).to_have_count(1)
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        # Each key sends a request of its own, and two of them may overtake each other.
        eventually(lambda: len(engine.asked) == 2, what="the transfer")
        page.keyboard.press("Control+Shift+Digit2")
        eventually(lambda: len(engine.asked) == 3, what="the hold")
        page.keyboard.press("Control+Shift+Digit5")
        page.keyboard.press("Control+Shift+Digit7")
        expect(page.locator("#status")).to_contain_text("You are On a call for")
        page.keyboard.press("Control+Shift+Digit0")
        expect(page.locator("#keys")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#keys")).to_be_hidden()
    kinds = [type(command).__name__ for command in engine.asked]
    assert kinds == ["SetAgentState", "TransferCall", "HoldCall", "HangUpCall"]


def test_a_paused_recording_and_a_lost_engine_are_said_in_words(browser: Browser, site: Site) -> None:
    in_call(site, "held", suppressed=frozenset({SuppressionReason.HOLD}))
    with signed_in(browser, site, "agt") as profile:
        page = profile.new_page()
        page.goto("/desk/")
        expect(page.locator("#recording-text")).to_have_text("Paused: on hold")
        expect(page.locator("#hold")).to_have_text("Take off hold")
        expect(page.locator("#problem")).to_contain_text("No connection to the telephone service")


def test_a_second_tab_does_not_take_the_telephone(browser: Browser, site: Site) -> None:
    with signed_in(browser, site, "agt") as profile:
        first, second = profile.new_page(), profile.new_page()
        first.goto("/desk/")
        expect(first.locator("#state-name")).to_have_text("Logged out")
        second.goto("/desk/")
        expect(second.locator("#problem")).to_contain_text("open in another tab")


def test_without_scripts_the_desk_says_so_and_other_pages_work(browser: Browser, site: Site) -> None:
    profile = browser.new_context(base_url=site.url, java_script_enabled=False)
    page = profile.new_page()
    page.goto("/demo/signin/agt/")
    page.goto("/desk/")
    expect(page.locator("#desk-missing")).to_be_visible()
    expect(page.locator("#desk")).to_be_hidden()
    page.goto("/demo/signin/tl/")
    page.goto("/recordings/rec-heard/")
    page.check("#id_purpose")
    page.click("text=Open the recording")
    expect(page.locator("#audio")).to_be_visible()
    profile.close()


def test_a_group_of_the_menu_opens_and_closes_by_keyboard(browser: Browser, site: Site, complaints: list[str]) -> None:
    with signed_in(browser, site, "codm") as profile:
        page = profile.new_page()
        page.goto("/")
        privacy = page.locator("summary", has_text="Privacy")
        inside = page.locator("#menu").get_by_role("link", name="Breaches")
        expect(inside).to_be_hidden()
        privacy.focus()
        page.keyboard.press("Enter")
        expect(inside).to_be_visible()
        complaints += problems(page)
        page.locator("#menu").get_by_role("link", name="Retention").focus()
        page.keyboard.press("Escape")
        expect(inside).to_be_hidden()
        expect(privacy).to_be_focused()
        page.keyboard.press("Enter")
        page.locator("#menu").get_by_role("link", name="Listening").focus()
        page.keyboard.press("Tab")
        expect(inside).to_be_hidden()
        expect(page.locator("summary", has_text="Centre")).to_be_focused()
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Enter")
        inside.focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/breaches/")
        expect(privacy.locator("xpath=../..")).to_have_class(re.compile("item--active"))


def test_a_recording_is_heard_and_sought_by_keyboard(browser: Browser, site: Site) -> None:
    with signed_in(browser, site, "tl") as profile:
        page = profile.new_page()
        page.goto("/recordings/")
        page.get_by_role("link", name="2026").or_(page.locator("tbody a")).first.focus()
        page.keyboard.press("Enter")
        page.locator("#id_purpose").focus()
        page.keyboard.press("Space")
        page.keyboard.press("Enter")
        page.wait_for_selector("#player")
        assert problems(page) == []
        page.focus("#play")
        page.keyboard.press("Enter")
        expect(page.locator("#play")).to_have_text("Pause")
        expect(page.locator("#place")).not_to_have_text("0:00 / 0:12")
        page.keyboard.press("Enter")
        before = page.evaluate("() => document.querySelector('#audio').currentTime")
        page.keyboard.press("ArrowRight")
        moved = page.evaluate("() => document.querySelector('#audio').currentTime") - before
        assert 4.5 < moved < 5.5
        page.keyboard.press("ArrowLeft")
        page.focus("#speed")
        page.select_option("#speed", "1.5")
        assert page.evaluate("() => document.querySelector('#audio').playbackRate") == 1.5
        expect(page.locator("#player-error")).to_be_hidden()


def tab_to(page: Page, selector: str) -> None:
    """Presses Tab until the element has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("wanted => document.activeElement.matches(wanted)", selector):
            return
    raise AssertionError(f"{selector} is not reached by keyboard")


def follow(page: Page) -> None:
    """Presses Enter on the focused link or button and waits for the page behind it."""
    with page.expect_navigation():
        page.keyboard.press("Enter")


def test_audit_entries_are_saved_by_keyboard_alone(browser: Browser, site: Site) -> None:
    with signed_in(browser, site, "tl") as profile:
        page = profile.new_page()
        page.goto("/audit/")
        tab_to(page, "a[href^='/audit/export/']")
        follow(page)
        tab_to(page, "main button[type=submit]")
        follow(page)
        expect(page.get_by_role("alert")).to_contain_text("There is a problem")
        tab_to(page, "input[name=format]")
        page.keyboard.press("Space")
        tab_to(page, "input[name=purpose]")
        page.keyboard.press("Space")
        tab_to(page, "main button[type=submit]")
        with page.expect_download() as saved:
            page.keyboard.press("Enter")
        assert saved.value.suggested_filename == "audit.csv"


def test_a_notice_is_drafted_by_keyboard_alone(browser: Browser, site: Site, complaints: list[str]) -> None:
    with signed_in(browser, site, "codm") as profile:
        page = profile.new_page()
        page.goto("/notices/")
        tab_to(page, "a[href='/notices/BBC/draft/']")
        follow(page)
        tab_to(page, "textarea[name=text]")
        page.keyboard.type("We record calls to serve you well.")
        tab_to(page, "input[name=contact]")
        page.keyboard.type("Data Protection Officer, dpo@barford.example")
        tab_to(page, "main button[type=submit]")
        follow(page)
        expect(page.locator("h1")).to_contain_text("Privacy notice, version 1")
        complaints += problems(page)


def test_an_assessment_is_drafted_by_keyboard_alone(browser: Browser, site: Site, complaints: list[str]) -> None:
    with signed_in(browser, site, "codm") as profile:
        page = profile.new_page()
        page.goto("/assessments/")
        tab_to(page, "a[href='/assessments/draft/']")
        follow(page)
        tab_to(page, "main button[type=submit]")
        follow(page)
        expect(page.get_by_role("alert")).to_contain_text("Choose at least one purpose.")
        complaints += problems(page)
        for name, text in (
            ("title", "Recording of calls to the repairs line"),
            ("reference", "DPIA-2026-11"),
            ("kept_at", "Records library"),
            ("owner", "Delivery manager"),
        ):
            tab_to(page, f"input[name={name}]")
            page.keyboard.type(text)
        for box in ("clients][value=BBC", "purposes][value=quality", "purposes][value=complaint"):
            tab_to(page, f"input[name={box}]")
            page.keyboard.press("Space")
        tab_to(page, "main button[type=submit]")
        follow(page)
        expect(page.locator("h1")).to_contain_text("Recording of calls to the repairs line")
        expect(page.locator("main")).to_contain_text("Waits for the data protection officer")
        expect(page.locator("main")).to_contain_text("Quality assessment, Complaint")
        complaints += problems(page)


def test_a_disclosure_is_opened_and_the_officer_asked_by_keyboard_alone(
    browser: Browser, site: Site, complaints: list[str]
) -> None:
    with signed_in(browser, site, "saro") as profile:
        page = profile.new_page()
        page.goto("/disclosures/")
        tab_to(page, "a[href='/disclosures/open/']")
        follow(page)
        tab_to(page, "main button[type=submit]")
        follow(page)
        expect(page.get_by_role("alert")).to_contain_text("Choose who asks.")
        complaints += problems(page)
        for name in ("client", "asker"):
            tab_to(page, f"input[name={name}]")
            page.keyboard.press("Space")
        tab_to(page, "input[name=requester_name]")
        page.keyboard.type("Tolliver Wrenfield")
        tab_to(page, "input[name=requester_post]")
        page.keyboard.type("Complaints officer, Barford Borough Council")
        tab_to(page, "input[name=purpose]")
        page.keyboard.press("Space")
        tab_to(page, "input[name=case_reference]")
        page.keyboard.type("CMP-77")
        tab_to(page, "textarea[name=request]")
        page.keyboard.type("Was the caller told about the deposit?")
        tab_to(page, "main button[type=submit]")
        follow(page)
        expect(page.locator("h1")).to_contain_text("Complaint, CMP-77")
        tab_to(page, "a[href$='/attach/']")
        follow(page)
        tab_to(page, "input[name=reference]")
        page.keyboard.type("call-heard")
        tab_to(page, "main button[type=submit]")
        follow(page)
        complaints += problems(page)
        expect(page.locator("input[name=recordings]")).to_be_checked()
        tab_to(page, "main button[name=choose]")
        follow(page)
        expect(page.locator("main")).to_contain_text("1 recording was attached.")
        tab_to(page, "a[href$='/ask/']")
        follow(page)
        tab_to(page, "main button[type=submit]")
        follow(page)
        expect(page.locator("main")).to_contain_text("Waiting for the officer's advice")
        complaints += problems(page)


def test_a_drill_is_opened_and_tried_by_keyboard_alone(browser: Browser, site: Site, complaints: list[str]) -> None:
    with signed_in(browser, site, "codm") as profile:
        page = profile.new_page()
        page.goto("/breaches/")
        tab_to(page, "a[href='/breaches/open/']")
        follow(page)
        tab_to(page, "main button[type=submit]")
        follow(page)
        expect(page.get_by_role("alert")).to_contain_text("Say whether it is real or a drill.")
        complaints += problems(page)
        tab_to(page, "input[name=drill]")
        page.keyboard.press("ArrowDown")
        tab_to(page, "input[name=kind]")
        page.keyboard.press("Space")
        tab_to(page, "input[name=clients][value=BBC]")
        page.keyboard.press("Space")
        tab_to(page, "textarea[name=summary]")
        page.keyboard.type("We practise.")
        tab_to(page, "main button[type=submit]")
        follow(page)
        expect(page.locator("h1")).to_contain_text("Drill: Stolen sign-in")
        tab_to(page, "a[href$='/contain/sessions/']")
        follow(page)
        tab_to(page, "input[name=reach]")
        page.keyboard.press("ArrowDown")
        tab_to(page, "main button[type=submit]")
        follow(page)
        expect(page.locator("main")).to_contain_text("This would happen")
        complaints += problems(page)
        tab_to(page, "main button[name=confirm]")
        follow(page)
        expect(page.locator("main")).to_contain_text("Drill, nothing was changed")
