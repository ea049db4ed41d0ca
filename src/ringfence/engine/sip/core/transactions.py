"""Transactions: RFC 3261 section 17 with the corrections of RFC 6026. Sans-I/O.

A transaction keeps wire bytes, not messages: a retransmission costs no building. Every one ends by a timer of its own,
whatever its user forgets, so that none can be left behind.
"""

from collections.abc import Callable
from enum import Enum

from typing_extensions import override

from ringfence.engine.sip.core.config import Timers
from ringfence.engine.sip.core.flow import Flow
from ringfence.engine.sip.core.message import Message, request, response
from ringfence.engine.sip.core.timers import Timer, TimerHeap

MAGIC = "z9hG4bK"


class State(Enum):
    CALLING = "calling"
    PROCEEDING = "proceeding"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    TERMINATED = "terminated"


def server_key(message: Message, method: str) -> str:
    """RFC 3261 section 17.2.3; without the magic cookie by the RFC 2543 rules."""
    if message.branch.startswith(MAGIC):
        return f"{message.branch}|{message.sent_by.lower()}|{method}"
    via = message.vias[0]
    return f"{message.call_id}|{message.from_tag}|{message.cseq}|{message.uri}|{via}|{method}"


class Table:
    """All transactions of one core, by their keys."""

    def __init__(self, timers: TimerHeap, config: Timers) -> None:
        self.timers = timers
        self.config = config
        self.servers: dict[str, ServerTransaction] = {}
        self.clients: dict[tuple[str, str], ClientTransaction] = {}

    def __len__(self) -> int:
        return len(self.servers) + len(self.clients)


class ServerTransaction:
    """Answers retransmissions of a non-INVITE request with what was answered before (RFC 3261 section 17.2.2)."""

    __slots__ = ("_guard", "_on_guard", "_timer", "key", "reply", "request", "state", "table", "to_tag")

    def __init__(
        self, table: Table, message: Message, *, to_tag: str, guard: float, on_guard: Callable[[], None] | None = None
    ) -> None:
        self.table = table
        self.request = message
        self.to_tag = to_tag
        self.key = server_key(message, message.method)
        self.state = State.PROCEEDING
        self.reply = b""
        self._timer: Timer | None = None
        self._on_guard = on_guard
        self._guard: Timer | None = table.timers.after(guard, self._unanswered)
        table.servers[self.key] = self

    @property
    def open(self) -> bool:
        """No final response yet."""
        return self.state is State.PROCEEDING

    def respond(
        self,
        status: int,
        *,
        reason: str | None = None,
        headers: list[tuple[str, str]] | None = None,
        body: str = "",
    ) -> None:
        """Send a response; anything after a final one is ignored."""
        if not self.open:
            return
        tag = "" if status == 100 else self.to_tag
        self.reply = response(self.request, status, reason=reason, to_tag=tag, headers=headers or (), body=body)
        self.request.flow.send(self.reply)
        if status >= 200:
            self._stop_guard()
            self._final(status)

    def repeat(self) -> None:
        """The request came again."""
        if self.reply and self.state is not State.CONFIRMED:
            self.request.flow.send(self.reply)

    def _final(self, status: int) -> None:  # noqa: ARG002 - INVITE tells 2xx from others
        self.state = State.COMPLETED
        if self.request.flow.reliable:
            self.terminate()
        else:
            self._timer = self.table.timers.after(self.table.config.transaction, self.terminate)

    def _stop_guard(self) -> None:
        if self._guard is not None:
            self._guard.cancel()
            self._guard = None

    def _unanswered(self) -> None:
        self._guard = None
        if self._on_guard is not None:
            self._on_guard()
        self.respond(500)

    def terminate(self) -> None:
        self._stop_guard()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.state = State.TERMINATED
        if self.table.servers.get(self.key) is self:
            del self.table.servers[self.key]


class ServerInvite(ServerTransaction):
    """RFC 6026 section 7.1: repeats a 2xx until ACK on every transport, another final until ACK on UDP."""

    __slots__ = ("_end", "_interval", "on_timeout")

    def __init__(
        self, table: Table, message: Message, *, to_tag: str, guard: float, on_guard: Callable[[], None] | None = None
    ) -> None:
        super().__init__(table, message, to_tag=to_tag, guard=guard, on_guard=on_guard)
        self._interval = table.config.t1
        self._end: Timer | None = None
        self.on_timeout: Callable[[], None] | None = None
        """Called when no ACK came for a 2xx in 64 x T1."""

    @override
    def _final(self, status: int) -> None:
        config = self.table.config
        if status < 300:
            self.state = State.ACCEPTED
            self._timer = self.table.timers.after(self._interval, self._again)
        else:
            self.state = State.COMPLETED
            if not self.request.flow.reliable:
                self._timer = self.table.timers.after(self._interval, self._again)
        self._end = self.table.timers.after(config.transaction, self._expired)

    def _again(self) -> None:
        self.request.flow.send(self.reply)
        self._interval = min(self._interval * 2, self.table.config.t2)
        self._timer = self.table.timers.after(self._interval, self._again)

    def acknowledged(self) -> None:
        """The ACK came; retransmissions of the INVITE are absorbed for a while longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.on_timeout = None
        if self.state is State.COMPLETED:
            self.state = State.CONFIRMED
            if self._end is not None:
                self._end.cancel()
            if self.request.flow.reliable:
                self.terminate()
            else:
                self._end = self.table.timers.after(self.table.config.t4, self.terminate)

    def _expired(self) -> None:
        on_timeout, self.on_timeout = self.on_timeout, None
        self.terminate()
        if on_timeout is not None:
            on_timeout()

    @override
    def _unanswered(self) -> None:
        self._guard = None
        if self._on_guard is not None:
            self._on_guard()
        self.respond(408)

    @override
    def terminate(self) -> None:
        if self._end is not None:
            self._end.cancel()
            self._end = None
        super().terminate()


class Outgoing:
    """The parts of a request of ours; it can be put on the wire again with another branch or CSeq."""

    __slots__ = (
        "body",
        "branch",
        "call_id",
        "content_type",
        "cseq",
        "from_",
        "headers",
        "method",
        "routes",
        "to",
        "uri",
    )

    def __init__(
        self,
        method: str,
        uri: str,
        *,
        from_: str,
        to: str,
        call_id: str,
        cseq: int,
        branch: str,
        routes: list[str] | None = None,
        headers: list[tuple[str, str]] | None = None,
        body: str = "",
        content_type: str = "application/sdp",
    ) -> None:
        self.method = method
        self.uri = uri
        self.from_ = from_
        self.to = to
        self.call_id = call_id
        self.cseq = cseq
        self.branch = branch
        self.routes = routes or []
        self.headers = headers or []
        self.body = body
        self.content_type = content_type

    def wire(self, flow: Flow) -> bytes:
        return request(
            self.method,
            self.uri,
            via=flow.via,
            branch=self.branch,
            from_=self.from_,
            to=self.to,
            call_id=self.call_id,
            cseq=self.cseq,
            routes=self.routes,
            headers=self.headers,
            body=self.body,
            content_type=self.content_type,
        )

    def derived(self, method: str, flow: Flow, *, to: str) -> bytes:
        """The CANCEL or non-2xx ACK of this INVITE (RFC 3261 sections 9.1 and 17.1.1.3)."""
        return request(
            method,
            self.uri,
            via=flow.via,
            branch=self.branch,
            from_=self.from_,
            to=to,
            call_id=self.call_id,
            cseq=self.cseq,
            routes=self.routes,
        )


class ClientTransaction:
    """Sends a non-INVITE request until it is answered (RFC 3261 section 17.1.2).

    ``on_response`` sees every response once; ``on_failure`` sees 408 after Timer F or 503 when the flow is gone.
    """

    __slots__ = (
        "_end",
        "_interval",
        "_timer",
        "flow",
        "key",
        "on_failure",
        "on_response",
        "outgoing",
        "state",
        "table",
        "wire",
    )

    def __init__(
        self,
        table: Table,
        flow: Flow,
        outgoing: Outgoing,
        *,
        on_response: Callable[[Message], None],
        on_failure: Callable[[int], None],
    ) -> None:
        self.table = table
        self.flow = flow
        self.outgoing = outgoing
        self.on_response = on_response
        self.on_failure = on_failure
        self.state = State.CALLING
        self.key = (outgoing.branch, outgoing.method)
        self.wire = outgoing.wire(flow)
        self._interval = table.config.t1
        self._timer: Timer | None = None
        table.clients[self.key] = self
        self._end: Timer | None = None
        if flow.send(self.wire):
            self._end = table.timers.after(table.config.transaction, self._timeout)
            if not flow.reliable:
                self._timer = table.timers.after(self._interval, self._again)
        else:
            self._end = table.timers.after(0, self.flow_closed)

    @property
    def open(self) -> bool:
        return self.state in (State.CALLING, State.PROCEEDING)

    def _again(self) -> None:
        self.flow.send(self.wire)
        if self.state is State.PROCEEDING:
            self._interval = self.table.config.t2
        else:
            self._interval = min(self._interval * 2, self.table.config.t2)
        self._timer = self.table.timers.after(self._interval, self._again)

    def receive(self, message: Message) -> None:
        """A response with our branch came."""
        if not self.open:
            return
        if message.status < 200:
            self.state = State.PROCEEDING
        else:
            self._stop()
            self.state = State.COMPLETED
            if self.flow.reliable:
                self.terminate()
            else:
                self._end = self.table.timers.after(self.table.config.t4, self.terminate)
        self.on_response(message)

    def flow_closed(self) -> None:
        """The connection is gone: what is still open fails with 503."""
        if self.open:
            self.terminate()
            self.on_failure(503)

    def _timeout(self) -> None:
        self.terminate()
        self.on_failure(408)

    def _stop(self) -> None:
        for timer in (self._timer, self._end):
            if timer is not None:
                timer.cancel()
        self._timer = self._end = None

    def terminate(self) -> None:
        self._stop()
        self.state = State.TERMINATED
        if self.table.clients.get(self.key) is self:
            del self.table.clients[self.key]


class ClientInvite(ClientTransaction):
    """RFC 3261 section 17.1.1 and RFC 6026: every 2xx goes up, other finals are acknowledged here.

    ``on_response`` sees every provisional and every 2xx, and the first other final.
    """

    __slots__ = ("_ack", "_cancel")

    def __init__(
        self,
        table: Table,
        flow: Flow,
        outgoing: Outgoing,
        *,
        on_response: Callable[[Message], None],
        on_failure: Callable[[int], None],
    ) -> None:
        self._ack = b""
        self._cancel = False
        super().__init__(table, flow, outgoing, on_response=on_response, on_failure=on_failure)

    @override
    def _again(self) -> None:
        self.flow.send(self.wire)
        self._interval *= 2
        self._timer = self.table.timers.after(self._interval, self._again)

    def cancel(self) -> None:
        """Send CANCEL now, or on the first provisional response (RFC 3261 section 9.1)."""
        if self._cancel or not self.open:
            return
        self._cancel = True
        if self.state is State.PROCEEDING:
            self._send_cancel()

    def _send_cancel(self) -> None:
        out = self.outgoing
        cancel = Outgoing(
            "CANCEL",
            out.uri,
            from_=out.from_,
            to=out.to,
            call_id=out.call_id,
            cseq=out.cseq,
            branch=out.branch,
            routes=out.routes,
        )
        ClientTransaction(
            self.table, self.flow, cancel, on_response=lambda _message: None, on_failure=lambda _status: None
        )
        self._restart(self.table.config.transaction)

    def _restart(self, seconds: float) -> None:
        self._stop()
        self._end = self.table.timers.after(seconds, self._timeout)

    @override
    def receive(self, message: Message) -> None:
        status = message.status
        if status < 200:
            if not self.open:
                return
            first = self.state is State.CALLING
            self.state = State.PROCEEDING
            if first and self._cancel:
                self._send_cancel()
            elif not self._cancel:
                self._restart(self.table.config.proceeding)
            self.on_response(message)
        elif status < 300:
            if self.open:
                self._stop()
                self.state = State.ACCEPTED
                self._end = self.table.timers.after(self.table.config.transaction, self.terminate)
            if self.state is State.ACCEPTED:
                self.on_response(message)
        elif self.open:
            self._stop()
            self._ack = self.outgoing.derived("ACK", self.flow, to=message.to)
            self.flow.send(self._ack)
            self.state = State.COMPLETED
            if self.flow.reliable:
                self.terminate()
            else:
                self._end = self.table.timers.after(self.table.config.transaction, self.terminate)
            self.on_response(message)
        elif self.state is State.COMPLETED:
            self.flow.send(self._ack)
