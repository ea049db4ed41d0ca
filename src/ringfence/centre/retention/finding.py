"""Finding the calls that a hold is to keep: by number, agent, queue, dates or ids (R83, R85)."""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import Q

from ringfence.centre.calls.models import Call
from ringfence.centre.calls.sealing import exact_number, party_sealer
from ringfence.centre.retention.errors import BadValue
from ringfence.kit.ids import AgentId, QueueId

if TYPE_CHECKING:
    from django.db.models import QuerySet


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What is looked for among the calls of one client; None leaves a field open, but not all of them."""

    number: str | None = None
    """As a person types it; matched whole."""
    agent_id: AgentId | None = None
    queue_id: QueueId | None = None
    since: datetime | None = None
    until: datetime | None = None
    """First instant no longer wanted."""
    call_ids: tuple[str, ...] | None = None

    @property
    def used(self) -> list[str]:
        """Names of the fields in use, for the audit trail."""
        return [field.name for field in fields(self) if getattr(self, field.name) is not None]


def exact_of(number: str) -> str:
    """The number in one form. Raises BadValue."""
    try:
        return exact_number(number, region=settings.RINGFENCE_DEFAULT_REGION)
    except ValueError as error:
        raise BadValue(str(error)) from None


def matching(client: str, wanted: Scope) -> "QuerySet[Call]":
    """The calls, oldest first. Raises BadValue when nothing narrows the search, or the number is no number."""
    if not (wanted.number or wanted.call_ids or wanted.agent_id or wanted.queue_id or (wanted.since and wanted.until)):
        raise BadValue("Narrow the search: a telephone number, an agent, a queue, or both dates.")
    rows: QuerySet[Call] = Call.objects.filter(client_id=client)
    if wanted.number is not None:
        rows = rows.filter(party_index__in=party_sealer().indexes(client, exact_of(wanted.number)))
    if wanted.call_ids is not None:
        rows = rows.filter(pk__in=wanted.call_ids)
    if wanted.agent_id is not None:
        rows = rows.filter(Q(agent_id=wanted.agent_id) | Q(recordings__agent_id=wanted.agent_id)).distinct()
    if wanted.queue_id is not None:
        rows = rows.filter(queue_id=wanted.queue_id)
    if wanted.since is not None:
        rows = rows.filter(arrived_at__gte=wanted.since)
    if wanted.until is not None:
        rows = rows.filter(arrived_at__lt=wanted.until)
    return rows.order_by("arrived_at", "call_id")
