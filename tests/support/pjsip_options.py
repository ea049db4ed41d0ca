"""How a PJSIP peer behaves; apart from it, so that tests need not load the library."""

from dataclasses import dataclass, field


@dataclass
class Options:
    user: str = "peer"
    password: str = ""
    realm: str = "*"
    name: str = ""
    """Display name."""
    bind: str = "127.0.0.1"
    """Loopback address that it speaks from."""
    port: int = 0
    """Port that it listens on; 0: any."""
    registrar: str = ""
    """SIP URI; empty: no registration."""
    transport: str = "udp"
    srtp: bool = False
    tone_hz: int = 0
    """What this side sends; 0 sends silence."""
    record: str = ""
    """WAV file of what this side hears."""
    answer_after_ms: int = -1
    """Answer incoming calls after this long; negative: only ring."""
    answer_code: int = 200
    codecs: list[str] = field(default_factory=lambda: ["PCMA/8000/1", "PCMU/8000/1"])
