"""The constants of the SIP core as constructor values, so that tests pass small ones or jump the clock."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Timers:
    """RFC 3261 section 17 and RFC 6026, in seconds."""

    t1: float = 0.5
    """Round-trip estimate."""
    t2: float = 4.0
    """Longest retransmission interval of non-INVITE requests and INVITE responses."""
    t4: float = 5.0
    """Longest time a message stays in the network."""
    proceeding: float = 180.0
    """How long a far side may ring after its last provisional response."""
    server_guard: float = 32.0
    """A non-INVITE request that nothing answered gets 500 after this."""
    invite_guard: float = 300.0
    """A call that nothing answered gets 408 after this."""
    reinvite_guard: float = 30.0
    """A re-INVITE that nothing answered gets 500 after this."""
    ring_refresh: float = 60.0
    """Provisional responses are repeated so that proxies keep waiting (RFC 3261 section 13.3.1.1)."""
    flow_grace: float = 10.0
    """A dialog whose connection closed waits this long for its device to register again."""
    nonce: float = 300.0
    """Life of a digest nonce."""
    session: int = 1800
    """Session-Expires that is offered (RFC 4028)."""
    session_min: int = 90
    """Smallest session interval that is accepted (RFC 4028 section 4)."""
    retry_first: float = 2.0
    """First pause before a failed registration is tried again; doubles up to ``retry_last``."""
    retry_last: float = 120.0

    @property
    def transaction(self) -> float:
        """64 x T1: timers B, F, H, J, L and M."""
        return 64 * self.t1


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Caps against hostile input."""

    message_bytes: int = 65535
    header_line_bytes: int = 4096
    """A STIR Identity header (RFC 8224) of a carrier needs more than 2 kB."""
    headers: int = 200
    dialogs: int = 10_000
    contacts_per_device: int = 8
    nonces: int = 20_000
