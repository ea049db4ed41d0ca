"""What differs between installations of the embedded engine."""

import ipaddress
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class MediaConfig:
    """Addresses, ports and patience. Which protection a leg needs is said by its LegProfile, not here."""

    host: str = "127.0.0.1"
    """Address that sockets are bound to; its family is the family of all legs."""
    advertised_host: str = ""
    """Address written into SDP; empty: ``host``."""
    first_port: int = 20000
    last_port: int = 29999
    dead_media_seconds: float = 30.0
    consent_seconds: float = 30.0
    """A browser that sent no valid ICE check for so long is gone (RFC 7675)."""
    rtcp_seconds: float = 5.0
    sweep_seconds: float = 0.2
    """How often reports and dead media are looked after."""
    events: int = 10_000
    """Unread events kept; beyond it the oldest is dropped and counted."""

    def __post_init__(self) -> None:
        for host in filter(None, (self.host, self.advertised_host)):
            try:
                ipaddress.ip_address(host)
            except ValueError:
                raise ValueError("host and advertised_host must be IP addresses.") from None
        if self.last_port < self.first_port + 1:
            raise ValueError("last_port must be above first_port.")
        if self.host in ("0.0.0.0", "::") and not self.advertised_host:  # noqa: S104 - compared, not bound
            raise ValueError("advertised_host must be set when host is a wildcard.")
