"""The pages of a recording's life in a real browser: no rule of axe broken, nothing sideways, all by keyboard."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect
from tests.e2e.pages.conftest import Site, signed_in
from tests.e2e.pages.judging import keyboard_faults, narrow_faults, problems
from tests.support.people import person_of_role
from tests.support.recorded import recorded

from ringfence.centre.recordings.models import Recording
from ringfence.centre.retention.actions import (
    delete_early,
    flag_call,
    place_hold,
    propose_rule,
    request_restore,
    set_duty,
)
from ringfence.centre.retention.finding import Scope
from ringfence.centre.retention.models import Flag, Hold, RestoreRequest, RuleChange
from ringfence.centre.tenancy import all_clients

pytestmark = [pytest.mark.system, pytest.mark.timeout(300)]

SHOTS = os.environ.get("RINGFENCE_SCREENSHOTS", "")
"""A folder in which each page is also kept as a picture, for a look by eye."""
NOTE = "Caller asked about the green bin round and was told the day."


@pytest.fixture
def complaints() -> Iterator[list[str]]:
    found: list[str] = []
    yield found
    assert found == []


def furnish_life() -> dict[str, str]:
    """A hold, a flag, a proposal, a shift and a waiting request; the addresses of each."""
    now = timezone.now()
    leader, officer, manager = person_of_role("TL"), person_of_role("SARO"), person_of_role("CODM")
    recorded(1, ended_at=now - timedelta(days=40))
    recorded(2, ended_at=now - timedelta(days=59, hours=22), caller="+447700900456")
    recorded(3, ended_at=now - timedelta(hours=1), caller="+447700900789")
    recorded(4, ended_at=now - timedelta(hours=2), caller="+447700900555")
    hold = place_hold(
        officer, client="BBC", wanted=Scope(call_ids=("call-1",)), kind="sar", case_reference="SAR-2026-014",
        review_on=(timezone.localdate() + timedelta(days=30)), now=now,
    )  # fmt: skip
    flag = flag_call(leader, "call-3", "health", now=now - timedelta(minutes=9))
    held = flag_call(leader, "call-1", "criminal", now=now - timedelta(minutes=20))
    request = request_restore(
        leader, "rec-2", kind="complaint", case_reference="C-2026-118", reason="The caller disputes the date.", now=now
    )
    with all_clients("a test"):
        RuleChange.objects.create(
            client_id="BBC",
            code="second_person_deletes",
            value=1,
            before=0,
            reason="The council wants two.",
            proposed_by=manager,
            proposed_at=now - timedelta(days=1),
            in_force_at=now - timedelta(days=1),
        )
    delete_early(leader, "call-4", code="payment", note=NOTE, now=now)
    change = propose_rule(
        manager, client="BBC", code="recordings_live", value=14, reason="The council wants less.", now=now
    )
    set_duty(
        leader, client="BBC", supervisor=person_of_role("SUP"), starts_at=now - timedelta(hours=1),
        ends_at=now + timedelta(hours=6), now=now,
    )  # fmt: skip
    with all_clients("a test"):
        assert Flag.objects.count() == 3
        assert Hold.objects.count() == RestoreRequest.objects.count() == RuleChange.objects.count() - 1 == 1
        proposed = Flag.objects.get(call_id="call-4").pk
        assert Recording.objects.filter(held=True).count() == 1
    return {
        "hold": f"/retention/holds/{hold.hold_id}/",
        "keep": f"/retention/flags/{flag}/keep/",
        "agree": f"/retention/flags/{proposed}/agree/",
        "settle": f"/retention/flags/{held}/settle/",
        "decide": f"/retention/restores/{request}/",
        "proposal": f"/retention/schedule/proposals/{change}/",
    }


def look(page: Page, url: str, complaints: list[str], *, name: str = "") -> None:
    page.goto(url)
    complaints += keyboard_faults(page)
    judge(page, url, complaints, name=name)


def judge(page: Page, url: str, complaints: list[str], *, name: str = "") -> None:
    complaints += problems(page)
    if SHOTS:
        shot = (name or url).strip("/").replace("/", "-") or "retention"
        page.screenshot(path=Path(SHOTS) / f"{shot}.png", full_page=True)
    complaints += [f"{url}: {fault}" for fault in narrow_faults(page)]


def test_no_page_of_retention_breaks_a_rule_or_scrolls_sideways(
    browser: Browser, site: Site, complaints: list[str]
) -> None:
    urls = furnish_life()
    by_role = {
        "tl": [
            "/retention/", "/retention/tonight/", "/retention/flags/", "/retention/rota/", "/retention/rota/BBC/add/",
            "/retention/holds/", "/retention/holds/new/", urls["hold"], "/retention/restores/", "/retention/health/",
            "/retention/schedule/", "/retention/destructions/", "/retention/calls/call-3/flag/", urls["keep"],
            "/retention/calls/call-3/delete/", "/retention/calls/call-1/delete/", "/recordings/", "/recordings/rec-1/",
            "/recordings/rec-2/", "/retention/recordings/rec-1/restore/",
        ],
        "codm": [
            urls["agree"], "/retention/flags/", urls["decide"], urls["proposal"], "/retention/schedule/propose/",
            f"{urls['hold']}release/",
        ],
        "dpo": [urls["settle"], urls["proposal"]],
    }  # fmt: skip
    names = {value: key for key, value in urls.items()}
    for role, pages in by_role.items():
        with signed_in(browser, site, role) as profile:
            page = profile.new_page()
            for url in pages:
                look(page, url, complaints, name=f"{role}-{names.get(url, url.strip('/'))}".replace("/", "-"))


def test_a_flag_shows_at_once_and_is_deleted_by_keyboard_alone_with_a_check_before(
    browser: Browser, site: Site, complaints: list[str]
) -> None:
    now = timezone.now()
    recorded(3, ended_at=now - timedelta(hours=1))
    with signed_in(browser, site, "tl") as profile:
        page = profile.new_page()
        page.goto("/retention/flags/")
        expect(page.locator("#flags-region")).to_contain_text("No flag waits")
        flag_call(person_of_role("TL"), "call-3", "health", now=timezone.now())
        expect(page.locator("#flags-region")).to_contain_text("Health", timeout=30_000)  # without a reload (R59)
        expect(page.locator("#flags-status")).to_have_text("One flag waits")
        page.get_by_role("link", name="Delete what was flagged").focus()
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_contain_text("Delete the recordings of the call")
        page.locator("#id_note").focus()
        page.keyboard.type("She told us about her illness and her medication.")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator(".govuk-error-summary")).to_contain_text("looks sensitive")
        judge(page, "delete with a sensitive note", complaints, name="delete-sensitive")
        page.locator("#id_note").fill(NOTE)
        page.locator("#id_note").press("Tab")  # the box that would confirm the words
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text("Check before you delete")
        judge(page, "check before deleting", complaints, name="delete-check")
        page.get_by_role("button", name="Delete for good").focus()
        page.keyboard.press("Enter")
        expect(page.locator(".govuk-notification-banner")).to_contain_text("The certificate is signed")
        judge(page, "flags after a deletion", complaints, name="flags-after")
        page.goto("/recordings/rec-3/")
        expect(page.locator("#main-content")).to_contain_text(NOTE)
        judge(page, "the stub", complaints, name="stub")
        page.goto("/retention/destructions/")
        judge(page, "the destruction log", complaints, name="destructions")
