"""UDP port pairs from a fixed range: RTP on the even port, RTCP on the odd one above it (RFC 3550 section 11)."""

import contextlib
import socket
from dataclasses import dataclass

from ringfence.engine.errors import EngineUnavailable

Address = tuple[str, int] | tuple[str, int, int, int]


@dataclass(frozen=True, kw_only=True)
class PortPair:
    """Two bound, non-blocking sockets."""

    port: int
    rtp: socket.socket
    rtcp: socket.socket

    def line(self, remote: Address) -> socket.socket:
        """A second socket on the RTP port, connected to ``remote``. Raises OSError where the system has none.

        Linux hands it what ``remote`` sends and ``rtp`` what all others send. What came while it was not connected yet
        may be anybody's: read it with ``recvfrom`` first.
        """
        line = socket.socket(self.rtp.family, socket.SOCK_DGRAM)
        try:
            line.setblocking(False)
            # Only for this moment, so that nobody else can share the port.
            self.rtp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            line.bind(self.rtp.getsockname())
            line.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
            line.connect(remote)
        except OSError:
            line.close()
            raise
        finally:
            self.rtp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        return line

    def close(self) -> None:
        self.rtp.close()
        self.rtcp.close()


class PortRange:
    """Hands out pairs round the range, so that a port rests before strays of its last call can meet a new one."""

    def __init__(self, *, host: str, first: int, last: int) -> None:
        self._host = host
        self._family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._first = first + first % 2
        self._pairs = (last + 1 - self._first) // 2
        self._next = 0

    def allocate(self) -> PortPair:
        """A pair that nobody else holds. Raises EngineUnavailable when the range is used up."""
        for _ in range(self._pairs):
            port = self._first + 2 * self._next
            self._next = (self._next + 1) % self._pairs
            with contextlib.ExitStack() as opened:
                try:
                    rtp = opened.enter_context(self._bound(port))
                    rtcp = opened.enter_context(self._bound(port + 1))
                except OSError:
                    continue
                opened.pop_all()
                return PortPair(port=port, rtp=rtp, rtcp=rtcp)
        raise EngineUnavailable("Every media port is in use. Widen the range from first_port to last_port.")

    def _bound(self, port: int) -> socket.socket:
        bound = socket.socket(self._family, socket.SOCK_DGRAM)
        try:
            bound.setblocking(False)
            bound.bind((self._host, port))
        except OSError:
            bound.close()
            raise
        return bound
