"""How one SIP edge is set up."""

from dataclasses import dataclass, field

from ringfence.engine.sip.core.config import Limits, Timers


@dataclass(frozen=True, kw_only=True)
class SipConfig:
    """Of each port: None leaves the listener off, 0 takes any free port."""

    host: str = "127.0.0.1"
    advertised_host: str = ""
    """Written into Via and Contact; empty: ``host``."""
    udp_port: int | None = None
    tcp_port: int | None = None
    tls_port: int | None = None
    ws_port: int | None = None
    wss_port: int | None = None
    realm: str = "ringfence"
    plain_allowed: bool = False
    """Opens UDP, TCP and WS off loopback, for trunks whose exception has a written reason (R131)."""
    allowed_origins: tuple[str, ...] = ()
    """Origins of pages whose softphones may connect; pages on loopback may always connect to a loopback listener."""
    requests_per_second: float = 50.0
    """Messages accepted from one unknown source address."""
    known_requests_per_second: float = 5000.0
    """Messages accepted from one address of a trunk or an authenticated device."""
    sources: int = 10_000
    """Source addresses whose rate is remembered."""
    connections: int = 4000
    """Open TCP, TLS and WebSocket connections."""
    connections_per_source: int = 200
    stranger_seconds: float = 30.0
    """A TCP or TLS peer that has not proved who it is and says nothing for this long is cut off."""
    handshake_seconds: float = 10.0
    """A stranger whose TLS or WebSocket handshake takes longer is cut off; it is not counted above until then."""
    register_seconds: int = 600
    """Longest registration granted to a device."""
    register_min_seconds: int = 30
    trunk_register_seconds: int = 300
    """Registration that is asked of a carrier; refreshed at half of what it grants."""
    product: str = "Ringfence"
    timers: Timers = field(default_factory=Timers)
    limits: Limits = field(default_factory=Limits)
