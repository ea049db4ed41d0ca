"""The worker's job loop: puts due schedules into the queue, runs tasks, and revives what a dead worker left RUNNING.

django-tasks-db 0.13 alone would leave such a task RUNNING for ever and knows neither tries nor periods.
"""

import logging
import threading
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import close_old_connections, connection, transaction
from django.db.models import Q
from django.db.utils import DatabaseError, InterfaceError
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult, DBTaskResultQuerySet, get_date_max

from ringfence.centre.jobs import actions
from ringfence.centre.jobs.errors import TryLater, UnknownJob
from ringfence.centre.jobs.models import JobOutcome, JobRun, JobSchedule
from ringfence.centre.jobs.registry import Job, all_jobs, job_of
from ringfence.kit.clock import Clock, SystemClock

log = logging.getLogger(__name__)

MAX_BACKOFF = timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A task that this worker runs now."""

    row: DBTaskResult[..., Any]
    claimed_at: datetime

    @property
    def attempt(self) -> int:
        return len(self.row.worker_ids)


def run_jobs(
    stop: threading.Event, *, clock: Clock | None = None, poll_seconds: float = 0.5, housekeeping_seconds: float = 5.0
) -> None:
    """Runs until ``stop`` is set; a running job is finished first. A lost database is waited for."""
    clock = clock or SystemClock()
    worker_id = uuid.uuid4().hex
    next_housekeeping = clock.monotonic()
    try:
        while not stop.is_set():
            try:
                close_old_connections()
                if clock.monotonic() >= next_housekeeping:
                    next_housekeeping = clock.monotonic() + housekeeping_seconds
                    reap(now=clock.now())
                    enqueue_due(now=clock.now())
                busy = run_one(worker_id, clock=clock)
            except (DatabaseError, InterfaceError) as error:
                log.warning("jobs wait for the database: %s", type(error).__name__)
                connection.close()
                busy = False
                stop.wait(poll_seconds * 4)
            if not busy:
                stop.wait(poll_seconds)
    finally:
        connection.close()


def enqueue_due(*, now: datetime) -> list[str]:
    """Periodic jobs whose period has passed are in the queue, once each however many workers ask; their names."""
    enqueued = []
    for job in all_jobs():
        if job.period is None:
            continue
        with transaction.atomic():
            if not _take_turn(job, now=now):
                continue
            unfinished = DBTaskResult.objects.filter(
                task_path=job.task.module_path, status__in=[TaskResultStatus.READY, TaskResultStatus.RUNNING]
            )
            if not unfinished.exists():
                job.task.enqueue()
                enqueued.append(job.name)
    return enqueued


def _take_turn(job: Job, *, now: datetime) -> bool:
    assert job.period is not None
    state = JobSchedule.objects.filter(pk=job.name)
    if state.filter(enqueued_at__lte=now - job.period).update(enqueued_at=now):
        return True
    if state.exists():
        return False
    _, created = JobSchedule.objects.get_or_create(pk=job.name, defaults={"enqueued_at": now})
    return created


def run_one(worker_id: str, *, clock: Clock) -> bool:
    """Runs the next ready task, if there is one. Its failure is recorded, never raised."""
    claim = _claim(worker_id, now=clock.now())
    if claim is None:
        return False
    try:
        job = job_of(claim.row.task_path)
    except UnknownJob as error:
        log.error("%s", error)
        _finish(claim, now=clock.now(), status=TaskResultStatus.FAILED, error="UnknownJob")
        actions.raise_alarm("job_unknown", claim.row.task_path, at=clock.now())
        return True
    failure: BaseException | None = None
    try:
        job.task.call(*claim.row.args_kwargs["args"], **claim.row.args_kwargs["kwargs"])
    except Exception as error:  # root of a job: recorded, then tried again
        failure = error
        if isinstance(error, TryLater):
            log.info("job %s try %d waits: %s", job.name, claim.attempt, error)
        else:
            log.error("job %s try %d failed", job.name, claim.attempt, exc_info=error)
    _conclude(job, claim, failure, now=clock.now())
    return True


def _claim(worker_id: str, *, now: datetime) -> Claim | None:
    ready = DBTaskResult.objects.filter(status=TaskResultStatus.READY).filter(
        Q(run_after=get_date_max()) | Q(run_after__lte=now)
    )
    row = ready.first()
    if row is None:
        return None
    row.worker_ids = [*row.worker_ids, worker_id]
    taken = DBTaskResult.objects.filter(pk=row.pk, status=TaskResultStatus.READY).update(
        status=TaskResultStatus.RUNNING, started_at=now, worker_ids=row.worker_ids
    )
    return Claim(row=row, claimed_at=now) if taken else None


def _conclude(job: Job, claim: Claim, failure: BaseException | None, *, now: datetime) -> None:
    with transaction.atomic():
        if failure is None:
            mine = _finish(claim, now=now, status=TaskResultStatus.SUCCESSFUL, error="")
            outcome, error = JobOutcome.SUCCEEDED, ""
        else:
            error = type(failure).__qualname__[:200]
            mine, outcome = _fail(job, claim, error=error, now=now)
        if not mine:
            return
        JobRun.objects.create(
            name=job.name,
            task_id=claim.row.pk,
            attempt=claim.attempt,
            started_at=claim.claimed_at,
            finished_at=now,
            outcome=outcome,
            error=error,
        )
        if outcome == JobOutcome.SUCCEEDED:
            actions.clear_alarms("job_failed", at=now, subject=job.name)
        elif outcome == JobOutcome.GAVE_UP:
            actions.raise_alarm("job_failed", error, at=now, subject=job.name)


def _fail(job: Job, claim: Claim, *, error: str, now: datetime) -> tuple[bool, JobOutcome]:
    if claim.attempt >= job.tries:
        return _finish(claim, now=now, status=TaskResultStatus.FAILED, error=error), JobOutcome.GAVE_UP
    again = now + min(job.backoff * 2 ** (claim.attempt - 1), MAX_BACKOFF)
    return bool(_held(claim).update(status=TaskResultStatus.READY, run_after=again)), JobOutcome.FAILED


def _finish(claim: Claim, *, now: datetime, status: TaskResultStatus, error: str) -> bool:
    return bool(_held(claim).update(status=status, finished_at=now, exception_class_path=error))


def _held(claim: Claim) -> "DBTaskResultQuerySet":
    """The row while this worker still holds it; a reaped task belongs to somebody else."""
    return DBTaskResult.objects.filter(pk=claim.row.pk, status=TaskResultStatus.RUNNING, started_at=claim.claimed_at)


def reap(*, now: datetime) -> int:
    """Tasks RUNNING beyond their deadline are ready again, or given up with an alarm; how many there were."""
    reaped = 0
    for row in DBTaskResult.objects.filter(status=TaskResultStatus.RUNNING):
        try:
            job = job_of(row.task_path)
        except UnknownJob:
            continue
        if row.started_at is None or now - row.started_at <= job.deadline:
            continue
        claim = Claim(row=row, claimed_at=row.started_at)
        with transaction.atomic():
            mine, outcome = _fail(job, claim, error="DeadlinePassed", now=now)
            if not mine:
                continue
            reaped += 1
            JobRun.objects.create(
                name=job.name,
                task_id=row.pk,
                attempt=claim.attempt,
                started_at=row.started_at,
                finished_at=now,
                outcome=JobOutcome.DIED,
                error="DeadlinePassed",
            )
            if outcome == JobOutcome.GAVE_UP:
                actions.raise_alarm("job_failed", "DeadlinePassed", at=now, subject=job.name)
    return reaped
