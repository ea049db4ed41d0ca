"""The SIP edge on real sockets: implements ``api.Sip`` around the sans-I/O user agent. Holds no protocol rule."""

import asyncio
import contextlib
import logging
import secrets
import ssl
from collections import Counter
from collections.abc import Callable, Mapping

from ringfence.engine.ports import Directory
from ringfence.engine.sip.api import Binding, DialogId, Identity, Replaces, SipEvent, Target
from ringfence.engine.sip.config import SipConfig
from ringfence.engine.sip.core.flow import Flow, bracket, is_loopback
from ringfence.engine.sip.errors import ListenerFailed, PlainListenerRefused
from ringfence.engine.sip.transports.outgoing import Dialer
from ringfence.engine.sip.transports.stream import StreamPeer
from ringfence.engine.sip.transports.udp import UdpListener
from ringfence.engine.sip.transports.websocket import WebSocketListener
from ringfence.engine.sip.user_agent import UserAgent
from ringfence.kit.clock import Clock
from ringfence.kit.ids import DeviceId, TrunkId
from ringfence.kit.tasks import TaskOwner

log = logging.getLogger(__name__)

_GOODBYE_SECONDS = 1.5


class SipServer:
    """Listeners, timers and event delivery. ``start`` before anything else; ``stop`` unregisters and closes."""

    def __init__(
        self,
        config: SipConfig,
        directory: Directory,
        clock: Clock,
        token_secret: bytes | None = None,
        ssl_context: ssl.SSLContext | None = None,
        outgoing_ssl_context: ssl.SSLContext | None = None,
        *,
        entropy: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.config = config
        self._clock = clock
        self._ssl = ssl_context
        self._owner = TaskOwner("sip")
        self._udp: UdpListener | None = None
        self._servers: list[asyncio.Server] = []
        self._sockets: list[WebSocketListener] = []
        self._streams: dict[Flow, Callable[[], None]] = {}
        self._emptied = asyncio.Event()
        self._ports: dict[str, int] = {}
        self._sources: Counter[str] = Counter()
        self._listener: Callable[[SipEvent], None] = lambda _event: None
        self._wake: asyncio.TimerHandle | None = None
        self._wake_at = 0.0
        self._draining = False
        self._running = False
        self._goodbye: asyncio.Event | None = None
        self.listeners: dict[str, tuple[str, int]] = {}
        """Bound host and port by transport (``udp``, ``tcp``, ``tls``, ``ws``, ``wss``)."""
        self._dialer = Dialer(
            self,
            self._owner,
            advertised=config.advertised_host,
            listen=config.host,
            limit_bytes=config.limits.message_bytes,
            udp=lambda: self._udp,
            port_of=self._port_of,
            context=outgoing_ssl_context,
        )
        self.agent = UserAgent(
            config,
            directory,
            # Without a secret of its own nobody can mint a token for this server.
            token_secret=token_secret or entropy(32),
            wall=clock.now,
            entropy=entropy,
            open_flow=self._dialer.open,
            now=clock.monotonic(),
        )

    # Life

    async def start(self) -> None:
        """Open the listeners and follow the directory. Raises PlainListenerRefused or ListenerFailed."""
        config = self.config
        plain = (config.udp_port, config.tcp_port, config.ws_port)
        if not is_loopback(config.host) and not config.plain_allowed and any(port is not None for port in plain):
            raise PlainListenerRefused
        if self._ssl is None and (config.tls_port is not None or config.wss_port is not None):
            raise ListenerFailed("TLS and WSS listeners need a certificate. Set tls.certificate and tls.private_key.")
        self._running = True
        try:
            await self._open()
        except OSError as error:
            await self.stop()
            raise ListenerFailed(
                f"A SIP listener could not be opened on {config.host}: {error.strerror}. Choose another port."
            ) from None
        self.directory_changed()

    async def _open(self) -> None:
        config, loop = self.config, asyncio.get_running_loop()
        if config.udp_port is not None:
            _, self._udp = await loop.create_datagram_endpoint(
                lambda: UdpListener(self, listen=config.host, advertised=config.advertised_host),
                local_addr=(config.host, config.udp_port),
            )
            self._opened("udp", self._udp.port)
        for protocol, port, context in (("tcp", config.tcp_port, None), ("tls", config.tls_port, self._ssl)):
            if port is not None:
                server = await loop.create_server(
                    lambda protocol=protocol: self._peer(protocol),
                    config.host,
                    port,
                    ssl=context,
                    ssl_handshake_timeout=config.handshake_seconds if context is not None else None,
                    backlog=512,
                )
                self._servers.append(server)
                self._opened(protocol, server.sockets[0].getsockname()[1])
        for protocol, port, context in (("ws", config.ws_port, None), ("wss", config.wss_port, self._ssl)):
            if port is not None:
                listener = WebSocketListener(
                    self,
                    listen=config.host,
                    advertised=config.advertised_host,
                    allowed_origins=config.allowed_origins,
                    limit_bytes=config.limits.message_bytes,
                    secure=protocol == "wss",
                    handshake_seconds=config.handshake_seconds,
                )
                self._sockets.append(listener)
                await listener.open(port, context)
                self._opened(protocol, listener.port)

    def _opened(self, protocol: str, port: int) -> None:
        self.listeners[protocol] = (self.config.host, port)
        log.info("sip listens on %s %s:%d", protocol, bracket(self.config.host), port)

    def _port_of(self, protocol: str) -> int:
        if protocol in self.listeners:
            return self.listeners[protocol][1]
        return {"udp": 0, "tls": 5061}.get(protocol, 5060)

    def _peer(self, protocol: str) -> StreamPeer:
        return StreamPeer(
            self,
            protocol=protocol,
            listen=self.config.host,
            advertised=self.config.advertised_host,
            port=self._port_of(protocol),
            limit_bytes=self.config.limits.message_bytes,
            stranger_seconds=self.config.stranger_seconds,
        )

    async def stop(self) -> None:
        """End the calls, unregister from carriers, close every socket. At most a few seconds."""
        if not self._running:
            return
        self._tick()
        for dialog in list(self.agent.table.by_id):
            self.agent.actions.hang_up(dialog, status=503, reason=None)
        self.agent.trunks.unregister_all()
        self._settle()
        if self.agent.waits_for_answers():
            self._goodbye = asyncio.Event()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_GOODBYE_SECONDS):
                    await self._goodbye.wait()
        self._running = False
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        for server in self._servers:
            server.close()
        for listener in self._sockets:
            await listener.close()
        for close in list(self._streams.values()):
            close()
        if self._streams:
            self._emptied.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self._emptied.wait()
        await self._owner.close()
        if self._udp is not None:
            self._udp.transport.close()
        self._dialer.close()
        await asyncio.sleep(0)

    # The transports' side

    def receive(self, data: bytes, flow: Flow) -> None:
        """One framed message from a transport."""
        if not self._running:
            return
        try:
            self.agent.feed(data, flow, self._clock.monotonic())
        except Exception:  # the root of one message: the next one must not suffer
            self.agent.counters["errors"] += 1
            log.exception("a SIP message could not be handled")
        self._settle()

    def opened(self, flow: Flow, close: Callable[[], None]) -> None:
        """A stream is connected."""
        self._streams[flow] = close

    def lost(self, flow: Flow) -> None:
        """A connection is gone."""
        self._streams.pop(flow, None)
        if not self._streams:
            self._emptied.set()
        self.agent.flow_closed(flow, self._clock.monotonic())
        if self._running:
            self._settle()

    def admit(self, host: str) -> bool:
        """Bound the connections, in all and per source."""
        if self._sources.total() >= self.config.connections or (
            self._sources[host] >= self.config.connections_per_source
        ):
            self.agent.counters["refused_connections"] += 1
            return False
        self._sources[host] += 1
        return True

    def vouches_for(self, flow: Flow) -> bool:
        """The peer has proved itself, or a call runs over this connection."""
        return bool(flow.onclose) or self.agent.vouches_for(flow)

    def release(self, host: str) -> None:
        self._sources[host] -= 1
        if self._sources[host] <= 0:
            del self._sources[host]

    def count(self, name: str) -> None:
        self.agent.counters[name] += 1

    # Time and events

    def _tick(self) -> None:
        self.agent.advance(self._clock.monotonic())

    def _settle(self) -> None:
        """Deliver events in order, then set the alarm clock."""
        if not self._draining:
            self._draining = True
            try:
                while self.agent.events:
                    self._deliver(self.agent.events.popleft())
            finally:
                self._draining = False
        if self._goodbye is not None and not self.agent.waits_for_answers():
            self._goodbye.set()
        at = self.agent.next_at()
        if at is None or not self._running:
            return
        if self._wake is None or at < self._wake_at:
            if self._wake is not None:
                self._wake.cancel()
            delay = max(at - self._clock.monotonic(), 0.001)
            self._wake = asyncio.get_running_loop().call_later(delay, self._on_wake)
            self._wake_at = at

    def _deliver(self, event: SipEvent) -> None:
        try:
            self._listener(event)
        except Exception:  # the root of one event: the other calls must not suffer
            self.agent.counters["errors"] += 1
            log.exception("a SIP event could not be handled")

    def _on_wake(self) -> None:
        self._wake = None
        try:
            self._tick()
        except Exception:  # the root of one timer: the others must not suffer
            self.agent.counters["errors"] += 1
            log.exception("a SIP timer could not be handled")
        self._settle()

    def _act(self) -> None:
        """Events of an action arrive after it has returned."""
        asyncio.get_running_loop().call_soon(self._settle)

    # api.Sip

    def set_listener(self, listener: Callable[[SipEvent], None]) -> None:
        self._listener = listener

    def directory_changed(self) -> None:
        """Call after each new snapshot."""
        self._tick()
        self.agent.directory_changed()
        self._act()

    def invite(
        self, target: Target, *, sdp: str, caller: Identity, headers: Mapping[str, str] | None = None
    ) -> DialogId:
        self._tick()
        self._act()
        return self.agent.invite(target, sdp=sdp, caller=caller, headers=headers)

    def ring(self, dialog: DialogId, *, status: int = 180, sdp: str | None = None) -> None:
        self._tick()
        self.agent.actions.ring(dialog, status=status, sdp=sdp)
        self._act()

    def answer(self, dialog: DialogId, *, sdp: str) -> None:
        self._tick()
        self.agent.actions.answer(dialog, sdp=sdp)
        self._act()

    def hang_up(self, dialog: DialogId, *, status: int = 486, reason: str | None = None) -> None:
        self._tick()
        self.agent.actions.hang_up(dialog, status=status, reason=reason)
        self._act()

    def reinvite(self, dialog: DialogId, *, sdp: str) -> None:
        self._tick()
        self.agent.actions.reinvite(dialog, sdp=sdp)
        self._act()

    def accept_reinvite(self, dialog: DialogId, *, sdp: str) -> None:
        self._tick()
        self.agent.actions.accept_reinvite(dialog, sdp=sdp)
        self._act()

    def reject_reinvite(self, dialog: DialogId, *, status: int = 488) -> None:
        self._tick()
        self.agent.actions.reject_reinvite(dialog, status=status)
        self._act()

    def accept_refer(self, dialog: DialogId) -> None:
        self._tick()
        self.agent.referrals.accept(dialog)
        self._act()

    def reject_refer(self, dialog: DialogId, *, status: int = 603) -> None:
        self._tick()
        self.agent.referrals.reject(dialog, status=status)
        self._act()

    def notify_refer(self, dialog: DialogId, *, status: int, final: bool = True) -> None:
        self._tick()
        self.agent.referrals.notify(dialog, status=status, final=final)
        self._act()

    def replaced(self, replaces: Replaces) -> DialogId | None:
        return self.agent.referrals.replaced(replaces)

    def binding(self, device_id: DeviceId) -> Binding | None:
        return self.agent.binding(device_id)

    def trunk_up(self, trunk_id: TrunkId) -> bool:
        return self.agent.trunks.up(trunk_id)

    # Figures for the health page

    @property
    def counters(self) -> Counter[str]:
        """What was refused, dropped, malformed and so on, since the start."""
        return self.agent.counters

    @property
    def transactions(self) -> int:
        return len(self.agent.endpoint.table)

    @property
    def dialogs(self) -> int:
        return len(self.agent.table)

    @property
    def registered_devices(self) -> int:
        return len(self.agent.registrar)
