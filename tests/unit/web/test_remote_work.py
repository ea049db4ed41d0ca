"""The desk's gate for work outside the office, and the pages on which ICT makes computers known (R141)."""

import re
from collections.abc import Callable
from ipaddress import ip_network
from typing import Any

import pytest
from tests.support.pages import COMPUTER, Centre, Exchange, user_of
from tests.support.strict_pages import Page, Visitor, strictly

from ringfence.centre.accounts import actions
from ringfence.centre.accounts.models import Agent, Computer, Device
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.tenancy import all_clients
from ringfence.control.commands import LiveCall, PlaceCall, SetAgentState
from ringfence.control.directory import UserKind
from ringfence.control.facts import AgentState
from ringfence.kit.ids import CallId, ClientCode

SignIn = Callable[[str], Visitor]
COOKIE = "computer"
"""Its name on pages in plain HTTP on loopback; over HTTPS it begins with ``__Host-``."""


@pytest.fixture
def at_home(centre: Centre, engine: Exchange, settings: Any, sign_in: SignIn) -> Visitor:
    """The agent of the sample centre, at home, where only managed equipment takes calls."""
    settings.RINGFENCE_REMOTE_NEEDS_MANAGED_DEVICE = "require"
    assert Agent.objects.get(pk=centre.agent).work_location == "home"
    engine.become(centre.agent, AgentState.NOT_READY)
    return sign_in("AGT")


def words(page: Page) -> str:
    return " ".join(page.text.split())


def give_secret(visitor: Visitor, **values: Any) -> Computer:
    _, key = actions.add_computer(asset="LAP-0001", by=None, **values)
    computer, visitor.cookies[COOKIE] = actions.enrol_computer(key=key, by=None)
    return computer


def told(code: str) -> list[tuple[str, str]]:
    """Actor's role and fields of each entry."""
    with all_clients("a test"):
        return list(AuditEntry.objects.filter(code=code).order_by("number").values_list("actor_role", "fields"))


def agent_of_state(visitor: Visitor) -> dict[str, Any]:
    return dict(visitor.get("/desk/state").json()["agent"])


def test_at_home_an_unknown_computer_gets_neither_calls_nor_a_telephone(at_home: Visitor, engine: Exchange) -> None:
    refused = at_home.post("/desk/set-state", {"state": "available"})
    assert refused.status_code == 409
    assert "this computer is not known as one that ICT manages. Ask ICT to enrol it." in refused.json()["message"]
    assert engine.asked == []
    assert agent_of_state(at_home)["blocked"] == refused.json()["message"]
    for _again in range(3):
        assert at_home.post("/desk/token").status_code == 409
    assert [role for role, _ in told("remote_work.unmanaged")] == ["Agent"] * 2, "the page's own asking counts once"
    assert '"lack":"computer","outcome":"refused","work_location":"home"' in told("remote_work.unmanaged")[0][1]
    assert at_home.post("/desk/set-state", {"state": "not_ready", "reason": "lunch"}).status_code == 200
    assert at_home.post("/desk/set-state", {"state": "logged_out"}).status_code == 200


def test_a_managed_computer_at_home_takes_calls_until_it_is_revoked(at_home: Visitor, engine: Exchange) -> None:
    computer = give_secret(at_home)
    assert at_home.post("/desk/set-state", {"state": "available"}).status_code == 200
    assert [type(one) for one in engine.asked] == [SetAgentState]
    assert "password" in at_home.post("/desk/token").json()
    assert agent_of_state(at_home)["blocked"] == ""
    computer.refresh_from_db()
    assert computer.last_used_at is not None
    actions.revoke_computer(computer=computer, by=None)
    assert at_home.post("/desk/token").status_code == 409
    assert at_home.post("/desk/set-state", {"state": "available"}).status_code == 409


def test_somebody_else_s_computer_and_a_wrong_cookie_are_unknown(at_home: Visitor, engine: Exchange) -> None:
    give_secret(at_home, user=user_of("supervisor"))
    assert at_home.post("/desk/set-state", {"state": "available"}).status_code == 409
    for wrong in ("", "x", "x" * 3000, "caf\u00e9"):
        at_home.cookies[COOKIE] = wrong
        assert at_home.post("/desk/set-state", {"state": "available"}).status_code == 409
    assert engine.asked == []


def test_at_the_office_any_computer_takes_calls(at_home: Visitor, engine: Exchange) -> None:
    assert at_home.post("/desk/location", {"location": "office"}).status_code == 200
    assert at_home.post("/desk/set-state", {"state": "available"}).status_code == 200
    assert at_home.post("/desk/token").status_code == 200
    assert told("remote_work.unmanaged") == []


@pytest.mark.parametrize(
    ("networks", "address", "inside"),
    [
        ("10.20.0.0/16", "10.20.3.4", True),
        ("10.20.0.0/16", "10.21.3.4", False),
        ("10.20.0.0/16 192.0.2.0/24", "192.0.2.9", True),
        ("10.20.0.0/16", "::ffff:10.20.3.4", True),
        ("2001:db8:7::/48", "2001:db8:7::1", True),
        ("2001:db8:7::/48", "2001:db8:8::1", False),
        ("10.20.0.0/16", "2001:db8:7::1", False),
        ("10.20.0.0/16", "", False),
        ("10.20.0.0/16", "unix:", False),
        ("", "203.0.113.7", True),
    ],
)
def test_the_office_is_believed_in_its_networks_alone(
    networks: str, address: str, inside: bool, at_home: Visitor, engine: Exchange, settings: Any
) -> None:
    settings.RINGFENCE_OFFICE_NETWORKS = tuple(ip_network(network) for network in networks.split())
    at_home.post("/desk/location", {"location": "office"})
    asked = at_home.post("/desk/set-state", {"state": "available"}, REMOTE_ADDR=address)
    assert asked.status_code == (200 if inside else 409)
    entries = told("remote_work.unmanaged")
    assert len(entries) == (not inside)
    if inside:
        return
    assert "You chose the office, but you are not in its network, and this computer is" in asked.json()["message"]
    assert '"work_location":"outside_office_network"' in entries[0][1]
    assert at_home.post("/desk/token", REMOTE_ADDR=address).status_code == 409
    assert at_home.post("/desk/dial", {"number": "999", "client": "BBC"}, REMOTE_ADDR=address).status_code == 200
    give_secret(at_home)
    assert at_home.post("/desk/set-state", {"state": "available"}, REMOTE_ADDR=address).status_code == 200


def test_a_desk_phone_outside_the_office_s_networks_must_be_managed_too(
    at_home: Visitor, engine: Exchange, centre: Centre, settings: Any
) -> None:
    settings.RINGFENCE_OFFICE_NETWORKS = (ip_network("10.20.0.0/16"),)
    at_home.post("/desk/location", {"location": "office"})
    give_secret(at_home)
    actions.create_device(
        device_id="bay-7",
        kind=UserKind.AGENT,
        agent=Agent.objects.get(pk=centre.agent),
        label="x",
        network_access="eap_tls",
        by=None,
    )
    refused = at_home.post("/desk/set-state", {"state": "available"})
    assert "not in its network, and your desk phone bay-7 is not noted" in refused.json()["message"]


def test_with_a_warning_the_agent_takes_calls_and_is_told(
    at_home: Visitor, engine: Exchange, centre: Centre, settings: Any
) -> None:
    settings.RINGFENCE_REMOTE_NEEDS_MANAGED_DEVICE = "warn"
    assert at_home.post("/desk/set-state", {"state": "available"}).status_code == 200
    assert at_home.post("/desk/token").status_code == 200
    now = agent_of_state(at_home)
    assert (now["state"], now["blocked"]) == ("available", "")
    assert "this computer is not known" in now["reason"]
    assert ['"outcome":"warned"' in fields for _, fields in told("remote_work.unmanaged")] == [True]


def test_a_desk_phone_at_home_must_be_noted_as_managed(at_home: Visitor, engine: Exchange, centre: Centre) -> None:
    give_secret(at_home)
    agent = Agent.objects.get(pk=centre.agent)
    actions.create_device(
        device_id="bay-7", kind=UserKind.AGENT, agent=agent, label="x", network_access="eap_tls", by=None
    )
    refused = at_home.post("/desk/set-state", {"state": "available"})
    assert "your desk phone bay-7 is not noted as one that ICT manages" in refused.json()["message"]
    Device.objects.filter(pk="bay-7").update(managed=True)
    assert at_home.post("/desk/set-state", {"state": "available"}).status_code == 200


@pytest.mark.parametrize("state", [AgentState.AVAILABLE, AgentState.RINGING, AgentState.TALKING, AgentState.WRAP])
def test_who_goes_home_while_calls_may_come_is_not_ready_from_then_on(
    state: AgentState, at_home: Visitor, engine: Exchange, centre: Centre
) -> None:
    at_home.post("/desk/location", {"location": "office"})
    engine.become(centre.agent, state)
    assert at_home.post("/desk/location", {"location": "home"}).status_code == 200
    assert Agent.objects.get(pk=centre.agent).work_location == "home", (
        "what is true is kept: an emergency call needs it"
    )
    assert engine.asked == [SetAgentState(agent_id=centre.agent, state=AgentState.NOT_READY, reason="not_managed")]
    now = agent_of_state(at_home)
    assert (now["label"], "Ask ICT to enrol it" in now["blocked"]) == ("Not ready", True)


@pytest.mark.parametrize("state", [AgentState.NOT_READY, AgentState.LOGGED_OUT])
def test_who_goes_home_while_resting_stays_as_they_are(
    state: AgentState, at_home: Visitor, engine: Exchange, centre: Centre
) -> None:
    at_home.post("/desk/location", {"location": "office"})
    engine.become(centre.agent, state, reason="lunch")
    at_home.post("/desk/location", {"location": "home"})
    assert engine.asked == []


def test_a_call_in_progress_keeps_its_telephone(at_home: Visitor, engine: Exchange, centre: Centre) -> None:
    engine.become(centre.agent, AgentState.TALKING, call="call-heard")
    engine.calls[CallId("call-heard")] = LiveCall(
        call_id=CallId("call-heard"),
        client=ClientCode("BBC"),
        queue_id=None,
        agent_id=centre.agent,
        phase="talking",
        seconds=9,
    )
    assert at_home.post("/desk/token").status_code == 200
    engine.become(centre.agent, AgentState.WRAP)
    assert at_home.post("/desk/token").status_code == 409


@pytest.mark.parametrize(
    ("number", "status"),
    [("01632 960001", 409), ("999", 200), ("112", 200), ("+44 999", 200), ("9999", 200), ("01632960999", 409)],
)
def test_calls_out_need_the_computer_too_but_never_an_emergency(
    number: str, status: int, at_home: Visitor, engine: Exchange
) -> None:
    assert at_home.post("/desk/dial", {"number": number, "client": "BBC"}).status_code == status
    assert [type(one) for one in engine.asked] == ([PlaceCall] if status == 200 else [])


def test_ict_enrols_a_computer_with_a_link_that_is_shown_once(
    sign_in: SignIn, at_home: Visitor, anyone: Visitor
) -> None:
    ict = sign_in("ICT")
    fern = user_of("agent").pk.hex
    assert "Enter the asset number." in words(strictly(ict.post("/people/telephones/computers/add/", {"asset": ""})))
    assert "1 to 40 letters" in words(strictly(ict.post("/people/telephones/computers/add/", {"asset": "<b>"})))
    assert "There is a computer" in words(
        strictly(ict.post("/people/telephones/computers/add/", {"asset": "lap-0042"}))
    )
    page = strictly(
        ict.post("/people/telephones/computers/add/", {"asset": "LAP-0007", "person": fern, "label": "Thin one"})
    )
    (link,) = re.findall(r"/people/enrol/\?key=[\w-]{43}", page.text)
    computer = Computer.objects.get(asset="LAP-0007")
    listed = words(ict.page("/people/telephones/computers/"))
    assert "Waits for its link to be opened" in listed
    assert link not in listed

    assert "Enrol this computer" in words(anyone.page(link))
    assert "Enrol this computer" in words(anyone.page(link)), "looking uses nothing up"
    key = link.partition("=")[2]
    done = anyone.post("/people/enrol/", {"key": key})
    assert "LAP-0007 is enrolled" in words(strictly(done))
    cookie = done.cookies[COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (True, "Strict", "/", "")
    assert cookie["max-age"] == 365 * 24 * 3600
    again = anyone.post("/people/enrol/", {"key": key})
    assert again.status_code == 409
    assert "This link was used, is too old, or is not complete" in again.content.decode()
    assert COOKIE not in again.cookies

    at_home.cookies[COOKIE] = cookie.value
    assert at_home.post("/desk/set-state", {"state": "available"}).status_code == 200
    listed = words(ict.page("/people/telephones/computers/"))
    assert "LAP-0007Thin oneFern Applecross-HayEnrolleduntil" in listed
    assert "LAP-0007" in words(sign_in("HOS").page(f"/people/{fern}/"))
    assert "The computer is revoked." in words(
        strictly(ict.post(f"/people/telephones/computers/{computer.pk}/revoke", follow=True))
    )
    assert at_home.post("/desk/set-state", {"state": "available"}).status_code == 409
    assert ict.post(f"/people/telephones/computers/{computer.pk}/revoke").status_code == 404
    assert ict.post(f"/people/telephones/computers/{computer.pk}/link").status_code == 404
    assert [role for role, _ in told("computer.enrolled")] == ["Ringfence"]


def test_over_https_the_cookie_is_bound_to_the_host(centre: Centre, anyone: Visitor, settings: Any) -> None:
    settings.RINGFENCE_COMPUTER_COOKIE, settings.SESSION_COOKIE_SECURE = "__Host-computer", True
    key = actions.make_enrolment_link(computer=Computer.objects.get(pk=COMPUTER), by=None)
    cookie = anyone.post("/people/enrol/", {"key": key}, secure=True).cookies["__Host-computer"]
    assert (cookie["secure"], cookie["path"], cookie["domain"]) == (True, "/", "")


def test_the_person_who_leaves_leaves_no_computer_behind(sign_in: SignIn, centre: Centre) -> None:
    wren = Computer.objects.get(pk=COMPUTER).user
    assert wren is not None
    head = sign_in("HOS")
    assert "managed computers stop" in words(head.page(f"/people/{wren.pk.hex}/leave/"))
    head.post(f"/people/{wren.pk.hex}/leave/", {"reason": "Left"})
    assert Computer.objects.get(pk=COMPUTER).revoked_at is not None
    assert "LAP-0042 (Wren Holloway)" in words(sign_in("ICT").page("/people/telephones/computers/"))


def test_a_desk_phone_is_noted_as_managed_on_its_page(sign_in: SignIn, centre: Centre) -> None:
    ict = sign_in("ICT")
    url = "/people/telephones/handset-1/network/"
    assert "ICT manages this telephone" in words(ict.page(url))
    ict.post(url, {"network_access": "eap_tls", "managed": "on"})
    assert Device.objects.get(pk="handset-1").managed
    assert "Managed by ICT" in words(ict.page("/people/telephones/"))
    ict.post(url, {"network_access": "eap_tls"})
    assert not Device.objects.get(pk="handset-1").managed
