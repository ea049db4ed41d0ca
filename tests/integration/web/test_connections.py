"""No request leaves its database connection behind, however it ends: the server has only so many to give."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client
from django.utils import timezone
from tests.support.connections import connections_opened
from tests.support.pages import Centre, furnish
from tests.support.people import person_of_role
from tests.support.sealed import empty_storage
from tests.support.system import eventually

from ringfence.centre.recordings.actions import state_purpose
from ringfence.centre.recordings.storage import spool
from ringfence.centre.retention.actions import flag_call
from ringfence.entry.serve_web import SpareThreads
from ringfence.web.recordings import views

Part = Callable[[bytes], Awaitable[None]]


@pytest.fixture
def centre(transactional_db: None, settings: Any) -> Iterator[Centre]:
    settings.RINGFENCE_DEMO = True  # which needs no second factor
    with empty_storage():
        yield furnish()


@pytest.fixture
def opened(centre: Centre, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[BaseDatabaseWrapper]]:
    """Every connection that is opened from now on, by whatever thread."""
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)
    with connections_opened() as found:
        yield found


def visitor(role: str) -> Client:
    client = Client()
    client.force_login(person_of_role(role), backend=settings.AUTHENTICATION_BACKENDS[0])
    return client


@dataclass(frozen=True)
class Answer:
    status: int
    whole: bool
    """False: the server cuts the connection, for more was promised."""


async def ask(client: Client, path: str, *, each: Part) -> Answer:
    """A GET that goes the way it goes in service; ``each`` is called with every part of what is answered."""
    asyncio.get_running_loop().set_default_executor(SpareThreads())
    address, _, query = path.partition("?")
    cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items())
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": address,
        "query_string": query.encode(),
        "headers": [(b"host", b"testserver"), (b"cookie", cookie.encode()), (b"accept", b"text/html")],
        "client": ("127.0.0.1", 1),
        "server": ("testserver", 80),
    }
    asked = [{"type": "http.request", "body": b"", "more_body": False}]
    status, whole = 0, False

    async def receive() -> dict[str, object]:
        if asked:
            return asked.pop()
        await asyncio.Event().wait()  # the browser stays
        raise AssertionError

    async def send(message: dict[str, object]) -> None:
        nonlocal status, whole
        if message["type"] == "http.response.start":
            status = int(str(message["status"]))
        elif isinstance(message["body"], bytes):
            whole = not message.get("more_body")
            await each(message["body"])

    await get_asgi_application()(scope, receive, send)  # type: ignore[arg-type] # ASGI in Django's types
    return Answer(status, whole)


def all_closed(opened: list[BaseDatabaseWrapper]) -> None:
    assert opened
    eventually(lambda: all(each.connection is None for each in opened), what="the end of the connections")


def test_a_page_that_says_no_is_made_in_a_spare_thread_and_leaves_none(
    centre: Centre, opened: list[BaseDatabaseWrapper]
) -> None:
    client, page = visitor("TL"), bytearray()

    async def read(part: bytes) -> None:
        page.extend(part)

    opened.clear()
    assert asyncio.run(ask(client, "/nowhere/", each=read)) == Answer(status=404, whole=True)
    assert b"Sign out" in page  # made for the person, who was looked up
    all_closed(opened)


def flagged() -> None:
    flag_call(person_of_role("TL"), "call-heard", "health")


def damaged() -> None:
    (path,) = spool().glob("rec-heard*")
    data = bytearray(path.read_bytes())
    data[-40_000:-30_000] = bytes(10_000)
    path.write_bytes(data)


@pytest.mark.parametrize("how", [flagged, damaged])
def test_a_play_that_is_broken_off_leaves_none(
    centre: Centre, opened: list[BaseDatabaseWrapper], monkeypatch: pytest.MonkeyPatch, how: Callable[[], None]
) -> None:
    monkeypatch.setattr(views, "PART_BYTES", 4000)
    client, heard = visitor("SUP"), bytearray()
    grant = state_purpose(
        person_of_role("SUP"),
        centre.recording,
        session_key=client.session.session_key or "",
        purpose="quality",
        now=timezone.now(),
    )

    async def hear(part: bytes) -> None:
        heard.extend(part)
        if len(heard) == 8000:
            await sync_to_async(how)()

    opened.clear()
    path = f"/recordings/{centre.recording}/audio?grant={grant.grant_id}"
    assert asyncio.run(ask(client, path, each=hear)) == Answer(status=200, whole=False)
    assert 8000 <= len(heard) < 12 * 32_000
    all_closed(opened)
