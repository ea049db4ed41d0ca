"""The pages of a breach: opened from a form, its clock everywhere it matters, contained, decided, closed, printed."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.contrib.sessions.models import Session
from django.utils import timezone
from tests.support.pages import Centre
from tests.support.strict_pages import Visitor, strictly

from ringfence.centre.accounts.models import User
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.breaches import actions
from ringfence.centre.breaches.models import Breach
from ringfence.centre.tenancy import all_clients
from ringfence.vault.signing import verify

SignIn = Callable[[str], Visitor]


def form(**changes: Any) -> dict[str, Any]:
    """What somebody types who noticed it an hour ago."""
    noticed = timezone.localtime() - timedelta(hours=1)
    return {
        "drill": "no",
        "kind": "copied_storage",
        "clients": ["BBC"],
        "noticed_day": noticed.strftime("%Y-%m-%d"),
        "noticed_time": noticed.strftime("%H:%M"),
        "summary": "A disk was copied.",
        "since": "1/9/2026",
        "until": timezone.localdate().isoformat(),
        "account": "",
    } | changes


def opened(visitor: Visitor, **changes: Any) -> str:
    """Address of the new breach."""
    answer = visitor.post("/breaches/open/", form(**changes))
    assert answer.status_code == 302, strictly(answer).text
    return str(answer.headers["Location"])


def text(visitor: Visitor, url: str) -> str:
    return " ".join(visitor.page(url).text.split())


def test_every_page_is_sound_for_whoever_may_open_it(sign_in: SignIn) -> None:
    for role, urls in {
        "DPO": ["/", "/breaches/", "/breaches/open/", "/breaches/breach-1/", "/breaches/breach-1/decide/"],
        "HOS": [
            "/breaches/breach-1/affected/",
            "/breaches/breach-1/account/",
            "/breaches/breach-1/close/",
            "/breaches/breach-2/",
            "/breaches/breach-2/record/",
            *(f"/breaches/breach-1/contain/{step}/" for step in ("sessions", "telephones", "suspend", "key")),
        ],
        "ICT": ["/", "/breaches/", "/breaches/breach-1/"],
        "SUP": ["/breaches/"],
    }.items():
        visitor = sign_in(role)
        for url in urls:
            visitor.page(url)


def test_the_clock_is_told_at_home_in_the_register_and_on_the_page(sign_in: SignIn) -> None:
    for role in ("DPO", "HOS", "CODM", "ICT"):
        visitor = sign_in(role)
        for url in ("/", "/breaches/", "/breaches/breach-1/"):
            assert re.search(r"4[78] hours( \d+ minutes?)? left of 72 hours, until", text(visitor, url)), (role, url)
    assert "left of 72 hours" not in text(sign_in("SUP"), "/"), "a supervisor did not report it"
    assert "left of 72 hours" not in text(sign_in("AGT"), "/")


def test_a_supervisor_opens_a_breach_and_the_officer_finds_the_message(sign_in: SignIn) -> None:
    supervisor, officer = sign_in("SUP"), sign_in("DPO")
    url = opened(supervisor)
    page = text(supervisor, url)
    assert "71 hours" in page or "70 hours" in page
    assert "A disk was copied." in page
    home = text(officer, "/")
    assert "A data breach was opened" in home
    assert f'href="{url}"' in officer.get("/").content.decode()
    health = text(supervisor, "/health/")
    assert "A data breach is open" in health

    assert opened(officer, clients=["BBC", "ELDC"]) == "/breaches/"
    page = text(officer, "/breaches/")
    assert "BBC-3" in page
    assert "ELDC-1" in page


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"drill": ""}, "Say whether it is real or a drill."),
    ({"kind": "fire"}, "Select a valid choice"),
    ({"clients": []}, "Choose at least one client."),
    ({"clients": ["XYZ"]}, "Select a valid choice"),
    ({"summary": " "}, "Say in a few sentences what happened."),
    ({"noticed_time": "soon"}, "Enter a time, for example 08:45."),
    ({"noticed_day": "1/1/2999"}, "must not be in the future"),
    ({"until": "1/8/2026"}, "The last day must not come before the first."),
]


def test_what_is_wrong_is_said_beside_its_field_and_nothing_typed_is_lost(sign_in: SignIn) -> None:
    officer = sign_in("DPO")
    for changes, words in WRONG:
        page = strictly(officer.post("/breaches/open/", form(**changes)))
        assert words in page.text, changes
        assert page.titles[0].startswith("Error:")
        assert "summary" in changes or "A disk was copied." in page.text
    with all_clients("the test reads"):
        assert Breach.objects.count() == 2


def test_containing_shows_the_numbers_first_and_spares_this_browser(sign_in: SignIn) -> None:
    head, agent = sign_in("HOS"), sign_in("AGT")
    url, who = "/breaches/breach-1/contain/sessions/", User.objects.get(email="agent@centre.example")
    agent.force_login(who, "django.contrib.auth.backends.ModelBackend")
    missing = strictly(head.post(url, {"reach": "person", "account": ""}))
    assert "Choose a person." in missing.text
    asked = {"reach": "client", "account": ""}
    shown = strictly(head.post(url, asked))
    assert "This will happen" in shown.text
    assert "0 managed computers need new links" in shown.text
    assert Session.objects.filter(session_key=agent.session.session_key).exists()
    assert head.post(url, {**asked, "confirm": "yes"}).headers["Location"] == "/breaches/breach-1/"
    assert not Session.objects.filter(session_key=agent.session.session_key).exists()
    page = text(head, "/breaches/breach-1/")
    assert "Done:" in page
    assert "Sign people out, everybody who works for the client" in page


def test_a_drill_says_so_at_every_step_and_ends_no_session(sign_in: SignIn) -> None:
    head, agent = sign_in("HOS"), sign_in("AGT")
    url = opened(head, drill="yes")
    assert "This is a drill" in text(head, url)
    step = f"{url}contain/sessions/"
    assert "This would happen" in strictly(head.post(step, {"reach": "client", "account": ""})).text
    head.post(step, {"reach": "client", "account": "", "confirm": "yes"})
    assert Session.objects.filter(session_key=agent.session.session_key).exists()
    assert "Drill, nothing was changed" in text(head, url)


def test_ict_contains_and_sees_no_list_of_calls(sign_in: SignIn) -> None:
    ict = sign_in("ICT")
    page = ict.get("/breaches/breach-1/").content.decode()
    assert "/contain/key/" in page
    assert "ringfence keys rotate-root" in page
    assert "affected" not in page
    for tail in ("affected/", "account/", "close/", "decide/"):
        ict.page(f"/breaches/breach-1/{tail}", status=403)
    assert "old one is destroyed one to two hours later" in text(ict, "/breaches/breach-1/contain/key/")
    assert "Whoever manages people" in strictly(
        ict.post(
            "/breaches/breach-1/contain/suspend/",
            {"reach": "person", "account": User.objects.get(email="agent@centre.example").id.hex},
        )
    ).text  # fmt: skip


def test_the_officer_decides_another_closes_and_the_record_verifies(sign_in: SignIn) -> None:
    officer, head = sign_in("DPO"), sign_in("HOS")
    url = opened(officer)
    head.post(f"{url}close/", {"effect": "None.", "measures": "None."})
    assert "has not decided yet" in strictly(head.post(f"{url}close/", {"effect": "x", "measures": "y"})).text
    wrong = strictly(officer.post(f"{url}decide/", {"decision": "told", "told_time": "25:00"}))
    assert "Enter the day." in wrong.text
    assert "Enter a time, for example 08:45." in wrong.text
    now = timezone.localtime()
    told = {"decision": "told", "told_day": now.strftime("%Y-%m-%d"), "told_time": now.strftime("%H:%M")}
    assert "Enter the reference" in strictly(officer.post(f"{url}decide/", told)).text
    assert officer.post(f"{url}decide/", {**told, "reference": "IC-77"}).status_code == 302
    assert "IC-77" in text(head, url)
    assert "Close it" not in text(officer, url)
    assert "Somebody else" in strictly(officer.post(f"{url}close/", {"effect": "x", "measures": "y"})).text
    assert head.post(f"{url}close/", {"effect": "None seen.", "measures": "New disk."}).status_code == 302
    printed = text(head, f"{url}record/")
    for words in ("None seen.", "New disk.", "IC-77", "Signature (Ed25519)"):
        assert words in printed
    answer = head.get(f"{url}record.json")
    signature = bytes.fromhex(answer.headers["X-Signature-Ed25519"])
    with all_clients("the test reads"):
        key = Breach.objects.get(pk=url.split("/")[2]).public_key.encode()
    verify(key, answer.headers["X-Signature-Context"], answer.content, signature)
    assert json.loads(answer.content)["ico_reference"] == "IC-77"
    assert answer.headers["X-Signature-Context"] == actions.CONTEXT


def test_the_list_names_calls_and_states_but_no_caller(sign_in: SignIn, centre: Centre) -> None:
    officer = sign_in("DPO")
    page = text(officer, "/breaches/breach-1/affected/")
    assert "call-heard" in page
    assert centre.recording in page
    assert "•••" not in page
    assert "call-01" not in page, "a call of another client"
    answer = officer.post("/breaches/breach-1/affected.csv")
    body = answer.content.decode("utf-8-sig")
    assert body.startswith("call,client,line,arrived,ended,recording,recording_started,state\r\n")
    assert "'+44" in body
    assert "900123" not in body
    with all_clients("the test reads"):
        told = AuditEntry.objects.filter(code__startswith="breach.affected").order_by("number")
        assert list(told.values_list("code", flat=True)) == ["breach.affected_seen", "breach.affected_exported"]


def test_what_the_stolen_account_looked_at_is_listed(sign_in: SignIn) -> None:
    supervisor = sign_in("SUP")
    who = User.objects.get(pk=supervisor.session["_auth_user_id"])
    supervisor.get("/recordings/")
    url = opened(sign_in("HOS"), kind="stolen_sign_in", account=who.id.hex)
    head = sign_in("HOS")
    assert "Searched recordings" in text(head, f"{url}account/")
    assert "recording.searched" in head.post(f"{url}account.csv").content.decode("utf-8-sig")
    other = opened(head)
    head.page(f"{other}account/", status=404)
    assert head.post(f"{other}account.csv").status_code == 404
