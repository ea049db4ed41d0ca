"""Nobody reaches a page without a second factor, except in the demo; every sign-in is audited."""

import json
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import ResolverMatch

from ringfence.centre.accounts import actions
from ringfence.centre.accounts.adapter import InvitedOnlyAdapter
from ringfence.centre.accounts.errors import Refused
from ringfence.centre.accounts.middleware import SecondFactorMiddleware
from ringfence.centre.accounts.models import User
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.tenancy import all_clients

pytestmark = pytest.mark.django_db


@pytest.fixture
def person(settings: Any) -> User:
    settings.ROOT_URLCONF = "allauth.urls"
    return actions.invite_user(email="a@centre.example", display_name="A", by=None).user


def _answer(person: User, route: str) -> HttpResponse | None:
    request: HttpRequest = RequestFactory().get("/")
    request.user = person
    request.resolver_match = ResolverMatch(lambda: None, (), {}, url_name=route)
    return SecondFactorMiddleware(lambda _: HttpResponse()).process_view(request, None, (), {})


def test_without_a_second_factor_every_page_leads_to_setting_one_up(person: User) -> None:
    sent = _answer(person, "desk")
    assert sent is not None
    assert (sent.status_code, sent["Location"]) == (302, "/2fa/")
    assert _answer(person, "mfa_activate_totp") is None
    assert _answer(person, "account_logout") is None


def test_with_a_second_factor_or_in_the_demo_the_page_is_reached(person: User, settings: Any) -> None:
    authenticator = Authenticator.objects.create(user=person, type=Authenticator.Type.TOTP, data={"secret": "x"})
    assert _answer(person, "desk") is None
    actions.reset_second_factor(user=person, reason="lost telephone", by=None)
    assert not Authenticator.objects.filter(pk=authenticator.pk).exists()
    assert _answer(person, "desk") is not None
    settings.RINGFENCE_DEMO = True
    assert _answer(person, "desk") is None


def test_nobody_signs_up() -> None:
    assert not InvitedOnlyAdapter().is_open_for_signup(RequestFactory().get("/"))


def test_signing_in_leaves_an_audit_entry(person: User, client: Client) -> None:
    client.force_login(person)
    with all_clients("the test reads"):
        row = AuditEntry.objects.latest("number")
    assert (row.code, row.actor_id) == ("user.signed_in", person.id.hex)


def test_the_invitation_link_works_until_a_password_is_chosen(person: User, client: Client) -> None:
    path = actions.invitation_path(person)
    assert path.startswith("/password/reset/key/")
    person.set_password("a long enough password")
    person.save()
    assert actions.invitation_path(person) != path


def test_a_link_that_the_operator_makes_is_audited_and_none_opens_a_closed_account(person: User) -> None:
    assert actions.renew_link(user=person, by=None).startswith("/password/reset/key/")
    with all_clients("the test reads"):
        row = AuditEntry.objects.latest("number")
    assert (row.code, row.actor_id, json.loads(row.fields)) == ("user.link_made", "", {"user_id": person.id.hex})
    actions.close_account(user=person, reason="left", by=None)
    with all_clients("the test reads"):
        before = AuditEntry.objects.count()
    with pytest.raises(Refused, match="closed"):
        actions.renew_link(user=person, by=None)
    with all_clients("the test reads"):
        assert AuditEntry.objects.count() == before
