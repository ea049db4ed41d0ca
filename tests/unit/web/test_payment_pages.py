"""Payment pages: the window that opens once, the list, the report, and the providers' door."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client as Browser
from tests.support.pages import Centre, Exchange, user_of
from tests.support.strict_pages import Visitor, strictly

from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.audit.queries import describe
from ringfence.centre.payments import actions
from ringfence.centre.payments.models import Payment, PaymentLink, PaymentState
from ringfence.centre.payments.secrets import digest, sign
from ringfence.centre.tenancy import all_clients

SignIn = Callable[[str], Visitor]


@pytest.fixture
def opening(sign_in: SignIn, engine: Exchange, centre: Centre) -> tuple[Visitor, actions.Opening]:
    """The agent's session, and a payment of theirs that is paused and not launched yet."""
    from ringfence.centre.calls.models import Call

    with all_clients("a test"):
        Call.objects.filter(pk="call-heard").update(ended_at=None)
    visitor = sign_in("AGT")
    made = actions.open_payment(
        user_of("agent"),
        call_id="call-heard",
        link_id="link-tax",
        session_key=visitor.session.session_key or "",
        now=datetime.now(UTC),
    )
    return visitor, made


def launched(visitor: Visitor, made: actions.Opening) -> dict[str, Any]:
    answer = visitor.get(f"/payments/launch/{made.token}")
    strictly(answer)
    found = re.search(r'<script id="payment" type="application/json">(.*?)</script>', answer.content.decode())
    assert found is not None
    return dict(json.loads(found[1]))


def test_the_window_opens_once_and_may_show_its_own_page_only(opening: tuple[Visitor, actions.Opening]) -> None:
    visitor, made = opening
    answer = visitor.get(f"/payments/launch/{made.token}")
    page = strictly(answer)
    assert "Paused: payment" in page.text
    assert "frame-src https://pay.barford.example;" in answer.headers["Content-Security-Policy"] + ";"
    assert answer.headers["Cache-Control"] == "no-store"
    again = visitor.get(f"/payments/launch/{made.token}")
    assert again.status_code == 404
    assert "pay.barford.example" not in again.content.decode()


def test_a_stolen_token_opens_nothing(opening: tuple[Visitor, actions.Opening], sign_in: SignIn) -> None:
    _visitor, made = opening
    for thief in (sign_in("AGT"), sign_in("SUP")):
        assert thief.page(f"/payments/launch/{made.token}", status=404).headings == [
            "This payment page cannot be opened"
        ]


def test_the_window_keeps_in_touch_and_proves_its_close(opening: tuple[Visitor, actions.Opening]) -> None:
    visitor, made = opening
    window = launched(visitor, made)
    assert visitor.post(window["beat_url"], {"secret": window["secret"]}).json() == {"open": True}
    assert visitor.post(window["beat_url"], {"secret": "x"}).status_code == 404
    assert visitor.post(window["close_url"], {"secret": "x"}).status_code == 404
    assert visitor.post(window["close_url"], {"secret": window["secret"]}).json() == {"open": False}
    assert visitor.post(window["beat_url"], {"secret": window["secret"]}).json() == {"open": False}
    with all_clients("a test"):
        assert Payment.objects.get(pk=made.payment_id).state == PaymentState.CLOSED


def test_a_window_of_its_own_gets_no_frame(opening: tuple[Visitor, actions.Opening]) -> None:
    visitor, made = opening
    with all_clients("a test"):
        PaymentLink.objects.filter(pk="link-tax").update(opens="window")
    answer = visitor.get(f"/payments/launch/{made.token}")
    strictly(answer)
    assert "frame-src" not in answer.headers["Content-Security-Policy"]


def test_the_report_says_what_to_look_into_and_is_a_table_too(sign_in: SignIn) -> None:
    visitor = sign_in("SUP")
    page = visitor.page("/payments/")
    for text in (
        "No recording is paused",
        "The agent said so",
        "pay.barfcrd.example",
        "another server",
        "Told by the agent",
    ):
        assert text in page.text
    visitor.page("/payments/export/")
    why = strictly(visitor.post("/payments/export/?client=BBC", {"purpose": "complaint"}))
    assert "Enter the reference of the case" in why.text
    table = visitor.post("/payments/export/", {"purpose": "complaint", "case_reference": " C-17 "})
    assert table.headers["Content-Type"].startswith("text/csv")
    lines = table.content.decode("utf-8-sig").splitlines()
    assert len(lines) == 4
    with all_clients("the test reads"):
        entry = AuditEntry.objects.filter(code="file.exported").latest("number")
    assert describe(entry) == "Saved payments as a file of 3 lines, for complaint."
    assert '"case_reference":"C-17"' in entry.fields
    assert lines[1].startswith("Never proven closed,BBC,")
    assert visitor.page("/payments/?since=2027-01-01&until=2026-01-01").text.count("must not come before") == 2


def test_a_pause_in_force_is_shown(opening: tuple[Visitor, actions.Opening], sign_in: SignIn) -> None:
    page = sign_in("SUP").page("/payments/")
    assert "Council tax" in page.text
    assert "No recording is paused" not in page.text


def test_the_list_is_edited_by_those_who_may(sign_in: SignIn) -> None:
    visitor = sign_in("CODM")
    assert "https://pay.barford.example/tax" in visitor.page("/payments/pages/").text
    visitor.page("/payments/pages/BBC/add/")
    broken = strictly(
        visitor.post("/payments/pages/BBC/add/", {"name": "Rent", "address": "http://x", "opens": "frame"})
    )
    assert "must be reached by https" in broken.text
    wanted = {"name": "Rent", "address": "https://pay.barford.example/rent/", "opens": "window"}
    assert visitor.post("/payments/pages/BBC/add/", wanted).status_code == 302
    with all_clients("a test"):
        made = PaymentLink.objects.get(name="Rent")
    visitor.page(f"/payments/pages/change/{made.link_id}/")
    visitor.page(f"/payments/pages/remove/{made.link_id}/")
    assert visitor.post(f"/payments/pages/remove/{made.link_id}/").status_code == 302
    assert visitor.get(f"/payments/pages/change/{made.link_id}/").status_code == 404
    assert visitor.get("/payments/pages/NONE/add/").status_code == 404


def test_times_are_checked(sign_in: SignIn) -> None:
    visitor = sign_in("HOS")
    visitor.page("/payments/settings/BBC/")
    times = {
        "warn_agent_seconds": "60",
        "warn_supervisor_seconds": "30",
        "long_pause_seconds": "600",
        "mask_reminder_seconds": "45",
    }
    assert "not before" in strictly(visitor.post("/payments/settings/BBC/", times)).text
    assert visitor.post("/payments/settings/BBC/", {**times, "warn_supervisor_seconds": "90"}).status_code == 302
    assert "agent warned after 60 s, supervisors after 90 s" in visitor.page("/payments/pages/").text


def send(content: bytes, signature: str, **headers: str) -> Any:
    return Browser().post(
        "/payments/events/BBC",
        data=content,
        content_type=headers.pop("content_type", "application/json"),
        headers={"Ringfence-Signature": signature, **headers},
    )


def test_a_provider_s_event_is_taken_once_and_every_refusal_explains(
    opening: tuple[Visitor, actions.Opening], sign_in: SignIn
) -> None:
    answer = sign_in("CODM").post("/payments/settings/BBC/secret/", {"do": "make"})
    strictly(answer)
    secret = re.search(r'id="made">([\w-]{43})<', answer.content.decode())
    assert secret is not None
    _visitor, made = opening
    now = datetime.now(UTC)
    content = json.dumps({"event_id": "e1", "event": "closed", "payment": made.payment_id}).encode()
    good = sign(secret[1], content, at=now)
    assert send(content, "t=1,v1=0").status_code == 401
    assert send(content, good, content_type="text/plain").status_code == 415
    assert send(b"x" * 5000, good).status_code == 413
    assert send(content, good).json() == {"result": "closed"}
    assert send(content, good).status_code == 409
    broken = b'{"event_id": "e2", "event": "paid", "payment": ""}'
    answer = send(broken, sign(secret[1], broken, at=now))
    assert (answer.status_code, answer.json()["message"]) == (400, "event is opened or closed.")
    assert Browser().get("/payments/events/BBC").status_code == 405


def test_what_the_window_holds_is_stored_as_a_digest_only(opening: tuple[Visitor, actions.Opening]) -> None:
    visitor, made = opening
    window = launched(visitor, made)
    with all_clients("a test"):
        row = Payment.objects.filter(pk=made.payment_id).values().get()
    assert digest(window["secret"]) == row["page_digest"]
    assert window["secret"] not in str(row)
    assert made.token not in str(row)
