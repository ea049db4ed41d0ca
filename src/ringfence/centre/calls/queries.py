"""Reading the call log: filtered pages, one call with its history, the number masked."""

import base64
import binascii
from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of, clients_of, within_teams
from ringfence.centre.accounts.rights import Right
from ringfence.centre.assessments.stating import stated
from ringfence.centre.audit.actions import record
from ringfence.centre.calls.access import access_call, access_own_call, scope_of
from ringfence.centre.calls.entries import CallsSearched
from ringfence.centre.calls.errors import BadFilter
from ringfence.centre.calls.models import Call, CallKind, Party
from ringfence.centre.calls.sealing import exact_number, masked_number, party_sealer
from ringfence.control.facts import Direction, EndReason, NotRecordedReason
from ringfence.kit.ids import AgentId, CallId, ClientCode, LegId, QueueId

PAGE = 50
WHY = frozenset({"purpose", "case_reference"})
"""Why somebody searches, not what for."""


class Outcome(StrEnum):
    """What became of a call, in the words of the log (domain C1)."""

    IN_PROGRESS = "in_progress"
    ANSWERED = "answered"
    TRANSFERRED_OUT = "transferred_out"
    ABANDONED = "abandoned"
    CLOSED = "closed"
    """Heard the closed or another message and was not offered."""
    NOT_ANSWERED = "not_answered"


_MESSAGE_ENDS = [EndReason.CLOSED.value, EndReason.MESSAGE.value]
_OUTCOMES: dict[Outcome, Q] = {
    Outcome.IN_PROGRESS: Q(ended_at=None),
    Outcome.ANSWERED: Q(ended_at__isnull=False, answered_at__isnull=False, transferred_outside=False),
    Outcome.TRANSFERRED_OUT: Q(ended_at__isnull=False, answered_at__isnull=False, transferred_outside=True),
    Outcome.ABANDONED: Q(answered_at=None, end_reason=EndReason.ABANDONED.value),
    Outcome.CLOSED: Q(answered_at=None, end_reason__in=_MESSAGE_ENDS),
    Outcome.NOT_ANSWERED: Q(ended_at__isnull=False, answered_at=None)
    & ~Q(end_reason__in=[EndReason.ABANDONED.value, *_MESSAGE_ENDS]),
}


def outcome_of(call: Call) -> Outcome:
    """Exactly one outcome per call; the same rule as the filter."""
    if call.ended_at is None:
        return Outcome.IN_PROGRESS
    if call.answered_at is not None:
        return Outcome.TRANSFERRED_OUT if call.transferred_outside else Outcome.ANSWERED
    if call.end_reason == EndReason.ABANDONED:
        return Outcome.ABANDONED
    return Outcome.CLOSED if call.end_reason in _MESSAGE_ENDS else Outcome.NOT_ANSWERED


@dataclass(frozen=True, kw_only=True)
class CallFilter:
    """What a page of the log is narrowed to; None: not narrowed."""

    client: ClientCode | None = None
    number: str | None = None
    """As a person types it; found only when it is the whole number. Needs a purpose (R80)."""
    purpose: str = ""
    case_reference: str = ""
    agent_id: AgentId | None = None
    queue_id: QueueId | None = None
    since: datetime | None = None
    """First instant of arrival."""
    until: datetime | None = None
    """First instant no longer wanted."""
    outcome: Outcome | None = None
    direction: Direction | None = None

    @property
    def used(self) -> list[str]:
        """Names of the filters in use; what they look for is nobody's business but the searcher's."""
        return [
            field.name
            for field in fields(self)
            if getattr(self, field.name) not in (None, "") and field.name not in WHY
        ]


@dataclass(frozen=True, kw_only=True)
class CallRow:
    """One line of the log."""

    call_id: CallId
    client: ClientCode | None
    direction: Direction
    line: str
    number: str | None
    """Masked; None when withheld."""
    queue_id: QueueId | None
    agent_id: AgentId | None
    arrived_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    wait_seconds: float | None
    talk_seconds: float | None
    outcome: Outcome
    end_reason: EndReason | None
    not_recorded: NotRecordedReason | None
    recording_ids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CallPage:
    rows: tuple[CallRow, ...]
    next_cursor: str | None
    """Give it back as ``after`` for older calls; None on the last page."""


@dataclass(frozen=True, kw_only=True)
class HistoryLine:
    number: int
    at: datetime
    kind: CallKind
    party: Party
    party_id: str
    agent_id: str
    code: str


@dataclass(frozen=True, kw_only=True)
class Quality:
    leg_id: LegId
    role: str
    packets_received: int
    packets_lost: int
    jitter_ms: float
    round_trip_ms: float | None
    mos: float | None


@dataclass(frozen=True, kw_only=True)
class CallDetail:
    """One call with everything the log knows, the number masked."""

    row: CallRow
    name: str | None
    """What the network called the caller."""
    wording: str
    flow_id: str
    flow_version: int | None
    trunk_id: str
    history: tuple[HistoryLine, ...]
    quality: tuple[Quality, ...]


def call_log(
    user: User,
    filters: CallFilter | None = None,
    *,
    after: str | None = None,
    limit: int = PAGE,
    now: datetime | None = None,
) -> CallPage:
    """Calls of the clients whose calls ``user`` may see, newest first. The search is audited.

    Raises BadFilter, or PurposeMissing when somebody is searched for by number and no purpose is stated, or one that is
    off for one of the clients searched.
    """
    filters = filters or CallFilter()
    purpose, case = "", ""
    if filters.number is not None:
        clients = [filters.client] if filters.client is not None else clients_of(user, Right.SEE_CALLS)
        purpose, case = stated(
            filters.purpose, filters.case_reference, by=user, clients=clients, now=now or timezone.now()
        )
    with transaction.atomic(), scope_of(user, Right.SEE_CALLS):
        rows = _filtered(user, filters).filter(within_teams(user, Right.SEE_CALLS))
        if after is not None:
            arrived_at, call_id = read_cursor(after)
            rows = rows.filter(Q(arrived_at__lt=arrived_at) | Q(arrived_at=arrived_at, call_id__lt=call_id))
        found = list(rows.order_by("-arrived_at", "-call_id").prefetch_related("recordings")[: limit + 1])
        page = CallPage(
            rows=tuple(_row(call) for call in found[:limit]),
            next_cursor=make_cursor(found[limit - 1].arrived_at, found[limit - 1].call_id)
            if len(found) > limit
            else None,
        )
        record(
            CallsSearched(filters=filters.used, found=len(page.rows), purpose=purpose, case_reference=case),
            actor=actor_of(user),
            client=filters.client,
        )
    return page


def _filtered(user: User, filters: CallFilter) -> "QuerySet[Call]":
    rows: QuerySet[Call] = Call.objects.all()
    if filters.client is not None:
        rows = rows.filter(client_id=filters.client)
    if filters.number is not None:
        rows = rows.filter(party_index__in=_indexes(user, filters.number))
    if filters.agent_id is not None:
        rows = rows.filter(agent_id=filters.agent_id)
    if filters.queue_id is not None:
        rows = rows.filter(queue_id=filters.queue_id)
    if filters.since is not None:
        rows = rows.filter(arrived_at__gte=filters.since)
    if filters.until is not None:
        rows = rows.filter(arrived_at__lt=filters.until)
    if filters.direction is not None:
        rows = rows.filter(direction=filters.direction.value)
    if filters.outcome is not None:
        rows = rows.filter(_OUTCOMES[filters.outcome])
    return rows


def _indexes(user: User, number: str) -> list[bytes]:
    try:
        exact = exact_number(number, region=settings.RINGFENCE_DEFAULT_REGION)
    except ValueError as error:
        raise BadFilter(str(error)) from None
    sealer = party_sealer()
    owners: list[ClientCode | None] = [*clients_of(user, Right.SEE_CALLS), None]
    return [each for owner in owners for each in sealer.indexes(owner, exact)]


def call_detail(user: User, call_id: str) -> CallDetail:
    """One call of a client whose calls ``user`` may see. Raises NotFound."""
    return _detail(access_call(user, call_id), user, Right.SEE_CALLS)


def own_call(user: User, call_id: str, *, now: datetime) -> CallDetail:
    """The call that the agent behind ``user`` has now or has just had. Raises NotFound."""
    return _detail(access_own_call(user, call_id, now=now), user, Right.TAKE_CALLS)


def _detail(call: Call, user: User, right: Right) -> CallDetail:
    with scope_of(user, right):
        history = tuple(
            HistoryLine(
                number=event.number,
                at=event.at,
                kind=CallKind(event.kind),
                party=Party(event.party),
                party_id=event.party_id,
                agent_id=event.agent_id,
                code=event.code,
            )
            for event in call.events.order_by("number")
        )
        quality = tuple(
            Quality(
                leg_id=LegId(leg.leg_id),
                role=leg.role,
                packets_received=leg.packets_received,
                packets_lost=leg.packets_lost,
                jitter_ms=leg.jitter_ms,
                round_trip_ms=leg.round_trip_ms,
                mos=leg.mos,
            )
            for leg in call.quality.order_by("role", "leg_id")
        )
        row = _row(call)
    return CallDetail(
        row=row,
        name=party_sealer().open(call.client_id, call.party_name),
        wording=call.wording,
        flow_id=call.flow_id,
        flow_version=call.flow_version,
        trunk_id=call.trunk_id,
        history=history,
        quality=quality,
    )


def masked_numbers(calls: Collection[Call]) -> dict[str, str | None]:
    """The other party's number of each call, masked; call inside a scope that may see them."""
    return {call.call_id: _masked(call) for call in calls}


def _masked(call: Call) -> str | None:
    number = party_sealer().open(call.client_id, call.party_number)
    return masked_number(number, region=settings.RINGFENCE_DEFAULT_REGION) if number else None


def _row(call: Call) -> CallRow:
    recordings: Any = call.recordings  # related name of an app above this one
    return CallRow(
        call_id=CallId(call.call_id),
        client=ClientCode(call.client_id) if call.client_id else None,
        direction=Direction(call.direction),
        line=call.line,
        number=_masked(call),
        queue_id=QueueId(call.queue_id) if call.queue_id else None,
        agent_id=AgentId(call.agent_id) if call.agent_id else None,
        arrived_at=call.arrived_at,
        answered_at=call.answered_at,
        ended_at=call.ended_at,
        wait_seconds=None if call.wait_ms is None else call.wait_ms / 1000,
        talk_seconds=None if call.talk_ms is None else call.talk_ms / 1000,
        outcome=outcome_of(call),
        end_reason=EndReason(call.end_reason) if call.end_reason else None,
        not_recorded=NotRecordedReason(call.not_recorded) if call.not_recorded else None,
        recording_ids=tuple(recording.recording_id for recording in recordings.all()),
    )


def make_cursor(at: datetime, row_id: str) -> str:
    """Where a page ended; opaque, and holds an instant and an id only."""
    return base64.urlsafe_b64encode(f"{at.astimezone(UTC).isoformat()} {row_id}".encode()).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[datetime, str]:
    """The instant and id of :func:`make_cursor`. Raises BadFilter."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        moment, _, row_id = text.partition(" ")
        at = datetime.fromisoformat(moment)
    except (ValueError, binascii.Error):
        raise BadFilter("The page mark is not valid. Go back to the first page.") from None
    if at.tzinfo is None or not row_id:
        raise BadFilter("The page mark is not valid. Go back to the first page.")
    return at, row_id
