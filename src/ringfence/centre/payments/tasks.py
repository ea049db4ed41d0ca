"""Jobs that keep watch over open payments."""

from datetime import timedelta

from django.utils import timezone

from ringfence.centre.jobs.registry import job
from ringfence.centre.payments import actions
from ringfence.centre.payments.models import ProviderEvent
from ringfence.centre.tenancy import all_clients

KEEP_EVENTS = timedelta(days=2)
"""Longer than a signature counts, so that no event can come twice."""


@job(
    name="watch_payments",
    title="Warn of payment pages that fell silent",
    period=timedelta(seconds=15),
    deadline=timedelta(minutes=2),
)
def watch_payments() -> None:
    """Agents and supervisors are warned of pauses that nobody watches; the exchange knows every close."""
    now = timezone.now()
    actions.watch(now=now)
    actions.settle(now=now)


@job(
    name="prune_payment_events",
    title="Remove old events of payment providers",
    period=timedelta(hours=6),
    deadline=timedelta(minutes=10),
)
def prune_payment_events() -> None:
    """Ids of events that could not come again anyway are gone."""
    with all_clients("old events of every client"):
        ProviderEvent.objects.filter(at__lt=timezone.now() - KEEP_EVENTS).delete()
