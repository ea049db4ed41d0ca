"""A browser that nobody uses is signed out and told why; whoever works is not, whatever the page fetches by itself."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.utils import timezone
from tests.support.pages import Centre
from tests.support.strict_pages import Visitor, strictly

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.sessions import SessionEnd, end_session
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.live.access import audience_of_session
from ringfence.centre.live.models import AgentPresence
from ringfence.centre.tenancy import all_clients
from ringfence.control.facts import AgentState, StateCause
from ringfence.web.account.session_limits import SessionLimitsMiddleware

SignIn = Callable[[str], Visitor]
OPENS = {"accept": "text/html,application/xhtml+xml", "sec-fetch-mode": "navigate"}
FETCHES = {"accept": "application/json", "sec-fetch-mode": "cors"}
MINUTE = timedelta(minutes=1)


def wait(how_long: timedelta) -> None:
    """Every session is so much older: what is written is moved, the clock stands."""
    UserSession.objects.update(created_at=F("created_at") - how_long, last_seen_at=F("last_seen_at") - how_long)


def ended() -> list[str]:
    with all_clients("the test reads"):
        rows = AuditEntry.objects.filter(code="signin.session_timed_out").order_by("number")
        return [json.loads(row.fields)["because"] for row in rows]


def person(visitor: Visitor) -> User:
    return User.objects.get(pk=visitor.session["_auth_user_id"])


def agent_is(centre: Centre, state: AgentState) -> None:
    AgentPresence.objects.update_or_create(
        agent_id=centre.agent,
        defaults={"state": state, "since": timezone.now(), "cause": StateCause.AGENT, "boot_id": "boot"},
    )


def test_a_browser_that_nobody_used_is_signed_out_and_told_why(sign_in: SignIn) -> None:
    visitor = sign_in("SUP")
    assert visitor.get("/library/?q=bins", headers=OPENS).status_code == 200
    key = visitor.session.session_key
    wait(30 * MINUTE)
    answer = visitor.get("/library/?q=bins", headers=OPENS)
    assert answer.headers["Location"] == "/account/login/?next=/library/%3Fq%3Dbins"
    assert not Session.objects.filter(pk=key).exists()
    assert not UserSession.objects.filter(session_key=key).exists()
    assert ended() == ["idle"]
    text = visitor.page(answer.headers["Location"]).text
    assert "You were signed out because nobody used this browser for 30 minutes." in text
    assert "go back to the page you were on" in text
    visitor.get("/demo/signin/sup/", REMOTE_ADDR="127.0.0.1")
    visitor.get("/", headers=OPENS)
    assert "ended" not in visitor.cookies or visitor.cookies["ended"].value == ""


def test_an_address_that_leads_nowhere_is_a_request_too(sign_in: SignIn) -> None:
    visitor = sign_in("SUP")
    assert "Signed in as" in visitor.page("/nowhere/", status=404).text
    wait(30 * MINUTE)
    assert "Signed in as" not in visitor.page("/nowhere/", status=404).text
    assert ended() == ["idle"]


def test_every_page_and_form_of_a_person_counts(sign_in: SignIn) -> None:
    visitor = sign_in("SUP")
    for _ in range(4):
        assert visitor.get("/library/", headers=OPENS).status_code == 200
        wait(29 * MINUTE)
    plain = {"accept": "text/html"}  # over plain HTTP browsers do not say what a request is for
    assert visitor.post("/library/mask-and-delete/", {"sha256": "x"}, headers=plain).status_code == 200
    wait(29 * MINUTE)
    assert visitor.get("/library/", headers=OPENS).status_code == 200
    assert ended() == []


def test_what_a_page_fetches_by_itself_does_not_count(sign_in: SignIn, centre: Centre) -> None:
    visitor = sign_in("AGT")
    agent_is(centre, AgentState.NOT_READY)
    visitor.get("/desk/", headers=OPENS)
    for _ in range(3):
        wait(9 * MINUTE)
        assert visitor.get("/desk/state", headers=FETCHES).status_code == 200
        visitor.post("/desk/token", headers=FETCHES)
        visitor.get("/account/session", headers=FETCHES)
    wait(3 * MINUTE)
    answer = visitor.get("/desk/state", headers=FETCHES)
    assert (answer.status_code, ended()) == (401, ["idle"])
    assert "nobody used this browser" in visitor.page("/account/login/").text


def test_a_key_on_an_open_page_counts(sign_in: SignIn) -> None:
    visitor = sign_in("SUP")
    visitor.get("/library/", headers=OPENS)
    wait(29 * MINUTE)
    assert 0 < visitor.get("/account/session", headers=FETCHES).json()["left_ms"] <= 60_000
    said = visitor.post("/account/session", headers=FETCHES).json()
    assert 29 * 60_000 < said["left_ms"] <= 30 * 60_000
    assert said["because"] == "idle"


@pytest.mark.parametrize("state", [AgentState.AVAILABLE, AgentState.TALKING, AgentState.HOLD, AgentState.WRAP])
def test_an_agent_at_work_stays_signed_in_while_the_desk_is_open(
    sign_in: SignIn, centre: Centre, state: AgentState
) -> None:
    visitor = sign_in("AGT")
    agent_is(centre, state)
    visitor.get("/desk/", headers=OPENS)
    for _ in range(3):
        wait(29 * MINUTE)
        assert visitor.get("/desk/state", headers=FETCHES).status_code == 200
    wait(40 * MINUTE)  # without a connection meanwhile
    assert visitor.get("/desk/state", headers=FETCHES).status_code == 200
    agent_is(centre, AgentState.LOGGED_OUT)
    wait(30 * MINUTE)
    assert visitor.get("/desk/state", headers=FETCHES).status_code == 401
    assert ended() == ["idle"]


def test_the_payment_window_keeps_an_agent_at_work_signed_in_and_warns_like_every_page(
    sign_in: SignIn, centre: Centre
) -> None:
    visitor, beat = sign_in("AGT"), "/payments/window/pay-1/beat"
    agent_is(centre, AgentState.TALKING)
    visitor.get("/desk/", headers=OPENS)
    for _ in range(3):
        wait(29 * MINUTE)
        visitor.post(beat, {"secret": "x"}, headers=FETCHES)
    assert visitor.get("/desk/state", headers=FETCHES).status_code == 200
    agent_is(centre, AgentState.NOT_READY)
    wait(29 * MINUTE)
    visitor.post(beat, {"secret": "x"}, headers=FETCHES)
    assert visitor.get("/account/session", headers=FETCHES).json()["left_ms"] <= 60_000, "an open page is nobody"
    wait(MINUTE)
    assert visitor.post(beat, {"secret": "x"}, headers=FETCHES).status_code == 401
    assert ended() == ["idle"]


def test_the_longest_time_ends_a_payment_window_too_unless_a_call_goes_on(sign_in: SignIn, centre: Centre) -> None:
    visitor, beat = sign_in("AGT"), "/payments/window/pay-1/beat"
    agent_is(centre, AgentState.TALKING)
    visitor.get("/desk/", headers=OPENS)
    wait(timedelta(hours=12))
    assert visitor.post(beat, {"secret": "x"}, headers=FETCHES).status_code == 404, "the call goes on"
    agent_is(centre, AgentState.WRAP)
    assert visitor.post(beat, {"secret": "x"}, headers=FETCHES).status_code == 401
    assert ended() == ["hours"]


def test_an_agent_s_other_browser_is_not_kept_by_their_work(sign_in: SignIn, centre: Centre) -> None:
    desk, abandoned = sign_in("AGT"), sign_in("AGT")
    agent_is(centre, AgentState.TALKING)
    for browser in (desk, abandoned):
        browser.get("/desk/", headers=OPENS)
    wait(29 * MINUTE)
    assert desk.get("/desk/state", headers=FETCHES).status_code == 200
    wait(2 * MINUTE)
    assert abandoned.get("/account/session", headers=FETCHES).status_code == 401
    assert desk.get("/desk/state", headers=FETCHES).status_code == 200


def test_after_the_longest_time_everybody_signs_in_again_but_in_no_call(sign_in: SignIn, centre: Centre) -> None:
    visitor = sign_in("AGT")
    agent_is(centre, AgentState.TALKING)
    visitor.get("/desk/", headers=OPENS)
    UserSession.objects.update(created_at=F("created_at") - timedelta(hours=12))
    assert visitor.get("/desk/state", headers=FETCHES).status_code == 200
    assert visitor.get("/library/", headers=OPENS).status_code == 200
    agent_is(centre, AgentState.AVAILABLE)
    assert visitor.get("/desk/state", headers=FETCHES).status_code == 401
    assert ended() == ["hours"]
    assert "everybody signs in again after 12 hours" in visitor.page("/account/login/").text


def test_a_form_that_comes_too_late_shows_what_was_typed(sign_in: SignIn) -> None:
    visitor = sign_in("SUP")
    visitor.get("/", headers=OPENS)
    wait(31 * MINUTE)
    typed = {"code": "x", "csrfmiddlewaretoken": "TOKEN", "old_password": "SECRET", "note": "<b>Mrs Zebra rang</b>"}
    answer = visitor.post(
        "/retention/calls/call-heard/flag/", typed, headers={**OPENS, "referer": "http://testserver/calls/?q=1"}
    )
    page = strictly(answer, status=403)
    assert "nobody used this browser" in page.text
    assert "<b>Mrs Zebra rang</b>" in page.text
    assert "/account/login/?next=%2Fcalls%2F%3Fq%3D1" in answer.content.decode()
    assert "SECRET" not in answer.content.decode()
    assert "TOKEN" not in answer.content.decode()


@pytest.mark.parametrize("referer", ["https://elsewhere.example/x", "//elsewhere.example/x", "javascript:alert(1)", ""])
def test_nobody_is_led_elsewhere_after_a_form_that_came_too_late(sign_in: SignIn, referer: str) -> None:
    visitor = sign_in("SUP")
    visitor.get("/", headers=OPENS)
    wait(31 * MINUTE)
    answer = visitor.post("/retention/calls/call-heard/flag/", {}, headers={**OPENS, "referer": referer})
    assert 'href="/account/login/?next=%2F"' in answer.content.decode()


def test_an_event_stream_ends_with_its_session(sign_in: SignIn) -> None:
    visitor = sign_in("SUP")
    visitor.get("/", headers=OPENS)
    user, key = person(visitor), visitor.session.session_key or ""
    assert audience_of_session(user.pk, key) is not None
    wait(30 * MINUTE)
    assert audience_of_session(user.pk, key) is None


def test_requests_that_find_the_end_at_once_audit_it_once(sign_in: SignIn) -> None:
    visitor = sign_in("SUP")
    key, user = visitor.session.session_key, person(visitor)
    for _ in range(2):
        request = RequestFactory().get("/")
        request.session, request.user = SessionStore(key), user
        end_session(request, SessionEnd.IDLE)
    assert ended() == ["idle"]


def test_a_request_under_way_while_its_session_ends_is_nobodys_and_begins_no_new_one(sign_in: SignIn) -> None:
    visitor = sign_in("SUP")
    visitor.get("/", headers=OPENS)
    wait(30 * MINUTE)
    late, first = (RequestFactory().get("/calls/", headers=OPENS) for _ in range(2))
    for request in (late, first):  # both have read the session before either finds its end
        request.session, request.user = SessionStore(visitor.session.session_key), person(visitor)
        assert request.session["_auth_user_id"]
    seen: list[bool] = []

    def page(request: HttpRequest) -> HttpResponse:
        seen.append(request.user.is_authenticated)
        return HttpResponse()

    SessionLimitsMiddleware(page)(first)
    SessionLimitsMiddleware(page)(late)
    assert seen == [False, False]
    assert not UserSession.objects.exists()
    assert ended() == ["idle"]


def test_the_limits_stand_in_words_on_the_page_of_sessions(sign_in: SignIn, settings: Any) -> None:
    settings.RINGFENCE_IDLE_MINUTES = 90
    text = sign_in("SUP").page("/account/sessions/").text
    assert "A browser that nobody uses for 1 hour 30 minutes is signed out." in text
    assert "After 12 hours everybody signs in again." in text
    assert "You can be signed in with 3 browsers." in text
