"""SIP over TCP and TLS, accepted or opened by us."""

import asyncio
from typing import cast

from typing_extensions import override

from ringfence.engine.sip.core.flow import Flow
from ringfence.engine.sip.transports.framing import PING, PONG, Framer
from ringfence.engine.sip.transports.shell import Shell, own_address

WRITE_LIMIT = 1 << 20
"""Bytes that may wait for a peer that does not read; then it is cut off."""


class StreamFlow(Flow):
    """One connection. What is sent before it is established waits."""

    __slots__ = ("_transport", "_waiting")

    def __init__(self, *, protocol: str, remote: tuple[str, int], host: str, port: int) -> None:
        super().__init__(protocol=protocol, remote=remote, host=host, port=port)
        self._transport: asyncio.Transport | None = None
        self._waiting: list[bytes] = []

    def established(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        waiting, self._waiting = self._waiting, []
        for data in waiting:
            transport.write(data)

    @override
    def _write(self, data: bytes) -> None:
        transport = self._transport
        if transport is None:
            if len(self._waiting) < 256:
                self._waiting.append(data)
        elif not transport.is_closing():
            transport.write(data)
            if transport.get_write_buffer_size() > WRITE_LIMIT:
                transport.abort()


class StreamPeer(asyncio.Protocol):
    """The receiving side of one connection."""

    def __init__(
        self,
        shell: Shell,
        *,
        protocol: str,
        listen: str,
        advertised: str,
        port: int,
        limit_bytes: int,
        stranger_seconds: float = 30.0,
        flow: StreamFlow | None = None,
    ) -> None:
        self._shell = shell
        self._protocol = protocol
        self._listen = listen
        self._advertised = advertised
        self._port = port
        self._framer = Framer(limit_bytes)
        self._stranger_seconds = stranger_seconds
        self.flow = flow
        self._accepted = flow is None
        self._admitted = ""
        self._patience: asyncio.TimerHandle | None = None
        self._spoke = False
        self._transport: asyncio.Transport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport = cast(asyncio.Transport, transport)
        remote = transport.get_extra_info("peername")
        if remote is None:
            transport.abort()
            return
        if self.flow is None:
            if not self._shell.admit(remote[0]):
                transport.abort()
                return
            self._admitted = remote[0]
            host = own_address(self._listen, self._advertised, remote[0])
            self.flow = StreamFlow(protocol=self._protocol, remote=remote[:2], host=host, port=self._port)
            self._wait_for_stranger()
        else:
            self.flow.remote = remote[:2]
        self.flow.established(transport)
        self._shell.opened(self.flow, transport.close)

    def _wait_for_stranger(self) -> None:
        self._spoke = False
        self._patience = asyncio.get_running_loop().call_later(self._stranger_seconds, self._judge_stranger)

    def _judge_stranger(self) -> None:
        if self._spoke or (self.flow is not None and self._shell.vouches_for(self.flow)):
            self._wait_for_stranger()
        elif self._transport is not None:
            self._transport.abort()

    @override
    def data_received(self, data: bytes) -> None:
        flow = self.flow
        if flow is None or flow.closed:
            return
        try:
            for message in self._framer.feed(data):
                if message is PING:
                    flow.send(PONG)
                    continue
                self._spoke = True
                self._shell.receive(message, flow)
        except ValueError:
            self._shell.count("broken_streams")
            if self._transport is not None:
                self._transport.abort()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        if self._patience is not None:
            self._patience.cancel()
        if self._admitted:
            self._shell.release(self._admitted)
        if self.flow is not None:
            self._shell.lost(self.flow)
