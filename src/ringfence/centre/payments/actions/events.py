"""Events of a client's payment provider: opened and closed, signed, once each (docs/reference/payment-events.md)."""

import json
import re
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from ringfence.centre.audit.actions import Actor, record
from ringfence.centre.jobs.actions import raise_alarm
from ringfence.centre.payments import entries, secrets
from ringfence.centre.payments.actions.payments import close, note_without_pause
from ringfence.centre.payments.errors import NotSigned, Repeated, Unreadable
from ringfence.centre.payments.models import (
    CloseProof,
    Payment,
    PaymentSettings,
    PaymentState,
    ProviderEvent,
    Sighting,
)
from ringfence.centre.tenancy import all_clients, scope

PROVIDER = Actor("", "Payment provider")
REFUSED = "payment_event_refused"
"""Alarm: somebody sends events that are not signed."""
_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_KEYS = {"event_id", "event", "payment"}


@dataclass(frozen=True)
class _Event:
    event_id: str
    event: str
    payment_id: str


def take_event(client: str, *, signature: str, body: bytes, now: datetime) -> str:
    """The event has counted: ``opened``, ``closed``, ``without_pause`` or ``closed_before``. Raises EventError.

    An unknown client, one without a secret and a wrong signature are the same refusal.
    """
    secret = _secret_of(client)
    try:
        if not secret:
            raise NotSigned
        secrets.check(secret, signature, body, now=now)
    except NotSigned:
        raise_alarm(REFUSED, at=now)  # not audited one by one: anybody could make the trail grow
        raise
    event = _read(body)
    with scope(client):
        payment = Payment.objects.filter(pk=event.payment_id).first() if event.payment_id else None
        try:
            with transaction.atomic():
                ProviderEvent.objects.create(client_id=client, event_id=event.event_id, at=now)
                entry = entries.EventTaken(
                    event_id=event.event_id, event=event.event, payment_id=payment.payment_id if payment else ""
                )
                record(entry, actor=PROVIDER, client=client)
        except IntegrityError:
            raise Repeated from None
    return _apply(client, event, payment, now=now)


def _apply(client: str, event: _Event, payment: Payment | None, *, now: datetime) -> str:
    if event.event == "closed":
        if payment is not None and close(payment, CloseProof.PROVIDER, actor=PROVIDER, now=now):
            return "closed"
        return "closed_before"
    if payment is not None and payment.state == PaymentState.OPEN:
        with scope(client):
            Payment.objects.filter(pk=payment.payment_id).update(provider_opened_at=now)
        return "opened"
    note_without_pause(
        client,
        source=Sighting.Source.PROVIDER,
        actor=PROVIDER,
        now=now,
        call_id=payment.call_id if payment else "",
        agent_id=payment.agent_id if payment else "",
        payment_id=payment.payment_id if payment else "",
    )
    return "without_pause"


def _secret_of(client: str) -> str:
    with all_clients("the client is known only by its signature"):
        row = PaymentSettings.objects.filter(client_id=client).first()
    return secrets.show(row.callback_secret) if row is not None and row.callback_secret is not None else ""


def _read(body: bytes) -> _Event:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise Unreadable("The body is not JSON. Send a JSON object in UTF-8.") from None
    if not isinstance(found, dict):
        raise Unreadable
    if unknown := sorted(set(found) - _KEYS):
        raise Unreadable(f"The field {unknown[0][:40]!r} is not known. Leave it out; never send card data here.")
    for field in sorted(_KEYS):
        value = found.get(field, "" if field == "payment" else None)
        if not isinstance(value, str) or not (_ID.fullmatch(value) or (field == "payment" and value == "")):
            raise Unreadable(f"{field} is a text of at most 64 letters, digits, dots, colons, - or _.")
    if found["event"] not in ("opened", "closed"):
        raise Unreadable("event is opened or closed.")
    return _Event(event_id=found["event_id"], event=found["event"], payment_id=found.get("payment", ""))
