"""Single sign-on against real identity providers, sound and misbehaving; people must be invited all the same."""

import json
import re
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree
from zlib import decompress

import pytest
import requests
from allauth.socialaccount.models import SocialAccount
from allauth.socialaccount.providers import registry
from allauth.usersessions.models import UserSession
from django.core.cache import cache
from django.db.models import F
from tests.support.people import create_clients, create_person
from tests.support.saml_server import ENTITY
from tests.support.strict_pages import Visitor, strictly

from ringfence.centre.accounts import actions
from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.rights import Role
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.tenancy import all_clients
from ringfence.entry.settings import SingleSignOn
from ringfence.entry.sign_in_providers import single_sign_on

pytestmark = [pytest.mark.django_db, pytest.mark.system]

ROOT = Path(__file__).parents[3]
LOGIN = "/account/oidc/barford/login/"


def started(module: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd=ROOT,
    )


@pytest.fixture(scope="module")
def oidc() -> Iterator[str]:
    process = started("tests.support.oidc_server")
    assert process.stdout is not None
    try:
        address = process.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), "the OpenID provider did not start"
        yield address
    finally:
        process.terminate()
        process.communicate(timeout=10)


@pytest.fixture(scope="module")
def saml(tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[str]]:
    process = started("tests.support.saml_server", str(tmp_path_factory.mktemp("saml")))
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=10)


@pytest.fixture(scope="module")
def certificate(saml: subprocess.Popen[str]) -> str:
    assert saml.stdout is not None
    return saml.stdout.readline().strip()


@pytest.fixture
def sam(settings: Any) -> User:
    settings.RINGFENCE_DEMO = True  # the second factor is asked for after this, and tested apart
    cache.clear()
    create_clients()
    return create_person("sam", Role.SUP, "BBC")


@pytest.fixture
def sound(oidc: str, settings: Any) -> Iterator[str]:
    one = SingleSignOn(
        kind="oidc",
        id="barford",
        name="Barford",
        domains=("barford.example",),
        server_url=oidc,
        client_id="centre",
        client_secret="invented",
    )
    settings.SOCIALACCOUNT_PROVIDERS = single_sign_on([one])
    requests.post(f"{oidc}/fault/none", timeout=10)
    yield oidc
    requests.post(f"{oidc}/fault/none", timeout=10)


def at_provider(oidc: str, visitor: Visitor, email: str, *, sub: str = "", at: str = LOGIN) -> str:
    """The path to which the provider sends the browser back after the person has signed in there."""
    away = visitor.get(at)
    assert away.status_code == 302, away.content[:200]
    assert away.headers["Location"].startswith(oidc)
    sub = sub or email
    requests.put(f"{oidc}/users/{sub}", json={"email": email, "email_verified": True}, timeout=10).raise_for_status()
    back = requests.post(away.headers["Location"], data={"sub": sub}, allow_redirects=False, timeout=10)
    parts = urlsplit(back.headers["Location"])
    assert parts.path == f"{LOGIN}callback/"
    return f"{parts.path}?{parts.query}"


def signed_in(visitor: Visitor) -> bool:
    return visitor.get("/account/").status_code == 200


def refusals() -> list[dict[str, str]]:
    with all_clients("the test reads"):
        rows = AuditEntry.objects.filter(code="signin.provider_refused").order_by("number")
        return [json.loads(row.fields) for row in rows]


def refused(visitor: Visitor, answer: Any, code: str) -> None:
    assert "You could not be signed in" in strictly(answer, status=403).text
    assert [one["because"] for one in refusals()] == [code]
    assert not signed_in(visitor)


def test_an_invited_person_signs_in_through_their_council(sound: str, sam: User) -> None:
    visitor = Visitor()
    assert "Sign in with Barford" in visitor.page("/account/login/").text
    answer = visitor.get(at_provider(sound, visitor, sam.email))
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert signed_in(visitor)
    assert SocialAccount.objects.get().user == sam
    assert refusals() == []


def test_a_session_that_nobody_used_ends_and_the_provider_leads_back_to_the_page(sound: str, sam: User) -> None:
    visitor = Visitor()
    visitor.get(at_provider(sound, visitor, sam.email))
    UserSession.objects.update(last_seen_at=F("last_seen_at") - timedelta(minutes=30))
    answer = visitor.get("/library/")
    assert answer.headers["Location"] == "/account/login/?next=/library/"
    page = visitor.get(answer.headers["Location"]).content.decode()
    assert "nobody used this browser for 30 minutes" in page
    (address,) = re.findall(r'href="([^"]*/oidc/barford/login/[^"]*)"', page)
    again = visitor.get(at_provider(sound, visitor, sam.email, at=unescape(address)))
    assert again.headers["Location"] == "/library/"
    assert signed_in(visitor)


def test_the_second_factor_is_asked_for_all_the_same(sound: str, sam: User, settings: Any) -> None:
    visitor = Visitor()
    visitor.get(at_provider(sound, visitor, sam.email))
    settings.RINGFENCE_DEMO = False
    assert visitor.get("/account/").headers["Location"] == "/account/2fa/"


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("signature", "signature"),
        ("unknown_key", "signature"),
        ("audience", "audience"),
        ("issuer", "issuer"),
        ("expired", "time"),
        ("clock", "time"),
    ],
)
def test_a_token_that_cannot_be_trusted_is_refused(fault: str, code: str, sound: str, sam: User) -> None:
    visitor = Visitor()
    requests.post(f"{sound}/fault/{fault}", timeout=10)
    refused(visitor, visitor.get(at_provider(sound, visitor, sam.email)), code)
    requests.post(f"{sound}/fault/none", timeout=10)
    visitor.get(at_provider(sound, visitor, sam.email))
    assert signed_in(visitor)


def test_a_stolen_or_replayed_answer_signs_nobody_in(sound: str, sam: User) -> None:
    victim, thief = Visitor(), Visitor()
    back = at_provider(sound, victim, sam.email)
    refused(thief, thief.get(back), "not_asked_for")
    victim.get(back)
    assert signed_in(victim)
    victim.logout()
    assert "was used already" in strictly(victim.get(back), status=403).text
    assert not signed_in(victim)
    for broken in (f"{LOGIN}callback/", f"{LOGIN}callback/?code=x&state=x", f"{LOGIN}callback/?error=server_error"):
        assert victim.get(broken).status_code == 403, broken


def test_a_provider_vouches_for_its_own_domains_only(sound: str, sam: User) -> None:
    boss = actions.invite_user(email="boss@lindow.example", display_name="Boss", by=None).user
    visitor = Visitor()
    refused(visitor, visitor.get(at_provider(sound, visitor, boss.email)), "domain")


def test_who_was_not_invited_or_has_left_stays_out(sound: str, sam: User) -> None:
    visitor = Visitor()
    refused(visitor, visitor.get(at_provider(sound, visitor, "new@barford.example")), "not_invited")
    assert User.objects.count() == 1
    create_person("hope", Role.HOS)
    actions.close_account(user=sam, reason="left", by=None)
    visitor.get(at_provider(sound, visitor, sam.email))
    assert [one["because"] for one in refusals()] == ["not_invited", "inactive"]
    assert not signed_in(visitor)


def test_an_address_given_to_somebody_else_does_not_open_the_old_link(sound: str, sam: User) -> None:
    visitor = Visitor()
    visitor.get(at_provider(sound, visitor, sam.email, sub="staff-17"))
    visitor.logout()
    tess = create_person("tess", Role.AGT, "BBC")
    answer = visitor.get(at_provider(sound, visitor, tess.email, sub="staff-17"))
    refused(visitor, answer, "other_person")


def test_an_unknown_provider_is_not_found(sound: str, sam: User) -> None:
    for url in ("/account/oidc/nobody/login/", "/account/oidc/nobody/login/callback/"):
        assert Visitor().get(url).status_code == 404


# SAML

ACS = "/account/saml/lindow/acs/"
HOST = {"host": "testserver"}


@pytest.fixture
def lindow(certificate: str, settings: Any) -> Iterator[None]:
    one = SingleSignOn(
        kind="saml",
        id="lindow",
        name="Lindow",
        domains=("barford.example", "centre.example"),
        entity_id=ENTITY,
        sso_url="https://idp.barford.example/sign-in",
        certificate=certificate,
    )
    settings.SOCIALACCOUNT_PROVIDERS = single_sign_on([one])
    settings.ROOT_URLCONF = "tests.support.saml_urls"
    from allauth.socialaccount.providers.saml.provider import SAMLProvider

    registry.get_class_list()
    registry.register(SAMLProvider)
    yield
    del registry.provider_map[SAMLProvider.id]


def ask(visitor: Visitor) -> str:
    """The id of the question that the browser carries to the provider."""
    away = visitor.get("/account/saml/lindow/login/")
    assert away.status_code == 302, away.content[:300]
    packed = parse_qs(urlsplit(away.headers["Location"]).query)["SAMLRequest"][0]
    return str(ElementTree.fromstring(decompress(b64decode(packed), -15)).attrib["ID"])


def answer_of(saml: subprocess.Popen[str], question: str, *, email: str, fault: str = "none") -> str:
    assert saml.stdin is not None
    assert saml.stdout is not None
    asked = {
        "fault": fault,
        "email": email,
        "in_response_to": question,
        "acs": f"http://testserver{ACS}",
        "audience": "http://testserver/account/saml/lindow/metadata/",
    }
    saml.stdin.write(json.dumps(asked) + "\n")
    saml.stdin.flush()
    return saml.stdout.readline().strip()


def deliver(visitor: Visitor, response: str) -> Any:
    return visitor.post(ACS, {"SAMLResponse": response, "RelayState": ""}, follow=True)


def test_an_invited_person_signs_in_through_saml(lindow: None, saml: subprocess.Popen[str], sam: User) -> None:
    visitor = Visitor(headers=HOST)
    assert "Sign in with Lindow" in visitor.page("/account/login/").text
    deliver(visitor, answer_of(saml, ask(visitor), email=sam.email))
    assert refusals() == []
    assert signed_in(visitor)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("signature", "signature"),
        ("unsigned", "signature"),
        ("altered", "signature"),
        ("old_algorithm", "signature"),
        ("audience", "audience"),
        ("expired", "time"),
    ],
)
def test_an_assertion_that_cannot_be_trusted_is_refused(
    fault: str, code: str, lindow: None, saml: subprocess.Popen[str], sam: User
) -> None:
    actions.invite_user(email="head.of.service@centre.example", display_name="Head", by=None)
    visitor = Visitor(headers=HOST)
    answer = deliver(visitor, answer_of(saml, ask(visitor), email=sam.email, fault=fault))
    refused(visitor, answer, code)


def test_an_assertion_counts_once_and_in_the_browser_that_asked(
    lindow: None, saml: subprocess.Popen[str], sam: User
) -> None:
    victim, thief = Visitor(headers=HOST), Visitor(headers=HOST)
    response = answer_of(saml, ask(victim), email=sam.email)
    refused(thief, deliver(thief, response), "not_asked_for")
    deliver(victim, response)
    assert signed_in(victim)
    victim.logout()
    assert "was used already" in strictly(deliver(victim, response), status=403).text
    assert not signed_in(victim)


@pytest.mark.parametrize("response", ["", "%%%", "AAAA", "PHg+PC94Pg=="])
def test_broken_assertions_are_refused(response: str, lindow: None, sam: User) -> None:
    visitor = Visitor(headers=HOST)
    ask(visitor)
    assert deliver(visitor, response).status_code == 403
    assert not signed_in(visitor)
    assert re.fullmatch(r"answer|signature|not_asked_for", refusals()[0]["because"])
