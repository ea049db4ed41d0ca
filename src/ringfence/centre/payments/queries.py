"""Reading payments: what the desk shows, what supervisors watch, what the report tells."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of
from ringfence.centre.accounts.rights import Right
from ringfence.centre.audit.actions import record
from ringfence.centre.calls.access import scope_of
from ringfence.centre.payments.entries import ReportSeen
from ringfence.centre.payments.models import (
    CloseProof,
    Payment,
    PaymentLink,
    PaymentSettings,
    PaymentState,
    Sighting,
)
from ringfence.centre.tenancy import scope

MAX_ROWS = 1000


@dataclass(frozen=True, kw_only=True)
class Times:
    """A client's times, in seconds."""

    warn_agent_seconds: int = 120
    warn_supervisor_seconds: int = 300
    long_pause_seconds: int = 900
    mask_reminder_seconds: int = 60


@dataclass(frozen=True, kw_only=True)
class OpenPayment:
    """A payment that is not proven closed."""

    payment_id: str
    client: str
    call_id: str
    agent_id: str
    link: str
    opened_at: datetime
    seen_at: datetime
    """Last sign of life of the page."""
    launched: bool
    warn_agent_at: datetime
    """Without another sign of life, the agent is warned from here on."""
    warn_supervisor_at: datetime


@dataclass(frozen=True, kw_only=True)
class PaymentRow:
    """One line of the report."""

    payment_id: str
    client: str
    call_id: str
    agent_id: str
    link: str
    opened_at: datetime
    closed_at: datetime | None
    proof: CloseProof | None
    seconds: float
    """How long the recording was paused, or has been until now."""
    never_closed: bool
    """The call ended, or the agent spoke, before anything proved the close."""
    too_long: bool


@dataclass(frozen=True, kw_only=True)
class SightingRow:
    kind: Sighting.Kind
    source: Sighting.Source
    at: datetime
    client: str
    call_id: str
    agent_id: str
    link: str
    host: str
    fault: str


@dataclass(frozen=True, kw_only=True)
class PaymentReport:
    """What needs looking at between two instants; every count is of the whole period."""

    payments: int
    pauses: Sequence[PaymentRow]
    """Never closed, or too long."""
    near_misses: Sequence[SightingRow]
    without_pause: Sequence[SightingRow]
    cut: bool
    """There are more than fit."""


def settings_of(client: str) -> Times:
    """The client's times, or the defaults."""
    with scope(client):
        row = PaymentSettings.objects.filter(client_id=client).first()
    if row is None:
        return Times()
    return Times(
        warn_agent_seconds=row.warn_agent_seconds,
        warn_supervisor_seconds=row.warn_supervisor_seconds,
        long_pause_seconds=row.long_pause_seconds,
        mask_reminder_seconds=row.mask_reminder_seconds,
    )


def takes_events(client: str) -> bool:
    """The client's payment provider has a secret and may send events."""
    with scope(client):
        return bool(PaymentSettings.objects.filter(client_id=client).exclude(callback_secret=None).exists())


def links_of(client: str) -> list[PaymentLink]:
    """The payment pages that may be opened for the client, by name."""
    with scope(client):
        return list(PaymentLink.objects.filter(client_id=client, removed_at=None).order_by("name", "link_id"))


def open_payments_of_call(client: str, call_id: str) -> list[OpenPayment]:
    """What keeps the call paused for payment, oldest first."""
    times = settings_of(client)
    with scope(client):
        rows = Payment.objects.filter(call_id=call_id, state=PaymentState.OPEN).select_related("link")
        return [_open(row, times) for row in rows.order_by("opened_at", "payment_id")]


def open_payments(user: User) -> list[OpenPayment]:
    """Pauses for payment in force now, of the clients whose payments ``user`` may see; oldest first."""
    with scope_of(user, Right.SEE_PAYMENTS):
        rows = list(Payment.objects.filter(state=PaymentState.OPEN).select_related("link").order_by("opened_at"))
    return [_open(row, settings_of(row.client_id)) for row in rows]


def _open(row: Payment, times: Times) -> OpenPayment:
    opened_at = row.opened_at or row.asked_at
    seen_at = row.seen_at or opened_at
    return OpenPayment(
        payment_id=row.payment_id,
        client=row.client_id,
        call_id=row.call_id,
        agent_id=row.agent_id,
        link=row.link.name,
        opened_at=opened_at,
        seen_at=seen_at,
        launched=row.launched_at is not None,
        warn_agent_at=seen_at + timedelta(seconds=times.warn_agent_seconds),
        warn_supervisor_at=seen_at + timedelta(seconds=times.warn_supervisor_seconds),
    )


def payment_report(
    user: User,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    client: str = "",
    now: datetime,
) -> PaymentReport:
    """Pauses never closed or too long, near misses, payments without a pause. Looking is audited."""
    with transaction.atomic(), scope_of(user, Right.SEE_PAYMENTS):
        of_client = Q(client_id=client) if client else Q()
        opened = Payment.objects.filter(of_client, opened_at__isnull=False)
        seen = Sighting.objects.filter(of_client)
        if since is not None:
            opened, seen = opened.filter(opened_at__gte=since), seen.filter(at__gte=since)
        if until is not None:
            opened, seen = opened.filter(opened_at__lt=until), seen.filter(at__lt=until)
        payments = opened.count()
        unsure = [CloseProof.AGENT, CloseProof.CALL_ENDED]
        shortest = _shortest_long_pause()
        doubtful = opened.filter(
            Q(closed_by__in=unsure)
            | Q(closed_at=None, opened_at__lte=now - shortest)
            | Q(closed_at__gte=F("opened_at") + shortest)
        )
        rows = list(doubtful.select_related("link").order_by("-opened_at", "-payment_id")[: MAX_ROWS + 1])
        sightings = list(seen.select_related("link").order_by("-at", "-id")[: MAX_ROWS + 1])
        pauses = [row for row in (_row(item, now=now) for item in rows[:MAX_ROWS]) if row.never_closed or row.too_long]
        lines = [_sighting(item) for item in sightings[:MAX_ROWS]]
        report = PaymentReport(
            payments=payments,
            pauses=pauses,
            near_misses=[line for line in lines if line.kind != Sighting.Kind.WITHOUT_PAUSE],
            without_pause=[line for line in lines if line.kind == Sighting.Kind.WITHOUT_PAUSE],
            cut=len(rows) > MAX_ROWS or len(sightings) > MAX_ROWS,
        )
        record(ReportSeen(rows=len(pauses) + len(lines)), actor=actor_of(user), client=client or None)
    return report


def _shortest_long_pause() -> timedelta:
    """The shortest such time of any client in the scope; the rows themselves are judged by their own client's."""
    own = PaymentSettings.objects.order_by("long_pause_seconds").values_list("long_pause_seconds", flat=True).first()
    return timedelta(seconds=min(own or Times.long_pause_seconds, Times.long_pause_seconds))


def _row(row: Payment, *, now: datetime) -> PaymentRow:
    opened_at = row.opened_at or row.asked_at
    seconds = ((row.closed_at or now) - opened_at).total_seconds()
    proof = CloseProof(row.closed_by) if row.closed_by else None
    return PaymentRow(
        payment_id=row.payment_id,
        client=row.client_id,
        call_id=row.call_id,
        agent_id=row.agent_id,
        link=row.link.name,
        opened_at=opened_at,
        closed_at=row.closed_at,
        proof=proof,
        seconds=seconds,
        never_closed=proof in (CloseProof.AGENT, CloseProof.CALL_ENDED),
        too_long=seconds >= settings_of(row.client_id).long_pause_seconds,
    )


def _sighting(row: Sighting) -> SightingRow:
    return SightingRow(
        kind=Sighting.Kind(row.kind),
        source=Sighting.Source(row.source),
        at=row.at,
        client=row.client_id,
        call_id=row.call_id,
        agent_id=row.agent_id,
        link=row.link.name if row.link else "",
        host=row.host,
        fault=row.fault,
    )
