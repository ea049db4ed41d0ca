"""SIP over UDP: one socket, one flow per remote address."""

import asyncio
import socket
from typing import Any, cast

from typing_extensions import override

from ringfence.engine.sip.core.flow import Flow
from ringfence.engine.sip.transports.shell import Shell, own_address

MAX_DATAGRAM = 65535
"""CPython allocates this for each datagram; its own default of 256 KiB costs a page mapping each time."""
RECEIVE_BUFFER = 4 * 1024 * 1024
"""For a burst of calls while the loop is busy."""
REMEMBERED = 1024
"""Addresses whose flow is kept ready."""


class UdpFlow(Flow):
    """Datagrams to one address."""

    __slots__ = ("_address", "_transport")

    def __init__(self, transport: asyncio.DatagramTransport, address: tuple[Any, ...], *, host: str, port: int) -> None:
        super().__init__(protocol="udp", remote=(address[0], address[1]), host=host, port=port)
        self._transport = transport
        self._address = address

    @override
    def _write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.sendto(data, self._address)


class UdpListener(asyncio.DatagramProtocol):
    """The socket's receiving side."""

    def __init__(self, shell: Shell, *, listen: str, advertised: str) -> None:
        self._shell = shell
        self._listen = listen
        self._advertised = advertised
        self._hosts: dict[str, str] = {}
        self._flows: dict[tuple[Any, ...], UdpFlow] = {}
        self.transport: asyncio.DatagramTransport
        self.port = 0

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Neither asyncio's nor uvloop's transports are instances of the abstract class.
        self.transport = transport = cast(asyncio.DatagramTransport, transport)
        self.port = transport.get_extra_info("sockname")[1]
        if hasattr(transport, "max_size"):
            transport.max_size = MAX_DATAGRAM
        # The system may grant less; what overflows here is lost until the far side sends it again.
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)

    def flow(self, address: tuple[Any, ...]) -> UdpFlow:
        """The flow to ``address``; the same one while the address is remembered."""
        known = self._flows.get(address)
        if known is not None:
            return known
        host = self._hosts.get(address[0])
        if host is None:
            if len(self._hosts) > REMEMBERED:
                self._hosts.clear()
            host = self._hosts[address[0]] = own_address(self._listen, self._advertised, address[0])
        if len(self._flows) > REMEMBERED:
            self._flows.clear()
        flow = self._flows[address] = UdpFlow(self.transport, address, host=host, port=self.port)
        return flow

    @override
    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        if data[:2] == b"\r\n" or len(data) < 12:
            data = data.lstrip(b"\r\n\0")
            if len(data) < 12:
                return
        self._shell.receive(data, self.flow(addr))

    @override
    def error_received(self, exc: Exception) -> None:
        self._shell.count("udp_errors")
