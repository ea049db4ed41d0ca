"""What is deleted or moved next, and what an open hold or request would want to keep (R86)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef, Q, QuerySet

from ringfence.centre.calls.queries import masked_numbers
from ringfence.centre.calls.sealing import party_sealer
from ringfence.centre.recordings.models import GONE, Recording, RecordingState
from ringfence.centre.recordings.tiers import tier_at
from ringfence.centre.retention.clocks import local_midnight_after
from ringfence.centre.retention.models import Decision, Hold, HoldItem, RestoreRequest, RetentionRun
from ringfence.centre.retention.queries.rules import periods_of
from ringfence.kit.ids import AgentId, CallId, ClientCode, RecordingId

SOON = timedelta(days=5)


@dataclass(frozen=True, kw_only=True)
class DueRow:
    """A recording and what happens to it next."""

    recording_id: RecordingId
    call_id: CallId
    client: ClientCode | None
    agent_id: AgentId | None
    number: str | None
    """Masked."""
    started_at: datetime
    back_at: datetime
    purge_at: datetime
    state: RecordingState
    held: bool


@dataclass(frozen=True, kw_only=True)
class Tonight:
    """What the runs do until the next local midnight of each client, and what holds keep from it."""

    deleted: tuple[DueRow, ...]
    """At most ``limit``, those that go first."""
    deleted_count: int
    moved_count: int
    kept_count: int
    """Past their age by then, and held."""
    until: datetime


def _row(row: Recording, now: datetime) -> DueRow:
    assert row.back_at is not None
    assert row.purge_at is not None
    return DueRow(
        recording_id=RecordingId(row.pk),
        call_id=CallId(row.call_id),
        client=ClientCode(row.client_id) if row.client_id else None,
        agent_id=AgentId(row.agent_id) if row.agent_id else None,
        number=masked_numbers([row.call])[row.call_id],
        started_at=row.started_at,
        back_at=row.back_at,
        purge_at=row.purge_at,
        state=tier_at(row, now),
        held=row.held,
    )


def _by_midnight(column: str, clients: Collection[str | None], now: datetime) -> tuple[Q, datetime]:
    """Rows whose instant falls before the end of their client's local day, and the latest of these ends."""
    wanted, latest = Q(pk__in=[]), now
    for client, periods in periods_of(clients).items():
        midnight = local_midnight_after(now, periods.zone)
        latest = max(latest, midnight)
        wanted |= Q(client_id=client, **{f"{column}__lt": midnight})
    return wanted, latest


def tonight(clients: Collection[str], *, now: datetime, limit: int = 200) -> Tonight:
    """What goes until midnight; call it inside the scope of ``clients``. 'Tonight' includes what is late."""
    alive: QuerySet[Recording] = Recording.objects.exclude(state__in=GONE)
    purge, until = _by_midnight("purge_at", [*clients, None], now)
    back, _ = _by_midnight("back_at", [*clients, None], now)
    going = alive.filter(purge, held=False)
    rows = going.select_related("call").order_by("purge_at", "pk")[:limit]
    return Tonight(
        deleted=tuple(_row(row, now) for row in rows),
        deleted_count=going.count(),
        moved_count=alive.filter(back, held=False, state=RecordingState.LIVE).exclude(purge).count(),
        kept_count=alive.filter(purge, held=True).count(),
        until=until,
    )


@dataclass(frozen=True, kw_only=True)
class Expiring:
    """A recording that goes soon although an open hold or request asks for its like."""

    row: DueRow
    hold_id: str
    case_reference: str
    why: str
    """Code: ``number``, ``request``."""


def expiring(*, now: datetime, limit: int = 500) -> list[Expiring]:
    """Recordings of the clients in scope that leave a tier within five days and match an open hold or request,
    without being held (R86)."""
    soon = now + SOON
    going = (
        Recording.objects.filter(Q(back_at__lte=soon, state=RecordingState.LIVE) | Q(purge_at__lte=soon), held=False)
        .exclude(state__in=GONE)
        .select_related("call")
        .order_by("purge_at", "pk")
    )
    found: list[Expiring] = []
    seen: set[tuple[str, str]] = set()
    for hold in Hold.objects.filter(released_at=None).exclude(party_index=None):
        # Beside its own digest the others of its number: while a key is rotated, calls and holds change one by one.
        number = party_sealer().open(hold.client_id, hold.party_number)
        digests = {bytes(hold.party_index or b""), *(party_sealer().indexes(hold.client_id, number) if number else ())}
        matches = going.filter(client_id=hold.client_id, call__party_index__in=digests)
        if hold.since is not None:
            matches = matches.filter(call__arrived_at__gte=hold.since)
        if hold.until is not None:
            matches = matches.filter(call__arrived_at__lt=hold.until)
        matches = matches.filter(~Exists(HoldItem.objects.filter(hold=hold, call_id=OuterRef("call_id"))))
        for row in matches[:limit]:
            found.append(
                Expiring(row=_row(row, now), hold_id=hold.pk, case_reference=hold.case_reference, why="number")
            )
            seen.add((row.pk, hold.case_reference))
    for request in RestoreRequest.objects.filter(decision__in=[Decision.WAITING, Decision.APPROVED]):
        matches = going.filter(pk=request.recording_id)
        found += [
            Expiring(row=_row(row, now), hold_id="", case_reference=request.case_reference, why="request")
            for row in matches
            if (row.pk, request.case_reference) not in seen
        ]
    return sorted(found, key=lambda one: (one.row.purge_at, one.row.recording_id))[:limit]


def last_run() -> RetentionRun | None:
    """The newest run, finished or not."""
    return RetentionRun.objects.order_by("-started_at").first()
