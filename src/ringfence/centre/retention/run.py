"""One run of the schedule, and the watch over it.

A run goes through everything that is due, in batches, and goes on past what fails; then it fails itself, so that it is
tried again and an alarm is open (house rule 19). What a crash left half done is finished first.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from ringfence.centre.audit.actions import SYSTEM, Occurrence, record_all
from ringfence.centre.jobs.actions import clear_alarms, raise_alarm
from ringfence.centre.recordings.models import GONE, Recording, RecordingState
from ringfence.centre.retention.arming import arm_lost, arm_rows
from ringfence.centre.retention.destroy import BATCH, carry_out, decide_due, held_calls, unfinished
from ringfence.centre.retention.entries import RecordingsMovedBack
from ringfence.centre.retention.errors import RunFailed
from ringfence.centre.retention.models import Destruction, Hold, RetentionRun
from ringfence.centre.retention.others import delete_others
from ringfence.centre.retention.queries.duty import clients_without_anybody
from ringfence.centre.tenancy import all_clients
from ringfence.centre.tenancy.queries import client_codes

LAG = timedelta(hours=24)
"""How late anything may be before it is an alarm (R43)."""
STUCK = timedelta(hours=1)
"""How long key and object may outlive a decided deletion before it is an alarm."""
STUCK_ALARM = "destruction_stuck"
FAILED_ALARM, LATE_ALARM, REVIEW_ALARM, DUTY_ALARM = (
    "retention_failed",
    "retention_late",
    "hold_review_due",
    "duty_nobody",
)


def run(*, now: datetime) -> RetentionRun:
    """Everything that is due at ``now`` is done. Raises RunFailed after all of it when some of it failed."""
    this = RetentionRun.objects.create(started_at=now)
    failed = carry_out(unfinished(), now=now).failed
    this.armed = arm(now=now)
    this.moved = move_back(now=now)
    while ids := decide_due(now=now):
        outcome = carry_out(ids, now=now)
        this.destroyed, failed = this.destroyed + outcome.finished, failed + outcome.failed
    this.other, other_failed = delete_others(now=now)
    this.failed, this.finished_at = failed + other_failed, now
    this.save()
    if this.failed:
        raise_alarm(FAILED_ALARM, f"count={this.failed}", at=now)
        raise RunFailed(f"{this.failed} of what is due could not be deleted or moved. It is tried again.")
    clear_alarms(FAILED_ALARM, at=now)
    return this


def arm(*, now: datetime) -> int:
    """Recordings whose call has ended carry their instants and, where a hold covers the call, its mark; how many."""
    return _arm(Q(call__ended_at__isnull=False), arm_rows) + _arm(
        Q(call__ended_at=None), lambda rows: arm_lost(rows, now=now)
    )


def _arm(which: Q, armed_of: Callable[[list[Recording]], list[Recording]]) -> int:
    armed, last = 0, ""
    while True:
        with transaction.atomic(), all_clients("the clock starts for every client"):
            waiting = Recording.objects.filter(which, back_at=None, pk__gt=last).exclude(state__in=GONE)
            ids = list(waiting.order_by("pk").values_list("pk", flat=True)[:BATCH])
            if not ids:
                return armed
            locked = list(Recording.objects.select_for_update().filter(pk__in=ids, back_at=None))
            rows = armed_of(locked)
            held = held_calls({row.call_id for row in rows})
            for row in rows:
                row.held = row.held or row.call_id in held
            Recording.objects.bulk_update(rows, ["back_at", "purge_at", "held"])
        armed, last = armed + len(rows), ids[-1]


def move_back(*, now: datetime) -> int:
    """What has left the live tier says so; how many. Whether it can be heard never waited for this (R44)."""
    moved = 0
    while True:
        with transaction.atomic(), all_clients("tiers change for every client"):
            due = Recording.objects.filter(state=RecordingState.LIVE, held=False, back_at__lte=now)
            rows = list(due.select_for_update().order_by("back_at", "pk")[:BATCH])
            if not rows:
                return moved
            Recording.objects.filter(pk__in=[row.pk for row in rows]).update(state=RecordingState.BACK)
            counts: dict[str | None, int] = {}
            for row in rows:
                counts[row.client_id] = counts.get(row.client_id, 0) + 1
            record_all(
                Occurrence(entry=RecordingsMovedBack(count=count), actor=SYSTEM, client=client, at=now)
                for client, count in counts.items()
            )
        moved += len(rows)


def overdue(*, now: datetime) -> int:
    """How many recordings are past an instant of theirs by more than the allowed lag."""
    limit = now - LAG
    with all_clients("lateness is looked for over every client"):
        kept = Recording.objects.filter(held=False).exclude(state__in=[RecordingState.PURGED, RecordingState.DELETED])
        late_back = kept.filter(state=RecordingState.LIVE, back_at__lte=limit).count()
        late_purge = kept.filter(purge_at__lte=limit).exclude(state=RecordingState.LIVE, back_at__lte=limit).count()
        unarmed = kept.filter(back_at=None, started_at__lte=limit - LAG).count()
    return int(late_back + late_purge + unarmed)


def _oldest() -> datetime | None:
    """When the oldest recording began; where no run has ended yet, a run is missed from a day after that on."""
    with all_clients("the oldest of every client"):
        found: datetime | None = Recording.objects.order_by("started_at").values_list("started_at", flat=True).first()
    return found


def watch(*, now: datetime) -> None:
    """Alarms say what is late, what must be reviewed, and where nobody is on duty; they close when it is mended."""
    last = RetentionRun.objects.filter(finished_at__isnull=False, failed=0).order_by("-started_at").first()
    late = overdue(now=now)
    since = last.started_at if last else _oldest()
    missed = since is not None and now - since > LAG
    _alarm(LATE_ALARM, late > 0 or missed, f"count={late}" if late else "no run", now)
    with all_clients("reviews and deletions are watched over every client"):
        reviews = Hold.objects.filter(released_at=None, review_on__lt=now.date()).count()
        stuck = Destruction.objects.filter(finished_at=None, decided_at__lte=now - STUCK).count()
    _alarm(STUCK_ALARM, stuck > 0, f"count={stuck}", now)
    _alarm(REVIEW_ALARM, reviews > 0, f"count={reviews}", now)
    alone = clients_without_anybody(now)
    for code in client_codes():
        if code in alone:
            raise_alarm(DUTY_ALARM, at=now, subject=code, client=code)
        else:
            clear_alarms(DUTY_ALARM, at=now, subject=code)


def _alarm(code: str, wrong: bool, detail: str, now: datetime) -> None:
    if wrong:
        raise_alarm(code, detail, at=now)
    else:
        clear_alarms(code, at=now)
