"""The web process: Django's pages under uvicorn; HTTPS alone off loopback (R131)."""

import ssl
import sys
import threading

import uvicorn

from ringfence.entry import certificates, logs, loops, metrics, ports
from ringfence.entry.settings import Settings, is_loopback, use_django
from ringfence.entry.supervisor import end_with_supervisor

GRACE_SECONDS = 3
"""For answers under way; event streams are cut and the browsers follow the next run."""


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


def serve(settings: Settings, *, supervised: bool) -> int:
    """Until Ctrl-C, SIGTERM or the supervisor's end."""
    logs.configure("web", settings, terminal_level="WARNING" if supervised else None)
    ports.require_free(settings, process="web")
    use_django()
    server = uvicorn.Server(configuration(settings))
    if supervised:

        def stop() -> None:
            server.should_exit = True

        end_with_supervisor(stop, sys.stdin.buffer)
    stop_metrics = metrics.serve_from_thread(settings.metrics.host, settings.metrics.web_port)
    try:
        server.run()
    finally:
        stop_metrics()
        for thread in threading.enumerate():
            if thread is not threading.current_thread() and not thread.daemon:
                thread.join(1)
    return 0 if server.started else 1
