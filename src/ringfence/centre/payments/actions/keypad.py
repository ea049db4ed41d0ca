"""Keypad entry: the caller types, the exchange passes the digits to the payment provider and to nobody else (R29)."""

from datetime import datetime

from django.db import transaction

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of
from ringfence.centre.audit.actions import record
from ringfence.centre.live.exchange import Outcome, ask
from ringfence.centre.payments import entries
from ringfence.centre.payments.access import access_own_payment
from ringfence.centre.payments.errors import NotFound
from ringfence.centre.payments.models import Payment, PaymentState
from ringfence.control.commands import StartKeypad, StopKeypad
from ringfence.control.facts import KeypadField
from ringfence.kit.ids import AgentId, CallId


def _open(user: User, payment_id: str) -> Payment:
    payment = access_own_payment(user, payment_id)
    if payment.state != PaymentState.OPEN:
        raise NotFound
    return payment


def start_keypad(user: User, *, payment_id: str, field: KeypadField, now: datetime) -> Outcome:
    """From the answer on, the caller's keys go to the payment provider only. Raises NotFound."""
    payment = _open(user, payment_id)
    outcome = ask(
        StartKeypad(
            call_id=CallId(payment.call_id),
            agent_id=AgentId(payment.agent_id),
            payment_id=payment_id,
            field=field,
        )
    )
    if outcome.done is not None:
        with transaction.atomic():
            entry = entries.KeypadStarted(payment_id=payment_id, call_id=payment.call_id, field=field.value)
            record(entry, actor=actor_of(user), client=payment.client_id, at=now)
    return outcome


def stop_keypad(user: User, *, payment_id: str, now: datetime) -> Outcome:
    """The caller's keys are ordinary again. Raises NotFound."""
    payment = _open(user, payment_id)
    outcome = ask(
        StopKeypad(call_id=CallId(payment.call_id), agent_id=AgentId(payment.agent_id), payment_id=payment_id)
    )
    if outcome.done is not None:
        with transaction.atomic():
            entry = entries.KeypadStopped(payment_id=payment_id, call_id=payment.call_id)
            record(entry, actor=actor_of(user), client=payment.client_id, at=now)
    return outcome
