"""Flags for the duty supervisor, restoration requests, and the stub of what was deleted."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import user_names
from ringfence.centre.calls.queries import masked_numbers
from ringfence.centre.recordings.models import GONE, Recording
from ringfence.centre.retention.access import UNDECIDED
from ringfence.centre.retention.models import (
    SPECIAL,
    CaseKind,
    Cause,
    Decision,
    Destruction,
    Flag,
    FlagCode,
    FlagState,
    RestoreRequest,
)
from ringfence.centre.retention.queries.rules import value_of
from ringfence.centre.retention.schedule import Code
from ringfence.centre.retention.sealing import open_note
from ringfence.kit.ids import CallId, ClientCode, QueueId, RecordingId

SHOWN = 200


@dataclass(frozen=True, kw_only=True)
class FlagRow:
    flag_id: str
    call_id: CallId
    client: ClientCode
    queue_id: QueueId | None
    code: FlagCode
    state: FlagState
    number: str | None
    """Masked."""
    flagged_by: str
    """Empty: Ringfence itself."""
    flagged_at: datetime
    escalated_at: datetime | None
    proposed_by: str
    """Who wants it deleted, while a second person has to agree (C3); else empty."""
    proposed_by_id: str
    proposed_at: datetime | None
    note: str
    """Theirs."""
    decided_by: str
    decided_at: datetime | None
    recordings: tuple[RecordingId, ...]
    """Those that are not gone."""

    def waited_seconds(self, now: datetime) -> float:
        return (now - self.flagged_at).total_seconds()


def _flag(row: Flag) -> FlagRow:
    alive = Recording.objects.filter(call_id=row.call_id).exclude(state__in=GONE).order_by("segment")
    return FlagRow(
        flag_id=row.pk,
        call_id=CallId(row.call_id),
        client=ClientCode(row.client_id),
        queue_id=QueueId(row.queue_id) if row.queue_id else None,
        code=FlagCode(row.code),
        state=FlagState(row.state),
        number=masked_numbers([row.call])[row.call_id],
        flagged_by=row.flagged_by.display_name if row.flagged_by else "",
        flagged_at=row.flagged_at,
        escalated_at=row.escalated_at,
        proposed_by=row.proposed_by.display_name if row.proposed_by else "",
        proposed_by_id=row.proposed_by.pk.hex if row.proposed_by else "",
        proposed_at=row.proposed_at,
        note=open_note(row.client_id, row.proposed_note),
        decided_by=row.decided_by.display_name if row.decided_by else "",
        decided_at=row.decided_at,
        recordings=tuple(RecordingId(pk) for pk in alive.values_list("pk", flat=True)),
    )


def _flags() -> "QuerySet[Flag]":
    rows: QuerySet[Flag] = Flag.objects.select_related("call", "flagged_by", "proposed_by", "decided_by")
    return rows


def open_flags() -> list[FlagRow]:
    """What waits for a decision among the clients in scope, the oldest first."""
    return [_flag(row) for row in _flags().filter(state__in=UNDECIDED).order_by("flagged_at", "flag_id")[:SHOWN]]


def decided_flags(*, since: datetime) -> list[FlagRow]:
    """What was decided since, newest first."""
    rows = _flags().exclude(state__in=UNDECIDED).filter(decided_at__gte=since)
    return [_flag(row) for row in rows.order_by("-decided_at", "flag_id")[:SHOWN]]


def flag_row(flag: Flag) -> FlagRow:
    """One flag, inside the scope of its client."""
    return _flag(flag)


def flag_of_call(call_id: str) -> FlagRow | None:
    """The undecided flag of a call of the clients in scope."""
    row = _flags().filter(call_id=call_id, state__in=UNDECIDED).first()
    return _flag(row) if row else None


@dataclass(frozen=True, kw_only=True)
class RestoreRow:
    request_id: str
    recording_id: RecordingId
    client: ClientCode
    kind: CaseKind
    case_reference: str
    reason: str
    requested_by: str
    requested_by_id: str
    requested_at: datetime
    decision: Decision
    decided_by: str
    decided_at: datetime | None
    until: datetime | None
    started_at: datetime
    purge_at: datetime | None
    held: bool


def _restore(row: RestoreRequest) -> RestoreRow:
    return RestoreRow(
        request_id=row.pk,
        recording_id=RecordingId(row.recording_id),
        client=ClientCode(row.client_id),
        kind=CaseKind(row.kind),
        case_reference=row.case_reference,
        reason=row.reason,
        requested_by=row.requested_by.display_name,
        requested_by_id=row.requested_by.pk.hex,
        requested_at=row.requested_at,
        decision=Decision(row.decision),
        decided_by=row.decided_by.display_name if row.decided_by else "",
        decided_at=row.decided_at,
        until=row.until,
        started_at=row.recording.started_at,
        purge_at=row.recording.purge_at,
        held=row.recording.held,
    )


def restore_requests(user: User, *, every: bool) -> list[RestoreRow]:
    """Requests of the clients in scope, those that wait first; ``every`` False: only the person's own."""
    rows = RestoreRequest.objects.select_related("recording", "requested_by", "decided_by")
    if not every:
        rows = rows.filter(requested_by=user)
    waiting = [_restore(row) for row in rows.filter(decision=Decision.WAITING).order_by("requested_at")]
    decided = rows.exclude(decision=Decision.WAITING).order_by("-decided_at")[:SHOWN]
    return waiting + [_restore(row) for row in decided]


def restore_row(request: RestoreRequest) -> RestoreRow:
    return _restore(request)


@dataclass(frozen=True, kw_only=True)
class Stub:
    """What is left of a deleted recording: why, by whom, when, and the note; no sound, no words (R61)."""

    recording_id: RecordingId
    cause: Cause
    code: FlagCode | None
    note: str
    actor: str
    """Empty: age alone decided."""
    decided_at: datetime
    finished_at: datetime | None
    certified: bool


def stub_of(recording_id: str) -> Stub | None:
    """The stub of a deleted recording of the clients in scope."""
    row = Destruction.objects.filter(pk=recording_id).first()
    if row is None:
        return None
    names = user_names([row.actor_id] if row.actor_id else [])
    return Stub(
        recording_id=RecordingId(row.pk),
        cause=Cause(row.cause),
        code=FlagCode(row.code) if row.code else None,
        note=open_note(row.client_id, row.note),
        actor=names.get(row.actor_id, ""),
        decided_at=row.decided_at,
        finished_at=row.finished_at,
        certified=bool(row.certificate),
    )


def needs_second_person(client: str, code: FlagCode) -> bool:
    """True when one person alone cannot delete early for this reason (C3)."""
    return code not in SPECIAL and bool(value_of(Code.SECOND_PERSON, client))


def flags_by_month(*, since: datetime, until: datetime) -> dict[tuple[int, int, str, str], int]:
    """How many special events of each kind each queue had each month: (year, month, queue, code) to count (R56)."""
    counts: dict[tuple[int, int, str, str], int] = {}
    rows = Flag.objects.filter(Q(flagged_at__gte=since, flagged_at__lt=until))
    for at, queue, code in rows.values_list("flagged_at", "queue_id", "code"):
        key = (at.year, at.month, queue, code)
        counts[key] = counts.get(key, 0) + 1
    return counts
