"""All dialogs of one core: what the far side sends in them (this file) and what we do in them (``actions``)."""

from collections.abc import Callable, Mapping
from functools import partial

from ringfence.engine.sip.api import (
    Cancelled,
    DialogConfirmed,
    DialogEnded,
    DialogId,
    IncomingInvite,
    InfoDigit,
    InviteRejected,
    ReinviteReceived,
    Replaces,
    SipEvent,
    Source,
    TrunkSource,
)
from ringfence.engine.sip.core import session
from ringfence.engine.sip.core.dialog import Dialog, Phase, address_without_tag
from ringfence.engine.sip.core.endpoint import Endpoint
from ringfence.engine.sip.core.flow import Flow
from ringfence.engine.sip.core.headers import (
    check_uri,
    parse_digit,
    parse_identity,
    parse_replaces,
    user_of,
)
from ringfence.engine.sip.core.message import ALLOW, SUPPORTED, Message
from ringfence.engine.sip.core.transactions import ServerInvite, ServerTransaction

EMERGENCY = frozenset({"999", "112"})

_SESSION_METHODS = ("INVITE", "UPDATE")


class DialogTable:
    """The dialogs by our id and by (Call-ID, our tag), and the end of each."""

    def __init__(
        self, endpoint: Endpoint, emit: Callable[[SipEvent], None], *, reflow: Callable[[Dialog], Flow | None]
    ) -> None:
        self.endpoint = endpoint
        self.emit = emit
        self._reflow = reflow
        self.by_id: dict[DialogId, Dialog] = {}
        self.by_tag: dict[tuple[str, str], Dialog] = {}
        self.merged: dict[tuple[str, str, int], Dialog] = {}

    def __len__(self) -> int:
        return len(self.by_tag)

    def add(self, dialog: Dialog) -> None:
        self.by_id[dialog.id] = dialog
        self.by_tag[dialog.key] = dialog

    def after(self, dialog: Dialog, name: str, seconds: float, action: Callable[[], None]) -> None:
        """Set or move the timer ``name`` of a dialog."""
        dialog.stop(name)
        dialog.timers[name] = self.endpoint.timers.after(seconds, action)

    def live_flow(self, dialog: Dialog) -> Flow:
        """The dialog's flow, or a new one to the same peer when it was closed."""
        if dialog.flow.closed:
            flow = self._reflow(dialog)
            if flow is not None:
                dialog.flow = flow
        return dialog.flow

    def report(self, dialog: Dialog, event: SipEvent) -> None:
        """The closing event, exactly once."""
        if not dialog.reported:
            dialog.reported = True
            self.emit(event)

    def forget(self, dialog: Dialog) -> None:
        dialog.stop()
        dialog.phase = Phase.ENDED
        dialog.client = dialog.change_client = None
        if dialog.server is not None:
            dialog.server.on_timeout = None
            dialog.server = None
        if dialog.change is not None:
            dialog.change.respond(487)
            dialog.change = None
        self.by_id.pop(dialog.id, None)
        if self.by_tag.get(dialog.key) is dialog:
            del self.by_tag[dialog.key]
        if self.merged.get(dialog.merge_key) is dialog:
            del self.merged[dialog.merge_key]

    def end(self, dialog: Dialog, cause: str) -> None:
        """Forget the dialog and say why."""
        self.forget(dialog)
        self.report(dialog, DialogEnded(dialog=dialog.id, cause=cause))

    def say_bye(self, dialog: Dialog, cause: str) -> None:
        """Send BYE and report; the record stays until its transaction is over, to answer a crossing BYE."""
        dialog.stop()
        dialog.phase = Phase.ENDING
        if dialog.change is not None:
            dialog.change.respond(487)
            dialog.change = None
        flow = self.live_flow(dialog)
        self._bye(dialog, flow, [])
        self.report(dialog, DialogEnded(dialog=dialog.id, cause=cause))

    def _bye(self, dialog: Dialog, flow: Flow, headers: list[tuple[str, str]]) -> None:
        bye = dialog.request("BYE", self.endpoint.branch(), headers=headers)

        def answered(message: Message) -> None:
            if message.status in (401, 407) and dialog.digest is not None and not headers:
                header = dialog.digest.authorize(
                    message.status, challenges_of(message), method="BYE", uri=dialog.target
                )
                if header is not None:
                    self._bye(dialog, flow, [header])
                    return
            if message.status >= 200:
                self.forget(dialog)

        self.endpoint.send(flow, bye, on_response=answered, on_failure=lambda _status: self.forget(dialog))

    def watch(self, dialog: Dialog, refresh: Callable[[Dialog], None]) -> None:
        """(Re)start the session timer (RFC 4028 section 10)."""
        dialog.stop("session")
        timer = dialog.session
        if timer is None:
            return
        if timer.we_refresh:
            self.after(dialog, "session", timer.seconds / 2, lambda: refresh(dialog))
        else:
            patience = timer.seconds - min(32.0, timer.seconds / 3)
            self.after(dialog, "session", patience, lambda: self.say_bye(dialog, "session_expired"))


def challenges_of(message: Message) -> list[str]:
    return message.all("www-authenticate" if message.status == 401 else "proxy-authenticate")


class Incoming:
    """Requests from the far side: the first INVITE and everything inside dialogs."""

    def __init__(
        self,
        table: DialogTable,
        *,
        refresh: Callable[[Dialog], None],
        run_queue: Callable[[Dialog], None],
        referred: Callable[[Dialog, Message], None],
    ) -> None:
        self.table = table
        self.endpoint = table.endpoint
        self._refresh = refresh
        self._run_queue = run_queue
        self._referred = referred

    # The first INVITE

    def invite(self, message: Message, source: Source, *, caller_override: str | None = None) -> None:
        """An INVITE outside dialogs from a known source."""
        endpoint, table = self.endpoint, self.table
        refusal = self._invite_refusal(message)
        if refusal is not None:
            status, headers = refusal
            endpoint.serve_invite(message, to_tag=endpoint.token(), guard=1).respond(status, headers=headers)
            return
        uri = check_uri(message.uri)
        contact = message.contact()
        assert contact is not None
        trusted = isinstance(source, TrunkSource)
        replaces = self._replaces(message)
        caller = parse_identity(
            from_=message.from_,
            asserted=message.all("p-asserted-identity") if trusted else [],
            privacy=";".join(message.all("privacy")),
        )
        if caller_override is not None and not caller.private:
            caller = parse_identity(from_=f"<sip:{caller_override}@device.invalid>", asserted=[], privacy="")
        dialog = Dialog(
            id=DialogId(endpoint.token(12)),
            phase=Phase.INVITED,
            flow=message.flow,
            call_id=message.call_id,
            local_tag=endpoint.token(),
            remote_tag=message.from_tag,
            local=address_without_tag(message.to),
            remote=address_without_tag(message.from_),
            remote_seq=message.cseq,
            invite_seq=message.cseq,
            target=contact,
            routes=message.all("record-route"),
            contact_user=(uri.user or "").partition(";")[0],
            trunk=source.trunk_id if isinstance(source, TrunkSource) else None,
            device=None if isinstance(source, TrunkSource) else source.device_id,
            knows_update="update" in message.tokens("allow"),
        )
        dialog.server = endpoint.serve_invite(
            message,
            to_tag=dialog.local_tag,
            guard=endpoint.config.invite_guard,
            on_guard=lambda: self._unanswered(dialog),
        )
        table.add(dialog)
        table.merged[dialog.merge_key] = dialog
        dialog.server.respond(100)
        table.emit(
            IncomingInvite(
                dialog=dialog.id,
                source=source,
                called=user_of(uri),
                caller=caller,
                sdp=message.sdp,
                replaces=replaces,
                headers=_own_headers(message),
            )
        )

    def _invite_refusal(self, message: Message) -> tuple[int, list[tuple[str, str]]] | None:
        endpoint = self.endpoint
        if (message.call_id, message.from_tag, message.cseq) in self.table.merged:
            return 482, []
        if message.get("max-forwards") in ("0", "00", "000"):
            return 483, []
        unknown = message.tokens("require") - {"timer", "replaces"}
        if unknown:
            return 420, [("Unsupported", ", ".join(sorted(unknown)[:8]))]
        if session.too_small(message, endpoint.config):
            return 422, [("Min-SE", str(endpoint.config.session_min))]
        encoding = message.get("content-encoding")
        if message.body and (message.sdp is None or (encoding and encoding.lower() != "identity")):
            return 415, [("Accept", "application/sdp"), ("Accept-Encoding", "identity")]
        if message.contact() is None:
            return 400, []
        try:
            self._replaces(message)
            address_without_tag(message.to)
        except ValueError:
            return 400, []
        full = len(self.table) >= endpoint.limits.dialogs
        if full and user_of(check_uri(message.uri)) not in EMERGENCY:
            return 503, [("Retry-After", "10")]
        return None

    @staticmethod
    def _replaces(message: Message) -> Replaces | None:
        value = message.get("replaces")
        return parse_replaces(value) if value else None

    def _unanswered(self, dialog: Dialog) -> None:
        if dialog.server is not None:
            dialog.server.respond(408)
        self.table.end(dialog, "failed")

    def cancelled(self, transaction: ServerInvite) -> None:
        """CANCEL for an INVITE without a final response."""
        transaction.respond(487)
        dialog = self.table.by_tag.get((transaction.request.call_id, transaction.to_tag))
        if dialog is not None and dialog.server is transaction and dialog.phase is Phase.INVITED:
            self.table.forget(dialog)
            self.table.report(dialog, Cancelled(dialog=dialog.id))
        elif dialog is not None and dialog.change is transaction:
            dialog.change = None

    # Inside dialogs

    def ack(self, message: Message) -> None:
        """The ACK of a 2xx finds its dialog by Call-ID and To tag, because its branch is new."""
        dialog = self.table.by_tag.get((message.call_id, message.to_tag))
        if dialog is None or message.cseq != dialog.invite_seq:
            self.endpoint.counters["stray_acks"] += 1
            return
        dialog.invite_seq = -1
        if dialog.server is not None:
            dialog.server.acknowledged()
        if dialog.phase is Phase.ANSWERED:
            dialog.phase = Phase.CONFIRMED
            self.table.emit(DialogConfirmed(dialog=dialog.id, sdp=message.sdp if dialog.offerless else None))
            if dialog.hang_up_on_ack:
                self.table.say_bye(dialog, "local")
                return
        elif dialog.offerless and dialog.phase is Phase.CONFIRMED:
            self.table.emit(DialogConfirmed(dialog=dialog.id, sdp=message.sdp))
        dialog.offerless = False
        self._run_queue(dialog)

    def find(self, message: Message) -> Dialog | None:
        """The dialog of a request, None when Call-ID or either tag does not fit."""
        dialog = self.table.by_tag.get((message.call_id, message.to_tag))
        return dialog if dialog is not None and dialog.remote_tag == message.from_tag else None

    def request(self, message: Message) -> None:
        """A request with a To tag, other than ACK and CANCEL."""
        endpoint = self.endpoint
        dialog = self.find(message)
        if dialog is None:
            endpoint.refuse(message, 481)
            return
        if message.cseq <= dialog.remote_seq:
            endpoint.refuse(message, 500, headers=[("Retry-After", "1")])
            return
        unknown = message.tokens("require") - {"timer"}
        if unknown:
            endpoint.refuse(message, 420, headers=[("Unsupported", ", ".join(sorted(unknown)[:8]))])
            return
        if self.table.merged.get(dialog.merge_key) is dialog:
            del self.table.merged[dialog.merge_key]
        dialog.remote_seq = message.cseq
        if dialog.flow.closed:
            dialog.flow = message.flow
            dialog.stop("grace")
        method = message.method
        if method in _SESSION_METHODS:
            self._change(dialog, message)
        elif method == "BYE":
            self._bye(dialog, message)
        elif method == "INFO":
            self._info(dialog, message)
        elif method == "REFER":
            self._referred(dialog, message)
        elif method == "OPTIONS":
            endpoint.answer(message, 200, headers=[ALLOW, ("Accept", "application/sdp")])
        elif method == "NOTIFY":
            endpoint.answer(message, 489)
        else:
            endpoint.answer(message, 405, headers=[ALLOW])

    def _bye(self, dialog: Dialog, message: Message) -> None:
        self.endpoint.answer(message, 200)
        if dialog.server is not None:
            dialog.server.respond(487)
            dialog.server.acknowledged()
        if dialog.client is not None:
            dialog.client.cancel()
        if dialog.phase in (Phase.CALLING, Phase.CANCELLING):
            self.table.report(dialog, InviteRejected(dialog=dialog.id, status=487, reason="Request Terminated"))
        self.table.end(dialog, "bye")

    def _info(self, dialog: Dialog, message: Message) -> None:
        if not message.body:
            self.endpoint.answer(message, 200)
            return
        digit = parse_digit(message.get("content-type") or "", message.body.decode("utf-8", errors="replace"))
        if digit is None:
            self.endpoint.answer(message, 415, headers=[("Accept", "application/dtmf-relay")])
            return
        self.endpoint.answer(message, 200)
        if not dialog.reported:
            self.table.emit(InfoDigit(dialog=dialog.id, digit=digit))

    def _change(self, dialog: Dialog, message: Message) -> None:
        """Re-INVITE or UPDATE (RFC 3261 section 14.2, RFC 3311)."""
        endpoint, config = self.endpoint, self.endpoint.config
        invite = message.method == "INVITE"
        refusal: tuple[int, list[tuple[str, str]]] | None = None
        if session.too_small(message, config):
            refusal = (422, [("Min-SE", str(config.session_min))])
        elif message.body and message.sdp is None:
            refusal = (415, [("Accept", "application/sdp")])
        elif dialog.phase is Phase.ENDING:
            refusal = (481, [])
        elif dialog.change_client is not None and (invite or message.sdp is not None):
            refusal = (491, [])
        elif dialog.change is not None or (invite and dialog.phase is not Phase.CONFIRMED):
            refusal = (500, [("Retry-After", str(1 + int(endpoint.between(0, 9))))])
        elif message.sdp is not None and dialog.phase is not Phase.CONFIRMED:
            refusal = (491, [])
        if refusal is not None:
            self._serve(dialog, message).respond(refusal[0], headers=refusal[1])
            return
        dialog.set_target(message)
        dialog.flow = message.flow
        transaction = self._serve(dialog, message)
        if not invite and message.sdp is None:
            dialog.session, headers = session.accept(message, config)
            transaction.respond(200, headers=[dialog.contact(), ALLOW, SUPPORTED, *headers])
            self.table.watch(dialog, self._refresh)
            return
        dialog.change = transaction
        if invite:
            transaction.respond(100)
        self.table.emit(ReinviteReceived(dialog=dialog.id, sdp=message.sdp))

    def _serve(self, dialog: Dialog, message: Message) -> ServerTransaction:
        def forget() -> None:
            if dialog.change is not None and dialog.change.request is message:
                dialog.change = None

        endpoint = self.endpoint
        if message.method == "INVITE":
            guard = endpoint.config.reinvite_guard
            return endpoint.serve_invite(message, to_tag=dialog.local_tag, guard=guard, on_guard=forget)
        return endpoint.serve(message, to_tag=dialog.local_tag, on_guard=forget)

    # Connections

    def flow_closed(self, flow: Flow) -> None:
        """Dialogs of a closed connection wait a little for their peer to come back on another one."""
        for dialog in [each for each in self.table.by_tag.values() if each.flow is flow]:
            if dialog.trunk is None and not dialog.reported:
                self.table.after(dialog, "grace", self.endpoint.config.flow_grace, partial(self._lost, dialog))

    def _lost(self, dialog: Dialog) -> None:
        if not dialog.flow.closed:
            return
        if dialog.server is not None:
            dialog.server.respond(480)
        self.table.end(dialog, "flow_closed")

    def device_moved(self, device: str, old: Flow | None, new: Flow) -> None:
        """A device registered on a new flow: its dialogs follow."""
        for dialog in self.table.by_tag.values():
            if dialog.device == device and (dialog.flow.closed or (old is not None and dialog.flow.key == old.key)):
                dialog.flow = new
                dialog.stop("grace")


def _own_headers(message: Message) -> Mapping[str, str]:
    own: dict[str, str] = {}
    for name, values in message.headers.items():
        if name.startswith("x-ringfence-") and len(own) < 16:
            own[name] = values[0][:256]
    return own
