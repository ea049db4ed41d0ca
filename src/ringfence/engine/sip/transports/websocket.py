"""SIP over WebSocket (RFC 7118), plain or TLS. Text frames out; text and binary frames in."""

import asyncio
import ssl
from http import HTTPStatus
from urllib.parse import urlsplit

from typing_extensions import override
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

from ringfence.engine.sip.core.flow import Flow, is_loopback
from ringfence.engine.sip.transports.framing import PING, PONG
from ringfence.engine.sip.transports.shell import Shell, own_address
from ringfence.kit.tasks import TaskOwner

QUEUE_MESSAGES = 256
"""Messages that may wait for a browser that does not read; then it is cut off."""


class WebSocketFlow(Flow):
    """One browser."""

    __slots__ = ("_queue",)

    def __init__(self, *, protocol: str, remote: tuple[str, int], host: str, port: int) -> None:
        super().__init__(protocol=protocol, remote=remote, host=host, port=port)
        self._queue: asyncio.Queue[str | None] = asyncio.Queue(QUEUE_MESSAGES)

    @override
    def _write(self, data: bytes) -> None:
        try:
            self._queue.put_nowait(data.decode("utf-8", errors="replace"))
        except asyncio.QueueFull:
            self._queue.get_nowait()
            self._queue.put_nowait(None)

    async def next(self) -> str | None:
        """The next message to write; None to close."""
        return await self._queue.get()


class WebSocketListener:
    """The listening side."""

    def __init__(
        self,
        shell: Shell,
        *,
        listen: str,
        advertised: str,
        allowed_origins: tuple[str, ...],
        limit_bytes: int,
        secure: bool,
        handshake_seconds: float,
    ) -> None:
        self._shell = shell
        self._listen = listen
        self._advertised = advertised
        self._origins = {origin.rstrip("/").lower() for origin in allowed_origins}
        self._limit_bytes = limit_bytes
        self._handshake_seconds = handshake_seconds
        self._protocol = "wss" if secure else "ws"
        self._writers = TaskOwner(f"sip {self._protocol} writers")
        self._server: Server | None = None
        self.port = 0

    async def open(self, port: int, context: ssl.SSLContext | None) -> None:
        self._server = await serve(
            self._serve,
            self._listen,
            port,
            subprotocols=[Subprotocol("sip")],
            max_size=self._limit_bytes,
            max_queue=16,
            ping_interval=20,
            ping_timeout=20,
            compression=None,
            open_timeout=self._handshake_seconds,
            close_timeout=2,
            server_header=None,
            process_request=self._check,
            ssl=context,
            ssl_handshake_timeout=self._handshake_seconds if context is not None else None,
        )
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
        await self._writers.close()

    def _check(self, connection: ServerConnection, request: Request) -> Response | None:
        """Refuse pages of other sites: a browser tells the Origin of its page."""
        origins = request.headers.get_all("Origin")
        if origins and not (len(origins) == 1 and self._allows(origins[0])):
            self._shell.count("refused_origins")
            return connection.respond(HTTPStatus.FORBIDDEN, "This page may not use this telephone exchange.\n")
        offered = ",".join(request.headers.get_all("Sec-WebSocket-Protocol")).lower()
        if "sip" not in {part.strip() for part in offered.split(",")}:
            return connection.respond(HTTPStatus.BAD_REQUEST, "The subprotocol must be sip (RFC 7118).\n")
        return None

    def _allows(self, origin: str) -> bool:
        if origin.rstrip("/").lower() in self._origins:
            return True
        return is_loopback(self._listen) and is_loopback(urlsplit(origin).hostname or "")

    async def _serve(self, connection: ServerConnection) -> None:
        remote = connection.remote_address
        if not self._shell.admit(remote[0]):
            await connection.close(1013)
            return
        host = own_address(self._listen, self._advertised, remote[0])
        flow = WebSocketFlow(protocol=self._protocol, remote=(remote[0], remote[1]), host=host, port=self.port)
        writer = self._writers.start("writer", self._write(connection, flow))
        try:
            async for frame in connection:
                data = frame.encode() if isinstance(frame, str) else bytes(frame)
                if not data.strip(b"\r\n"):
                    if data == PING:
                        flow.send(PONG)
                    continue
                self._shell.receive(data.lstrip(b"\r\n"), flow)
        except ConnectionClosed:
            pass
        finally:
            self._shell.release(remote[0])
            self._shell.lost(flow)
            writer.cancel()

    async def _write(self, connection: ServerConnection, flow: WebSocketFlow) -> None:
        try:
            while (text := await flow.next()) is not None:
                await connection.send(text)
            self._shell.count("overflowed_writers")
            await connection.close(1013)
        except ConnectionClosed:
            pass
