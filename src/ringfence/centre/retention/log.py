"""The destruction log: how much of what was deleted when, by client and local day (R53)."""

from datetime import datetime

from django.db.models import F

from ringfence.centre.retention.models import Cause, DestructionLine
from ringfence.centre.retention.queries.rules import zone_of
from ringfence.centre.retention.schedule import Code


def log_line(client: str | None, code: Code, cause: Cause, count: int, *, now: datetime) -> None:
    """The destruction log counts these under the client's local day; call it inside the deleting transaction."""
    on = now.astimezone(zone_of(client)).date()
    same = DestructionLine.objects.filter(client_id=client, on=on, code=code.value, cause=cause)
    if not same.update(count=F("count") + count):
        DestructionLine.objects.bulk_create(
            [DestructionLine(client_id=client, on=on, code=code.value, cause=cause, count=count)]
        )
