"""Where bytes enter the core: parse, find the transaction, hand the rest to the user above. Sans-I/O."""

import hashlib
import hmac
from collections import Counter
from collections.abc import Callable
from typing import Protocol

from ringfence.engine.sip.core.config import Limits, Timers
from ringfence.engine.sip.core.flow import Flow
from ringfence.engine.sip.core.message import Headers, Malformed, Message, parse, response
from ringfence.engine.sip.core.timers import TimerHeap
from ringfence.engine.sip.core.transactions import (
    MAGIC,
    ClientInvite,
    ClientTransaction,
    Outgoing,
    ServerInvite,
    ServerTransaction,
    State,
    Table,
    server_key,
)


class User(Protocol):
    """The transaction user (RFC 3261 section 5)."""

    def request(self, message: Message) -> None:
        """A new request; answer it through a transaction or with ``Endpoint.refuse``."""
        ...

    def ack(self, message: Message) -> None:
        """An ACK that belongs to no non-2xx response."""
        ...

    def cancelled(self, transaction: ServerInvite) -> None:
        """The caller cancelled an INVITE that has no final response."""
        ...


class Endpoint:
    """Transactions, entropy, counters and stateless answers, shared by dialogs, registrar and trunks."""

    def __init__(
        self,
        *,
        timers: Timers,
        limits: Limits,
        entropy: Callable[[int], bytes],
        counters: Counter[str],
        product: str,
        now: float = 0.0,
    ) -> None:
        self.config = timers
        self.limits = limits
        self.timers = TimerHeap(now)
        self.table = Table(self.timers, timers)
        self.counters = counters
        self.product = product
        self._entropy = entropy
        self._secret = entropy(16)
        self.user: User | None = None

    @property
    def now(self) -> float:
        return self.timers.now

    def token(self, octets: int = 9) -> str:
        """Fresh hexadecimal randomness for tags and Call-IDs."""
        return self._entropy(octets).hex()

    def branch(self) -> str:
        return MAGIC + self._entropy(9).hex()

    def between(self, low: float, high: float) -> float:
        """A random number of seconds."""
        return low + (high - low) * int.from_bytes(self._entropy(2), "big") / 65535

    def stateless_tag(self, message: Message) -> str:
        """The same To tag for each retransmission, without remembering any (RFC 3261 section 8.2.7)."""
        text = f"{message.branch}|{message.call_id}|{message.cseq}".encode()
        return hmac.new(self._secret, text, hashlib.sha256).hexdigest()[:16]

    def refuse(self, message: Message, status: int, *, headers: Headers = (), reason: str | None = None) -> None:
        """Answer without keeping state: strangers cost no memory."""
        if message.method == "ACK":
            return
        self.counters[f"refused_{status}"] += 1
        tag = self.stateless_tag(message)
        message.flow.send(response(message, status, reason=reason, to_tag=tag, headers=headers))

    def feed(self, data: bytes, flow: Flow) -> None:
        """One message from ``flow``. Never raises for what the peer sent."""
        try:
            message = parse(data, flow, self.limits)
        except Malformed as error:
            self.counters["malformed"] += 1
            if error.request is None:
                self.counters["dropped"] += 1
            else:
                self.refuse(error.request, error.status)
            return
        if message.status:
            self._response(message)
        else:
            self._request(message)

    def _response(self, message: Message) -> None:
        transaction = self.table.clients.get((message.branch, message.cseq_method))
        if transaction is None:
            self.counters["stray_responses"] += 1
        else:
            transaction.receive(message)

    def _request(self, message: Message) -> None:
        assert self.user is not None
        method = message.method
        if method == "ACK":
            transaction = self.table.servers.get(server_key(message, "INVITE"))
            if isinstance(transaction, ServerInvite) and transaction.state is State.COMPLETED:
                transaction.acknowledged()
            elif transaction is None or transaction.state is not State.CONFIRMED:
                self.user.ack(message)
            return
        if method == "CANCEL":
            self._cancel(message)
            return
        known = self.table.servers.get(server_key(message, method))
        if known is None:
            self.user.request(message)
        else:
            self.counters["retransmitted"] += 1
            known.repeat()

    def _cancel(self, message: Message) -> None:
        """RFC 3261 section 9.2; the answer needs no state because it is always the same."""
        assert self.user is not None
        transaction = self.table.servers.get(server_key(message, "INVITE"))
        if not isinstance(transaction, ServerInvite):
            self.refuse(message, 481)
            return
        message.flow.send(response(message, 200, to_tag=transaction.to_tag))
        if transaction.open:
            self.user.cancelled(transaction)

    def serve(
        self,
        message: Message,
        *,
        to_tag: str = "",
        guard: float | None = None,
        on_guard: Callable[[], None] | None = None,
    ) -> ServerTransaction:
        """A server transaction for a non-INVITE request."""
        return ServerTransaction(
            self.table,
            message,
            to_tag=to_tag or self.token(),
            guard=guard or self.config.server_guard,
            on_guard=on_guard,
        )

    def serve_invite(
        self, message: Message, *, to_tag: str, guard: float, on_guard: Callable[[], None] | None = None
    ) -> ServerInvite:
        return ServerInvite(self.table, message, to_tag=to_tag, guard=guard, on_guard=on_guard)

    def answer(self, message: Message, status: int, *, headers: list[tuple[str, str]] | None = None) -> None:
        """Answer a non-INVITE request at once, remembering the answer for its retransmissions."""
        self.serve(message).respond(status, headers=headers)

    def send(
        self,
        flow: Flow,
        outgoing: Outgoing,
        *,
        on_response: Callable[[Message], None],
        on_failure: Callable[[int], None],
    ) -> ClientTransaction:
        """Start a client transaction; INVITE gets its own kind."""
        kind = ClientInvite if outgoing.method == "INVITE" else ClientTransaction
        return kind(self.table, flow, outgoing, on_response=on_response, on_failure=on_failure)

    def flow_closed(self, flow: Flow) -> None:
        """Fail what waits for an answer on a closed connection."""
        for transaction in [each for each in self.table.clients.values() if each.flow is flow]:
            transaction.flow_closed()
