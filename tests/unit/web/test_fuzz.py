"""Nonsense in addresses, forms, cookies, tokens and headers is answered: no failure, and no view of the inside."""

import random
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.conf import settings
from tests.support.access_table import PUBLIC, TABLE, Line, our_patterns
from tests.support.pages import Centre, Exchange
from tests.support.strict_pages import Visitor

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.rights import Role

SignIn = Callable[[str], Visitor]

pytestmark = pytest.mark.timeout(300)
NONSENSE = (
    "",
    " ",
    "0",
    "-1",
    "9" * 30,
    "99999999999999999999",
    "1e400",
    "NaN",
    "null",
    "' OR 1=1 --",
    '"><script>alert(1)</script>',
    "{{7*7}}${7*7}%s%n",
    "../../../../etc/passwd",
    "\x00",
    "a\x00b",
    "\r\nX-Injected: yes",
    "\u202e\ufeff\ud7ff\U0001f600",
    "é" * 300,
    "A" * 5000,
    "00000000-0000-0000-0000-000000000000",
    "2026-02-30",
    "+44770090012",
)
INSIDE = (b"Traceback", b"django.", b"sqlite3", b"psycopg", b"SELECT ", b"ringfence/", b"Exception")


def visitor_of(sign_in: SignIn, role: str) -> Visitor:
    made = sign_in(role)
    made.raise_request_exception = False  # what a browser would see is judged, not the exception
    return made


def judge(answer: Any, what: str) -> None:
    assert answer.status_code < 500 or answer.status_code == 503, what
    body = b"" if answer.streaming else answer.content
    for word in INSIDE:
        assert word not in body, (what, word)
    assert "X-Injected" not in answer.headers
    assert b"<script>alert(1)" not in body, what


def roles_for(line: Line) -> str:
    allowed = line.roles.split()
    return next(str(role) for role in ("HOS", "TL", "ICT", "AGT", *Role) if role in allowed)


@pytest.fixture
def people(sign_in: SignIn, engine: Exchange) -> dict[str, Visitor]:
    """One visitor for each role that some line needs; the exchange is told nothing by nonsense."""
    return {role: visitor_of(sign_in, role) for role in sorted({roles_for(line) for line in TABLE})}


def addresses() -> Iterator[tuple[Line, str]]:
    """Every address with an id, and some nonsense in the place of it."""
    chosen = random.Random(20260303)
    for line in TABLE:
        for name in line.ids:
            for value in chosen.sample(NONSENSE, 5):
                if name in line.url:
                    yield line, line.url.replace(name, quote(value, safe=""))


def test_ids(people: dict[str, Visitor]) -> None:
    tried = 0
    for line, url in addresses():
        visitor = people[roles_for(line)]
        judge(
            visitor.get(url) if line.method == "GET" else visitor.post(url, dict(line.data)),
            f"{line.method} {url[:80]}",
        )
        tried += 1
    assert tried > 100


def test_numbers_in_addresses(people: dict[str, Visitor]) -> None:
    """Whole numbers larger than any database holds."""
    for pattern in our_patterns():
        if "<int:" in str(pattern.pattern):
            for line in TABLE:
                if line.route == pattern.name:
                    digits = "".join(part if not part.isdigit() else "9" * 30 for part in _parts(line.url))
                    visitor = people[roles_for(line)]
                    judge(visitor.get(digits) if line.method == "GET" else visitor.post(digits), digits)


def _parts(url: str) -> list[str]:
    found, current = [], ""
    for letter in url:
        if current and letter.isdigit() != current[-1].isdigit():
            found.append(current)
            current = ""
        current += letter
    return [*found, current]


def test_forms_and_queries(people: dict[str, Visitor]) -> None:
    chosen = random.Random(20260302)
    names = (
        "number",
        "client",
        "agent",
        "queue",
        "since",
        "until",
        "page",
        "after",
        "code",
        "actor",
        "grant",
        "purpose",
    )
    for line in TABLE:
        visitor = people[roles_for(line)]
        for _ in range(2):
            if line.method == "GET":
                judge(
                    visitor.get(line.url, {name: chosen.choice(NONSENSE) for name in names}), f"GET {line.url} queried"
                )
                continue
            keys = {*line.data, *chosen.sample(names, 4)}
            judge(visitor.post(line.url, {name: chosen.choice(NONSENSE) for name in keys}), f"POST {line.url}")


def test_bodies_that_are_no_form(people: dict[str, Visitor]) -> None:
    for line in TABLE:
        if line.method != "POST":
            continue
        visitor = people[roles_for(line)]
        for kind, body in (
            ("application/json", b"{"),
            ("multipart/form-data; boundary=x", b"--y\r\n\r\n\xff"),
            ("multipart/form-data", b"nothing"),
            ("application/x-www-form-urlencoded", b"\xff\xfe=%zz&&&=&a"),
            ("application/x-www-form-urlencoded; charset=utf-99", b"a=b"),
            ("", b"\x00"),
        ):
            judge(visitor.generic("POST", line.url, body, content_type=kind), f"POST {line.url} as {kind}")


def test_cookies_and_tokens(anyone: Visitor, people: dict[str, Visitor]) -> None:
    anyone.raise_request_exception = False
    for value in NONSENSE:
        clean = re.sub(r"[^\x20-\xff]", "", value)  # what a browser can send in a header
        for name in (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, "messages", "sessionid"):
            anyone.cookies[name] = clean
            answer = anyone.get("/calls/")
            judge(answer, f"cookie {name}")
            assert answer.status_code == 302
            anyone.cookies.clear()
    strict = Visitor(enforce_csrf_checks=True)
    strict.cookies = people["HOS"].cookies
    assert strict.post("/calls/", {"csrfmiddlewaretoken": "x" * 64}).status_code == 403


def test_headers(anyone: Visitor, people: dict[str, Visitor]) -> None:
    visitor = people["HOS"]
    for value in NONSENSE:
        clean = value.replace("\r", "").replace("\n", "").replace("\x00", "")
        for name in (
            "Range",
            "Accept",
            "Accept-Language",
            "Last-Event-ID",
            "X-Forwarded-For",
            "Referer",
            "If-None-Match",
        ):
            judge(visitor.get("/calls/", headers={name: clean}), f"header {name}")
        judge(visitor.get("/recordings/rec-heard/audio?grant=x", headers={"Range": clean}), "range")
        answer = anyone.get("/accessibility/", headers={"host": clean or "x"})
        assert answer.status_code in (200, 400)
    for method, lines in (("put", TABLE[::3]), ("delete", TABLE[1::3]), ("options", TABLE[2::3]), ("trace", TABLE[:1])):
        for line in lines:
            judge(getattr(visitor, method)(line.url), f"{method} {line.url}")


def test_public_pages_and_sign_in(anyone: Visitor, db: None) -> None:
    anyone.raise_request_exception = False
    for url in (*PUBLIC.values(), "/account/login/", "/account/password/reset/"):
        for value in NONSENSE:
            judge(anyone.get(url, {"next": value, "page": value}), url)
            judge(anyone.post(url, {"login": value, "password": value, "email": value, "next": value}), url)
    for route in ("/account/password/reset/key/{}-{}/", "/demo/signin/{}{}/", "/static/{}{}", "/privacy/{}{}/"):
        for value in NONSENSE:
            safe = quote(value, safe="") or "x"
            judge(anyone.get(route.format(safe, safe)), route)


def test_no_redirect_leaves_the_site(anyone: Visitor, centre: Centre) -> None:
    user = User.objects.get(email="agent@centre.example")
    user.set_password("a long invented password")
    user.save(update_fields=["password"])
    given = {"login": user.email, "password": "a long invented password"}
    for target in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        answer = anyone.post("/account/login/", {**given, "next": target})
        assert (answer.status_code, answer.headers["Location"]) == (302, "/"), target
        anyone.logout()
