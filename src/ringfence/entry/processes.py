"""The three processes of ``ringfence up``: how each is started, and how one knows that it works."""

import http.client
import ssl
import sys
from collections.abc import Callable
from pathlib import Path

from ringfence.control.channel import ControlError
from ringfence.control.client import ControlClient
from ringfence.control.commands import EngineStatus, GetStatus
from ringfence.entry.settings import Settings
from ringfence.entry.supervisor import ChildSpec

STOP_ORDER = ("web", "engine", "worker")
"""Nobody clicks any more, then calls end and recordings are sealed, then the last facts are stored."""


def worker_mark(settings: Settings) -> Path:
    """Exists while a worker is at work."""
    return settings.data / "run" / "worker.ready"


def engine_status(settings: Settings, *, timeout_seconds: float = 1.0) -> EngineStatus | None:
    """What the engine says of itself, None while it does not answer."""
    try:
        reply = ControlClient(settings.control_socket, timeout_seconds=timeout_seconds).ask(GetStatus())
    except ControlError:
        return None
    return reply if isinstance(reply, EngineStatus) else None


def web_answers(settings: Settings) -> bool:
    """The health page's address answers, whatever it says of other parts."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.web.host, settings.web.host)  # noqa: S104
    connection: http.client.HTTPConnection
    if settings.web_is_secure:
        # Our own listener on our own machine: who it is does not matter, whether it answers does.
        context = ssl._create_unverified_context()  # noqa: S323
        connection = http.client.HTTPSConnection(host, settings.web.port, timeout=1.0, context=context)
    else:
        connection = http.client.HTTPConnection(host, settings.web.port, timeout=1.0)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def child(
    name: str,
    ready: Callable[[], bool],
    *,
    stop_seconds: float,
    options: tuple[str, ...] = (),
    alone: bool = False,
) -> ChildSpec:
    """A process that runs ``ringfence <name>`` with this interpreter and the settings of this process."""
    command = (sys.executable, "-m", "ringfence.entry.cli", name, "--supervised", *options)
    return ChildSpec(name=name, command=command, ready=ready, stop_seconds=stop_seconds, alone=alone)


def children(settings: Settings, *, drain_seconds: float) -> list[ChildSpec]:
    """Engine, worker and web in the order in which they start; the last two find the engine at work."""
    drain = ("--drain-seconds", f"{drain_seconds:g}")

    def engine_answers() -> bool:
        return engine_status(settings) is not None

    return [
        child("engine", engine_answers, stop_seconds=drain_seconds + 60, options=drain, alone=True),
        child("worker", worker_mark(settings).exists, stop_seconds=30),
        child("web", lambda: web_answers(settings), stop_seconds=15),
    ]
