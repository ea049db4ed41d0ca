"""One payment, from the agent's click to the proof that its page is closed (R25, R26, R28, C9).

The page's address leaves the server only after the exchange has confirmed the pause, and only once: to the session that
asked, within seconds. Whoever got it also got the page's secret, and only with that secret can a close be proven. A
page that falls silent proves nothing, so the recording stays paused.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import transaction

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of, agent_of
from ringfence.centre.accounts.rights import Right
from ringfence.centre.audit.actions import SYSTEM, Actor, record
from ringfence.centre.calls.access import access_own_call, scope_of
from ringfence.centre.calls.errors import NotFound as NoCall
from ringfence.centre.calls.models import Call
from ringfence.centre.jobs.actions import clear_alarms
from ringfence.centre.live.actions import emit
from ringfence.centre.live.exchange import ask
from ringfence.centre.live.models import Topic
from ringfence.centre.payments import entries, secrets
from ringfence.centre.payments.access import access_own_payment
from ringfence.centre.payments.errors import LinkRefused, NotFound, NotPaused
from ringfence.centre.payments.links import Allowed, Fault, Verdict, judge
from ringfence.centre.payments.models import CloseProof, Payment, PaymentLink, PaymentState, Sighting
from ringfence.centre.tenancy import scope
from ringfence.control.commands import ClosePayment, OpenPayment
from ringfence.kit.ids import AgentId, CallId

UNWATCHED = "payment_unwatched"
"""Alarm: nobody knows whether the page of a paused call is closed."""


@dataclass(frozen=True, kw_only=True)
class Opening:
    """The pause is in force; the desk may open the page now."""

    payment_id: str
    token: str
    """Opens the page once, in this session, within seconds."""


@dataclass(frozen=True, kw_only=True)
class Launch:
    """What the payment window shows."""

    payment: Payment
    link: PaymentLink
    address: str
    secret: str
    """Proves that it is this page that speaks."""


def open_payment(
    user: User, *, call_id: str, link_id: str, address: str = "", session_key: str, now: datetime
) -> Opening:
    """Pause the recording of the agent's own call for a payment page of the client's list.

    ``address``: the page with the customer's reference, when the list's own address is not enough. Raises NotFound,
    LinkRefused (reported; nothing is paused) or NotPaused (nothing was opened).
    """
    call = _own_live_call(user, call_id, now=now)
    agent = agent_of(user)
    if agent is None or call.client_id is None:
        raise NotFound
    with scope(call.client_id):
        links = {link.link_id: link for link in PaymentLink.objects.filter(removed_at=None)}
    chosen = links.get(link_id)
    if address.strip():
        verdict = judge(address.strip(), _lines(links.values()), plain_loopback=settings.RINGFENCE_DEMO)
        if verdict.link is None or verdict.address is None:
            _report(user, call, agent.agent_id, verdict, now=now)
            raise LinkRefused
        chosen, wanted = links[verdict.link.link_id], verdict.address.whole
    elif chosen is not None:
        wanted = f"{chosen.origin}{chosen.path}"
    if chosen is None:
        raise NotFound
    with transaction.atomic(), scope(call.client_id):
        payment = Payment.objects.create(
            client_id=call.client_id,
            call_id=call.call_id,
            agent_id=agent.agent_id,
            user_id=user.id.hex,
            link=chosen,
            session_digest=secrets.digest(session_key),
            asked_at=now,
        )
        entry = entries.PaymentAsked(
            payment_id=payment.payment_id, call_id=call.call_id, agent_id=agent.agent_id, link_id=chosen.link_id
        )
        record(entry, actor=actor_of(user), client=call.client_id)
    outcome = ask(
        OpenPayment(call_id=CallId(call.call_id), agent_id=AgentId(agent.agent_id), payment_id=payment.payment_id)
    )
    if outcome.done is None:
        _not_paused(user, payment, lost=outcome.lost, now=now)
        raise NotPaused(outcome.message, lost=outcome.lost)
    return _paused(user, payment, wanted, now=now)


def _lines(links: Collection[PaymentLink]) -> list[Allowed]:
    return [Allowed(link_id=link.link_id, origin=link.origin, path=link.path) for link in links]


def _own_live_call(user: User, call_id: str, *, now: datetime) -> Call:
    try:
        call = access_own_call(user, call_id, now=now)
    except NoCall:
        raise NotFound from None
    if call.ended_at is not None:
        raise NotFound
    return call


def _paused(user: User, payment: Payment, address: str, *, now: datetime) -> Opening:
    """Raises NotPaused when the answer came so late that :func:`watch.settle` has given the payment up meanwhile."""
    token = secrets.new_secret()
    with transaction.atomic(), scope(payment.client_id):
        opened = Payment.objects.filter(pk=payment.payment_id, state=PaymentState.ASKED).update(
            state=PaymentState.OPEN,
            opened_at=now,
            seen_at=now,
            token_digest=secrets.digest(token),
            token_until=now + secrets.TOKEN_LIFE,
            address=secrets.hide(address),
        )
        if not opened:  # its pause ends, or has ended already
            raise NotPaused(lost=True)
        entry = entries.PaymentOpened(payment_id=payment.payment_id, call_id=payment.call_id, link_id=payment.link_id)
        record(entry, actor=actor_of(user), client=payment.client_id)
        _tell(payment, "payment_opened", at=now)
    return Opening(payment_id=payment.payment_id, token=token)


def _not_paused(user: User, payment: Payment, *, lost: bool, now: datetime) -> None:
    """Without an answer the exchange may have paused; the page was not opened, so that pause may end at once."""
    with transaction.atomic(), scope(payment.client_id):
        payment.state = PaymentState.CLOSED if lost else PaymentState.REFUSED
        payment.closed_at = now
        payment.closed_by = CloseProof.NEVER_OPENED
        payment.told_at = None if lost else now
        payment.save()
        entry = entries.PaymentNotPaused(
            payment_id=payment.payment_id, call_id=payment.call_id, cause="lost" if lost else "refused"
        )
        record(entry, actor=actor_of(user), client=payment.client_id)


def _report(user: User, call: Call, agent_id: str, verdict: Verdict, *, now: datetime) -> None:
    near = verdict.near or ""
    kind = Sighting.Kind.NEAR_MISS if near else Sighting.Kind.OTHER_LINK
    fault = verdict.fault or Fault.UNREADABLE
    assert call.client_id is not None
    with transaction.atomic(), scope(call.client_id):
        Sighting.objects.create(
            client_id=call.client_id,
            kind=kind,
            source=Sighting.Source.DESK,
            at=now,
            call_id=call.call_id,
            agent_id=agent_id,
            link_id=near or None,
            host=verdict.address.host if verdict.address else "",
            fault=fault.value,
        )
        entry = entries.LinkRefused(call_id=call.call_id, kind=kind.value, fault=fault.value, near=near)
        record(entry, actor=actor_of(user), client=call.client_id)
        payload = {"call": call.call_id, "kind": kind.value, "reason": fault.value}
        emit(Topic.RECORDING, payload, client=call.client_id, agent=AgentId(agent_id), at=now)


def tell_without_pause(user: User, *, call_id: str, now: datetime) -> None:
    """The agent says that a card was taken on this call without the button (C9). Raises NotFound."""
    try:
        call = access_own_call(user, call_id, now=now)
    except NoCall:
        raise NotFound from None
    agent = agent_of(user)
    if agent is None or call.client_id is None:
        raise NotFound
    note_without_pause(
        call.client_id,
        source=Sighting.Source.AGENT,
        actor=actor_of(user),
        call_id=call.call_id,
        agent_id=agent.agent_id,
        now=now,
    )


def note_without_pause(
    client: str,
    *,
    source: Sighting.Source,
    actor: Actor,
    now: datetime,
    call_id: str = "",
    agent_id: str = "",
    payment_id: str = "",
) -> None:
    """A payment that no pause covered is in the report, and the supervisors are told."""
    with transaction.atomic(), scope(client):
        Sighting.objects.create(
            client_id=client,
            kind=Sighting.Kind.WITHOUT_PAUSE,
            source=source,
            at=now,
            call_id=call_id,
            agent_id=agent_id,
            payment_id=payment_id,
        )
        record(
            entries.WithoutPause(call_id=call_id, payment_id=payment_id, source=source.value),
            actor=actor,
            client=client,
        )
        payload = {"call": call_id, "kind": "payment_without_pause", "reason": source.value}
        emit(Topic.RECORDING, payload, client=client, agent=AgentId(agent_id) if agent_id else None, at=now)


def launch(user: User, *, token: str, session_key: str, now: datetime) -> Launch:
    """The page of the payment, given out this once. Raises NotFound for a token that is wrong, used, late or stolen."""
    with scope_of(user, Right.TAKE_CALLS):
        payment: Payment | None = (
            Payment.objects.select_related("link").filter(token_digest=secrets.digest(token) or "-").first()
        )
    if payment is None:
        raise NotFound
    if cause := _launch_fault(payment, user, session_key, now=now):
        with transaction.atomic():
            entry = entries.LaunchRefused(payment_id=payment.payment_id, call_id=payment.call_id, cause=cause)
            record(entry, actor=actor_of(user), client=payment.client_id)
        raise NotFound
    secret = secrets.new_secret()
    assert payment.address is not None
    address = secrets.show(payment.address)
    with transaction.atomic(), scope(payment.client_id):
        taken = Payment.objects.filter(
            pk=payment.payment_id, state=PaymentState.OPEN, launched_at=None, token_digest=payment.token_digest
        ).update(launched_at=now, seen_at=now, page_digest=secrets.digest(secret), address=None)
        if not taken:  # the same token in the same moment
            raise NotFound
        entry_launched = entries.PaymentLaunched(payment_id=payment.payment_id, call_id=payment.call_id)
        record(entry_launched, actor=actor_of(user), client=payment.client_id)
        _tell(payment, "payment_launched", at=now)
    return Launch(
        payment=payment,
        link=payment.link,
        address=_with_reference(address, payment.link.reference_field, payment.payment_id),
        secret=secret,
    )


def _launch_fault(payment: Payment, user: User, session_key: str, *, now: datetime) -> str:
    """Why this launch may not be; empty when it may."""
    if payment.user_id != user.id.hex:
        return "another person"
    if not secrets.fits(session_key, payment.session_digest):
        return "another session"
    if payment.launched_at is not None:
        return "used before"
    if payment.state != PaymentState.OPEN:
        return "closed"
    if payment.token_until is None or now >= payment.token_until:
        return "too late"
    with scope(payment.client_id):
        if Call.objects.filter(pk=payment.call_id, ended_at__isnull=False).exists():
            return "call ended"
    return ""


def _with_reference(address: str, field: str, payment_id: str) -> str:
    if not field:
        return address
    return f"{address}{'&' if '?' in address else '?'}{field}={payment_id}"


def beat(user: User, *, payment_id: str, secret: str, now: datetime) -> bool:
    """The page is there; True while the payment is open. Raises NotFound. Not audited: it changes no state but time."""
    payment = access_own_payment(user, payment_id)
    if not secrets.fits(secret, payment.page_digest):
        raise NotFound
    if payment.state != PaymentState.OPEN:
        return False
    warned = payment.warned_agent_at is not None or payment.warned_supervisor_at is not None
    with transaction.atomic(), scope(payment.client_id):
        Payment.objects.filter(pk=payment_id, state=PaymentState.OPEN).update(
            seen_at=now, warned_agent_at=None, warned_supervisor_at=None
        )
        if warned:
            clear_alarms(UNWATCHED, at=now, subject=payment_id)
            _tell(payment, "payment_seen", at=now)
    return True


def close_page(user: User, *, payment_id: str, secret: str, now: datetime) -> None:
    """The page proves with its secret that it is closed. Raises NotFound, audited, for any other secret."""
    payment = access_own_payment(user, payment_id)
    if not secrets.fits(secret, payment.page_digest):
        with transaction.atomic():
            entry = entries.CloseRefused(
                payment_id=payment.payment_id, call_id=payment.call_id, cause="not the page's secret"
            )
            record(entry, actor=actor_of(user), client=payment.client_id)
        raise NotFound
    close(payment, CloseProof.PAGE, actor=actor_of(user), now=now)


def finish(user: User, *, payment_id: str, now: datetime) -> None:
    """The agent says that the payment is finished although no page proved it (in the report). Raises NotFound."""
    payment = access_own_payment(user, payment_id)
    actor = actor_of(user)
    if not close(payment, CloseProof.NEVER_OPENED, actor=actor, now=now):
        close(payment, CloseProof.AGENT, actor=actor, now=now)


def close(payment: Payment, proof: CloseProof, *, actor: Actor = SYSTEM, now: datetime) -> bool:
    """The payment is over and the exchange is told, now or as soon as it answers. False when it was over before."""
    with transaction.atomic(), scope(payment.client_id):
        still = Payment.objects.filter(pk=payment.payment_id, state=PaymentState.OPEN)
        if proof is CloseProof.NEVER_OPENED:
            still = still.filter(launched_at=None)
        closed = still.update(state=PaymentState.CLOSED, closed_at=now, closed_by=proof, address=None)
        if not closed:
            return False
        began = payment.opened_at or payment.asked_at
        entry = entries.PaymentClosed(
            payment_id=payment.payment_id,
            call_id=payment.call_id,
            proof=proof.value,
            seconds=max(0, round((now - began).total_seconds())),
        )
        record(entry, actor=actor, client=payment.client_id)
        clear_alarms(UNWATCHED, at=now, subject=payment.payment_id)
        _tell(payment, "payment_closed", at=now)
    tell_exchange(payment, now=now)
    return True


def tell_exchange(payment: Payment, *, now: datetime) -> bool:
    """The exchange knows that the payment is closed; False while it cannot be told."""
    outcome = ask(
        ClosePayment(call_id=CallId(payment.call_id), agent_id=AgentId(payment.agent_id), payment_id=payment.payment_id)
    )
    if outcome.lost:
        return False
    # A refusal means that the call has gone, and its pause with it.
    with scope(payment.client_id):
        Payment.objects.filter(pk=payment.payment_id).update(told_at=now)
    return True


def _tell(payment: Payment, kind: str, *, at: datetime) -> None:
    payload = {"call": payment.call_id, "kind": kind, "payment": payment.payment_id}
    emit(Topic.RECORDING, payload, client=payment.client_id, agent=AgentId(payment.agent_id), at=at)
