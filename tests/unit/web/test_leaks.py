"""Somebody of one council tries everything that belongs to another: every line of the access table, over every role.

What is foreign must answer exactly as what does not exist, and no page may show a word that only another client's rows
hold. Each attack has its counter-proof: somebody of the right council gets another answer, or sees the word.
"""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.db import models
from django.utils import timezone
from tests.support.access_table import IN_THE_CALL, TABLE, UNMADE_IDS, Line
from tests.support.pages import Centre, Exchange
from tests.support.people import agent_id_of, create_person
from tests.support.strict_pages import Visitor

from ringfence.centre.accounts.actions import grant_role
from ringfence.centre.accounts.models import Agent, Device, User
from ringfence.centre.accounts.rights import Role
from ringfence.centre.directory.models import TransferEntry
from ringfence.centre.jobs.actions import raise_alarm
from ringfence.centre.jobs.models import Alarm
from ringfence.centre.notices import actions
from ringfence.centre.recordings.models import PlayGrant
from ringfence.centre.tenancy import all_clients
from ringfence.centre.tenancy.models import Client, TenantModel

OWN, FOREIGN = "BBC", "ELDC"
"""The objects of the table are BBC's; the attacker works for ELDC."""
ATTACKED = [line for line in TABLE if line.ids]
VARYING = re.compile(
    r'nonce="[^"]*"|name="csrfmiddlewaretoken" value="[^"]*"|data-(?:csrf|left)="[^"]*"'
    r"|<time.*?</time>|\b\d\d?:\d\d(:\d\d)?\b|\b\d+ seconds?\b"
)


@pytest.fixture
def world(centre: Centre, engine: Exchange) -> dict[str, str]:
    """Placeholders of the table and the real ids behind them."""
    now = timezone.now()
    with all_clients("the test prepares"):
        grant = PlayGrant.objects.create(
            grant_id="grant-of-bbc",
            client_id=OWN,
            recording_id=centre.recording,
            user=User.objects.first(),
            session_digest="x" * 64,
            purpose="quality",
            granted_at=now,
            expires_at=now + timedelta(minutes=30),
        )
        actions.draft(client=OWN, text="x", purposes=["quality"], contact="y", now=now, by=None)
    return {"GRANT": grant.grant_id}


def person(role: str, *clients: str) -> Visitor:
    name = f"{role}-{'-'.join(clients)}".lower()
    user = User.objects.filter(email=f"{name}@barford.example").first()
    if user is None:
        user = create_person(name, Role(role), *clients)
        agent_id_of(user)
    made = Visitor()
    made.force_login(user, backend=settings.AUTHENTICATION_BACKENDS[0])
    return made


def ask(visitor: Visitor, line: Line, change: Callable[[str], str]) -> tuple[int, str, str]:
    """Status, where it leads and the page, without what differs from one answer to the next anyway."""
    url, data = change(line.url), {name: change(value) for name, value in line.data.items()}
    answer: Any = visitor.get(url) if line.method == "GET" else visitor.post(url, data)
    body = b"".join(answer) if answer.streaming else answer.content
    ids = re.compile("|".join(re.escape(change(name)) for name in line.ids))
    said = ids.sub("", VARYING.sub("", body.decode("utf-8", "replace")))
    return answer.status_code, ids.sub("", answer.headers.get("Location", "")), said


def missing(line: Line) -> Callable[[str], str]:
    def change(text: str) -> str:
        for name in line.ids:
            text = text.replace(name, "XYZ" if name.isupper() else "no-such-thing")
        return text

    return change


def test_what_is_foreign_answers_like_what_is_missing(world: dict[str, str]) -> None:
    def real(text: str) -> str:
        for placeholder, value in world.items():
            text = text.replace(placeholder, value)
        return text

    leaks = []
    for line in ATTACKED:
        for role in line.roles.split():
            visitor = person(role, FOREIGN)
            foreign, nothing = ask(visitor, line, real), ask(visitor, line, missing(line))
            if foreign != nothing:
                leaks.append(f"{role} {line.method} {line.url}: {foreign[0]} against {nothing[0]}")
    assert leaks == [], "\n".join(leaks)


def test_the_same_attack_from_the_right_council_is_answered_otherwise(world: dict[str, str]) -> None:
    """Or the test above could not fail."""
    same = []
    for line in ATTACKED:
        if line.route in IN_THE_CALL or any(name in UNMADE_IDS for name in line.ids):
            continue
        people = [person(role, OWN) for role in line.roles.split()]
        if all(ask(one, line, str) == ask(one, line, missing(line)) for one in people):
            same.append(f"{line.method} {line.url}")
    assert same == [], "\n".join(same)


def words(client: str) -> set[str]:
    """Every text that rows of ``client`` hold."""
    found = set()
    with all_clients("the test compares"):
        for model in apps.get_models():
            if not issubclass(model, TenantModel):
                continue
            texts = [
                item.attname
                for item in model._meta.concrete_fields
                if isinstance(item, models.CharField | models.TextField) and item.name != "client" and not item.choices
            ]
            for values in model.objects.filter(client_id=client).values_list(*texts):
                found |= {value for value in values if isinstance(value, str)}
        for entry in TransferEntry.objects.prefetch_related("clients"):
            codes = {one.code for one in entry.clients.all()}
            if not codes or client in codes:
                found |= {entry.entry_id, entry.name, entry.target}
    found.add(Client.objects.get(code=client).name)
    found -= set(Agent.objects.values_list("agent_id", flat=True))  # people work for several clients
    found -= {user.id.hex for user in User.objects.all()}
    telephones = " ".join(Device.objects.values_list("label", flat=True))  # of the centre, not of a client
    found = {word for word in found if word not in telephones}
    return {word for word in found if len(word) > 5 and re.search(r"[ \d]", word)}  # not the codes of closed lists


def pages(visitor: Visitor, role: str) -> Iterator[tuple[str, str]]:
    for line in TABLE:
        if line.method == "GET" and role in line.roles.split() and not line.ids:
            answer: Any = visitor.get(line.url)
            body = b"".join(answer) if answer.streaming else answer.content
            yield line.url, body.decode("utf-8", "replace")


def test_no_page_shows_a_word_of_another_client(world: dict[str, str]) -> None:
    mine = words(FOREIGN)
    canaries = (words(OWN) | words("SHDC")) - mine
    assert len(canaries) > 40
    shown = [
        f"{role} {url} shows {word!r}"
        for role in Role
        for url, body in pages(person(role, FOREIGN), role)
        for word in canaries
        if word in body
    ]
    assert shown == []
    entitled = "".join(body for role in ("TL", "HOS") for _, body in pages(person(role, OWN, "SHDC"), role))
    seen = {word for word in canaries if word in entitled}
    assert len(seen) > 10, "the same pages show these words to whoever may see them"


def test_an_alarm_of_one_client_is_seen_and_cleared_by_its_own_people_only(world: dict[str, str]) -> None:
    now = timezone.now()
    raise_alarm("trunk_down", at=now, subject="line-of-all")
    raise_alarm("flag_waiting", "minutes=20", at=now, subject="flag-of-own", client=OWN)
    mine, foreign = person("SUP", OWN), person("SUP", FOREIGN)
    assert all(each.get("/health/").content.decode().count("line-of-all") == 1 for each in (mine, foreign))
    assert "flag-of-own" in mine.get("/health/").content.decode()
    body = foreign.get("/health/").content.decode()
    assert "flag-of-own" not in body
    alarm = Alarm.objects.get(subject="flag-of-own").pk
    refused, missing = (foreign.post(f"/health/alarms/{number}/clear") for number in (alarm, alarm + 10_000))
    assert (refused.status_code, missing.status_code) == (404, 404)
    assert mine.post(f"/health/alarms/{alarm}/clear").status_code == 302


def test_a_role_for_one_client_opens_nothing_of_another_for_which_the_person_has_a_lesser_one(
    world: dict[str, str], engine: Exchange
) -> None:
    """The roles of one person do not add up: each right counts for the clients of its own role only."""
    lead = person("CODM", FOREIGN)  # drafts notices and sees reports, and calls nobody
    both = User.objects.get(email=f"codm-{FOREIGN.lower()}@barford.example")
    grant_role(user=both, role="AGT", clients=[OWN], reason="Helps out", by=None)
    draft = {"text": "x", "purposes": ["quality"], "contact": "y"}
    for client, statuses in ((FOREIGN, (200, 302)), (OWN, (404, 404))):
        url = f"/notices/{client}/draft/"
        assert (lead.get(url).status_code, lead.post(url, draft).status_code) == statuses
    named = Client.objects.get(code=OWN).name
    for url in ("/notices/", "/listening/", "/payments/", "/calls/", "/recordings/", "/retention/schedule/propose/"):
        body = lead.get(url).content.decode()
        assert Client.objects.get(code=FOREIGN).name in body, url
        assert named not in body, url
    assert lead.get("/listening/plays.csv").content.decode().count(f"{OWN},") == 0
    dialled = {"number": "01632 960001"}
    assert lead.post("/desk/dial", {**dialled, "client": OWN}).status_code == 200
    assert lead.post("/desk/dial", {**dialled, "client": FOREIGN}).status_code == 400


def test_a_shared_agent_in_a_call_sees_the_client_of_that_call_only(centre: Centre, engine: Exchange) -> None:
    """What the desk is told of the call names its client and nothing of the others."""
    from ringfence.control import facts
    from ringfence.control.commands import LiveCall
    from ringfence.kit.ids import CallId, ClientCode

    agent = User.objects.get(email="agent@centre.example")
    visitor = Visitor()
    visitor.force_login(agent, backend=settings.AUTHENTICATION_BACKENDS[0])
    engine.become(centre.agent, facts.AgentState.TALKING, call="call-heard")
    engine.calls[CallId("call-heard")] = LiveCall(
        call_id=CallId("call-heard"),
        client=ClientCode(OWN),
        queue_id=centre.queues[OWN],
        agent_id=centre.agent,
        phase="talking",
        seconds=4.0,
    )
    told = visitor.get("/desk/state").content.decode()
    assert Client.objects.get(code=OWN).name in told
    foreign = (words(FOREIGN) | words("SHDC")) - words(OWN)
    shown = {word for word in foreign if word in told}
    assert shown == set()
