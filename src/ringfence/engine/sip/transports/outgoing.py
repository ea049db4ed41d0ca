"""Flows that we open to a trunk: the name is looked up and the connection made without anybody waiting."""

import asyncio
import socket
import ssl
from collections.abc import Callable

from typing_extensions import override

from ringfence.control.directory import Transport, TrunkEntry
from ringfence.engine.sip.core.flow import Flow
from ringfence.engine.sip.transports.shell import Shell, own_address
from ringfence.engine.sip.transports.stream import StreamFlow, StreamPeer
from ringfence.engine.sip.transports.udp import UdpFlow, UdpListener
from ringfence.kit.tasks import TaskOwner

CONNECT_SECONDS = 10.0


class UdpTrunkFlow(Flow):
    """Datagrams to a trunk by name; what is sent before the name is known waits."""

    __slots__ = ("_flow", "_waiting")

    def __init__(self, *, remote: tuple[str, int], host: str, port: int) -> None:
        super().__init__(protocol="udp", remote=remote, host=host, port=port)
        self._flow: UdpFlow | None = None
        self._waiting: list[bytes] = []

    def established(self, flow: UdpFlow) -> None:
        self._flow = flow
        self.remote = flow.remote
        waiting, self._waiting = self._waiting, []
        for data in waiting:
            flow.send(data)

    @override
    def _write(self, data: bytes) -> None:
        if self._flow is not None:
            self._flow.send(data)
        elif len(self._waiting) < 256:
            self._waiting.append(data)


class Dialer:
    """Opens flows to trunks."""

    def __init__(
        self,
        shell: Shell,
        owner: TaskOwner,
        *,
        advertised: str,
        listen: str,
        limit_bytes: int,
        udp: Callable[[], UdpListener | None],
        port_of: Callable[[str], int],
        context: ssl.SSLContext | None,
    ) -> None:
        self._shell = shell
        self._owner = owner
        self._advertised = advertised
        self._listen = listen
        self._limit_bytes = limit_bytes
        self._udp = udp
        self._port_of = port_of
        self._context = context
        self._sockets: list[UdpListener] = []

    def open(self, entry: TrunkEntry) -> Flow:
        """A flow that can be written to at once."""
        remote = (entry.host, entry.port)
        protocol = entry.transport.value
        port = self._port_of(protocol)
        own_host = own_address(self._listen, self._advertised, "192.0.2.1")
        if entry.transport is Transport.UDP:
            flow = UdpTrunkFlow(remote=remote, host=own_host, port=port)
            _ = self._owner.start("resolve trunk", self._resolve(entry, flow))
            return flow
        stream = StreamFlow(protocol=protocol, remote=remote, host=own_host, port=port)
        if entry.transport in (Transport.TCP, Transport.TLS):
            _ = self._owner.start("connect trunk", self._connect(entry, stream))
        else:
            # A trunk over WebSocket does not exist; whatever waits on this flow fails with 503.
            asyncio.get_running_loop().call_soon(self._shell.lost, stream)
        return stream

    async def _resolve(self, entry: TrunkEntry, flow: UdpTrunkFlow) -> None:
        loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if ":" in self._listen else socket.AF_INET
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                found = await loop.getaddrinfo(entry.host, entry.port, family=family, type=socket.SOCK_DGRAM)
                listener = self._udp() or await self._socket(family)
        except (OSError, TimeoutError):
            self._shell.count("trunk_not_found")
            self._shell.lost(flow)
            return
        if not flow.port:
            flow.port = listener.port
        flow.established(listener.flow(found[0][4]))

    async def _socket(self, family: socket.AddressFamily) -> UdpListener:
        """A socket of its own for trunks when no UDP listener is open."""
        if not self._sockets:
            loop = asyncio.get_running_loop()
            _, protocol = await loop.create_datagram_endpoint(
                lambda: UdpListener(self._shell, listen=self._listen, advertised=self._advertised),
                local_addr=(self._listen, 0),
                family=family,
            )
            self._sockets.append(protocol)
        return self._sockets[0]

    async def _connect(self, entry: TrunkEntry, flow: StreamFlow) -> None:
        loop = asyncio.get_running_loop()
        context = None
        if entry.transport is Transport.TLS:
            context = self._context or ssl.create_default_context()

        def peer() -> StreamPeer:
            return StreamPeer(
                self._shell,
                protocol=flow.protocol,
                listen=self._listen,
                advertised=self._advertised,
                port=flow.port,
                limit_bytes=self._limit_bytes,
                flow=flow,
            )

        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await loop.create_connection(
                    peer, entry.host, entry.port, ssl=context, server_hostname=entry.host if context else None
                )
        except (OSError, TimeoutError):
            self._shell.count("trunk_not_connected")
            self._shell.lost(flow)

    def close(self) -> None:
        for listener in self._sockets:
            listener.transport.close()
