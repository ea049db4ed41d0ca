"""The pages in the system's Chromium, served by uvicorn as in service, over a furnished centre."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from django.conf import settings as django_settings
from django.core.asgi import get_asgi_application
from django.core.management import call_command
from django.db import connections
from playwright.sync_api import Browser, BrowserContext
from tests.support.browser import chromium, context, write_tone
from tests.support.pages import Centre, Exchange, exchange, furnish
from tests.support.sealed import empty_storage

from ringfence.entry.serve_web import PagesServer

BUILT = Path(__file__).resolve().parents[3] / "src/ringfence/web/static/dist/desk.js"


@dataclass(frozen=True)
class Site:
    """A running web process and what stands behind it."""

    url: str
    centre: Centre
    engine: Exchange


@pytest.fixture(scope="module")
def built() -> None:
    """The scripts and styles are built and in place."""
    if not BUILT.exists():
        pytest.fail("The pages' scripts are not built. Run make frontend first.")
    call_command("collectstatic", interactive=False, verbosity=0)


@contextmanager
def serving() -> Iterator[str]:
    kept = connections.settings["default"].get("CONN_MAX_AGE", 0)
    server = PagesServer(
        uvicorn.Config(get_asgi_application(), host="127.0.0.1", port=0, lifespan="off", log_config=None, ws="none")
    )
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), name="pages")
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        if time.monotonic() > deadline:
            raise RuntimeError("The pages did not start.")
        time.sleep(0.02)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        # Requests that a closing browser left behind end by themselves, with their database connections.
        server.should_exit = True
        thread.join(5)
        server.force_exit = True
        thread.join(20)
        connections.close_all()
        connections.settings["default"]["CONN_MAX_AGE"] = kept


@pytest.fixture
def site(built: None, transactional_db: None, settings: Any, tmp_path: Path) -> Iterator[Site]:
    settings.RINGFENCE_DEMO = True
    settings.RINGFENCE_REMOTE_NEEDS_MANAGED_DEVICE = "off"
    settings.RINGFENCE_CONTROL_SOCKET = tmp_path / "engine.sock"
    with empty_storage(), socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # held and never listening: no other engine of this machine is reached
        settings.RINGFENCE_SIP_WS_URL = f"ws://127.0.0.1:{closed.getsockname()[1]}"
        centre = furnish()
        with exchange(django_settings.RINGFENCE_CONTROL_SOCKET) as engine, serving() as url:
            yield Site(url=url, centre=centre, engine=engine)


@pytest.fixture(scope="module")
def loop_beside_django() -> Iterator[None]:
    """Playwright keeps an event loop in this thread, in which Django would refuse to reach its database."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        yield


@pytest.fixture(scope="module")
def browser(loop_beside_django: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    tone = write_tone(tmp_path_factory.mktemp("tone") / "tone.wav", 1000, seconds=2)
    with chromium(microphone=tone) as made:
        yield made


@contextmanager
def signed_in(browser: Browser, site: Site, role: str, *, width: int = 1280) -> Iterator[BrowserContext]:
    """A fresh browser profile, signed in as the invented person of ``role``."""
    made = context(browser, site.url, width=width)
    try:
        page = made.new_page()
        page.goto(f"/demo/signin/{role}/")
        page.close()
        yield made
    finally:
        made.close()
