"""Jobs that keep the job tables and the sessions small."""

from datetime import datetime, timedelta
from importlib import import_module

from django.conf import settings
from django.utils import timezone
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from ringfence.centre.jobs.models import Alarm, JobRun
from ringfence.centre.jobs.registry import job

KEEP_RUNS = timedelta(days=14)
KEEP_FAILED_TASKS = timedelta(days=30)
KEEP_CLEARED_ALARMS = timedelta(days=365)


@job(name="prune_sessions", title="Remove expired sessions", period=timedelta(hours=1), deadline=timedelta(minutes=5))
def prune_sessions() -> None:
    """Expired sessions are gone from the database."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()


@job(name="prune_jobs", title="Remove old job records", period=timedelta(hours=6), deadline=timedelta(minutes=5))
def prune_jobs() -> None:
    """Old runs, finished tasks and cleared alarms are gone."""
    prune(now=timezone.now())


def prune(*, now: datetime) -> None:
    """Removes what is past its keeping time at ``now``."""
    JobRun.objects.filter(finished_at__lt=now - KEEP_RUNS).delete()
    DBTaskResult.objects.filter(status=TaskResultStatus.SUCCESSFUL, finished_at__lt=now - timedelta(days=1)).delete()
    DBTaskResult.objects.filter(status=TaskResultStatus.FAILED, finished_at__lt=now - KEEP_FAILED_TASKS).delete()
    Alarm.objects.filter(cleared_at__lt=now - KEEP_CLEARED_ALARMS).delete()
