"""Reading breaches: the register, the clocks, and which calls and entries a breach concerns."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import models, transaction
from django.db.models import Count, F, Q
from django.db.models.functions import Coalesce

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.queries import actor_of
from ringfence.centre.assessments.purposes import Purpose
from ringfence.centre.audit.actions import record
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.audit.queries import describe, naming
from ringfence.centre.breaches.access import may_see
from ringfence.centre.breaches.affected import AffectedState, state_of, states
from ringfence.centre.breaches.entries import AffectedExported, AffectedSeen
from ringfence.centre.breaches.models import Breach
from ringfence.centre.breaches.words import Step
from ringfence.centre.calls.models import Call
from ringfence.centre.calls.queries import make_cursor, read_cursor
from ringfence.centre.recordings.models import Recording
from ringfence.centre.tenancy import all_clients

PAGE = 50
LOOKED: dict[str, tuple[str, ...]] = {
    "searched": ("call.searched", "recording.searched", "hold.searched", "access.searched", "breach.affected_seen"),
    "revealed": ("call.number_revealed",),
    "played": ("recording.purpose_stated", "recording.played"),
    "exported": (
        "audit.exported",
        "retention.exported",
        "payment.reported",
        "breach.affected_exported",
    ),
}
"""Entries by which an account shows what it looked at, by what it did."""
WHY_ALL = "what a stolen account did for no single client is its doing too; the query names the breach's client"
_KEY_CODES = ("key.rotation_began", "key.retired")


def register(user: User) -> tuple[Breach, ...]:
    """The breaches that ``user`` may see inside the active scope, newest first."""
    return tuple(breach for breach in Breach.objects.select_related("client") if may_see(user, breach))


def open_clocks(user: User) -> tuple[Breach, ...]:
    """Those of them about which nobody has decided, the most urgent first."""
    running = Breach.objects.filter(decided_at=None, closed_at=None).select_related("client").order_by("noticed_at")
    return tuple(breach for breach in running if may_see(user, breach))


def of_the_same_incident(user: User, breach: Breach) -> tuple[Breach, ...]:
    """The breaches of other clients that one report opened, as far as ``user`` may see them."""
    rows = Breach.objects.filter(incident_id=breach.incident_id).exclude(pk=breach.pk).select_related("client")
    return tuple(other for other in rows.order_by("client") if may_see(user, other))


def timeline(breach: Breach) -> "models.QuerySet[AuditEntry]":
    """What the audit trail tells of the breach, oldest first; with it, what became of a key that it rotated.

    Call it inside a scope that holds the breach's client.
    """
    rows = AuditEntry.objects.filter(client_code=breach.client_id)
    mine = naming("breach", "breach_id", breach.breach_id)
    if (
        rows.filter(mine, fields__contains=f'"step":"{Step.KEY}"', code="breach.contained").exists()
        and not breach.drill
    ):
        mine |= Q(
            code__in=_KEY_CODES, at__gte=breach.opened_at, **({"at__lt": breach.closed_at} if breach.closed_at else {})
        )
    return rows.filter(mine).order_by("number")


# What it concerns


@dataclass(frozen=True, kw_only=True)
class AffectedRecording:
    recording_id: str
    started_at: datetime
    state: AffectedState


@dataclass(frozen=True, kw_only=True)
class AffectedCall:
    """One call, without the caller's number: whoever needs that reveals it in the call log, for a purpose."""

    call_id: str
    client: str
    line: str
    arrived_at: datetime
    ended_at: datetime | None
    recordings: tuple[AffectedRecording, ...]


@dataclass(frozen=True, kw_only=True)
class AffectedPage:
    rows: tuple[AffectedCall, ...]
    next_cursor: str | None


@dataclass(frozen=True, kw_only=True)
class AffectedCounts:
    calls: int
    unrecorded: int
    """Calls without any recording."""
    recordings: dict[AffectedState, int]

    @property
    def all_recordings(self) -> int:
        return sum(self.recordings.values())


def _calls(breach: Breach) -> "models.QuerySet[Call]":
    """Calls of the client that touched the period."""
    over: models.QuerySet[Call] = Call.objects.filter(client_id=breach.client_id, arrived_at__lt=breach.until)
    return over.filter(Q(ended_at=None) | Q(ended_at__gte=breach.since))


def affected_counts(breach: Breach, *, now: datetime) -> AffectedCounts:
    """How many calls and recordings the breach concerns, by state. Call it inside the client's scope."""
    calls = _calls(breach)
    recordings = Recording.objects.filter(client_id=breach.client_id, call__in=calls)
    counted = recordings.annotate(stood=Coalesce(F("stopped_at"), F("started_at"))).aggregate(
        **{state.value: Count("pk", filter=rule) for state, rule in states(now).items()}
    )
    return AffectedCounts(
        calls=calls.count(),
        unrecorded=calls.filter(recordings__isnull=True).count(),
        recordings={state: counted[state.value] for state in AffectedState},
    )


def affected(user: User, breach: Breach, *, after: str | None = None, limit: int = PAGE, now: datetime) -> AffectedPage:
    """Calls that the breach concerns, newest first; the look is audited. Call it inside the client's scope.

    Raises BadFilter of the call log for a mark that is none.
    """
    rows = _calls(breach)
    if after is not None:
        arrived_at, call_id = read_cursor(after)
        rows = rows.filter(Q(arrived_at__lt=arrived_at) | Q(arrived_at=arrived_at, call_id__lt=call_id))
    found = list(rows.order_by("-arrived_at", "-call_id").prefetch_related("recordings")[: limit + 1])
    last = found[limit - 1] if len(found) > limit else None
    _note_look(user, breach, "calls")
    return AffectedPage(
        rows=tuple(_affected(call, now) for call in found[:limit]),
        next_cursor=make_cursor(last.arrived_at, last.call_id) if last else None,
    )


def _affected(call: Call, now: datetime) -> AffectedCall:
    recordings: models.Manager[Recording] = call.recordings
    return AffectedCall(
        call_id=call.call_id,
        client=call.client_id or "",
        line=call.line,
        arrived_at=call.arrived_at,
        ended_at=call.ended_at,
        recordings=tuple(
            AffectedRecording(recording_id=row.recording_id, started_at=row.started_at, state=state_of(row, now))
            for row in sorted(recordings.all(), key=lambda row: (row.segment, row.recording_id))
        ),
    )


CALLS_HEAD = ("call", "client", "line", "arrived", "ended", "recording", "recording_started", "state")
ACCOUNT_HEAD = ("entry", "at", "client", "what", "code", "reads")


def affected_list(breach: Breach, *, now: datetime) -> tuple[list[tuple[str, ...]], AffectedExported]:
    """A line for each recording, and for each call without one, oldest first; and the entry with which they may leave.

    Its purpose is data protection, its case the breach. Call it inside the client's scope.
    """
    found = list(_call_lines(breach, now))
    return found, _exported(breach, "calls", len(found))


def _call_lines(breach: Breach, now: datetime) -> Iterator[tuple[str, ...]]:
    calls = _calls(breach).order_by("arrived_at", "call_id").prefetch_related("recordings")
    for call in calls.iterator(chunk_size=500):
        one = _affected(call, now)
        head = (one.call_id, one.client, one.line, _iso(one.arrived_at), _iso(one.ended_at))
        if not one.recordings:
            yield (*head, "", "", "")
        for recording in one.recordings:
            yield (*head, recording.recording_id, _iso(recording.started_at), recording.state.value)


# What a stolen account did


def account_entries(breach: Breach) -> "models.QuerySet[AuditEntry]":
    """What the stolen account searched, revealed, played and exported in the period, oldest first.

    Searches and exports across clients belong to no single client, so they are among them; they hold no more than
    which fields were used. Entries of other clients are not. Evaluate it inside :func:`all_clients`.
    """
    if not breach.account_id:
        return AuditEntry.objects.none()
    return AuditEntry.objects.filter(
        actor_id=breach.account_id,
        code__in=[code for codes in LOOKED.values() for code in codes],
        client_code__in=[breach.client_id, ""],
        at__gte=breach.since,
        at__lt=breach.until,
    ).order_by("number")


@dataclass(frozen=True, kw_only=True)
class AccountCounts:
    searched: int
    revealed: int
    played: int
    exported: int


def account_counts(breach: Breach) -> AccountCounts:
    """How often the stolen account did what."""
    with all_clients(WHY_ALL):
        counts = dict(account_entries(breach).order_by().values_list("code").annotate(Count("number")))
    return AccountCounts(**{name: sum(counts.get(code, 0) for code in codes) for name, codes in LOOKED.items()})


def account_list(breach: Breach) -> tuple[list[tuple[str, ...]], AffectedExported]:
    """A line for each of these entries, with an entry as :func:`affected_list` gives one."""
    found: list[tuple[str, ...]]
    with all_clients(WHY_ALL):
        found = [
            (str(row.number), _iso(row.at), row.client_code, what_of(row.code), row.code, describe(row))
            for row in account_entries(breach)
        ]
    return found, _exported(breach, "account", len(found))


def what_of(code: str) -> str:
    """What the account did with such an entry."""
    return next((name for name, codes in LOOKED.items() if code in codes), "")


def note_account_seen(user: User, breach: Breach) -> None:
    """Somebody looked at what the account did."""
    _note_look(user, breach, "account")


def _note_look(user: User, breach: Breach, what: str) -> None:
    with transaction.atomic():
        record(AffectedSeen(breach_id=breach.breach_id, what=what), actor=actor_of(user), client=breach.client_id)


def _exported(breach: Breach, what: str, found: int) -> AffectedExported:
    return AffectedExported(
        breach_id=breach.breach_id,
        what=what,
        found=found,
        purpose=Purpose.DATA_PROTECTION.value,
        case_reference=breach.reference,
    )


def _iso(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat(timespec="seconds")
