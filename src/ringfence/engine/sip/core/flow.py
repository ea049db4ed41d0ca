"""A flow: the way a message came and the way its answer goes (RFC 5626 section 3).

Answers leave on the flow of their request and never go where a Via header points; that is the whole routing for NAT,
TCP and WebSocket, and it is why this exchange cannot be used as a reflector.
"""

import ipaddress
from collections.abc import Callable


def bracket(host: str) -> str:
    """``host`` as it stands in a URI: IPv6 addresses in brackets, without a zone."""
    if ":" in host and not host.startswith("["):
        return f"[{host.partition('%')[0]}]"
    return host


def is_loopback(host: str) -> bool:
    """True for 127.0.0.0/8, ::1 and localhost."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


class Flow:
    """One peer on one transport. Transports subclass it and implement ``_write``."""

    __slots__ = ("closed", "device", "host", "onclose", "port", "protocol", "reliable", "remote", "secure", "trunk")

    def __init__(self, *, protocol: str, remote: tuple[str, int], host: str, port: int) -> None:
        self.protocol = protocol
        """``udp``, ``tcp``, ``tls``, ``ws`` or ``wss``."""
        self.remote = remote
        self.host = host
        """Advertised host, written into Via and Contact."""
        self.port = port
        self.reliable = protocol != "udp"
        self.secure = protocol in ("tls", "wss")
        self.closed = False
        self.device: str | None = None
        """The device that proved itself on this connection; never set on UDP, whose source can be forged."""
        self.trunk: str | None = None
        """The trunk that this connection was opened to."""
        self.onclose: list[Callable[[], None]] = []

    @property
    def browser(self) -> bool:
        return self.protocol in ("ws", "wss")

    @property
    def key(self) -> tuple[str, tuple[str, int]]:
        """Equal for two datagrams of one UDP peer."""
        return (self.protocol, self.remote)

    @property
    def sent_by(self) -> str:
        return f"{bracket(self.host)}:{self.port}"

    @property
    def via(self) -> str:
        """Protocol and sent-by of our Via header."""
        return f"SIP/2.0/{self.protocol.upper()} {self.sent_by}"

    def contact(self, user: str = "") -> str:
        """Our Contact URI on this flow."""
        at = f"{user}@" if user else ""
        transport = "" if self.protocol == "udp" else f";transport={self.protocol}"
        return f"sip:{at}{self.sent_by}{transport}"

    def send(self, data: bytes) -> bool:
        """Hand ``data`` to the transport; False when the flow is closed."""
        if self.closed:
            return False
        self._write(data)
        return not self.closed

    def close(self) -> None:
        """Mark as closed and tell everyone who holds it, once."""
        if self.closed:
            return
        self.closed = True
        listeners, self.onclose = self.onclose, []
        for listener in listeners:
            listener()

    def _write(self, data: bytes) -> None:
        raise NotImplementedError
