"""Jobs on recordings: into the object store, and the daily proof that none is missing (R23)."""

import hashlib
from datetime import datetime, timedelta
from pathlib import Path

from django.db import transaction
from django.utils import timezone

from ringfence.centre.calls.models import Call
from ringfence.centre.jobs.actions import clear_alarms, raise_alarm
from ringfence.centre.jobs.errors import JobError, TryLater
from ringfence.centre.jobs.registry import job
from ringfence.centre.live.actions import emit
from ringfence.centre.live.models import Topic
from ringfence.centre.recordings.models import GONE, Recording, RecordingState
from ringfence.centre.recordings.storage import object_store, spool
from ringfence.centre.tenancy import all_clients
from ringfence.control.facts import Direction
from ringfence.kit.ids import AgentId, ClientCode
from ringfence.vault.errors import ObjectMissing
from ringfence.vault.names import spool_file
from ringfence.vault.stores import ObjectStore

BLOCK_BYTES = 1024 * 1024
SETTLE = timedelta(hours=1)
"""How long after its call a recording may take to be stored."""
SAMPLE = 20
"""Stored recordings read again each day."""


class Damaged(JobError):
    """The bytes of a recording are not those that were sealed. Keep the spool file and look at the disk."""


@job(
    name="move_to_store",
    title="Move a recording to the store",
    deadline=timedelta(minutes=30),
    tries=20,
    backoff=timedelta(seconds=5),
)
def move_to_store(recording_id: str) -> None:
    """The sealed object is in the store, byte for byte, its spool file is gone, and the recording is LIVE."""
    with all_clients("a job moves recordings of every client"):
        recording = Recording.objects.filter(pk=recording_id).first()
        if recording is None or recording.state == RecordingState.LIVE or recording.state in GONE:
            _remove_spooled(recording)
            return
        if recording.state != RecordingState.SPOOLED:
            raise TryLater(f"Recording {recording_id} is not sealed yet.")
        store = object_store()
        source = spool_file(spool(), recording.object_name)
        if _digest_of_stored(store, recording.object_name) != recording.sha256:
            if not source.is_file():
                raise Damaged("Neither spool nor store holds the sealed bytes of this recording.")
            if _digest_of_file(source) != recording.sha256:
                raise Damaged
            store.put(recording.object_name, source)
            if _digest_of_stored(store, recording.object_name) != recording.sha256:
                raise Damaged("The store gave back other bytes than it was given.")
        with transaction.atomic():
            moved = Recording.objects.filter(pk=recording_id, state=RecordingState.SPOOLED).update(
                state=RecordingState.LIVE
            )
            if moved:
                emit(
                    Topic.RECORDING,
                    {"recording": recording_id, "call": recording.call_id, "kind": "stored", "reason": ""},
                    client=ClientCode(recording.client_id) if recording.client_id else None,
                    agent=AgentId(recording.agent_id),
                )
            elif Recording.objects.filter(pk=recording_id, state__in=GONE).exists():
                store.delete(recording.object_name)  # deleted while it was on its way
        source.unlink(missing_ok=True)


def _remove_spooled(recording: Recording | None) -> None:
    if recording is not None and recording.object_name:
        spool_file(spool(), recording.object_name).unlink(missing_ok=True)


def _digest_of_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digest_of_stored(store: ObjectStore, name: str) -> str | None:
    digest = hashlib.sha256()
    try:
        size = store.size(name)
        for start in range(0, size, BLOCK_BYTES):
            digest.update(store.read_range(name, start, BLOCK_BYTES))
    except ObjectMissing:
        return None
    return digest.hexdigest()


@job(
    name="check_recordings",
    title="Check that no recording is missing",
    period=timedelta(hours=24),
    deadline=timedelta(hours=1),
)
def check_recordings() -> None:
    """Every answered call of the last days is recorded or has a coded exception; a gap raises an alarm."""
    check(now=timezone.now())


def check(*, now: datetime) -> int:
    """How many answered centre calls and recordings cannot be explained; an alarm is open while there are any."""
    with all_clients("completeness is checked over every client"):
        gaps = missing_recordings(since=now - timedelta(days=2), until=now - SETTLE)
        stuck = Recording.objects.filter(
            state__in=[RecordingState.CAPTURING, RecordingState.SPOOLED], call__ended_at__lt=now - SETTLE
        ).count()
        damaged = _verify_sample()
    for code, count in (("recording_gap", gaps), ("recording_stuck", stuck), ("recording_damaged", damaged)):
        if count:
            raise_alarm(code, f"count={count}", at=now)
        elif code != "recording_damaged":
            clear_alarms(code, at=now)
    total: int = gaps + stuck + damaged
    return total


def missing_recordings(*, since: datetime, until: datetime) -> int:
    """Answered queue calls that ended between the two instants with neither a recording nor a coded exception."""
    count: int = (
        Call.objects.filter(
            direction=Direction.INBOUND.value,
            answered_at__isnull=False,
            queued_at__isnull=False,
            ended_at__gte=since,
            ended_at__lt=until,
            not_recorded="",
            recordings__isnull=True,
        )
        .order_by()
        .count()
    )
    return count


def _verify_sample() -> int:
    store, damaged = object_store(), 0
    kept = [RecordingState.LIVE, RecordingState.BACK]
    for recording in Recording.objects.filter(state__in=kept).order_by("?")[:SAMPLE]:
        if _digest_of_stored(store, recording.object_name) != recording.sha256:
            damaged += 1
    return damaged
