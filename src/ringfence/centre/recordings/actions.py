"""Writing recordings and giving people the right to hear one."""

from collections.abc import Iterable

from ringfence.centre.recordings.models import Recording, RecordingSpan
from ringfence.centre.recordings.tasks import move_to_store
from ringfence.kit.ids import RecordingId

_COLUMNS = [column.name for column in Recording._meta.concrete_fields if column.name != "recording_id"]


def store(*, recordings: Iterable[Recording], spans: Iterable[RecordingSpan], sealed: Iterable[RecordingId]) -> None:
    """New and changed recordings stand as given; each sealed one is queued for the object store in the same breath."""
    Recording.objects.bulk_create(
        list(recordings), update_conflicts=True, unique_fields=["recording_id"], update_fields=_COLUMNS
    )
    RecordingSpan.objects.bulk_create(list(spans))
    for recording_id in sealed:
        move_to_store.enqueue(recording_id)
