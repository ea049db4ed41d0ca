"""The whole SIP edge without sockets: dialogs, registrar, trunks, access. Bytes and ``now`` in, events out."""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from datetime import datetime

from ringfence.control import tokens
from ringfence.control.directory import DeviceEntry
from ringfence.engine.ports import Directory
from ringfence.engine.sip.api import (
    Binding,
    DeviceSource,
    DialogId,
    Identity,
    InviteRejected,
    SipEvent,
    Source,
    Target,
    ToDevice,
    TrunkSource,
)
from ringfence.engine.sip.config import SipConfig
from ringfence.engine.sip.core.actions import Actions
from ringfence.engine.sip.core.dialog import Dialog, Route
from ringfence.engine.sip.core.dialogs import DialogTable, Incoming
from ringfence.engine.sip.core.digest import DigestServer, Judged, Verdict, ha1_of
from ringfence.engine.sip.core.endpoint import Endpoint
from ringfence.engine.sip.core.flow import Flow, is_loopback
from ringfence.engine.sip.core.headers import check_uri, parse_name_addr, user_of
from ringfence.engine.sip.core.message import ALLOW, METHODS, SUPPORTED, Message, reason_of
from ringfence.engine.sip.core.refer import Referrals
from ringfence.engine.sip.core.transactions import ServerInvite
from ringfence.engine.sip.limits import RateLimiter
from ringfence.engine.sip.registrar import Registrar
from ringfence.engine.sip.trunks import OpenFlow, Trunks, name_addr
from ringfence.kit.ids import DeviceId, TrunkId

_KNOWN_METHODS = frozenset({*METHODS, "REGISTER", "SUBSCRIBE", "PUBLISH", "MESSAGE", "PRACK"})


class UserAgent:
    """Every rule of the SIP room; a shell adds sockets and a clock.

    The shell calls ``advance(now)`` before an action and when ``next_at`` is due, ``feed`` for each message, and
    takes what ``events`` holds.
    """

    def __init__(
        self,
        config: SipConfig,
        directory: Directory,
        *,
        token_secret: bytes,
        wall: Callable[[], datetime],
        entropy: Callable[[int], bytes],
        open_flow: OpenFlow,
        now: float = 0.0,
    ) -> None:
        self.config = config
        self.directory = directory
        self.events: deque[SipEvent] = deque()
        self.counters: Counter[str] = Counter()
        self._token_secret = token_secret
        self._wall = wall
        self._devices: dict[str, DeviceEntry] = {}
        self.endpoint = Endpoint(
            timers=config.timers,
            limits=config.limits,
            entropy=entropy,
            counters=self.counters,
            product=config.product,
            now=now,
        )
        self.endpoint.user = self
        self.digest = DigestServer(
            config.realm,
            secret=entropy(32),
            entropy=entropy,
            life_seconds=config.timers.nonce,
            capacity=config.limits.nonces,
        )
        emit = self.events.append
        self.table = DialogTable(self.endpoint, emit, reflow=self._reflow)
        self.actions = Actions(self.table)
        self.referrals = Referrals(self.table)
        self.incoming = Incoming(
            self.table,
            refresh=self.actions.refresh,
            run_queue=self.actions.run_queue,
            referred=self.referrals.received,
        )
        self.registrar = Registrar(
            self.endpoint,
            emit,
            longest_seconds=config.register_seconds,
            shortest_seconds=config.register_min_seconds,
            moved=self.incoming.device_moved,
        )
        self.trunks = Trunks(
            self.endpoint,
            emit,
            open_flow=open_flow,
            entropy=entropy,
            register_seconds=config.trunk_register_seconds,
        )
        self.limiter = RateLimiter(
            rate=config.requests_per_second, known_rate=config.known_requests_per_second, sources=config.sources
        )

    # The shell's side

    def advance(self, now: float) -> None:
        """Run the timers that are due; ``now`` is the present until the next call."""
        self.endpoint.timers.advance(now)

    def next_at(self) -> float | None:
        return self.endpoint.timers.next_at()

    def vouches_for(self, flow: Flow) -> bool:
        """The peer has proved itself as a device, or is where a trunk is expected."""
        if flow.device is not None or flow.trunk is not None or self.registrar.knows(flow):
            return True
        return self.trunks.source(flow) is not None

    def feed(self, data: bytes, flow: Flow, now: float) -> None:
        """One framed message. Over its source's rate it is dropped and counted."""
        self.advance(now)
        if not self.limiter.admits(flow, data, now, known=self.vouches_for(flow)):
            self.counters["rate_limited"] += 1
            return
        self.endpoint.feed(data, flow)

    def flow_closed(self, flow: Flow, now: float) -> None:
        """A connection is gone. The shell has closed ``flow`` already or does it by this call."""
        self.advance(now)
        flow.close()
        self.endpoint.flow_closed(flow)
        self.incoming.flow_closed(flow)

    def directory_changed(self) -> None:
        """Follow the newest snapshot: devices that are gone lose their bindings, changed trunks start again."""
        snapshot = self.directory.snapshot
        self._devices = {device.device_id: device for device in snapshot.devices}
        self.registrar.retain(DeviceId(device) for device in self._devices)
        self.trunks.load(snapshot.trunks)

    # The transaction user

    def request(self, message: Message) -> None:
        """A new request (RFC 3261 section 8.2)."""
        method = message.method
        if message.to_tag:
            self.incoming.request(message)
        elif method == "INVITE":
            source = self._identify(message)
            if source is not None:
                self.incoming.invite(message, source, caller_override=self._number_of(source))
        elif method == "REGISTER":
            self._register(message)
        elif method == "OPTIONS":
            self._options(message)
        elif method == "BYE":
            self.endpoint.refuse(message, 481)
        elif method in ("SUBSCRIBE", "NOTIFY"):
            self.endpoint.refuse(message, 489)
        else:
            self.endpoint.refuse(message, 405 if method in _KNOWN_METHODS else 501, headers=[ALLOW])

    def ack(self, message: Message) -> None:
        self.incoming.ack(message)

    def cancelled(self, transaction: ServerInvite) -> None:
        self.incoming.cancelled(transaction)

    def _options(self, message: Message) -> None:
        unknown = message.tokens("require")
        if unknown:
            self.endpoint.refuse(message, 420, headers=[("Unsupported", ", ".join(sorted(unknown)[:8]))])
        else:
            self.endpoint.refuse(message, 200, headers=[ALLOW, ("Accept", "application/sdp"), SUPPORTED])

    # Access

    def _ha1(self, username: str) -> str | None:
        device = self._devices.get(username)
        if device is not None and device.ha1 is not None:
            return device.ha1
        token = tokens.read(self._token_secret, username, now=self._wall())
        if token is None:
            return None
        owner, password = token
        device = self._devices.get(owner)
        if device is None or device.ha1 is not None:
            return None
        return ha1_of(username, self.config.realm, password)

    def _device_of(self, username: str) -> DeviceId | None:
        """The device that a user name means: its own, or a token of it."""
        if username in self._devices:
            return DeviceId(username)
        owner = username.rpartition(".")[0]
        return DeviceId(owner) if owner in self._devices else None

    def _prove(self, message: Message) -> DeviceId | None:
        """The device that the Authorization header proves; None when a challenge or a refusal was sent."""
        flow = message.flow
        if not (flow.secure or is_loopback(flow.remote[0])):
            self.endpoint.refuse(message, 403, reason="TLS Required")
            return None
        now = self.endpoint.now
        judged: Judged = self.digest.judge(message.all("authorization"), message.method, now=now, find_ha1=self._ha1)
        if judged.verdict is Verdict.ACCEPTED:
            return self._device_of(judged.username)
        self.counters[f"digest_{judged.verdict.value}"] += 1
        stale = judged.verdict is Verdict.STALE
        self.endpoint.refuse(message, 401, headers=[self.digest.challenge(now, stale=stale)])
        return None

    def _claims(self, header: str) -> DeviceId | None:
        """The device that From or To claims to be."""
        try:
            return self._device_of(user_of(check_uri(parse_name_addr(header).uri)))
        except ValueError:
            return None

    def _identify(self, message: Message) -> Source | None:
        """Who sent an INVITE; None when it was answered with a challenge or a refusal."""
        flow = message.flow
        claimed = self._claims(message.from_)
        if flow.device is not None and flow.device == claimed:
            return DeviceSource(device_id=claimed, secure=flow.secure, browser=flow.browser)
        trunk = self.trunks.source(flow)
        device_like = claimed is not None or self.registrar.knows(flow) or bool(message.all("authorization"))
        if trunk is not None and (flow.trunk is not None or not device_like):
            if flow.secure or is_loopback(flow.remote[0]) or trunk.plain_reason:
                return TrunkSource(trunk_id=trunk.trunk_id, secure=flow.secure)
            self.endpoint.refuse(message, 403, reason="TLS Required")
            return None
        device = self._prove(message)
        if device is None:
            return None
        return DeviceSource(device_id=device, secure=flow.secure, browser=flow.browser)

    def _number_of(self, source: Source) -> str | None:
        """What a device is called by; it cannot choose another name."""
        if isinstance(source, TrunkSource):
            return None
        device = self._devices.get(source.device_id)
        return (device.extension if device is not None else None) or source.device_id

    def _register(self, message: Message) -> None:
        unknown = message.tokens("require") - {"outbound", "path"}
        if unknown:
            self.endpoint.refuse(message, 420, headers=[("Unsupported", ", ".join(sorted(unknown)[:8]))])
            return
        device = self._prove(message)
        if device is None:
            return
        if self._claims(message.to) != device:
            self.endpoint.refuse(message, 403)
            return
        if message.flow.reliable:
            message.flow.device = device
        self.registrar.register(message, device)

    # Actions

    def invite(
        self, target: Target, *, sdp: str, caller: Identity, headers: Mapping[str, str] | None = None
    ) -> DialogId:
        """Start a call; an unreachable target becomes an InviteRejected."""
        dialog_id = DialogId(self.endpoint.token(12))
        if isinstance(target, ToDevice):
            route, status = self._device_route(target.device_id, caller), 480
        else:
            route, status = self.trunks.route(target.trunk_id, target.number, caller), 503
        if route is None:
            self.events.append(InviteRejected(dialog=dialog_id, status=status, reason=reason_of(status)))
        else:
            self.actions.invite(dialog_id, route, sdp=sdp, headers=headers or {})
        return dialog_id

    def _device_route(self, device: DeviceId, caller: Identity) -> Route | None:
        contact = self.registrar.newest(device)
        if contact is None:
            return None
        if caller.private or caller.number is None:
            caller = Identity()
        return Route(
            flow=contact.flow,
            uri=contact.uri,
            to=f"sip:{device}@{self.config.realm}",
            from_=name_addr(caller, self.config.realm, default=""),
            device=device,
        )

    def _reflow(self, dialog: Dialog) -> Flow | None:
        if dialog.trunk is not None:
            return self.trunks.flow(TrunkId(dialog.trunk))
        contact = self.registrar.newest(DeviceId(dialog.device)) if dialog.device is not None else None
        return contact.flow if contact is not None else None

    def binding(self, device_id: DeviceId) -> Binding | None:
        return self.registrar.binding(device_id)

    def waits_for_answers(self) -> bool:
        """A BYE, CANCEL or REGISTER of ours is still unanswered."""
        waiting = ("BYE", "CANCEL", "REGISTER", "INVITE")
        return any(each.open and each.outgoing.method in waiting for each in self.endpoint.table.clients.values())
