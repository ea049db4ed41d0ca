"""Every page is well-formed, labelled, in plain English, and says what it must."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from tests.support.pages import Centre, Exchange
from tests.support.strict_pages import Visitor, strictly

from ringfence.centre.accounts.models import User
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.tenancy import all_clients

SignIn = Callable[[str], Visitor]


def test_signing_in_needs_the_right_password(anyone: Visitor, centre: Centre) -> None:
    page = anyone.page("/account/login/")
    assert "Email address" in page.text
    refused = strictly(anyone.post("/account/login/", {"login": "agent@centre.example", "password": "wrong"}))
    assert refused.titles[0].startswith("Error:")
    assert "There is a problem" in refused.text
    user = User.objects.get(email="agent@centre.example")
    user.set_password("a long invented password")
    user.save(update_fields=["password"])
    answer = anyone.post("/account/login/", {"login": "agent@centre.example", "password": "a long invented password"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")


def test_outside_the_demonstration_a_second_factor_comes_first(anyone: Visitor, centre: Centre, settings: Any) -> None:
    settings.RINGFENCE_DEMO = False
    anyone.force_login(User.objects.get(email="agent@centre.example"), settings.AUTHENTICATION_BACKENDS[0])
    answer = anyone.get("/desk/")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/account/2fa/")
    assert "A password alone is not enough here" in anyone.page("/account/2fa/").text


def test_account_pages_are_sound(sign_in: SignIn) -> None:
    visitor = sign_in("TL")
    for url in (
        "/account/2fa/",
        "/account/2fa/totp/activate/",
        "/account/2fa/webauthn/",
        "/account/2fa/webauthn/add/",
        "/account/sessions/",
        "/account/3rdparty/",
        "/account/logout/",
        "/account/password/set/",
        "/account/",
        "/",
    ):
        visitor.page(url)


@pytest.mark.parametrize(
    "url",
    [
        "/accessibility/",
        "/licences/",
        "/account/inactive/",
        "/account/3rdparty/login/cancelled/",
        "/account/password/reset/",
    ],
)
def test_open_pages_are_sound(url: str, anyone: Visitor, db: None) -> None:
    anyone.page(url)


def test_a_missing_page_is_a_page(anyone: Visitor, db: None) -> None:
    assert "Page not found" in anyone.page("/nowhere/", status=404).text


def test_a_refused_page_is_a_page(sign_in: SignIn) -> None:
    assert "You do not have permission" in sign_in("AGT").page("/audit/", status=403).text


MENUS = {
    "AGT": ["Desk", "Library"],
    "TL": [
        "Desk", "Calls", "Recordings", "Flags", "Payments", "Library", "Retention", "Disclosures", "Assessments",
        "Breaches", "Listening", "People", "Audit", "Health",
    ],
    "RP": ["Calls", "Recordings", "Retention", "Assessments", "Listening"],
    "DPO": [
        "Flags", "Retention", "Privacy notices", "Suppliers", "Disclosures", "Assessments", "Breaches",
        "Listening", "People", "Audit",
    ],
    "ICT": ["Retention", "Telephones", "Support", "Suppliers", "Breaches", "Audit", "Health"],
    "SARO": ["Retention", "Disclosures"],
    "SUPPLIER": ["Support"],
}  # fmt: skip


def test_the_menu_holds_what_the_role_may_open(sign_in: SignIn) -> None:
    for role, labels in MENUS.items():
        html = sign_in(role).get("/").content.decode()
        found = re.findall(r'govuk-service-navigation__link" href="[^"]*"[^>]*>([^<]+)<', html)
        assert found == [*labels, "Your account", "Sign out"], role


def test_a_long_menu_is_grouped_and_the_group_of_the_page_is_marked(sign_in: SignIn) -> None:
    leader = sign_in("HOS")
    html = leader.get("/audit/").content.decode()
    assert re.findall(r"<summary[^>]*>([^<]+)<", html.partition("<main")[0]) == ["Privacy", "Centre"]
    marked = re.findall(r"item--active\"><details.*?<summary[^>]*>([^<]+)<", html)
    assert marked == ["Centre"]
    assert "<details" not in sign_in("RP").get("/").content.decode().partition("<main")[0]
    assert "<details" not in sign_in("AGT").get("/").content.decode().partition("<main")[0]


def test_the_demonstration_is_marked_on_every_page(sign_in: SignIn, anyone: Visitor, settings: Any) -> None:
    assert "Demonstration: invented people, always open." in " ".join(sign_in("TL").page("/").text.split())
    settings.RINGFENCE_DEMO = False
    assert "Demonstration:" not in anyone.page("/account/login/").text


def test_the_call_log_shows_masked_numbers_and_outcomes(sign_in: SignIn) -> None:
    page = sign_in("TL").page("/calls/")
    assert "07700 ••• 123" in page.text
    assert "900123" not in page.text
    assert {"Answered", "Abandoned", "Heard a message", "Withheld"} <= set(re.split(r"\s*\n\s*", page.text))


def test_calls_are_found_by_number_typed_as_people_type_it(sign_in: SignIn) -> None:
    page = strictly(sign_in("TL").post("/calls/", {"number": "01632 960777", "purpose": "quality"}))
    assert "01632 ••• 777" in page.text
    assert "07700" not in page.text
    assert (
        "No call matches"
        in strictly(sign_in("TL").post("/calls/", {"number": "01632 960999", "purpose": "quality"})).text
    )


def test_a_number_never_stands_in_an_address_and_every_other_filter_may(sign_in: SignIn) -> None:
    for url in ("/calls/", "/recordings/"):
        visitor = sign_in("TL")
        kept = visitor.post(url, {"number": " ", "client": "BBC", "agent": ""})
        assert (kept.status_code, kept.headers["Location"]) == (302, f"{url}?client=BBC")
        ignored = visitor.page(url, data={"number": "bins", "purpose": "quality"})
        assert "Type a whole telephone number" not in ignored.text


def test_nobody_is_searched_for_by_number_without_a_purpose(sign_in: SignIn) -> None:
    for url in ("/calls/", "/recordings/"):
        visitor = sign_in("TL")
        assert "Choose why you search" in strictly(visitor.post(url, {"number": "07700 900123"})).text
        caseless = strictly(visitor.post(url, {"number": "07700 900123", "purpose": "complaint"}))
        assert "Enter the reference of the case" in caseless.text
        visitor.post(url, {"number": "07700 900123", "purpose": "complaint", "case_reference": "C-17"})
        with all_clients("the test reads"):
            entry = AuditEntry.objects.filter(code__endswith=".searched").latest("number")
        assert '"case_reference":"C-17"' in entry.fields
        assert '"purpose":"complaint"' in entry.fields
        assert "900123" not in entry.fields
        assert "purpose" not in visitor.post(url, {"client": "BBC", "purpose": "quality"}).headers["Location"]


def test_a_number_that_is_none_is_explained_beside_its_field(sign_in: SignIn) -> None:
    for url in ("/calls/", "/recordings/"):
        page = strictly(sign_in("TL").post(url, {"number": "bins", "purpose": "quality"}))
        assert "Type a whole telephone number" in page.text
        assert page.titles[0].startswith("Error:")


def test_broken_dates_are_explained(sign_in: SignIn) -> None:
    for url in ("/calls/", "/recordings/", "/audit/"):
        page = sign_in("TL").page(url, data={"since": "31/02/2026"})
        assert "Enter a real date" in page.text
        tomorrow = timezone.localdate() + timedelta(days=1)
        turned = sign_in("TL").page(url, data={"since": tomorrow.isoformat(), "until": "2026-01-01"})
        assert "The last day must not come before the first." in turned.text


def test_an_empty_list_says_so(sign_in: SignIn) -> None:
    for url in ("/calls/", "/recordings/", "/audit/"):
        page = sign_in("TL").page(url, data={"until": "2020-01-01"})
        assert "matches" in page.text


def test_a_broken_page_mark_is_explained(sign_in: SignIn) -> None:
    for url in ("/calls/", "/recordings/"):
        assert "The page mark is not valid" in sign_in("TL").page(url, data={"after": "%%%"}).text


def test_a_call_tells_its_story_in_order(sign_in: SignIn) -> None:
    text = sign_in("TL").page("/calls/call-heard/").text
    story = ["Call arrived", "Recording notice heard", "Joined the queue", "Answered", "Put on hold", "Call ended"]
    places = [text.rindex(words) for words in story]
    assert places == sorted(places)


def test_a_missing_call_and_recording_are_not_found(sign_in: SignIn) -> None:
    visitor = sign_in("TL")
    for url in ("/calls/call-none/", "/recordings/rec-none/"):
        visitor.page(url, status=404)


def test_a_number_is_shown_in_full_for_a_purpose_only(sign_in: SignIn) -> None:
    visitor = sign_in("TL")
    url = "/calls/call-heard/number/"
    assert "900123" not in visitor.page(url).text
    refused = strictly(visitor.post(url, {}))
    assert "Choose a purpose from the list." in refused.text
    refused = strictly(visitor.post(url, {"purpose": "complaint"}))
    assert "Enter the reference of the case" in refused.text
    shown = strictly(visitor.post(url, {"purpose": "complaint", "case_reference": "C-12"}))
    assert "07700 900123" in shown.text
    with all_clients("a test"):
        assert AuditEntry.objects.filter(code="call.number_revealed").count() == 1


def test_the_audit_list_names_people_and_is_filtered(sign_in: SignIn) -> None:
    visitor = sign_in("TL")
    visitor.page("/calls/")
    page = visitor.page("/audit/", data={"code": "call.searched"})
    assert "Searched the call log" in page.text
    assert "recording.sealed" not in page.text
    assert "Caspian Rooksby" in page.text


def test_ict_sees_technical_entries_only(sign_in: SignIn) -> None:
    sign_in("TL").page("/calls/")
    page = sign_in("ICT").page("/audit/")
    assert "You see the entries on technical parameters only." in page.text
    assert "call.searched" not in page.text


def test_health_shows_engine_trunks_jobs_and_alarms(sign_in: SignIn, engine: Exchange, centre: Centre) -> None:
    page = sign_in("ICT").page("/health/")
    for words in ("Running", "sample-carrier", "no answer to OPTIONS", "Answered calls without a recording", "Disk"):
        assert words in page.text
    assert "does not answer" not in page.text


def test_health_says_that_the_engine_is_down(sign_in: SignIn) -> None:
    assert "The engine does not answer. Nobody can call." in sign_in("ICT").page("/health/").text


def test_an_alarm_is_cleared_by_a_button_and_leaves_a_trace(sign_in: SignIn) -> None:
    visitor = sign_in("ICT")
    html = visitor.get("/health/").content.decode()
    urls = re.findall(r'action="(/health/alarms/\d+/clear)"', html)
    assert len(urls) == 2
    done = visitor.post(urls[0], follow=True)
    assert "The alarm is cleared." in strictly(done).text
    assert len(re.findall(r'action="(/health/alarms/\d+/clear)"', done.content.decode())) == 1
    assert visitor.post(urls[0]).status_code == 404


def test_machines_learn_that_the_process_lives_and_nothing_more(anyone: Visitor, db: None) -> None:
    answer = anyone.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_every_response_carries_the_policy_with_a_fresh_nonce(anyone: Visitor, db: None) -> None:
    first, second = (anyone.get("/account/login/").headers["Content-Security-Policy"] for _ in range(2))
    assert first != second
    directives = dict(part.strip().split(" ", 1) for part in first.split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["connect-src"] == f"'self' {settings.RINGFENCE_SIP_WS_URL}"
    assert directives["frame-ancestors"] == directives["base-uri"] == directives["object-src"] == "'none'"
    assert "unsafe" not in first
    headers = anyone.get("/nowhere/").headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "camera=()" in headers["Permissions-Policy"]
