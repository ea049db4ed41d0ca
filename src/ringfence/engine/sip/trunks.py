"""Carrier accounts: whose requests are theirs, whether they are up, how calls leave through them (R11). Sans-I/O."""

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from ringfence.control.directory import Transport, TrunkEntry
from ringfence.engine.sip.api import Identity, SipEvent, TrunkStatus
from ringfence.engine.sip.core.dialog import Route
from ringfence.engine.sip.core.dialogs import challenges_of
from ringfence.engine.sip.core.digest import Credentials, DigestClient
from ringfence.engine.sip.core.endpoint import Endpoint
from ringfence.engine.sip.core.flow import Flow, bracket, is_loopback
from ringfence.engine.sip.core.headers import parse_name_addr, parse_seconds
from ringfence.engine.sip.core.message import Message
from ringfence.engine.sip.core.timers import Timer
from ringfence.engine.sip.core.transactions import Outgoing
from ringfence.kit.ids import TrunkId

OpenFlow = Callable[[TrunkEntry], Flow]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_QUOTE = str.maketrans({'"': "'", "\\": "/"})
_ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'


@dataclass(slots=True, eq=False)
class Trunk:
    """A trunk as it is now."""

    entry: TrunkEntry
    networks: list[Network]
    digest: DigestClient | None
    flow: Flow | None = None
    up: bool = False
    detail: str = ""
    reported: bool = False
    call_id: str = ""
    cseq: int = 0
    failures: int = 0
    wanted_seconds: int = 0
    registered: bool = False
    closed: bool = False
    timers: dict[str, Timer] = field(default_factory=dict)

    @property
    def host(self) -> str:
        entry = self.entry
        usual = 5061 if entry.transport is Transport.TLS else 5060
        return bracket(entry.host) if entry.port == usual else f"{bracket(entry.host)}:{entry.port}"

    @property
    def uri_params(self) -> str:
        return "" if self.entry.transport is Transport.UDP else f";transport={self.entry.transport.value}"

    def stop(self) -> None:
        for timer in self.timers.values():
            timer.cancel()
        self.timers.clear()


class Trunks:
    """All trunks of the directory in force."""

    def __init__(
        self,
        endpoint: Endpoint,
        emit: Callable[[SipEvent], None],
        *,
        open_flow: OpenFlow,
        entropy: Callable[[int], bytes],
        register_seconds: int,
    ) -> None:
        self.endpoint = endpoint
        self._emit = emit
        self._open_flow = open_flow
        self._entropy = entropy
        self._register_seconds = register_seconds
        self._trunks: dict[TrunkId, Trunk] = {}
        self._sources: dict[str, Trunk | None] = {}

    def load(self, entries: Iterable[TrunkEntry]) -> None:
        """Follow a new directory: only trunks whose entry changed are started again."""
        self._sources.clear()
        wanted = {entry.trunk_id: entry for entry in entries}
        for trunk_id, trunk in list(self._trunks.items()):
            if wanted.get(trunk_id) != trunk.entry:
                self._close(trunk)
                del self._trunks[trunk_id]
        for trunk_id, entry in wanted.items():
            if trunk_id not in self._trunks:
                self._start(entry)

    def _start(self, entry: TrunkEntry) -> None:
        networks: list[Network] = []
        for text in entry.allowed_networks:
            try:
                networks.append(ipaddress.ip_network(text, strict=False))
            except ValueError:
                self.endpoint.counters["bad_trunk_networks"] += 1
        digest = None
        if entry.username and entry.password is not None:
            digest = DigestClient(Credentials(entry.username, entry.password), self._entropy)
        trunk = Trunk(entry, networks, digest)
        trunk.call_id = self.endpoint.token(16)
        trunk.wanted_seconds = self._register_seconds
        self._trunks[entry.trunk_id] = trunk
        if not self.permitted(entry):
            self._set(trunk, False, "TLS is needed, or a written reason to do without")
        elif entry.register:
            self._register(trunk)
        elif entry.options_seconds > 0 and entry.outbound:
            self._keep_alive(trunk)
        else:
            self._set(trunk, True, "not watched")

    @staticmethod
    def permitted(entry: TrunkEntry) -> bool:
        """R131: off loopback only TLS, unless the trunk has a written reason."""
        return entry.transport is Transport.TLS or is_loopback(entry.host) or bool(entry.plain_reason)

    def _close(self, trunk: Trunk) -> None:
        trunk.closed = True
        trunk.stop()
        if trunk.up:
            self._set(trunk, False, "removed")

    def unregister_all(self) -> None:
        """Say good-bye to the carriers; called when the server stops."""
        for trunk in self._trunks.values():
            trunk.closed = True
            trunk.stop()
            if trunk.registered:
                trunk.registered = False
                self._send_register(trunk, 0)

    def _set(self, trunk: Trunk, up: bool, detail: str) -> None:
        if trunk.reported and (trunk.up, trunk.detail) == (up, detail):
            return
        changed = not trunk.reported or trunk.up != up or not up
        trunk.up, trunk.detail, trunk.reported = up, detail, True
        if changed:
            self._emit(TrunkStatus(trunk_id=trunk.entry.trunk_id, up=up, detail=detail))

    def _after(self, trunk: Trunk, name: str, seconds: float, action: Callable[[Trunk], None]) -> None:
        old = trunk.timers.pop(name, None)
        if old is not None:
            old.cancel()
        trunk.timers[name] = self.endpoint.timers.after(seconds, partial(action, trunk))

    # Sources

    def up(self, trunk_id: TrunkId) -> bool:
        trunk = self._trunks.get(trunk_id)
        return trunk is not None and trunk.up

    def source(self, flow: Flow) -> TrunkEntry | None:
        """The trunk whose requests come from this flow: opened by us to it, or from one of its networks or its host."""
        if flow.browser:
            return None
        if flow.trunk is not None:
            own = self._trunks.get(TrunkId(flow.trunk))
            return own.entry if own is not None else None
        host = flow.remote[0]
        if host not in self._sources:
            if len(self._sources) > 4096:
                self._sources.clear()
            self._sources[host] = self._by_network(host)
        found = self._sources[host]
        if found is not None:
            return found.entry
        for trunk in self._trunks.values():
            if trunk.entry.register and trunk.flow is not None and trunk.flow.remote[0] == host:
                return trunk.entry
        return None

    def _by_network(self, host: str) -> Trunk | None:
        try:
            address = ipaddress.ip_address(host.partition("%")[0])
        except ValueError:
            return None
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        matches = [
            (network.prefixlen, trunk)
            for trunk in self._trunks.values()
            for network in trunk.networks
            if network.version == address.version and address in network
        ]
        return max(matches, key=lambda match: match[0])[1] if matches else None

    # Calls

    def flow(self, trunk_id: TrunkId) -> Flow | None:
        """A live flow to the trunk, opened when there is none; None when it is unknown or not permitted."""
        trunk = self._trunks.get(trunk_id)
        return None if trunk is None or not self.permitted(trunk.entry) else self._flow(trunk)

    def _flow(self, trunk: Trunk) -> Flow:
        if trunk.flow is None or trunk.flow.closed:
            flow = self._open_flow(trunk.entry)
            flow.trunk = trunk.entry.trunk_id
            if trunk.entry.advertised_host:
                flow.host = trunk.entry.advertised_host
            trunk.flow = flow
            flow.onclose.append(lambda: self._flow_closed(trunk))
        return trunk.flow

    def _flow_closed(self, trunk: Trunk) -> None:
        if trunk.closed or not trunk.entry.register or not trunk.registered:
            return
        trunk.registered = False
        self._set(trunk, False, "connection closed")
        self._after(trunk, "register", self._pause(trunk), self._register)

    def route(self, trunk_id: TrunkId, number: str, caller: Identity) -> Route | None:
        """How a call to ``number`` leaves through the trunk. A private or unknown caller stays so (RFC 3323)."""
        trunk = self._trunks.get(trunk_id)
        flow = self.flow(trunk_id)
        if trunk is None or flow is None:
            return None
        entry = trunk.entry
        user = "".join(char for char in number if char.isalnum() or char in "+*-_.#").replace("#", "%23")
        uri = f"sip:{user}@{trunk.host}"
        headers: tuple[tuple[str, str], ...] = ()
        if caller.private:
            from_ = _ANONYMOUS
            headers = (("Privacy", "id"),)
        elif caller.number is None and not (entry.register and entry.username):
            from_ = _ANONYMOUS
        else:
            from_ = name_addr(caller, trunk.host, default=entry.username or "")
            headers = (("P-Asserted-Identity", from_),)
        return Route(
            flow=flow,
            uri=uri + trunk.uri_params,
            to=uri,
            from_=from_,
            contact_user=entry.username or "",
            headers=headers,
            trunk=trunk_id,
            digest=trunk.digest,
        )

    # Registration

    def _pause(self, trunk: Trunk) -> float:
        config = self.endpoint.config
        trunk.failures += 1
        longest = min(config.retry_first * 2 ** min(trunk.failures - 1, 10), config.retry_last)
        return self.endpoint.between(longest / 2, longest)

    def _register(self, trunk: Trunk) -> None:
        self._send_register(trunk, trunk.wanted_seconds)

    def _send_register(
        self, trunk: Trunk, seconds: int, auth: tuple[tuple[str, str], ...] = (), *, tries: int = 0
    ) -> None:
        entry = trunk.entry
        flow = self._flow(trunk)
        trunk.cseq += 1
        user = entry.username or ""
        address = f"<sip:{user}@{trunk.host}>" if user else f"<sip:{trunk.host}>"
        register = Outgoing(
            "REGISTER",
            f"sip:{trunk.host}{trunk.uri_params}",
            from_=f"{address};tag={self.endpoint.token()}",
            to=address,
            call_id=trunk.call_id,
            cseq=trunk.cseq,
            branch=self.endpoint.branch(),
            headers=[
                ("Contact", f"<{flow.contact(user)}>;expires={seconds}"),
                ("Expires", str(seconds)),
                ("User-Agent", self.endpoint.product),
                *auth,
            ],
        )

        def answered(message: Message) -> None:
            if message.status >= 200:
                self._registered(trunk, register, message, seconds, tries=tries)

        def failed(status: int) -> None:
            self._not_registered(trunk, "no answer" if status == 408 else "no connection")

        self.endpoint.send(flow, register, on_response=answered, on_failure=failed)

    def _registered(self, trunk: Trunk, register: Outgoing, message: Message, seconds: int, *, tries: int) -> None:
        status = message.status
        if status in (401, 407) and trunk.digest is not None:
            stale = any("stale=true" in value.lower().replace(" ", "") for value in challenges_of(message))
            if tries == 0 or (stale and tries < 3):
                header = trunk.digest.authorize(status, challenges_of(message), method="REGISTER", uri=register.uri)
                if header is not None:
                    self._send_register(trunk, seconds, (header,), tries=tries + 1)
                    return
        if trunk.closed:
            return
        floor = parse_seconds(message.get("min-expires"))
        if status == 423 and floor is not None and trunk.wanted_seconds < floor <= 86_400:
            trunk.wanted_seconds = floor
            self._register(trunk)
            return
        if status >= 300:
            refused = status in (401, 403, 404, 407)
            self._not_registered(trunk, f"registration {'refused' if refused else 'failed'} ({status})")
            return
        trunk.failures = 0
        trunk.registered = True
        granted = self._granted(message, seconds)
        self._set(trunk, True, "registered")
        self._after(trunk, "register", max(granted / 2, 1), self._register)
        if trunk.entry.options_seconds > 0 and "options" not in trunk.timers:
            self._after(trunk, "options", trunk.entry.options_seconds, self._keep_alive)

    def _granted(self, message: Message, asked: int) -> int:
        contact = parse_seconds(message.get("expires")) or asked
        shortest: list[int] = []
        for value in message.all("contact"):
            try:
                seconds = parse_seconds(parse_name_addr(value).param("expires"))
            except ValueError:
                continue
            if seconds:
                shortest.append(seconds)
        return min([contact, *shortest])

    def _not_registered(self, trunk: Trunk, detail: str) -> None:
        if trunk.closed:
            return
        trunk.registered = False
        self._set(trunk, False, detail)
        self._after(trunk, "register", self._pause(trunk), self._register)

    # Keep-alive

    def _keep_alive(self, trunk: Trunk) -> None:
        """OPTIONS; any answer but 408 and 503 says that the far side lives."""
        entry = trunk.entry
        flow = self._flow(trunk)
        uri = f"sip:{trunk.host}"
        options = Outgoing(
            "OPTIONS",
            uri + trunk.uri_params,
            from_=f"<{flow.contact(entry.username or '').partition(';')[0]}>;tag={self.endpoint.token()}",
            to=f"<{uri}>",
            call_id=self.endpoint.token(16),
            cseq=1,
            branch=self.endpoint.branch(),
            headers=[("Contact", f"<{flow.contact(entry.username or '')}>"), ("Accept", "application/sdp")],
        )

        def answered(message: Message) -> None:
            if message.status >= 200:
                self._alive(trunk, message.status not in (408, 503), f"answered {message.status}")

        def failed(status: int) -> None:
            self._alive(trunk, False, "no answer" if status == 408 else "no connection")

        self._after(trunk, "options", entry.options_seconds, self._keep_alive)
        self.endpoint.send(flow, options, on_response=answered, on_failure=failed)

    def _alive(self, trunk: Trunk, alive: bool, detail: str) -> None:
        if trunk.closed:
            return
        if not trunk.entry.register:
            self._set(trunk, alive, detail if not alive else "answers OPTIONS")
        elif not alive and trunk.registered:
            trunk.registered = False
            self._set(trunk, False, detail)
            self._after(trunk, "register", self._pause(trunk), self._register)


def name_addr(caller: Identity, host: str, *, default: str) -> str:
    """The caller as a name-addr; characters that could break the header are replaced."""
    number = "".join(char for char in caller.number or default if char.isalnum() or char in "+*-_.")
    name = "".join(char for char in caller.name or "" if char.isprintable()).translate(_QUOTE)
    uri = f"<sip:{number}@{host}>" if number else "<sip:anonymous@anonymous.invalid>"
    return f'"{name}" {uri}' if name else uri
