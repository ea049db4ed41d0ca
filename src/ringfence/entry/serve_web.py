"""The web process: Django's pages under uvicorn; HTTPS alone off loopback (R131)."""

import asyncio
import contextlib
import signal
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

import uvicorn
from typing_extensions import override

from ringfence.entry import certificates, logs, loops, metrics, ports
from ringfence.entry.settings import Settings, is_loopback, use_django
from ringfence.entry.supervisor import end_with_supervisor

GRACE_SECONDS = 3
"""For answers under way; event streams are cut and the browsers follow the next run."""

P = ParamSpec("P")
T = TypeVar("T")


class PagesServer(uvicorn.Server):
    """No request leaves a database connection behind, however it ends. A signal ends the server with code 0: uvicorn
    would raise it again and so report a failure to the supervisor.
    """

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        keep_no_connection()
        asyncio.get_running_loop().set_default_executor(SpareThreads())
        await super().startup(sockets)

    @contextlib.contextmanager
    @override
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():  # no other hears of signals
            yield
            return
        previous = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


def configuration(settings: Settings) -> uvicorn.Config:
    """How uvicorn serves the pages."""

    def secured(_config: uvicorn.Config, _default: object) -> ssl.SSLContext:
        return certificates.server_context(settings)

    return uvicorn.Config(
        "ringfence.entry.asgi:application",
        host=settings.web.host,
        port=settings.web.port,
        loop="uvloop" if loops.has_uvloop() else "asyncio",
        http="h11",
        ws="none",  # browsers speak SIP over WebSocket to the engine, not to this process
        lifespan="off",
        log_config=None,
        server_header=False,
        # A proxy on this machine may carry the TLS; its word on the scheme is taken from loopback only.
        proxy_headers=is_loopback(settings.web.host) and settings.page.startswith("https://"),
        forwarded_allow_ips="127.0.0.1",
        timeout_graceful_shutdown=GRACE_SECONDS,
        ssl_context_factory=secured if settings.web_is_secure else None,
    )


def keep_no_connection() -> None:
    """Close a request's database connection when it ends. Each request has a thread of its own: the next one could not
    use it, and the server would soon have no more to give.
    """
    from django.db import connections

    connections.settings["default"]["CONN_MAX_AGE"] = 0


class SpareThreads(ThreadPoolExecutor):
    """The event loop's own threads, which leave no database connection behind.

    Django makes error pages in them, and the end of a request closes only what its own thread opened: a connection
    would stay for as long as the process lives, and fail every later page of its thread once the database was away.
    """

    @override
    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "Future[T]":
        from django.db import connections

        def work() -> T:
            try:
                return fn(*args, **kwargs)
            finally:
                connections.close_all()

        return super().submit(work)


def serve(settings: Settings, *, supervised: bool) -> int:
    """Until Ctrl-C, SIGTERM or the supervisor's end."""
    logs.configure("web", settings, terminal_level="ERROR" if supervised else None)
    ports.require_free(settings, process="web")
    use_django()
    server = PagesServer(configuration(settings))
    if supervised:

        def stop() -> None:
            server.should_exit = True

        end_with_supervisor(stop)
    stop_metrics = metrics.serve_from_thread(settings.metrics.host, settings.metrics.web_port)
    try:
        server.run()
    finally:
        stop_metrics()
    return 0 if server.started else 1
