"""Every refusal and failure is a page of ours that says what to do and shows nothing of the inside."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.urls import path
from tests.support.strict_pages import Visitor, strictly

from ringfence.entry.request_limit import limited
from ringfence.entry.urls import urlpatterns as ours

SECRET = "a very secret thing 07700900123"


def failing(_request: HttpRequest) -> HttpResponse:
    secret = SECRET
    raise RuntimeError(secret)


def suspicious(_request: HttpRequest) -> HttpResponse:
    raise SuspiciousOperation(SECRET)


urlpatterns = [path("fail/", failing), path("suspicious/", suspicious), *ours]


@pytest.fixture
def visitor(anyone: Visitor, db: None) -> Iterator[Visitor]:
    anyone.raise_request_exception = False
    with override_settings(ROOT_URLCONF=__name__):
        yield anyone


def test_a_failure_shows_a_page_and_nothing_of_the_inside(visitor: Visitor, caplog: pytest.LogCaptureFixture) -> None:
    answer = visitor.get("/fail/")
    assert answer.status_code == 500
    text = answer.content.decode()
    assert "Sorry, there is a problem" in text
    assert "Calls are not affected" in text
    assert not any(word in text for word in (SECRET, "RuntimeError", "Traceback", __name__))
    assert any("fail" in record.getMessage() for record in caplog.records)


def test_a_request_that_is_not_understood(visitor: Visitor) -> None:
    page = strictly(visitor.get("/suspicious/"), status=400)
    assert "Nothing was changed" in page.text
    assert SECRET not in page.text
    assert visitor.get("/", headers={"host": "evil.example"}).status_code == 400
    for address in ("/recordings/x/audio?grant=a%00b", "/calls/%00/"):
        strictly(visitor.get(address), status=400)


def test_a_missing_page_and_an_old_form(visitor: Visitor) -> None:
    assert "Page not found" in strictly(visitor.get("/nowhere/"), status=404).text
    strict = Visitor(enforce_csrf_checks=True)
    answer = strict.post("/account/login/", {"login": "x", "password": "y"})
    assert "This form is too old" in strictly(answer, status=403).text


def test_too_many_tries(visitor: Visitor) -> None:
    cache.clear()
    try:
        for _ in range(40):
            answer = visitor.post("/account/login/", {"login": "x@barford.example", "password": "wrong"})
            if answer.status_code == 429:
                break
        assert "Too many tries" in strictly(answer, status=429).text
    finally:
        cache.clear()


def send_body(parts: list[bytes], headers: list[tuple[bytes, bytes]], *, limit: int = 1000) -> tuple[int, int, bytes]:
    """Status, bytes that reached the application, and the page."""
    reached, said = bytearray(), []

    async def application(_scope: Any, receive: Any, send: Any) -> None:
        more = True
        while more:
            message = await receive()
            reached.extend(message["body"])
            more = message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"taken"})

    waiting = list(parts)

    async def receive() -> dict[str, Any]:
        part = waiting.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(waiting)}

    async def send(message: Any) -> None:
        said.append(message)

    asyncio.run(limited(application, limit)({"type": "http", "headers": headers}, receive, send))
    return said[0]["status"], len(reached), said[1]["body"]


@pytest.mark.parametrize(
    ("parts", "headers", "status"),
    [
        ([b"x" * 1000], [(b"content-length", b"1000")], 200),
        ([b"x" * 1001], [(b"content-length", b"1001")], 413),
        ([b"x" * 600, b"x" * 600], [], 413),  # chunked: it does not tell its length
        ([b"x" * 600, b"x" * 600], [(b"content-length", b"5")], 413),
        ([b""], [(b"content-length", b"-1")], 413),
        ([b""], [(b"content-length", b"9" * 400)], 413),
        ([b"x" * 500, b"x" * 500], [], 200),
    ],
)
def test_a_body_over_the_limit_is_refused(parts: list[bytes], headers: list[tuple[bytes, bytes]], status: int) -> None:
    got, reached, page = send_body(parts, headers)
    assert got == status
    assert reached <= 1000
    if status == 413:
        assert b"That is too large" in page
        assert b"nothing of it was kept" in page
