"""What the health page shows of jobs and alarms."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from ringfence.centre.jobs.models import Alarm, JobOutcome, JobRun
from ringfence.centre.jobs.registry import all_jobs


@dataclass(frozen=True, kw_only=True)
class OpenAlarm:
    alarm_id: int
    code: str
    subject: str
    client: str
    """Code; empty: the installation's."""
    detail: str
    first_at: datetime
    last_at: datetime
    count: int


@dataclass(frozen=True, kw_only=True)
class JobHealth:
    name: str
    title: str
    period: timedelta | None
    last_success_at: datetime | None
    last_failure_at: datetime | None
    waiting: int
    failed: int
    """Given up and not pruned yet."""
    overdue: bool
    """A periodic job without a success for twice its period plus its deadline."""


def open_alarms(codes: Collection[str] | None) -> list[OpenAlarm]:
    """Alarms nobody has cleared, newest first: the installation's and those of the clients ``codes`` (None: of all)."""
    rows = Alarm.objects.filter(cleared_at=None)
    if codes is not None:
        rows = rows.filter(client_code__in=["", *codes])
    return [
        OpenAlarm(
            alarm_id=alarm.pk,
            code=alarm.code,
            subject=alarm.subject,
            client=alarm.client_code,
            detail=alarm.detail,
            first_at=alarm.first_at,
            last_at=alarm.last_at,
            count=alarm.count,
        )
        for alarm in rows.order_by("-last_at")
    ]


def job_health(*, now: datetime) -> list[JobHealth]:
    """Every declared job with its last success; a job that never ran is shown too."""
    ended = {
        (row["name"], row["outcome"]): row["last"]
        for row in JobRun.objects.values("name", "outcome").annotate(last=Max("finished_at"))
    }
    health = []
    for job in all_jobs():
        success = ended.get((job.name, JobOutcome.SUCCEEDED))
        failures = [
            at for outcome in JobOutcome if outcome != JobOutcome.SUCCEEDED and (at := ended.get((job.name, outcome)))
        ]
        queued = DBTaskResult.objects.filter(task_path=job.task.module_path)
        overdue = False
        if job.period is not None:
            overdue = success is None or now - success > 2 * job.period + job.deadline
        health.append(
            JobHealth(
                name=job.name,
                title=job.title,
                period=job.period,
                last_success_at=success,
                last_failure_at=max(failures, default=None),
                waiting=queued.filter(status=TaskResultStatus.READY).count(),
                failed=queued.filter(status=TaskResultStatus.FAILED).count(),
                overdue=overdue,
            )
        )
    return health
