"""The run of the schedule, its watchdog, and the jobs that finish deletions and escalate flags."""

from datetime import datetime, timedelta

from django.utils import timezone

from ringfence.centre.calls.models import Call
from ringfence.centre.jobs.errors import TryLater
from ringfence.centre.jobs.registry import job
from ringfence.centre.recordings.models import GONE, Recording, RecordingState
from ringfence.centre.retention import run
from ringfence.centre.retention.actions.deletion import remove_recorded
from ringfence.centre.retention.actions.flags import escalate
from ringfence.centre.retention.destroy import carry_out
from ringfence.centre.retention.queries.rules import value_of
from ringfence.centre.retention.schedule import Code
from ringfence.centre.tenancy import all_clients


@job(
    name="run_retention",
    title="Move recordings to the back tier and delete what is past its age",
    period=timedelta(hours=1),
    deadline=timedelta(hours=4),
    tries=5,
    backoff=timedelta(minutes=1),
)
def run_retention() -> None:
    """Everything that is due is done; raises RunFailed, after going through all of it, when some of it failed."""
    run.run(now=timezone.now())


@job(
    name="check_retention",
    title="Check that retention ran and left nothing over its time",
    period=timedelta(minutes=30),
    deadline=timedelta(minutes=10),
)
def check_retention() -> None:
    """An alarm is open while anything is more than a day over its time, a review is late, or nobody is on duty."""
    run.watch(now=timezone.now())


@job(
    name="escalate_flags",
    title="Tell team leaders of flags that wait",
    period=timedelta(seconds=30),
    deadline=timedelta(minutes=2),
)
def escalate_flags() -> None:
    """No flag waits longer than its client allows without its team leaders being told."""
    escalate(now=timezone.now())


@job(
    name="finish_destruction",
    title="Finish the deletion of a recording",
    deadline=timedelta(minutes=10),
    tries=30,
    backoff=timedelta(seconds=5),
)
def finish_destruction(recording_id: str) -> None:
    """Key, object and everything derived are gone and certified. Raises TryLater while something fails."""
    with all_clients("a job finishes deletions of every client"):
        row = Recording.objects.filter(pk=recording_id).first()
    if row is None or row.state != RecordingState.DESTROYING:
        return
    if carry_out([recording_id], now=timezone.now()).failed:
        raise TryLater(f"Recording {recording_id} is unplayable, but not wholly destroyed yet.")


@job(
    name="remove_objected",
    title="Remove what was recorded before the caller objected",
    deadline=timedelta(minutes=10),
    tries=30,
    backoff=timedelta(seconds=5),
)
def remove_objected(call_id: str) -> None:
    """Nothing that was recorded of this call is left, when its client's rule says so (R38)."""
    remove(call_id, now=timezone.now())


def remove(call_id: str, *, now: datetime) -> None:
    """As the job, at ``now``. Raises TryLater."""
    with all_clients("a job removes recordings of every client"):
        call = Call.objects.filter(pk=call_id).first()
        if call is None or not value_of(Code.OBJECTION, call.client_id):
            return
        rows = list(Recording.objects.filter(call_id=call_id).exclude(state__in=GONE))
        if any(row.stopped_at is None for row in rows):
            raise TryLater(f"The recording of call {call_id} has not ended yet.")
        remove_recorded(call, now=now)
        left = list(
            Recording.objects.filter(call_id=call_id, state=RecordingState.DESTROYING).values_list("pk", flat=True)
        )
    if left and carry_out(left, now=now).failed:
        raise TryLater(f"What was recorded of call {call_id} is unplayable, but not wholly destroyed yet.")
