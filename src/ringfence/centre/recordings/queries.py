"""Finding recordings, and who heard them."""

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of, clients_of, within_teams
from ringfence.centre.accounts.rights import Right
from ringfence.centre.assessments.purposes import Purpose
from ringfence.centre.assessments.stating import stated
from ringfence.centre.audit.actions import record
from ringfence.centre.calls.access import scope_of
from ringfence.centre.calls.errors import BadFilter
from ringfence.centre.calls.queries import make_cursor, masked_numbers, read_cursor
from ringfence.centre.calls.sealing import exact_number, party_sealer
from ringfence.centre.recordings.access import access_recording, hearing
from ringfence.centre.recordings.entries import RecordingsSearched
from ringfence.centre.recordings.errors import NotPlayable
from ringfence.centre.recordings.models import PlayGrant, Recording, RecordingSpan, RecordingState
from ringfence.centre.recordings.tiers import check_playable, tier_at
from ringfence.centre.tenancy import all_clients
from ringfence.control.facts import StopReason, SuppressionReason
from ringfence.kit.ids import AgentId, CallId, ClientCode, QueueId, RecordingId

PAGE = 50
WHY = frozenset({"purpose", "case_reference"})
"""Why somebody searches, not what for."""
HEARD_LIMIT = 1000


@dataclass(frozen=True, kw_only=True)
class RecordingFilter:
    """What a page is narrowed to; None: not narrowed."""

    client: ClientCode | None = None
    number: str | None = None
    """As a person types it; found only when it is the whole number. Needs a purpose (R80)."""
    purpose: str = ""
    case_reference: str = ""
    agent_id: AgentId | None = None
    queue_id: QueueId | None = None
    since: datetime | None = None
    until: datetime | None = None
    state: RecordingState | None = None

    @property
    def used(self) -> list[str]:
        """Names of the filters in use, for the audit trail."""
        return [
            field.name
            for field in fields(self)
            if getattr(self, field.name) not in (None, "") and field.name not in WHY
        ]


@dataclass(frozen=True, kw_only=True)
class SilentSpan:
    """Why nothing is heard from here to there."""

    start_ms: int
    end_ms: int
    reason: SuppressionReason
    actor: str
    code: str = ""
    """Of a mask: its coded reason."""


@dataclass(frozen=True, kw_only=True)
class RecordingRow:
    recording_id: RecordingId
    call_id: CallId
    client: ClientCode | None
    agent_id: AgentId | None
    queue_id: QueueId | None
    number: str | None
    """Masked; None when withheld."""
    segment: int
    started_at: datetime
    stopped_at: datetime | None
    stop_reason: StopReason | None
    duration_seconds: float | None
    state: RecordingState
    recovered: bool
    wording: str
    back_at: datetime | None
    """First instant outside the live tier."""
    purge_at: datetime | None
    """First instant at which it is gone."""
    held: bool
    quarantined_at: datetime | None
    destroyed_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class RecordingPage:
    rows: tuple[RecordingRow, ...]
    next_cursor: str | None


@dataclass(frozen=True, kw_only=True)
class RecordingDetail:
    row: RecordingRow
    size_bytes: int | None
    sha256: str
    failure: str
    spans: tuple[SilentSpan, ...]


@dataclass(frozen=True, kw_only=True)
class Listening:
    """One stated purpose and whether the audio was then heard."""

    grant_id: str
    recording_id: RecordingId
    user_id: str
    listener: str
    """Display name."""
    purpose: Purpose
    case_reference: str
    granted_at: datetime
    first_played_at: datetime | None
    last_played_at: datetime | None


def find_recordings(
    user: User,
    filters: RecordingFilter | None = None,
    *,
    after: str | None = None,
    limit: int = PAGE,
    now: datetime | None = None,
) -> RecordingPage:
    """Recordings that ``user`` may hear, newest first. The search is audited.

    Raises BadFilter, or PurposeMissing when somebody is searched for by number and no purpose is stated, or one that is
    off for one of the clients searched.
    """
    filters, now = filters or RecordingFilter(), now or timezone.now()
    purpose, case = "", ""
    if filters.number is not None:
        clients = [filters.client] if filters.client is not None else clients_of(user, Right.PLAY_RECORDINGS)
        purpose, case = stated(filters.purpose, filters.case_reference, by=user, clients=clients, now=now)
    with transaction.atomic(), scope_of(user, Right.PLAY_RECORDINGS):
        rows = _filtered(user, filters).filter(within_teams(user, Right.PLAY_RECORDINGS))
        if after is not None:
            started_at, recording_id = read_cursor(after)
            rows = rows.filter(Q(started_at__lt=started_at) | Q(started_at=started_at, recording_id__lt=recording_id))
        found = list(rows.select_related("call").order_by("-started_at", "-recording_id")[: limit + 1])
        last = found[limit - 1] if len(found) > limit else None
        page = RecordingPage(
            rows=tuple(_row(recording, now) for recording in found[:limit]),
            next_cursor=make_cursor(last.started_at, last.recording_id) if last else None,
        )
        record(
            RecordingsSearched(filters=filters.used, found=len(page.rows), purpose=purpose, case_reference=case),
            actor=actor_of(user),
            client=filters.client,
        )
    return page


def _filtered(user: User, filters: RecordingFilter) -> "QuerySet[Recording]":
    rows: QuerySet[Recording] = Recording.objects.all()
    if filters.client is not None:
        rows = rows.filter(client_id=filters.client)
    if filters.number is not None:
        rows = rows.filter(call__party_index__in=_indexes(user, filters.number))
    if filters.agent_id is not None:
        rows = rows.filter(agent_id=filters.agent_id)
    if filters.queue_id is not None:
        rows = rows.filter(call__queue_id=filters.queue_id)
    if filters.since is not None:
        rows = rows.filter(started_at__gte=filters.since)
    if filters.until is not None:
        rows = rows.filter(started_at__lt=filters.until)
    if filters.state is not None:
        rows = rows.filter(state=filters.state)
    return rows


def _indexes(user: User, number: str) -> list[bytes]:
    try:
        exact = exact_number(number, region=settings.RINGFENCE_DEFAULT_REGION)
    except ValueError as error:
        raise BadFilter(str(error)) from None
    sealer = party_sealer()
    return [each for client in clients_of(user, Right.PLAY_RECORDINGS) for each in sealer.indexes(client, exact)]


def recording_detail(user: User, recording_id: str) -> RecordingDetail:
    """One recording with its silent spans. Raises NotFound after auditing the refusal."""
    recording = access_recording(user, recording_id)
    now = timezone.now()
    with hearing(user, recording_id, now):
        spans = tuple(_span(span) for span in recording.spans.all())
        return RecordingDetail(
            row=_row(recording, now),
            size_bytes=recording.size_bytes,
            sha256=recording.sha256,
            failure=recording.failure,
            spans=spans,
        )


def why_not_playable(user: User, recording_id: str, *, now: datetime) -> NotPlayable | None:
    """What stands against hearing a recording that the person can see, with what to do; None when nothing does."""
    recording = access_recording(user, recording_id, now=now)
    try:
        with hearing(user, recording_id, now):
            check_playable(user, recording, now)
    except NotPlayable as error:
        return error
    return None


def recordings_of_call(user: User, call_id: str) -> tuple[RecordingRow, ...]:
    """The segments of one call that ``user`` may hear, in order; empty when there are none for them."""
    with scope_of(user, Right.PLAY_RECORDINGS):
        rows = (
            Recording.objects.filter(within_teams(user, Right.PLAY_RECORDINGS), call_id=call_id)
            .select_related("call")
            .order_by("segment", "started_at")
        )
        now = timezone.now()
        return tuple(_row(recording, now) for recording in rows)


def who_listened(user: User, recording_id: str) -> tuple[Listening, ...]:
    """Every purpose stated for a recording, newest first. Raises NotFound after auditing the refusal."""
    access_recording(user, recording_id)
    with hearing(user, recording_id, timezone.now()):
        grants = PlayGrant.objects.filter(recording_id=recording_id).select_related("user").order_by("-granted_at")
        return tuple(
            Listening(
                grant_id=grant.grant_id,
                recording_id=RecordingId(grant.recording_id),
                user_id=grant.user.pk.hex,
                listener=grant.user.display_name,
                purpose=Purpose(grant.purpose),
                case_reference=grant.case_reference,
                granted_at=grant.granted_at,
                first_played_at=grant.first_played_at,
                last_played_at=grant.last_played_at,
            )
            for grant in grants
        )


@dataclass(frozen=True, kw_only=True)
class Heard:
    """One play of an agent's call, as the agent may know it: without the case it served."""

    heard_at: datetime
    listener: str
    purpose: Purpose
    call_at: datetime
    client: ClientCode | None


def heard_of_agent(agent_id: AgentId) -> tuple[Heard, ...]:
    """Every play of recordings of this agent's calls, newest first. For the agent only: it looks past client scopes."""
    with all_clients("an agent knows of every listen to their own calls, whoever they work for today"):
        grants = PlayGrant.objects.filter(recording__agent_id=agent_id, first_played_at__isnull=False)
        return tuple(
            Heard(
                heard_at=grant.first_played_at,
                listener=grant.user.display_name,
                purpose=Purpose(grant.purpose),
                call_at=grant.recording.started_at,
                client=ClientCode(grant.client_id) if grant.client_id else None,
            )
            for grant in grants.select_related("user", "recording").order_by("-first_played_at")[:HEARD_LIMIT]
        )


def plays_by_purpose(clients: Collection[ClientCode] | None, *, since: datetime, until: datetime) -> dict[Purpose, int]:
    """How often recordings were heard for each purpose (R80), every purpose named. Call it inside a scope."""
    rows = PlayGrant.objects.filter(first_played_at__gte=since, first_played_at__lt=until)
    if clients is not None:
        rows = rows.filter(client_id__in=clients)
    counts = dict(rows.order_by().values_list("purpose").annotate(Count("grant_id")))
    return {purpose: counts.get(purpose.value, 0) for purpose in Purpose}


def _span(span: RecordingSpan) -> SilentSpan:
    return SilentSpan(
        start_ms=span.start_ms,
        end_ms=span.end_ms,
        reason=SuppressionReason(span.reason),
        actor=span.actor,
        code=span.code,
    )


def _row(recording: Recording, now: datetime) -> RecordingRow:
    call = recording.call
    return RecordingRow(
        recording_id=RecordingId(recording.recording_id),
        call_id=CallId(recording.call_id),
        client=ClientCode(recording.client_id) if recording.client_id else None,
        agent_id=AgentId(recording.agent_id) if recording.agent_id else None,
        queue_id=QueueId(call.queue_id) if call.queue_id else None,
        number=masked_numbers([call])[call.call_id],
        segment=recording.segment,
        started_at=recording.started_at,
        stopped_at=recording.stopped_at,
        stop_reason=StopReason(recording.stop_reason) if recording.stop_reason else None,
        duration_seconds=None if recording.duration_ms is None else recording.duration_ms / 1000,
        state=tier_at(recording, now),
        recovered=recording.recovered,
        wording=recording.wording,
        back_at=recording.back_at,
        purge_at=recording.purge_at,
        held=recording.held,
        quarantined_at=recording.quarantined_at,
        destroyed_at=recording.destroyed_at,
    )
