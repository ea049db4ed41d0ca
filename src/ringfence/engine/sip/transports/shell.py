"""What a transport needs from the server that opened it."""

import socket
from collections.abc import Callable
from typing import Protocol

from ringfence.engine.sip.core.flow import Flow


class Shell(Protocol):
    """The server's side of a transport."""

    def receive(self, data: bytes, flow: Flow) -> None:
        """One framed message. Never raises."""
        ...

    def opened(self, flow: Flow, close: Callable[[], None]) -> None:
        """A connection exists; ``close`` ends it when the server stops."""
        ...

    def lost(self, flow: Flow) -> None:
        """The flow's connection is gone."""
        ...

    def admit(self, host: str) -> bool:
        """Whether one more connection from ``host`` is allowed; pair with ``release``."""
        ...

    def release(self, host: str) -> None: ...

    def vouches_for(self, flow: Flow) -> bool:
        """Whether the peer has proved who it is."""
        ...

    def count(self, name: str) -> None: ...


def own_address(listen: str, advertised: str, remote: str) -> str:
    """The address that peers are told: advertised, else listened on, else the one that routes to ``remote``."""
    if advertised:
        return advertised
    if listen not in ("0.0.0.0", "::", ""):  # noqa: S104 - compared, not bound
        return listen
    family = socket.AF_INET6 if ":" in remote else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((remote, 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "::1" if family == socket.AF_INET6 else "127.0.0.1"
