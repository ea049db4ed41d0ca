"""Keeping an eye on pages that fall silent: nothing here ever ends a pause while its call lasts (R28)."""

from datetime import datetime, timedelta

from django.db import transaction

from ringfence.centre.audit.actions import SYSTEM, record
from ringfence.centre.calls.models import Call
from ringfence.centre.jobs.actions import raise_alarm
from ringfence.centre.live.actions import emit
from ringfence.centre.live.models import Topic
from ringfence.centre.payments import entries
from ringfence.centre.payments.actions.payments import UNWATCHED, close, tell_exchange
from ringfence.centre.payments.models import CloseProof, Payment, PaymentState
from ringfence.centre.payments.queries import settings_of
from ringfence.centre.tenancy import all_clients, scope
from ringfence.kit.ids import AgentId


def watch(*, now: datetime) -> int:
    """Warns of every open payment whose page has been silent too long; how many warnings were given."""
    with all_clients("payments of every client are watched"):
        open_ones = list(Payment.objects.filter(state=PaymentState.OPEN))
        ended = set(
            Call.objects.filter(pk__in={payment.call_id for payment in open_ones}, ended_at__isnull=False).values_list(
                "pk", flat=True
            )
        )
    given = 0
    for payment in open_ones:
        if payment.call_id in ended:
            close(payment, CloseProof.CALL_ENDED, actor=SYSTEM, now=now)
        else:
            given += _warn(payment, now=now)
    return given


def settle(*, now: datetime) -> int:
    """The exchange is told of closes that it could not be told of before; how many are still to be told."""
    with all_clients("payments of every client are settled"):
        stuck = list(Payment.objects.filter(state=PaymentState.ASKED, asked_at__lt=now - timedelta(minutes=1)))
    for payment in stuck:  # the web process died between asking and the answer: no page was opened
        with transaction.atomic(), scope(payment.client_id):
            given_up = Payment.objects.filter(pk=payment.payment_id, state=PaymentState.ASKED).update(
                state=PaymentState.CLOSED, closed_at=now, closed_by=CloseProof.NEVER_OPENED
            )
            if given_up:  # otherwise the answer has come after all, and a page may be open under the pause
                entry = entries.PaymentNotPaused(payment_id=payment.payment_id, call_id=payment.call_id, cause="lost")
                record(entry, actor=SYSTEM, client=payment.client_id)
    with all_clients("payments of every client are settled"):
        pending = list(Payment.objects.filter(state=PaymentState.CLOSED, told_at=None))
    return sum(not tell_exchange(payment, now=now) for payment in pending)


def _warn(payment: Payment, *, now: datetime) -> int:
    seen = payment.seen_at or payment.opened_at or payment.asked_at
    silent = now - seen
    times = settings_of(payment.client_id)
    given = 0
    for field, who, after in (
        ("warned_agent_at", "agent", times.warn_agent_seconds),
        ("warned_supervisor_at", "supervisor", times.warn_supervisor_seconds),
    ):
        if getattr(payment, field) is not None or silent < timedelta(seconds=after):
            continue
        with transaction.atomic(), scope(payment.client_id):
            still = Payment.objects.filter(
                pk=payment.payment_id, state=PaymentState.OPEN, seen_at=payment.seen_at, **{field: None}
            ).update(**{field: now})
            if not still:
                continue
            seconds = round(silent.total_seconds())
            entry = entries.PaymentUnwatched(
                payment_id=payment.payment_id, call_id=payment.call_id, warned=who, seconds=seconds
            )
            record(entry, actor=SYSTEM, client=payment.client_id)
            if who == "supervisor":
                raise_alarm(UNWATCHED, at=now, subject=payment.payment_id, client=payment.client_id)
                told = {"code": UNWATCHED, "subject": payment.payment_id}
                emit(Topic.ALARM, told, client=payment.client_id, at=now)
            payload = {
                "call": payment.call_id,
                "kind": "payment_unwatched",
                "payment": payment.payment_id,
                "warned": who,
            }
            emit(Topic.RECORDING, payload, client=payment.client_id, agent=AgentId(payment.agent_id), at=now)
        given += 1
    return given
