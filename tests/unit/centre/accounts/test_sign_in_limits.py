"""Wrong passwords and codes lock an account, are audited without what was typed, and secrets rest sealed."""

import base64
import json
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from typing import Any

import pytest
from allauth.account.internal.flows.reauthentication import STATE_SESSION_KEY
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from allauth.usersessions.models import UserSession
from django.apps import apps
from django.contrib.auth.password_validation import validate_password
from django.contrib.sessions.backends.db import SessionStore
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.urls import reverse
from tests.support.people import create_clients, create_person
from tests.support.sealed import empty_storage

from ringfence.centre.accounts.adapter import SEALED
from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.rights import Role
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.tenancy import all_clients
from ringfence.vault.errors import VaultError

pytestmark = pytest.mark.django_db

PASSWORD = "a long invented password"
LOGIN = "/account/login/"


@pytest.fixture(autouse=True)
def _storage() -> Iterator[None]:
    cache.clear()
    with empty_storage():
        yield


@pytest.fixture
def sam() -> User:
    create_clients()
    user = create_person("sam", Role.SUP, "BBC")
    user.set_password(PASSWORD)
    user.save()
    return user


def sign_in(browser: Client, user: User, password: str = PASSWORD) -> Any:
    return browser.post(LOGIN, {"login": user.email, "password": password})


def audited(code: str) -> list[dict[str, Any]]:
    with all_clients("the test reads"):
        return [json.loads(row.fields) for row in AuditEntry.objects.filter(code=code).order_by("number")]


def test_ten_wrong_passwords_lock_the_account_for_a_while(sam: User, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    browser, real = Client(), time.time
    for _ in range(10):
        assert b"not correct" in sign_in(browser, sam, "wrong").content
    locked = sign_in(browser, sam)
    assert b"Too many failed login attempts" in locked.content
    sign_in(browser, sam)
    assert audited("signin.failed") == [{"step": "password", "user_id": sam.id.hex}] * 10
    assert audited("signin.locked") == [{"user_id": sam.id.hex}]
    assert "wrong" not in json.dumps(audited("signin.failed"))
    monkeypatch.setattr(time, "time", lambda: real() + 301)
    assert sign_in(browser, sam).status_code == 302


def test_an_unknown_address_is_counted_and_not_kept(sam: User) -> None:
    Client().post(LOGIN, {"login": "nobody@barford.example", "password": "wrong"})
    assert audited("signin.failed") == [{"step": "password", "user_id": ""}]


def test_wrong_codes_lock_too_and_a_code_counts_once(sam: User) -> None:
    secret = totp.generate_totp_secret()
    totp.TOTP.activate(sam, secret)
    browser = Client()
    step = sign_in(browser, sam)
    assert step.headers["Location"] == reverse("mfa_authenticate")
    for _ in range(10):
        assert b"Incorrect code" in browser.post(step.headers["Location"], {"code": "000000"}).content
    assert len([one for one in audited("signin.failed") if one["step"] == "second factor"]) == 10
    code = f"{totp.hotp_value(secret, next(totp.yield_hotp_counters_from_time())):06}"
    assert b"Too many failed login attempts" in browser.post(step.headers["Location"], {"code": code}).content
    cache.clear()
    assert browser.post(step.headers["Location"], {"code": code}).status_code == 302
    other = Client()
    step = sign_in(other, sam)
    assert b"Incorrect code" in other.post(step.headers["Location"], {"code": code}).content  # stolen and replayed


def test_secrets_of_authenticators_rest_sealed(sam: User) -> None:
    secret = totp.generate_totp_secret()
    totp.TOTP.activate(sam, secret)
    codes = RecoveryCodes.activate(sam).get_unused_codes()
    with connection.cursor() as cursor:
        cursor.execute("SELECT data FROM mfa_authenticator")
        stored = str(cursor.fetchall())
    assert stored.count(SEALED) == 2
    assert secret not in stored
    assert not any(code in stored for code in codes)
    assert get_adapter().decrypt(Authenticator.objects.get(type="totp").data["secret"]) == secret
    with pytest.raises((VaultError, ValueError)):
        get_adapter().decrypt(secret)


@pytest.mark.parametrize(
    ("route", "field", "fresh"),
    [
        ("account_reauthenticate", "password", {}),
        ("account_change_password", "oldpassword", {"password1": "quite another 1", "password2": "quite another 1"}),
    ],
)
def test_a_password_that_is_asked_for_again_counts_towards_the_same_lock(
    sam: User, settings: Any, route: str, field: str, fresh: dict[str, str]
) -> None:
    settings.RINGFENCE_DEMO = True  # no second factor on the way
    often = "100/m/user"  # allauth's own limits of these pages are per minute, and would come first
    settings.ACCOUNT_RATE_LIMITS = {**settings.ACCOUNT_RATE_LIMITS, "change_password": often, "reauthenticate": often}
    browser = Client()
    sign_in(browser, sam)
    for _ in range(10):
        assert browser.post(reverse(route), {field: "wrong", **fresh}).status_code == 200
    assert b"Too many failed login attempts" in browser.post(reverse(route), {field: PASSWORD, **fresh}).content
    assert audited("signin.failed") == [{"step": "password", "user_id": sam.id.hex}] * 10
    assert audited("signin.locked") == [{"user_id": sam.id.hex}]
    assert b"Too many failed login attempts" in sign_in(Client(), sam).content
    cache.clear()
    assert browser.post(reverse(route), {field: PASSWORD, **fresh}).status_code == 302


def test_signing_out_everywhere_else_is_audited(sam: User, settings: Any) -> None:
    settings.RINGFENCE_DEMO = True
    browsers = [Client(), Client(), Client()]
    for browser in browsers:
        sign_in(browser, sam)
    assert browsers[0].post(reverse("usersessions_list")).status_code == 302
    assert [browser.get("/account/").status_code for browser in browsers] == [200, 302, 302]
    assert audited("signin.sessions_ended") == [{"count": 2, "user_id": sam.id.hex}]
    browsers[0].post(reverse("usersessions_list"))
    assert len(audited("signin.sessions_ended")) == 1


def begin_set_up(browser: Client, user: User) -> str:
    """Signed in, and at the page that shows a new secret; returns it."""
    sign_in(browser, user)
    page = reverse("mfa_activate_totp")
    assert browser.post(f"{reverse('account_reauthenticate')}?next={page}", {"password": PASSWORD}).status_code == 302
    return str(browser.get(page).context["form"].secret)


def stored_sessions() -> bytes:
    """What rests of all sessions, with what their encoding hides."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT session_data FROM django_session")
        rows = [str(data) for (data,) in cursor.fetchall()]
    return b"".join(row.encode() + json.dumps(SessionStore().decode(row)).encode() for row in rows)


def test_a_secret_rests_sealed_while_it_is_being_set_up(sam: User) -> None:
    browser, page = Client(), reverse("mfa_activate_totp")
    secret = begin_set_up(browser, sam)
    held = stored_sessions()
    assert SEALED.encode() in held
    key = base64.b32decode(secret)
    for form in (secret.encode(), key, key.hex().encode(), base64.b64encode(key), base64.b64encode(secret.encode())):
        assert form not in held
    wrong = browser.post(page, {"code": "000000"})
    assert b"Incorrect code" in wrong.content
    assert wrong.context["form"].secret == secret  # the app that read it already fits
    assert secret.encode() not in stored_sessions()
    code = f"{totp.hotp_value(secret, next(totp.yield_hotp_counters_from_time())):06}"
    assert browser.post(page, {"code": code}).status_code == 302
    assert get_adapter().decrypt(Authenticator.objects.get(type="totp").data["secret"]) == secret
    assert SEALED.encode() not in stored_sessions()


@pytest.mark.parametrize(
    "route", ["mfa_activate_totp", "mfa_deactivate_totp", "mfa_generate_recovery_codes", "mfa_add_webauthn"]
)
def test_a_form_that_came_before_the_confirmation_is_kept_nowhere_and_its_page_is_come_back_to(
    sam: User, settings: Any, route: str
) -> None:
    settings.RINGFENCE_DEMO = True
    browser = Client(headers={"x-mark": "thorncastle-header"})
    sign_in(browser, sam)
    if route != "mfa_activate_totp":
        totp.TOTP.activate(sam, totp.generate_totp_secret())
    page = f"{reverse(route)}?tab=2"
    typed = {"code": "493817", "name": "Thorncastle", "credential": "gripewell-secret"}
    asked = browser.post(page, typed)
    confirm = asked.headers["Location"]
    assert confirm.startswith(reverse("account_reauthenticate"))
    held = stored_sessions()
    assert not any(mark in held for mark in (b"493817", b"Thorncastle", b"gripewell", b"thorncastle-header"))
    assert STATE_SESSION_KEY not in browser.session
    assert "What you sent was not kept." in browser.get(confirm).content.decode()
    before = Authenticator.objects.count()
    back = browser.post(confirm, {"password": PASSWORD})
    assert (back.status_code, back.headers["Location"]) == (302, page)
    assert browser.get(page).status_code in (200, 302)
    assert Authenticator.objects.count() == before, "nothing was sent a second time"


def test_a_form_kept_by_an_older_version_is_thrown_away(sam: User, settings: Any) -> None:
    settings.RINGFENCE_DEMO = True
    browser = Client()
    sign_in(browser, sam)
    kept = browser.session
    kept[STATE_SESSION_KEY] = {"request": "Thorncastle"}
    kept.save()
    asked = browser.get(reverse("mfa_activate_totp"))
    assert asked.headers["Location"].startswith(reverse("account_reauthenticate"))
    assert b"Thorncastle" not in stored_sessions()
    assert "was not kept" not in browser.get(asked.headers["Location"]).content.decode()


def test_a_secret_that_cannot_be_unsealed_is_replaced_by_another(sam: User) -> None:
    browser, page = Client(), reverse("mfa_activate_totp")
    secret = begin_set_up(browser, sam)
    kept = browser.session
    kept[totp.SECRET_SESSION_KEY] = "not sealed by anybody"
    kept.save()
    again = browser.post(page, {"code": "000000"})
    assert b"Incorrect code" in again.content
    assert again.context["form"].secret != secret


def test_an_older_installation_seals_what_it_kept_open(sam: User) -> None:
    migration = import_module("ringfence.centre.accounts.migrations.0004_sign_in_limits")
    Authenticator.objects.create(user=sam, type="totp", data={"secret": "JBSWY3DP"})
    for _ in range(2):
        migration.seal_secrets(apps, None)
    stored = Authenticator.objects.get().data["secret"]
    assert stored.startswith(SEALED)
    assert get_adapter().decrypt(stored) == "JBSWY3DP"


def test_one_browser_too_many_signs_the_oldest_out(sam: User, settings: Any) -> None:
    settings.RINGFENCE_SESSIONS_PER_PERSON = 2
    settings.RINGFENCE_DEMO = True  # no second factor on the way
    browsers = [Client(), Client(), Client()]
    for number, browser in enumerate(browsers):
        assert sign_in(browser, sam).status_code == 302
        made = UserSession.objects.latest("pk")
        UserSession.objects.filter(pk=made.pk).update(created_at=made.created_at - timedelta(minutes=10 - number))
    assert [browser.get("/account/").status_code for browser in browsers] == [302, 200, 200]
    assert audited("signin.sessions_ended") == [{"count": 1, "user_id": sam.id.hex}]


@pytest.mark.parametrize(
    ("password", "because"),
    [
        ("short", "12 characters"),
        ("password1234", "common"),
        ("Sam of Barford", "similar"),
        ("123456789012", "numeric"),
    ],
)
def test_weak_passwords_are_refused(password: str, because: str, sam: User) -> None:
    sam.display_name = "Sam of Barford"
    with pytest.raises(ValidationError, match=because):
        validate_password(password, sam)
    validate_password(PASSWORD, sam)
