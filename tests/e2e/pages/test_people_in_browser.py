"""The pages about people and the library in a real browser: axe, 320 pixels, the keyboard alone."""

import os
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.db.models import F
from playwright.sync_api import Browser, Page, Route, expect
from tests.e2e.pages.conftest import Site, signed_in
from tests.e2e.pages.judging import faults, overflow, problems
from tests.e2e.pages.test_pages_in_browser import in_call
from tests.support.pages import BBC_PERSON, REVIEW, WAITING_GRANT

from ringfence.centre.accounts.models import User
from ringfence.centre.suppliers.models import Certificate

pytestmark = [pytest.mark.system, pytest.mark.timeout(240)]

PAGES = {
    "hos": [
        "/people/",
        "/people/?state=closed",
        "/people/join/",
        "/people/teams/",
        "/people/approvals/",
        f"/people/{BBC_PERSON}/",
        f"/people/{BBC_PERSON}/move/",
        f"/people/{BBC_PERSON}/leave/",
        f"/people/{BBC_PERSON}/suspend/",
        f"/people/{BBC_PERSON}/sign-in/",
        f"/people/grants/{WAITING_GRANT}/end/",
        "/people/reviews/",
        f"/people/reviews/{REVIEW}/",
        "/people/who-could/?right=play_recordings&day=2030-05-03&at=14:05",
        "/people/who-could/?right=play_recordings&day=bins&at=14:05",
        "/people/urgent/",
    ],
    "dpo": ["/", "/suppliers/northwharf-hosting/", "/suppliers/northwharf-hosting/transfer/"],
    "agt": ["/library/", "/library/?q=zebra", "/library/mask-and-delete/"],
    "codm": [
        "/library/add/",
        "/library/recording-calls/edit/",
        "/library/recording-calls/upkeep/",
        "/library/recording-calls/signatures/",
        "/suppliers/",
        "/suppliers/add/",
        "/suppliers/larkfield-telecom/",
        "/suppliers/larkfield-telecom/change/",
        "/suppliers/larkfield-telecom/certificate/",
        "/suppliers/larkfield-telecom/remove/",
        "/suppliers/larkfield-telecom/versions/1/",
    ],
    "ict": [
        "/people/telephones/",
        "/people/telephones/add/",
        "/people/telephones/handset-1/network/",
        "/people/telephones/computers/",
        "/people/telephones/computers/add/",
        "/people/enrol/",
        "/people/enrol/?key=none",
        "/people/support/",
    ],
}


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    """Filled by the test; reported together, so that one run shows every page at fault."""
    found: list[str] = []
    yield found
    assert found == []


@pytest.mark.parametrize("role", PAGES)
def test_pages_about_people_break_no_rule_reflow_and_need_no_mouse(
    browser: Browser, site: Site, complaints: list[str], role: str
) -> None:
    shots = os.environ.get("RINGFENCE_SCREENSHOTS", "")
    with signed_in(browser, site, role) as profile:
        page = profile.new_page()
        for number, url in enumerate(PAGES[role]):
            answer = page.goto(url)
            assert answer is not None
            assert answer.ok, url
            if shots:
                page.screenshot(path=Path(shots) / f"{role}-{number:02}.png", full_page=True)
            complaints += faults(page)


def test_a_joiner_is_added_by_keyboard_alone(browser: Browser, site: Site) -> None:
    with signed_in(browser, site, "hos") as profile:
        page = profile.new_page()
        page.goto("/people/join/")
        page.focus("#id_name")
        keyboard = page.keyboard
        keyboard.type("Linnet Ashgrove")
        for text in ("linnet@centre.example", "LPSP"):
            keyboard.press("Tab")
            keyboard.type(text)
        keyboard.press("Tab")
        keyboard.type("Agent")  # a list jumps to what is typed
        keyboard.press("Tab")
        keyboard.press("Space")  # the first client
        page.focus("#id_reason")
        keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("Say why, in a few words.")
        keyboard.press("Tab")
        expect(page.locator("#id_name")).to_have_value("Linnet Ashgrove")
        page.focus("#id_reason")
        keyboard.type("Joined on Monday")
        keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text("A link for Linnet Ashgrove")
    assert User.objects.filter(email="linnet@centre.example").exists()


def test_a_supplier_and_its_certificate_are_recorded_by_keyboard_alone(browser: Browser, site: Site) -> None:
    with signed_in(browser, site, "codm") as profile:
        page = profile.new_page()
        keyboard = page.keyboard
        page.goto("/suppliers/add/")
        page.focus("#id_name")
        keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("Say whether it processes personal data.")
        page.focus("#id_name")
        keyboard.type("Tarn Backup")
        keyboard.press("Tab")
        keyboard.type("Keeps backups")
        keyboard.press("Tab")
        keyboard.press("Tab")
        keyboard.press("Space")  # the first answer
        keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text("Tarn Backup")
        page.get_by_role("button", name="Record a certificate").focus()
        keyboard.press("Enter")
        page.focus("#id_standard")
        for text in ("ISO/IEC 27001:2022", "Harbourlight", "HC 7", "Every site", "01052040"):
            keyboard.type(text)
            keyboard.press("Tab")
        page.focus("#id_warn_days")
        keyboard.press("Enter")
        expect(page.get_by_role("heading", name="ISO/IEC 27001:2022")).to_be_visible()
    assert Certificate.objects.get(supplier="tarn-backup").warn_days == 60


def test_a_computer_is_enrolled_by_keyboard_alone_and_then_takes_calls_at_home(
    browser: Browser, site: Site, settings: Any
) -> None:
    settings.RINGFENCE_REMOTE_NEEDS_MANAGED_DEVICE = "require"
    shots = os.environ.get("RINGFENCE_SCREENSHOTS", "")

    def seen(page: Page, name: str) -> None:
        assert problems(page) == [], name
        if shots:
            page.screenshot(path=Path(shots) / f"computer-{name}.png", full_page=True)
        page.set_viewport_size({"width": 320, "height": 640})
        assert overflow(page) <= 0, name
        page.set_viewport_size({"width": 1280, "height": 900})

    with signed_in(browser, site, "ict") as profile:
        page = profile.new_page()
        page.goto("/people/telephones/computers/add/")
        page.focus("#id_asset")
        page.keyboard.press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("Enter the asset number.")
        seen(page, "missing")
        page.focus("#id_asset")
        page.keyboard.type("LAP-0007")
        page.keyboard.press("Tab")
        page.keyboard.type("Fern")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text("A link for LAP-0007")
        link = page.locator("code").inner_text()
        seen(page, "link")
    with signed_in(browser, site, "agt") as profile:
        page = profile.new_page()
        page.goto("/desk/")
        expect(page.locator("#state-detail")).to_contain_text("Ask ICT to enrol it.")
        expect(page.locator("#go-available")).to_be_disabled()
        expect(page.locator("#problem")).to_contain_text("Ask ICT to enrol it.")
        seen(page, "desk-refused")
        page.select_option("#location", "office")
        expect(page.locator("#go-available")).to_be_enabled()
        expect(page.locator("#problem")).not_to_contain_text("Ask ICT")
        page.select_option("#location", "home")
        expect(page.locator("#go-available")).to_be_disabled()
        page.goto(link)
        seen(page, "enrol")
        page.get_by_role("button", name="Enrol this computer").focus()
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text("LAP-0007 is enrolled")
        seen(page, "enrolled")
        page.goto("/desk/")
        expect(page.locator("#go-available")).to_be_enabled()
        page.focus("#go-available")
        page.keyboard.press("Enter")
        expect(page.locator("#state-name")).to_have_text("Available")
        page.goto(link)
        page.get_by_role("button", name="Enrol this computer").press("Enter")
        expect(page.locator("h1")).to_have_text("This link cannot be used")
        seen(page, "used")
    with signed_in(browser, site, "ict") as profile:
        page = profile.new_page()
        page.goto("/people/telephones/computers/")
        expect(page.locator("tbody")).to_contain_text("Enrolled")
        page.get_by_role("button", name=re.compile("Revoke.*LAP-0007")).press("Enter")
        expect(page.get_by_role("alert")).to_contain_text("The computer is revoked.")
        seen(page, "list")


def test_one_key_opens_desk_aids_beside_a_call_within_a_second(browser: Browser, site: Site) -> None:
    with signed_in(browser, site, "agt") as profile:
        page = profile.new_page()
        page.goto("/desk/")
        expect(page.locator("#state-name")).not_to_have_text("Loading")
        page.focus("#dial-number")
        page.evaluate(
            """() => {
                const aids = document.getElementById('aids-hits')
                const note = (event) => { if (event.key === 'F2') window.pressed = performance.now() }
                addEventListener('keydown', note, true)
                new MutationObserver(() => { window.shown = performance.now() }).observe(aids, { childList: true })
            }"""
        )
        page.keyboard.press("F2")
        expect(page.locator("#aids-hits summary").first).to_have_text("Mask and delete")
        took = page.evaluate("() => window.shown - window.pressed")
        assert took < 1000, f"{took:.0f} ms"
        expect(page.locator("#aids-duty")).to_contain_text("Caspian Rooksby")
        assert page.evaluate("() => document.activeElement.id") == "aids-search"
        assert problems(page) == []
        page.keyboard.type("missed bins")
        expect(page.locator("#aids-hits summary").first).to_have_text("Missed bins in Barford")
        page.set_viewport_size({"width": 320, "height": 640})
        assert overflow(page) <= 0
        page.keyboard.press("F2")
        expect(page.locator("#aids")).to_be_hidden()
        assert page.evaluate("() => document.activeElement.id") == "dial-number"


def test_the_card_opens_from_words_beside_the_mask_button(browser: Browser, site: Site) -> None:
    in_call(site)
    with signed_in(browser, site, "agt") as profile:
        page = profile.new_page()
        page.goto("/desk/")
        expect(page.locator("#mask")).to_be_visible()
        link = page.locator("#controls").get_by_role("link", name="How to mask or delete")
        assert link.get_attribute("href") == "/library/mask-and-delete/"
        page.focus("#mask")
        page.keyboard.press("Tab")
        expect(link).to_be_focused()
        page.keyboard.press("Enter")
        card = page.locator("#aids-hits details[open] summary")
        expect(card).to_have_text("Mask and delete")
        expect(card).to_be_focused()
        assert problems(page) == []
        for width in (320, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            assert overflow(page) <= 0
            shoot(page, f"card-{width}")
        page.keyboard.press("Escape")
        expect(page.locator("#aids")).to_be_hidden()
        expect(link).to_be_focused()


def test_who_does_nothing_is_warned_stays_with_one_key_and_loses_no_text(browser: Browser, site: Site) -> None:
    with signed_in(browser, site, "hos") as profile:
        page = profile.new_page()
        page.clock.install()
        page.goto("/people/join/")
        nobody_does_anything(page, minutes=29)
        warning = page.get_by_role("alertdialog", name="You will soon be signed out")
        expect(warning).to_contain_text("If nobody does, you will be signed out at")
        expect(page.get_by_role("button", name="Stay signed in")).to_be_focused()
        assert problems(page) == []
        for width in (320, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            assert overflow(page) <= 0
            shoot(page, f"warning-{width}")
        stays_signed_in(page)
        expect(warning).to_be_hidden()
        page.focus("#id_name")
        page.keyboard.type("Linnet Ashgrove")
        nobody_does_anything(page, minutes=31)
        over = page.get_by_role("alertdialog", name="You have been signed out")
        expect(over).to_contain_text("What you typed is still here.")
        assert problems(page) == []
        shoot(page, "over")
        with profile.expect_page() as opened:
            page.keyboard.press("Enter")
        sign_in = opened.value
        expect(sign_in.get_by_role("region", name="Important")).to_contain_text(
            "nobody used this browser for 30 minutes"
        )
        assert problems(sign_in) == []
        shoot(sign_in, "sign-in")
        sign_in.goto("/demo/signin/hos/")
        page.bring_to_front()
        page.evaluate("() => dispatchEvent(new Event('focus'))")  # a headless tab never loses it
        expect(over).to_be_hidden()
        expect(page.locator("#id_name")).to_have_value("Linnet Ashgrove")
        page.locator("form").get_by_role("button").click()
        expect(page.get_by_role("alert")).to_contain_text(
            "There is a problem"
        )  # read by the server, not refused as forged
        nobody_does_anything(page, minutes=31)
        expect(page).to_have_url(f"{site.url}/account/login/?next=%2Fpeople%2Fjoin%2F")


def test_who_says_that_they_stay_while_the_page_asks_the_server_is_heard(browser: Browser, site: Site) -> None:
    with signed_in(browser, site, "hos") as profile:
        page = profile.new_page()
        page.clock.install()
        page.goto("/people/join/")
        page.clock.pause_at(page.evaluate("() => Date.now() / 1000 + 1"))  # no later look mends anything
        nobody_does_anything(page, minutes=29)
        warning = page.get_by_role("alertdialog", name="You will soon be signed out")
        expect(page.get_by_role("button", name="Stay signed in")).to_be_focused()
        questions: list[Route] = []
        page.route("**/account/session", lambda route: questions.append(route), times=1)
        with page.expect_request("**/account/session"):
            page.clock.run_for(5000)
        page.keyboard.press("Enter")
        expect(warning).to_be_hidden()
        with page.expect_response(lambda answer: answer.request.method == "POST") as told:
            questions[0].continue_()
        assert told.value.ok
        expect(warning).to_be_hidden()


def stays_signed_in(page: Page) -> None:
    """One press of the warning's button; the server has written it down when this returns."""
    with page.expect_response(
        lambda answer: answer.request.method == "POST" and answer.url.endswith("/account/session")
    ) as told:
        page.keyboard.press("Enter")
    assert told.value.ok


def nobody_does_anything(page: Page, *, minutes: int) -> None:
    """So much later, for the server and for the page."""
    UserSession.objects.update(last_seen_at=F("last_seen_at") - timedelta(minutes=minutes))
    page.clock.fast_forward(minutes * 60_000)


def shoot(page: Page, name: str) -> None:
    if shots := os.environ.get("RINGFENCE_SCREENSHOTS", ""):
        page.screenshot(path=Path(shots) / f"{name}.png")
