"""Where jobs are declared: beside their code, with tries, a deadline and, for periodic ones, an expected period."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ParamSpec, TypeVar

from django_tasks import task
from django_tasks.base import Task

from ringfence.centre.jobs.errors import UnknownJob

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Job:
    """A declared job."""

    name: str
    title: str
    """What the health page calls it."""
    task: Task[..., Any]
    deadline: timedelta
    """A try that runs longer counts as dead and may be started again."""
    tries: int
    """Tries in all, the first included."""
    backoff: timedelta
    """Wait before the second try; doubles with each further one."""
    period: timedelta | None
    """None: runs only when enqueued."""


_jobs: dict[str, Job] = {}
_by_path: dict[str, Job] = {}


def job(
    *,
    name: str,
    title: str,
    deadline: timedelta,
    tries: int = 3,
    backoff: timedelta = timedelta(seconds=10),
    period: timedelta | None = None,
) -> Callable[[Callable[P, T]], Task[P, T]]:
    """Declare a function as a job. It takes ids only and is idempotent: a deadline may run it twice."""

    def declare(function: Callable[P, T]) -> Task[P, T]:
        declared: Task[P, T] = task()(function)
        entry = Job(
            name=name, title=title, task=declared, deadline=deadline, tries=tries, backoff=backoff, period=period
        )
        known = _jobs.get(name)
        if known is not None and known.task.module_path != declared.module_path:
            raise ValueError(f"Two jobs are named {name}.")
        _jobs[name] = _by_path[declared.module_path] = entry
        return declared

    return declare


def all_jobs() -> tuple[Job, ...]:
    """Every declared job by name."""
    return tuple(_jobs[name] for name in sorted(_jobs))


def job_of(task_path: str) -> Job:
    """The declaration behind a queued task. Raises UnknownJob."""
    try:
        return _by_path[task_path]
    except KeyError:
        raise UnknownJob(f"No job is declared at {task_path}. Declare it with @job beside its code.") from None
