"""Where a browser reaches the engine's SIP over WebSocket listener (RFC 7118)."""

from ringfence.entry.settings import Settings, is_loopback


def browser_sip_url(settings: Settings, *, page_is_secure: bool) -> str:
    """``ws://`` only from a plain page on loopback; otherwise ``wss://``, as browsers demand of a secure page."""
    sip = settings.sip
    host = sip.advertised_host or sip.host
    if host in ("0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        host = settings.web.host if settings.web.host not in ("0.0.0.0", "::") else "127.0.0.1"  # noqa: S104
    if ":" in host:
        host = f"[{host}]"
    if sip.ws_port and not page_is_secure and is_loopback(sip.host):
        return f"ws://{host}:{sip.ws_port}"
    return f"wss://{host}:{sip.wss_port}"
