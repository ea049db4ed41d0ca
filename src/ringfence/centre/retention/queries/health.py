"""Recording health of a client and a period (R23, R120), and the destruction log (R53)."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Count, Exists, F, OuterRef, Q, Sum

from ringfence.centre.calls.models import Call, CallEvent, CallKind
from ringfence.centre.recordings.models import Recording, RecordingState
from ringfence.centre.retention.models import Cause, Destruction, DestructionLine, HoldItem
from ringfence.control.facts import Direction, NotRecordedReason, StopReason, SuppressionReason
from ringfence.kit.ids import ClientCode

LONG_PAUSE = timedelta(seconds=300)
"""A payment pause that lasts longer was told to a supervisor at the time (R28)."""


@dataclass(frozen=True, kw_only=True)
class RecordingHealth:
    """Answered calls of one client in a period, and what became of their recordings."""

    client: ClientCode
    answered: int
    recorded: int
    """Answered calls with at least one recording, deleted ones included."""
    exceptions: dict[NotRecordedReason, int]
    """Answered calls without a recording, by coded reason."""
    missing: int
    """Neither: the gap, which must be 0."""
    masked: int
    """Calls in which an agent masked."""
    paused: int
    """Calls paused for a payment."""
    paused_too_long: int
    stopped: dict[StopReason, int]
    """Recordings that ended before the call did, by reason."""
    failed: int
    live: int
    back: int
    held: int
    quarantined: int
    deleted_early: int
    objected: int
    purged: int

    @property
    def explained(self) -> bool:
        """answered = recordings + coded exceptions (R23)."""
        return self.missing == 0


_EARLY_STOPS = (
    StopReason.AGENT_STOP,
    StopReason.CALLER_OBJECTS,
    StopReason.TRANSFER_OUTSIDE,
    StopReason.STORAGE_FAILED,
    StopReason.MEDIA_FAILED,
    StopReason.RULE,
)


def recording_health(clients: Collection[str], *, since: datetime, until: datetime) -> list[RecordingHealth]:
    """One line for each client, by the end of its calls; call it inside a scope that holds them."""
    return [_health(client, since, until) for client in sorted(clients)]


def _health(client: str, since: datetime, until: datetime) -> RecordingHealth:
    calls = Call.objects.filter(
        client_id=client,
        direction=Direction.INBOUND.value,
        answered_at__isnull=False,
        queued_at__isnull=False,
        ended_at__gte=since,
        ended_at__lt=until,
    ).order_by()
    has_recording = Exists(Recording.objects.filter(call_id=OuterRef("pk")))
    without = calls.filter(~has_recording)
    exceptions = {
        NotRecordedReason(code): count
        for code, count in without.exclude(not_recorded="").values_list("not_recorded").annotate(Count("pk"))
    }
    recordings = Recording.objects.filter(call__in=calls.values("pk")).order_by()
    by_state = dict(recordings.values_list("state").annotate(Count("pk")))
    by_stop = dict(recordings.values_list("stop_reason").annotate(Count("pk")))
    causes = dict(
        Destruction.objects.filter(recording_id__in=recordings.values("pk")).values_list("cause").annotate(Count("pk"))
    )
    reasons = _masked_calls(calls.values("pk"))
    held = recordings.filter(
        Exists(HoldItem.objects.filter(call_id=OuterRef("call_id"), removed_at=None, hold__released_at=None))
    )
    return RecordingHealth(
        client=ClientCode(client),
        answered=calls.count(),
        recorded=calls.filter(has_recording).count(),
        exceptions=exceptions,
        missing=without.filter(not_recorded="").count(),
        masked=len(reasons[SuppressionReason.MASK.value]),
        paused=len(reasons[SuppressionReason.PAYMENT.value]),
        paused_too_long=_long_pauses(calls.values("pk")),
        stopped={reason: by_stop.get(reason.value, 0) for reason in _EARLY_STOPS if by_stop.get(reason.value, 0)},
        failed=by_state.get(RecordingState.FAILED, 0),
        live=by_state.get(RecordingState.LIVE, 0) + by_state.get(RecordingState.SPOOLED, 0),
        back=by_state.get(RecordingState.BACK, 0),
        held=held.exclude(state__in=[RecordingState.PURGED, RecordingState.DELETED]).count(),
        quarantined=recordings.filter(quarantined_at__isnull=False).count(),
        deleted_early=causes.get(Cause.EARLY, 0) + causes.get(Cause.CONFLICT, 0),
        objected=causes.get(Cause.OBJECTED, 0),
        purged=causes.get(Cause.AGE, 0),
    )


def _masked_calls(call_ids: object) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    masks = CallEvent.objects.filter(call_id__in=call_ids, kind=CallKind.MASKED)
    for call_id, code in masks.order_by().values_list("call_id", "code").distinct():
        found[code].add(call_id)
    return found


def _long_pauses(call_ids: object) -> int:
    """Payment pauses that lasted over five minutes, those that were never closed included."""
    kinds = [CallKind.MASKED, CallKind.UNMASKED, CallKind.ENDED]
    events = CallEvent.objects.filter(call_id__in=call_ids).filter(
        Q(kind__in=kinds[:2], code=SuppressionReason.PAYMENT.value) | Q(kind=CallKind.ENDED)
    )
    since: dict[str, datetime] = {}
    long = 0
    rows = events.order_by("call_id", "number").values_list("call_id", "kind", "at")
    for call_id, kind, at in rows:
        if kind == CallKind.MASKED:
            since.setdefault(call_id, at)
        elif (begun := since.pop(call_id, None)) is not None and at - begun > LONG_PAUSE:
            long += 1
    return long


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """How many records of one kind were destroyed for one client on one local day, and why."""

    on: date
    client: ClientCode | None
    code: str
    cause: Cause
    count: int


def destruction_log(clients: Collection[str] | None, *, since: date, until: date) -> list[LogLine]:
    """Newest first; ``until`` is the first day no longer wanted. None: everything in scope."""
    rows = DestructionLine.objects.filter(on__gte=since, on__lt=until)
    if clients is not None:
        rows = rows.filter(client_id__in=list(clients))
    grouped = (
        rows.order_by("-on", F("client_id").asc(nulls_last=True), "code", "cause")
        .values_list("on", "client_id", "code", "cause")
        .annotate(Sum("count"))
    )
    return [
        LogLine(on=on, client=ClientCode(client) if client else None, code=code, cause=Cause(cause), count=count)
        for on, client, code, cause, count in grouped
    ]
