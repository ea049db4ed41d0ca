"""Which ports an installation listens on, and whether somebody else already does."""

import errno
import socket
from collections.abc import Callable
from dataclasses import dataclass

from typing_extensions import override

from ringfence.entry.errors import OperatorError, PortTaken
from ringfence.entry.settings import Settings, is_loopback


@dataclass(frozen=True, kw_only=True)
class PortNeed:
    """One listener."""

    setting: str
    """Key in ringfence.toml that moves it."""
    process: str
    udp: bool
    host: str
    port: int

    @override
    def __str__(self) -> str:
        return f"{'UDP' if self.udp else 'TCP'} port {self.port} on {self.host}"


def needs(settings: Settings) -> tuple[PortNeed, ...]:
    """The listeners that these settings open; plain SIP only on loopback or for excepted trunks (R131)."""
    sip, metrics = settings.sip, settings.metrics
    plain = is_loopback(sip.host)
    wanted = [
        ("sip.udp_port", "engine", True, sip.host, sip.udp_port if plain or sip.plain_trunks else 0),
        ("sip.tcp_port", "engine", False, sip.host, sip.tcp_port if plain or sip.plain_trunks else 0),
        ("sip.tls_port", "engine", False, sip.host, sip.tls_port),
        ("sip.ws_port", "engine", False, sip.host, sip.ws_port if plain else 0),
        ("sip.wss_port", "engine", False, sip.host, sip.wss_port),
        ("metrics.engine_port", "engine", False, metrics.host, metrics.engine_port),
        ("web.port", "web", False, settings.web.host, settings.web.port),
        ("metrics.web_port", "web", False, metrics.host, metrics.web_port),
        ("metrics.worker_port", "worker", False, metrics.host, metrics.worker_port),
    ]
    return tuple(
        PortNeed(setting=setting, process=process, udp=udp, host=host, port=port)
        for setting, process, udp, host, port in wanted
        if port
    )


def _edit_settings(need: PortNeed) -> str:
    return f"set {need.setting} to a free port in ringfence.toml"


def problem(need: PortNeed, cure: Callable[[PortNeed], str] = _edit_settings) -> str | None:
    """One sentence with the cure when the port cannot be opened now, otherwise None."""
    family = socket.AF_INET6 if ":" in need.host else socket.AF_INET
    kind = socket.SOCK_DGRAM if need.udp else socket.SOCK_STREAM
    with socket.socket(family, kind) as trial:
        if not need.udp:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((need.host, need.port))
        except OSError as error:
            match error.errno:
                case errno.EADDRINUSE:
                    return f"{need} is in use by another program; stop that program, or {cure(need)}."
                case errno.EACCES:
                    return (
                        f"{need} may not be opened by this user; set {need.setting} to a port above 1023, "
                        "or allow this user to open it."
                    )
                case errno.EADDRNOTAVAIL:
                    host_setting = need.setting.rpartition(".")[0] + ".host"
                    return f"{need.host} is no address of this machine; set {host_setting} to one that is."
                case _:
                    return f"{need} cannot be opened ({error.strerror}); set {need.setting} to another port."
    return None


def require_free(
    settings: Settings, *, process: str | None = None, cure: Callable[[PortNeed], str] = _edit_settings
) -> None:
    """Raises PortTaken with one sentence for each port that ``process`` (or all of them) could not open."""
    try:
        problems = [
            found for need in needs(settings) if process in (None, need.process) and (found := problem(need, cure))
        ]
    except socket.gaierror:
        raise OperatorError("A host in ringfence.toml is no known name; write an address instead.") from None
    if problems:
        raise PortTaken("\n".join(problems))
