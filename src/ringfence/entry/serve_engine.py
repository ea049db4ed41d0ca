"""The engine process: an exchange made from the settings, its figures, and an ordered end."""

import asyncio
import logging
import resource
from urllib.parse import urlsplit

from ringfence.engine.calls import CallConfig
from ringfence.engine.exchange import Exchange, ExchangeConfig
from ringfence.engine.media.embedded import MediaConfig
from ringfence.engine.payments import SandboxPaymentAdapter
from ringfence.engine.sip.config import SipConfig
from ringfence.entry import certificates, key_store, logs, loops, metrics, ports, secret_files
from ringfence.entry.settings import Settings, is_loopback
from ringfence.entry.supervisor import end_with_supervisor
from ringfence.kit.clock import SystemClock

log = logging.getLogger(__name__)


def configuration(settings: Settings, *, drain_seconds: float) -> ExchangeConfig:
    """What the exchange needs; off loopback only encrypted listeners, unless trunks are excepted (R131)."""
    sip, media = settings.sip, settings.media
    plain = is_loopback(sip.host)
    page = urlsplit(settings.page)
    return ExchangeConfig(
        control_socket=settings.control_socket,
        prompts=settings.prompts,
        spool=settings.spool,
        keys=key_store.key_store(),
        token_secret=secret_files.read_secret(secret_files.SIP_TOKEN, settings.secrets),
        sip=SipConfig(
            host=sip.host,
            advertised_host=sip.advertised_host,
            udp_port=(sip.udp_port or None) if plain or sip.plain_trunks else None,
            tcp_port=(sip.tcp_port or None) if plain or sip.plain_trunks else None,
            tls_port=sip.tls_port or None,
            ws_port=(sip.ws_port or None) if plain else None,
            wss_port=sip.wss_port or None,
            realm=sip.realm,
            plain_allowed=sip.plain_trunks,
            allowed_origins=(f"{page.scheme}://{page.netloc}",),
            requests_per_second=sip.requests_per_second,
        ),
        media=MediaConfig(
            host=media.host,
            advertised_host=media.advertised_host,
            first_port=media.first_port,
            last_port=media.last_port,
            dead_media_seconds=media.dead_media_seconds,
        ),
        calls=CallConfig(region=sip.default_region, plain_media=is_loopback(media.host)),
        payments=SandboxPaymentAdapter(SystemClock()) if settings.payments.keypad == "sandbox" else None,
        ssl_context=certificates.server_context(settings) if sip.tls_port or sip.wss_port else None,
        outgoing_ssl_context=certificates.client_context(),
        drain_seconds=drain_seconds,
    )


def serve(settings: Settings, *, supervised: bool, drain_seconds: float) -> int:
    """Until Ctrl-C, SIGTERM or the supervisor's end; then calls end and recordings are sealed."""
    logs.configure("engine", settings, terminal_level="ERROR" if supervised else None)
    # No memory of ours may reach a disk in the clear: a core file would hold speech and keys.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard != resource.RLIM_INFINITY else max(soft, 65536), hard))
    ports.require_free(settings, process="engine")
    loops.run(_run(settings, supervised=supervised, drain_seconds=drain_seconds))
    return 0


async def _run(settings: Settings, *, supervised: bool, drain_seconds: float) -> None:
    exchange = Exchange(configuration(settings, drain_seconds=drain_seconds), SystemClock())
    facts = metrics.FactCounters()
    exchange.journal.watch = facts.count
    loops.on_stop_signal(exchange.stop)
    if supervised:
        loop = asyncio.get_running_loop()
        end_with_supervisor(lambda: loop.call_soon_threadsafe(exchange.stop))

    def extra() -> dict[str, float]:
        figures = {f"sip_{name}": float(number) for name, number in exchange.sip.counters.items()}
        return {**figures, "facts_dropped": float(exchange.journal.dropped)}

    collector = metrics.EngineCollector(exchange.status, facts, extra=extra)
    server = metrics.MetricsServer(metrics.engine_registry(collector))
    if settings.metrics.engine_port:
        await server.start(settings.metrics.host, settings.metrics.engine_port)
    try:
        await exchange.run()
    finally:
        await server.close()
