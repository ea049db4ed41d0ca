"""Keeps the outbox short."""

from datetime import datetime, timedelta

from django.utils import timezone

from ringfence.centre.jobs.registry import job
from ringfence.centre.live.models import FactCursor, OutboxEvent

KEEP_EVENTS = timedelta(hours=24)
KEEP_CURSORS = timedelta(days=30)
BATCH = 5000


@job(name="prune_outbox", title="Remove old live events", period=timedelta(minutes=30), deadline=timedelta(minutes=10))
def prune_outbox() -> None:
    """Events older than a day are gone; a page that was away longer loads its state anew."""
    prune(now=timezone.now())


def prune(*, now: datetime) -> None:
    """Removes what is past its keeping time at ``now``, in short transactions."""
    while True:
        old = list(
            OutboxEvent.objects.filter(at__lt=now - KEEP_EVENTS).order_by("id").values_list("id", flat=True)[:BATCH]
        )
        if not old:
            break
        OutboxEvent.objects.filter(id__gte=old[0], id__lte=old[-1], at__lt=now - KEEP_EVENTS).delete()
    newest = FactCursor.objects.order_by("-seen_at").first()
    if newest is not None:
        FactCursor.objects.filter(seen_at__lt=now - KEEP_CURSORS).exclude(pk=newest.pk).delete()
