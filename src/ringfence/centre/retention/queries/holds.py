"""Holds, what they keep, and which reviews are due."""

from dataclasses import dataclass
from datetime import date, datetime

from django.db import transaction
from django.db.models import Count, Q

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of, has_right
from ringfence.centre.accounts.rights import Right
from ringfence.centre.audit.actions import record
from ringfence.centre.calls.models import Call
from ringfence.centre.calls.queries import masked_numbers
from ringfence.centre.recordings.models import GONE, Recording, RecordingState
from ringfence.centre.retention import finding
from ringfence.centre.retention.access import access_hold
from ringfence.centre.retention.entries import HoldSearched
from ringfence.centre.retention.errors import NotAllowed
from ringfence.centre.retention.models import CaseKind, Hold, HoldItem
from ringfence.centre.tenancy import scope
from ringfence.kit.ids import AgentId, CallId, ClientCode, QueueId, RecordingId

SHOWN = 200


@dataclass(frozen=True, kw_only=True)
class HoldRow:
    hold_id: str
    client: ClientCode
    kind: CaseKind
    case_reference: str
    reason: str
    owner: str
    placed_by: str
    placed_at: datetime
    review_on: date
    released_at: datetime | None
    released_by: str
    release_reason: str
    calls: int

    def due(self, today: date) -> bool:
        """True when the review date has come and the hold is open."""
        return self.released_at is None and self.review_on <= today


@dataclass(frozen=True, kw_only=True)
class HeldRecording:
    recording_id: RecordingId
    state: RecordingState
    purge_at: datetime | None
    destroyed_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class HeldCall:
    """A call that is held, or that a search found."""

    call_id: CallId
    arrived_at: datetime
    number: str | None
    """Masked."""
    agent_id: AgentId | None
    queue_id: QueueId | None
    recordings: tuple[HeldRecording, ...]
    removed_at: datetime | None = None

    @property
    def kept(self) -> int:
        return sum(one.state not in GONE for one in self.recordings)


@dataclass(frozen=True, kw_only=True)
class HoldDetail:
    row: HoldRow
    calls: tuple[HeldCall, ...]
    """The first of them."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a search before a hold found."""

    calls: tuple[HeldCall, ...]
    """The first of them."""
    count: int
    recordings: int
    gone: int


def _row(hold: Hold, calls: int) -> HoldRow:
    return HoldRow(
        hold_id=hold.pk,
        client=ClientCode(hold.client_id),
        kind=CaseKind(hold.kind),
        case_reference=hold.case_reference,
        reason=hold.reason,
        owner=hold.owner.display_name,
        placed_by=hold.placed_by.display_name,
        placed_at=hold.placed_at,
        review_on=hold.review_on,
        released_at=hold.released_at,
        released_by=hold.released_by.display_name if hold.released_by else "",
        release_reason=hold.release_reason,
        calls=calls,
    )


def _call(call: Call, removed_at: datetime | None = None) -> HeldCall:
    recordings = Recording.objects.filter(call_id=call.pk).order_by("segment", "started_at")
    return HeldCall(
        call_id=CallId(call.pk),
        arrived_at=call.arrived_at,
        number=masked_numbers([call])[call.pk],
        agent_id=AgentId(call.agent_id) if call.agent_id else None,
        queue_id=QueueId(call.queue_id) if call.queue_id else None,
        recordings=tuple(
            HeldRecording(
                recording_id=RecordingId(row.pk),
                state=RecordingState(row.state),
                purge_at=row.purge_at,
                destroyed_at=row.destroyed_at,
            )
            for row in recordings
        ),
        removed_at=removed_at,
    )


def holds(*, released: bool = False) -> list[HoldRow]:
    """Holds of the clients in scope, those whose review is due first; or those that were released, newest first."""
    rows = Hold.objects.select_related("owner", "placed_by", "released_by").annotate(
        calls=Count("items", filter=Q(items__removed_at=None))
    )
    rows = rows.filter(released_at__isnull=not released)
    rows = rows.order_by("-released_at", "hold_id") if released else rows.order_by("review_on", "placed_at", "hold_id")
    return [_row(hold, hold.calls) for hold in rows[:SHOWN]]


def hold_detail(user: User, hold_id: str) -> HoldDetail:
    """One hold with its calls. Raises NotFound."""
    hold = access_hold(user, hold_id)
    with scope(hold.client_id):
        items = HoldItem.objects.filter(hold=hold).select_related("call").order_by("call__arrived_at", "call_id")
        calls = tuple(_call(item.call, item.removed_at) for item in items[:SHOWN])
        return HoldDetail(row=_row(hold, items.filter(removed_at=None).count()), calls=calls)


def holds_of_call(call_id: str) -> list[HoldRow]:
    """Open holds on a call of the clients in scope."""
    rows = Hold.objects.select_related("owner", "placed_by", "released_by").filter(
        released_at=None, items__call_id=call_id, items__removed_at=None
    )
    return [_row(hold, 0) for hold in rows.order_by("placed_at")]


def find_to_hold(user: User, *, client: str, wanted: finding.Scope) -> Found:
    """What a hold with this scope would keep; the search is audited. Raises NotAllowed or BadValue."""
    if not has_right(user, Right.PLACE_HOLD, client):
        raise NotAllowed
    with transaction.atomic(), scope(client):
        rows = finding.matching(client, wanted)
        count = rows.count()
        recordings = Recording.objects.filter(call__in=rows.order_by().values("pk"))
        total, gone = recordings.count(), recordings.filter(state__in=GONE).count()
        calls = tuple(_call(call) for call in rows[:SHOWN])
        record(HoldSearched(filters=wanted.used, found=count), actor=actor_of(user), client=client)
    return Found(calls=calls, count=count, recordings=total - gone, gone=gone)
