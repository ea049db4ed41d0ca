"""Schedules, tries, deadlines and the reaper."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from django.db.utils import OperationalError
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from ringfence.centre.jobs import queries, runner, tasks
from ringfence.centre.jobs.errors import TryLater, UnknownJob
from ringfence.centre.jobs.models import Alarm, JobOutcome, JobRun, JobSchedule
from ringfence.centre.jobs.registry import all_jobs, job, job_of
from ringfence.kit.clock import Clock, ManualClock

START = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
ran: list[str] = []
failures: list[Exception] = []


@job(
    name="test_errand",
    title="An errand",
    deadline=timedelta(minutes=1),
    tries=3,
    backoff=timedelta(seconds=10),
)
def errand(subject: str) -> None:
    ran.append(subject)
    if failures:
        raise failures.pop(0)


@pytest.fixture(autouse=True)
def clean(db: None) -> None:
    ran.clear()
    failures.clear()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


def test_an_enqueued_job_runs_once_and_is_recorded(clock: ManualClock) -> None:
    errand.enqueue("a")
    assert runner.run_one("w", clock=clock)
    assert not runner.run_one("w", clock=clock)
    assert ran == ["a"]
    run = JobRun.objects.get()
    assert (run.name, run.attempt, run.outcome) == ("test_errand", 1, JobOutcome.SUCCEEDED)


def test_a_failed_job_is_tried_again_after_a_growing_pause_and_then_given_up_with_an_alarm(clock: ManualClock) -> None:
    failures.extend(ValueError("no") for _ in range(3))
    errand.enqueue("a")
    for pause in (10, 20):
        assert runner.run_one("w", clock=clock)
        clock.advance(pause - 1)
        assert not runner.run_one("w", clock=clock)
        clock.advance(1)
    assert runner.run_one("w", clock=clock)
    clock.advance(3600)
    assert not runner.run_one("w", clock=clock)
    assert ran == ["a"] * 3
    assert list(JobRun.objects.order_by("id").values_list("outcome", flat=True)) == ["failed", "failed", "gave_up"]
    alarm = Alarm.objects.get()
    assert (alarm.code, alarm.subject, alarm.detail) == ("job_failed", "test_errand", "ValueError")


def test_a_later_success_clears_the_alarm(clock: ManualClock) -> None:
    failures.extend(ValueError("no") for _ in range(3))
    errand.enqueue("a")
    for _ in range(3):
        runner.run_one("w", clock=clock)
        clock.advance(3600)
    assert Alarm.objects.get().cleared_at is None
    errand.enqueue("b")
    runner.run_one("w", clock=clock)
    assert Alarm.objects.get().cleared_at == clock.now()


def test_the_text_of_an_error_is_not_kept_in_the_database(clock: ManualClock) -> None:
    failures.extend(ValueError("canary-447700900123") for _ in range(3))
    errand.enqueue("a")
    for _ in range(3):
        runner.run_one("w", clock=clock)
        clock.advance(3600)
    row = DBTaskResult.objects.get()
    assert row.status == TaskResultStatus.FAILED
    assert "canary" not in row.traceback + row.exception_class_path
    assert "canary" not in "".join(JobRun.objects.values_list("error", flat=True))


def test_waiting_for_something_counts_as_a_try(clock: ManualClock) -> None:
    failures.append(TryLater("not yet"))
    errand.enqueue("a")
    runner.run_one("w", clock=clock)
    clock.advance(10)
    runner.run_one("w", clock=clock)
    assert list(JobRun.objects.order_by("id").values_list("outcome", flat=True)) == ["failed", "succeeded"]


def _die(clock: ManualClock) -> None:
    """A worker takes the task and is never heard of again."""
    assert runner._claim("dead", now=clock.now()) is not None


def test_a_task_of_a_dead_worker_runs_again_after_its_deadline(clock: ManualClock) -> None:
    errand.enqueue("a")
    _die(clock)
    clock.advance(60)
    assert runner.reap(now=clock.now()) == 0
    clock.advance(1)
    assert runner.reap(now=clock.now()) == 1
    clock.advance(10)
    assert runner.run_one("w", clock=clock)
    assert ran == ["a"]
    assert list(JobRun.objects.order_by("id").values_list("outcome", flat=True)) == ["died", "succeeded"]


def test_a_task_whose_workers_keep_dying_is_given_up_with_an_alarm(clock: ManualClock) -> None:
    errand.enqueue("a")
    for _ in range(3):
        _die(clock)
        clock.advance(3600)
        assert runner.reap(now=clock.now()) == 1
        clock.advance(3600)
    assert DBTaskResult.objects.get().status == TaskResultStatus.FAILED
    assert Alarm.objects.get().detail == "DeadlinePassed"


def test_a_late_worker_does_not_overwrite_the_one_that_took_over(clock: ManualClock) -> None:
    errand.enqueue("a")
    late = runner._claim("slow", now=clock.now())
    assert late is not None
    clock.advance(61)
    runner.reap(now=clock.now())
    clock.advance(10)
    assert runner.run_one("w", clock=clock)
    runner._conclude(job_of(errand.module_path), late, ValueError("late"), now=clock.now())
    assert DBTaskResult.objects.get().status == TaskResultStatus.SUCCESSFUL
    assert JobRun.objects.filter(outcome=JobOutcome.FAILED).count() == 0


def test_two_workers_never_claim_the_same_task(clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    errand.enqueue("a")
    row = DBTaskResult.objects.get()
    assert runner._claim("one", now=clock.now()) is not None
    monkeypatch.setattr("django_tasks_db.models.DBTaskResultQuerySet.first", lambda _: row)
    assert runner._claim("two", now=clock.now()) is None


def test_a_task_whose_job_is_gone_fails_with_an_alarm(clock: ManualClock) -> None:
    errand.enqueue("a")
    DBTaskResult.objects.update(task_path="ringfence.gone.task")
    assert runner.run_one("w", clock=clock)
    assert DBTaskResult.objects.get().status == TaskResultStatus.FAILED
    assert Alarm.objects.get().code == "job_unknown"
    with pytest.raises(UnknownJob):
        job_of("ringfence.gone.task")


def test_periodic_jobs_are_enqueued_once_per_period(clock: ManualClock) -> None:
    first = runner.enqueue_due(now=clock.now())
    assert {"prune_sessions", "prune_jobs", "prune_outbox", "check_recordings"} <= set(first)
    assert runner.enqueue_due(now=clock.now()) == []
    DBTaskResult.objects.update(status=TaskResultStatus.SUCCESSFUL)
    clock.advance(timedelta(minutes=30))
    later = runner.enqueue_due(now=clock.now())
    assert "prune_outbox" in later
    assert "check_recordings" not in later


def test_a_periodic_job_that_is_still_waiting_is_not_enqueued_twice(clock: ManualClock) -> None:
    runner.enqueue_due(now=clock.now())
    clock.advance(timedelta(days=2))
    assert runner.enqueue_due(now=clock.now()) == []
    assert JobSchedule.objects.filter(enqueued_at=clock.now()).exists()


def test_an_enqueue_in_a_transaction_that_rolls_back_leaves_no_task() -> None:
    with transaction.atomic():
        errand.enqueue("a")
        transaction.set_rollback(True)
    assert not DBTaskResult.objects.exists()


def test_health_shows_last_success_and_what_is_overdue(clock: ManualClock) -> None:
    errand.enqueue("a")
    runner.run_one("w", clock=clock)
    health = {entry.name: entry for entry in queries.job_health(now=clock.now())}
    assert set(health) == {entry.name for entry in all_jobs()}
    assert (health["test_errand"].last_success_at, health["test_errand"].overdue) == (START, False)
    assert health["prune_outbox"].overdue
    runner.enqueue_due(now=clock.now())
    while runner.run_one("w", clock=clock):
        pass
    health = {entry.name: entry for entry in queries.job_health(now=clock.now())}
    assert not health["prune_outbox"].overdue
    late = {entry.name: entry for entry in queries.job_health(now=clock.now() + timedelta(hours=2))}
    assert late["prune_outbox"].overdue


def test_pruning_removes_what_is_old_and_keeps_the_rest(clock: ManualClock) -> None:
    errand.enqueue("a")
    runner.run_one("w", clock=clock)
    tasks.prune(now=START + timedelta(hours=23))
    assert (JobRun.objects.count(), DBTaskResult.objects.count()) == (1, 1)
    tasks.prune(now=START + timedelta(days=15))
    assert (JobRun.objects.count(), DBTaskResult.objects.count()) == (0, 0)


@pytest.mark.django_db(transaction=True)
def test_the_loop_runs_jobs_survives_a_lost_database_and_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    errand.enqueue("a")
    done = threading.Event()
    lost = iter([OperationalError("server closed the connection")])
    real = runner.run_one

    def flaky(worker_id: str, *, clock: Clock) -> bool:
        if (error := next(lost, None)) is not None:
            raise error
        busy = real(worker_id, clock=clock)
        if ran:
            done.set()
        return busy

    monkeypatch.setattr(runner, "run_one", flaky)
    stop = threading.Event()
    thread = threading.Thread(target=runner.run_jobs, args=(stop,), kwargs={"poll_seconds": 0.01})
    thread.start()
    assert done.wait(10)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert ran == ["a"]
    assert connection.vendor
