"""Being told to transfer: REFER in a dialog, and the NOTIFYs that say how it goes (RFC 3515, RFC 4488, RFC 3891)."""

from ringfence.engine.sip.api import DialogId, ReferReceived, Replaces
from ringfence.engine.sip.core.dialog import Dialog, Phase
from ringfence.engine.sip.core.dialogs import DialogTable, challenges_of
from ringfence.engine.sip.core.headers import check_uri, parse_refer_to, user_of
from ringfence.engine.sip.core.message import Message, reason_of

_FRAGMENT = "message/sipfrag;version=2.0"
_SECONDS = 180
"""How long the subscription may live; longer than any ringing."""


class Referrals:
    """The implicit subscriptions of REFER, one at a time in each dialog.

    So no NOTIFY carries an id, which RFC 3515 section 2.4.6 wants for the second one of a dialog: nothing could be
    confused, and PJSIP answers 481 to an id.
    """

    def __init__(self, table: DialogTable) -> None:
        self.table = table
        self.endpoint = table.endpoint

    def received(self, dialog: Dialog, message: Message) -> None:
        """A REFER in a dialog: reported, and answered by ``accept`` or ``reject``."""
        values = message.all("refer-to")
        try:
            if len(values) != 1:
                raise ValueError("REFER needs one Refer-To.")
            uri, replaces = parse_refer_to(values[0])
            target = user_of(check_uri(uri))
        except ValueError:
            self.endpoint.answer(message, 400)
            return
        busy = dialog.refer is not None or dialog.referral
        if dialog.reported or dialog.phase is not Phase.CONFIRMED or busy:
            self.endpoint.answer(message, 500, headers=[("Retry-After", "2")])
            return
        transaction = self.endpoint.serve(message, to_tag=dialog.local_tag)
        silent = (message.get("refer-sub") or "").strip().lower() == "false"

        def answer(status: int) -> None:
            dialog.stop("refer")
            dialog.refer = None
            headers: list[tuple[str, str]] = []
            if status < 300:
                headers.append(dialog.contact())
                if silent:
                    headers.append(("Refer-Sub", "false"))
                else:
                    dialog.referral = True
            transaction.respond(status, headers=headers)

        dialog.refer = answer
        self.table.after(dialog, "refer", self.endpoint.config.server_guard / 2, lambda: answer(501))
        self.table.emit(ReferReceived(dialog=dialog.id, target=target, replaces=replaces))

    def accept(self, dialog_id: DialogId) -> None:
        """202: it is tried; how it goes is told by ``notify``."""
        dialog = self.table.by_id.get(dialog_id)
        if dialog is not None and dialog.refer is not None:
            dialog.refer(202)
            self.notify(dialog_id, status=100, final=False)

    def reject(self, dialog_id: DialogId, *, status: int) -> None:
        dialog = self.table.by_id.get(dialog_id)
        if dialog is not None and dialog.refer is not None:
            dialog.refer(status if 300 <= status < 700 else 501)

    def notify(self, dialog_id: DialogId, *, status: int, final: bool) -> None:
        """Tell what the destination answered. Nothing is sent when nobody asked to be told, or after a final one."""
        dialog = self.table.by_id.get(dialog_id)
        if dialog is None or not dialog.referral or dialog.phase is not Phase.CONFIRMED:
            return
        state = "terminated;reason=noresource" if final else f"active;expires={_SECONDS}"
        headers = [dialog.contact(), ("Event", "refer"), ("Subscription-State", state)]
        if final:
            dialog.referral = False
        self._send(dialog, headers, f"SIP/2.0 {status} {reason_of(status)}\r\n")

    def _send(self, dialog: Dialog, headers: list[tuple[str, str]], fragment: str, *, tried: bool = False) -> None:
        notify = dialog.request("NOTIFY", self.endpoint.branch(), headers=headers, body=fragment)
        notify.content_type = _FRAGMENT

        def answered(message: Message) -> None:
            if message.status in (401, 407) and dialog.digest is not None and not tried:
                header = dialog.digest.authorize(
                    message.status, challenges_of(message), method="NOTIFY", uri=dialog.target
                )
                if header is not None:
                    self._send(dialog, [*headers, header], fragment, tried=True)
            elif message.status >= 300:
                dialog.referral = False  # nobody listens; the call itself goes on

        flow = self.table.live_flow(dialog)
        self.endpoint.send(flow, notify, on_response=answered, on_failure=lambda _status: None)

    def replaced(self, replaces: Replaces) -> DialogId | None:
        """The established dialog that Replaces means; its tags are as we, its receiver, see them (RFC 3891)."""
        dialog = self.table.by_tag.get((replaces.call_id, replaces.to_tag))
        if dialog is None or dialog.remote_tag != replaces.from_tag or dialog.reported:
            return None
        if dialog.phase is not Phase.CONFIRMED or replaces.early_only:
            return None
        return dialog.id
