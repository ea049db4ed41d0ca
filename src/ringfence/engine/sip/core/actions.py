"""What we do in dialogs: call, ring, answer, hang up, change the session. Each comes back as events."""

from collections.abc import Mapping

from ringfence.engine.sip.api import (
    DialogEnded,
    DialogId,
    InviteAnswered,
    InviteRejected,
    ReinviteAnswered,
    ReinviteRejected,
    Ringing,
)
from ringfence.engine.sip.core import session
from ringfence.engine.sip.core.dialog import Dialog, Phase, Route
from ringfence.engine.sip.core.dialogs import DialogTable, challenges_of
from ringfence.engine.sip.core.headers import parse_seconds
from ringfence.engine.sip.core.message import ALLOW, SUPPORTED, Message, reason_of
from ringfence.engine.sip.core.transactions import ClientInvite, Outgoing, ServerInvite

_AUTH_TRIES = 2


class Actions:
    """The actions of ``api.Sip`` on the dialogs of one core. Unknown and finished dialogs are ignored."""

    def __init__(self, table: DialogTable) -> None:
        self.table = table
        self.endpoint = table.endpoint

    # Calling

    def invite(self, dialog_id: DialogId, route: Route, *, sdp: str, headers: Mapping[str, str]) -> None:
        """Send the first INVITE of a new dialog."""
        endpoint = self.endpoint
        dialog = Dialog(
            id=dialog_id,
            phase=Phase.CALLING,
            flow=route.flow,
            call_id=endpoint.token(16),
            local_tag=endpoint.token(),
            local=route.from_,
            remote=f"<{route.to}>",
            target=route.uri,
            contact_user=route.contact_user,
            device=route.device,
            trunk=route.trunk,
            digest=route.digest,
            caller=True,
            local_sdp=sdp,
        )
        self.table.add(dialog)
        own = [*route.headers, *headers.items()]
        self._send_invite(dialog, own, session.offer(endpoint.config), [])

    def _send_invite(
        self,
        dialog: Dialog,
        own: list[tuple[str, str]],
        timer: list[tuple[str, str]],
        auth: list[tuple[str, str]],
    ) -> None:
        invite = dialog.request(
            "INVITE",
            self.endpoint.branch(),
            headers=[dialog.contact(), ALLOW, *timer, *own, *auth],
            body=dialog.local_sdp,
        )

        def answered(message: Message) -> None:
            self._invite_answered(dialog, invite, message, own, timer, auth)

        def failed(status: int) -> None:
            if dialog.phase is Phase.CANCELLING:
                status = 487
            self._rejected(dialog, status, reason_of(status))

        transaction = self.endpoint.send(dialog.flow, invite, on_response=answered, on_failure=failed)
        assert isinstance(transaction, ClientInvite)
        dialog.client = transaction

    def _rejected(self, dialog: Dialog, status: int, reason: str) -> None:
        self.table.forget(dialog)
        self.table.report(dialog, InviteRejected(dialog=dialog.id, status=status, reason=reason))

    def _invite_answered(
        self,
        dialog: Dialog,
        invite: Outgoing,
        message: Message,
        own: list[tuple[str, str]],
        timer: list[tuple[str, str]],
        auth: list[tuple[str, str]],
    ) -> None:
        status = message.status
        if 200 <= status < 300:
            self._accepted(dialog, invite, message)
            return
        if dialog.phase not in (Phase.CALLING, Phase.CANCELLING):
            return
        if status < 200:
            if status > 100 and dialog.phase is Phase.CALLING:
                if message.to_tag:
                    dialog.remote_tag = message.to_tag
                    dialog.set_target(message)
                    dialog.routes = list(reversed(message.all("record-route")))
                dialog.early_sdp = message.sdp or dialog.early_sdp
                self.table.emit(Ringing(dialog=dialog.id, status=status, sdp=message.sdp))
            return
        if dialog.phase is Phase.CALLING:
            dialog.remote_tag, dialog.target, dialog.routes = "", invite.uri, []
            if status in (401, 407) and dialog.digest is not None and dialog.auth_tries < _AUTH_TRIES:
                dialog.auth_tries += 1
                header = dialog.digest.authorize(status, challenges_of(message), method="INVITE", uri=dialog.target)
                if header is not None:
                    self._send_invite(dialog, own, timer, [header])
                    return
            floor = parse_seconds(message.get("min-se"))
            if status == 422 and floor is not None and (parse_seconds(timer[-1][1]) or 0) < floor <= 86_400:
                self._send_invite(dialog, own, session.offer(self.endpoint.config, min_se=floor), auth)
                return
        final = 487 if dialog.phase is Phase.CANCELLING else status
        self._rejected(dialog, final, message.reason if final == status else reason_of(final))

    def _accepted(self, dialog: Dialog, invite: Outgoing, message: Message) -> None:
        """A 2xx to our first INVITE: acknowledge each one; a fork or a late one is ended at once."""
        first = dialog.phase in (Phase.CALLING, Phase.CANCELLING)
        if not first:
            if message.to_tag == dialog.remote_tag and dialog.ack:
                dialog.flow.send(dialog.ack)
            else:
                self._drop_fork(dialog, invite, message)
            return
        cancelling = dialog.phase is Phase.CANCELLING
        dialog.remote_tag = message.to_tag
        dialog.target = invite.uri
        dialog.set_target(message)
        dialog.routes = list(reversed(message.all("record-route")))
        dialog.knows_update = "update" in message.tokens("allow")
        dialog.phase = Phase.CONFIRMED
        dialog.client = None
        dialog.ack = self._ack(dialog, invite.cseq)
        dialog.flow.send(dialog.ack)
        sdp = message.sdp or dialog.early_sdp
        if cancelling or sdp is None:
            status = 487 if cancelling else 488
            self.table.report(dialog, InviteRejected(dialog=dialog.id, status=status, reason=reason_of(status)))
            self.table.say_bye(dialog, "local")
            return
        dialog.session = session.agreed(message)
        self.table.watch(dialog, self.refresh)
        self.table.emit(InviteAnswered(dialog=dialog.id, sdp=sdp))

    def _ack(self, dialog: Dialog, cseq: int) -> bytes:
        return dialog.request("ACK", self.endpoint.branch(), cseq=cseq).wire(dialog.flow)

    def _drop_fork(self, dialog: Dialog, invite: Outgoing, message: Message) -> None:
        if not message.to_tag:
            return
        contact = message.contact()
        target = contact if contact is not None else invite.uri
        routes = list(reversed(message.all("record-route")))
        for method, cseq in (("ACK", invite.cseq), ("BYE", invite.cseq + 1)):
            out = Outgoing(
                method,
                target,
                from_=invite.from_,
                to=message.to,
                call_id=invite.call_id,
                cseq=cseq,
                branch=self.endpoint.branch(),
                routes=routes,
            )
            if method == "ACK":
                dialog.flow.send(out.wire(dialog.flow))
            else:
                self.endpoint.send(dialog.flow, out, on_response=lambda _m: None, on_failure=lambda _s: None)

    # Answering

    def ring(self, dialog_id: DialogId, *, status: int, sdp: str | None) -> None:
        """A provisional response, repeated each minute."""
        dialog = self.table.by_id.get(dialog_id)
        if dialog is None or dialog.server is None or dialog.phase is not Phase.INVITED or not 100 < status < 200:
            return
        dialog.server.respond(status, headers=[dialog.contact(), ALLOW], body=sdp or "")
        self.table.after(
            dialog, "ring", self.endpoint.config.ring_refresh, lambda: self.ring(dialog_id, status=status, sdp=sdp)
        )

    def answer(self, dialog_id: DialogId, *, sdp: str) -> None:
        """200 with ``sdp``; without an ACK in 64 x T1 the dialog ends."""
        dialog = self.table.by_id.get(dialog_id)
        if dialog is None or dialog.server is None or dialog.phase is not Phase.INVITED:
            return
        dialog.stop("ring")
        request = dialog.server.request
        dialog.session, timer = session.accept(request, self.endpoint.config)
        dialog.phase = Phase.ANSWERED
        dialog.offerless = request.sdp is None
        dialog.local_sdp = sdp
        dialog.server.on_timeout = lambda: self.table.say_bye(dialog, "no_ack")
        headers = [dialog.contact(), ALLOW, SUPPORTED, *timer]
        dialog.server.respond(200, headers=headers, body=sdp)
        self.table.watch(dialog, self.refresh)

    # Ending

    def hang_up(self, dialog_id: DialogId, *, status: int, reason: str | None) -> None:
        """Reject, CANCEL or BYE, whatever the dialog needs now."""
        dialog = self.table.by_id.get(dialog_id)
        if dialog is None or dialog.reported:
            return
        if dialog.phase is Phase.INVITED and dialog.server is not None:
            dialog.server.respond(status if 300 <= status < 700 else 486, reason=reason)
            self.table.end(dialog, "local")
        elif dialog.phase is Phase.ANSWERED:
            # RFC 3261 section 15: no BYE before the ACK of our 2xx, or before it is given up.
            dialog.hang_up_on_ack = True
            self.table.report(dialog, DialogEnded(dialog=dialog.id, cause="local"))
        elif dialog.phase is Phase.CALLING and dialog.client is not None:
            dialog.phase = Phase.CANCELLING
            dialog.client.cancel()
        elif dialog.phase is Phase.CONFIRMED:
            self.table.say_bye(dialog, "local")

    # Changing the session

    def reinvite(self, dialog_id: DialogId, *, sdp: str) -> None:
        """Offer a new session; waits while another change is on its way."""
        dialog = self.table.by_id.get(dialog_id)
        if dialog is None or dialog.reported:
            return
        dialog.queued_sdp = sdp
        self.run_queue(dialog)

    def run_queue(self, dialog: Dialog) -> None:
        """Send the waiting re-INVITE when nothing stands before it."""
        busy = dialog.change is not None or dialog.change_client is not None or "glare" in dialog.timers
        if dialog.queued_sdp is None or busy or dialog.phase is not Phase.CONFIRMED or dialog.invite_seq >= 0:
            return
        dialog.local_sdp, dialog.queued_sdp = dialog.queued_sdp, None
        self._change("INVITE", dialog, silent=False)

    def refresh(self, dialog: Dialog) -> None:
        """Keep the session alive, by UPDATE where the peer knows it (RFC 4028 section 7.4)."""
        if dialog.phase is not Phase.CONFIRMED:
            self.table.watch(dialog, self.refresh)
        elif dialog.knows_update:
            self._change("UPDATE", dialog, silent=True)
        elif dialog.change is None and dialog.change_client is None:
            self._change("INVITE", dialog, silent=True)
        else:
            self.table.after(dialog, "session", 5, lambda: self.refresh(dialog))

    def _change(self, method: str, dialog: Dialog, *, silent: bool, auth: list[tuple[str, str]] | None = None) -> None:
        seconds = dialog.session.seconds if dialog.session else None
        flow = self.table.live_flow(dialog)
        out = dialog.request(
            method,
            self.endpoint.branch(),
            headers=[dialog.contact(), ALLOW, *session.offer(self.endpoint.config, seconds=seconds), *(auth or [])],
            body=dialog.local_sdp if method == "INVITE" else "",
        )

        def answered(message: Message) -> None:
            if message.status >= 200:
                self._change_answered(dialog, out, message, silent=silent, tried=auth is not None)

        def failed(status: int) -> None:
            dialog.change_client = None
            self._change_failed(dialog, status, silent=silent)

        transaction = self.endpoint.send(flow, out, on_response=answered, on_failure=failed)
        if isinstance(transaction, ClientInvite):
            dialog.change_client = transaction

    def _change_answered(self, dialog: Dialog, out: Outgoing, message: Message, *, silent: bool, tried: bool) -> None:
        status, invite = message.status, out.method == "INVITE"
        if invite and status < 300:
            if dialog.ack_branch != out.branch:
                dialog.set_target(message)
                dialog.ack, dialog.ack_branch = self._ack(dialog, out.cseq), out.branch
                first = True
            else:
                first = False
            dialog.flow.send(dialog.ack)
            if not first:
                return
        if invite:
            dialog.change_client = None
        if dialog.phase is not Phase.CONFIRMED:
            return
        if status < 300:
            if not invite:
                dialog.set_target(message)
            dialog.session = session.agreed(message)
            self.table.watch(dialog, self.refresh)
            sdp = message.sdp
            if not silent:
                event = (
                    ReinviteRejected(dialog=dialog.id, status=488)
                    if sdp is None
                    else ReinviteAnswered(dialog=dialog.id, sdp=sdp)
                )
                self.table.emit(event)
            self.run_queue(dialog)
        elif status in (401, 407) and dialog.digest is not None and not tried:
            header = dialog.digest.authorize(status, challenges_of(message), method=out.method, uri=dialog.target)
            if header is None:
                self._change_failed(dialog, status, silent=silent)
            else:
                self._change(out.method, dialog, silent=silent, auth=[header])
        elif status == 491:
            low, high = (2.1, 4.0) if dialog.caller else (0.0, 2.0)

            def again() -> None:
                dialog.stop("glare")
                if dialog.phase is Phase.CONFIRMED and silent:
                    self.refresh(dialog)
                else:
                    self.run_queue(dialog)

            if not silent and dialog.queued_sdp is None:
                dialog.queued_sdp = dialog.local_sdp
            self.table.after(dialog, "glare", self.endpoint.between(low, high), again)
        else:
            self._change_failed(dialog, status, silent=silent)

    def _change_failed(self, dialog: Dialog, status: int, *, silent: bool) -> None:
        if dialog.phase is not Phase.CONFIRMED:
            return
        if status in (408, 481):
            # RFC 3261 section 12.2.1.2: the far side has lost the dialog.
            self.table.say_bye(dialog, "failed")
            return
        if not silent:
            self.table.emit(ReinviteRejected(dialog=dialog.id, status=status))
        elif status in (405, 501):
            dialog.knows_update = False
            self.table.after(dialog, "session", 1, lambda: self.refresh(dialog))
        elif dialog.session is not None:
            self.table.watch(dialog, self.refresh)
        self.run_queue(dialog)

    def accept_reinvite(self, dialog_id: DialogId, *, sdp: str) -> None:
        """200 to their re-INVITE or UPDATE."""
        dialog = self.table.by_id.get(dialog_id)
        if dialog is None or dialog.change is None:
            return
        transaction, dialog.change = dialog.change, None
        request = transaction.request
        dialog.local_sdp = sdp
        dialog.session, timer = session.accept(request, self.endpoint.config)
        if isinstance(transaction, ServerInvite):
            dialog.server = transaction
            dialog.invite_seq = request.cseq
            dialog.offerless = request.sdp is None
            transaction.on_timeout = lambda: self.table.say_bye(dialog, "no_ack")
        headers = [dialog.contact(), ALLOW, SUPPORTED, *timer]
        transaction.respond(200, headers=headers, body=sdp)
        self.table.watch(dialog, self.refresh)
        self.run_queue(dialog)

    def reject_reinvite(self, dialog_id: DialogId, *, status: int) -> None:
        """The session stays as it was."""
        dialog = self.table.by_id.get(dialog_id)
        if dialog is None or dialog.change is None:
            return
        transaction, dialog.change = dialog.change, None
        transaction.respond(status if 300 <= status < 700 else 488)
        self.run_queue(dialog)
