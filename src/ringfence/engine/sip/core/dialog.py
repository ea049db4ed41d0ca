"""What a dialog remembers (RFC 3261 section 12), as plain data, and the requests that follow from it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from ringfence.engine.sip.api import DialogId
from ringfence.engine.sip.core.digest import DigestClient
from ringfence.engine.sip.core.flow import Flow
from ringfence.engine.sip.core.headers import NameAddr, parse_name_addr
from ringfence.engine.sip.core.message import Message
from ringfence.engine.sip.core.session import Session
from ringfence.engine.sip.core.timers import Timer
from ringfence.engine.sip.core.transactions import ClientInvite, Outgoing, ServerInvite, ServerTransaction


class Phase(Enum):
    INVITED = "invited"
    """They invited us; no final response yet."""
    ANSWERED = "answered"
    """Our 2xx is out; ACK awaited."""
    CALLING = "calling"
    """We invited them; no final response yet."""
    CANCELLING = "cancelling"
    CONFIRMED = "confirmed"
    ENDING = "ending"
    """Our BYE is out; kept only to answer theirs."""
    ENDED = "ended"


@dataclass(frozen=True, kw_only=True)
class Route:
    """Everything an outgoing call needs to know about its way."""

    flow: Flow
    uri: str
    to: str
    """URI of the To header."""
    from_: str
    """Name-addr of the From header, without a tag."""
    contact_user: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    device: str | None = None
    trunk: str | None = None
    digest: DigestClient | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Dialog:
    """One side of a call."""

    id: DialogId
    phase: Phase
    flow: Flow
    call_id: str
    local_tag: str
    local: str
    """From header of our requests, without tag."""
    remote: str
    """To header of our requests, without tag."""
    target: str
    """Remote target: the Request-URI of our requests."""
    remote_tag: str = ""
    local_seq: int = 0
    remote_seq: int = -1
    invite_seq: int = -1
    """CSeq of the INVITE whose ACK is awaited."""
    routes: list[str] = field(default_factory=list)
    contact_user: str = ""
    device: str | None = None
    trunk: str | None = None
    digest: DigestClient | None = None
    caller: bool = False
    """We sent the first INVITE; owns the Call-ID (RFC 3261 section 14.1)."""
    server: ServerInvite | None = None
    """The first INVITE, while it is ours to answer."""
    client: ClientInvite | None = None
    """The first INVITE, while they have to answer."""
    change: ServerTransaction | None = None
    """Their re-INVITE or UPDATE, while it is ours to answer."""
    change_client: ClientInvite | None = None
    """Our re-INVITE, while they have to answer."""
    queued_sdp: str | None = None
    """A re-INVITE that has to wait its turn."""
    local_sdp: str = ""
    early_sdp: str | None = None
    offerless: bool = False
    """Our 2xx carried the offer, so their ACK carries the answer."""
    ack: bytes = b""
    ack_branch: str = ""
    session: Session | None = None
    knows_update: bool = False
    hang_up_on_ack: bool = False
    refer: Callable[[int], None] | None = None
    """Answers a pending REFER."""
    referral: bool = False
    """An accepted one waits for its last NOTIFY."""
    auth_tries: int = 0
    reported: bool = False
    """The closing event is out; nothing follows it."""
    timers: dict[str, Timer] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        return (self.call_id, self.local_tag)

    @property
    def merge_key(self) -> tuple[str, str, int]:
        return (self.call_id, self.remote_tag, self.remote_seq)

    def stop(self, *names: str) -> None:
        """Cancel the named timers, or all."""
        for name in names or tuple(self.timers):
            timer = self.timers.pop(name, None)
            if timer is not None:
                timer.cancel()

    def contact(self) -> tuple[str, str]:
        return ("Contact", f"<{self.flow.contact(self.contact_user)}>")

    def set_target(self, message: Message) -> None:
        """Target refresh (RFC 3261 section 12.2)."""
        contact = message.contact()
        if contact is not None:
            self.target = contact

    def request(
        self,
        method: str,
        branch: str,
        *,
        headers: list[tuple[str, str]] | None = None,
        body: str = "",
        cseq: int | None = None,
    ) -> Outgoing:
        """The next request inside this dialog (RFC 3261 section 12.2.1.1); ACK takes the CSeq of its INVITE."""
        if cseq is None:
            self.local_seq += 1
            cseq = self.local_seq
        return Outgoing(
            method,
            self.target,
            from_=f"{self.local};tag={self.local_tag}",
            to=f"{self.remote};tag={self.remote_tag}" if self.remote_tag else self.remote,
            call_id=self.call_id,
            cseq=cseq,
            branch=branch,
            routes=self.routes,
            headers=headers,
            body=body,
        )


def address_without_tag(value: str) -> str:
    """A From or To value as name-addr without parameters, ready for a tag of its own."""
    address: NameAddr = parse_name_addr(value)
    head, bracket, _ = value.rpartition(">")
    return f"{head}{bracket}" if bracket else f"<{address.uri}>"
