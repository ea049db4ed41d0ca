"""Rows of an old backup forget again what was destroyed after it."""

from datetime import timedelta

import pytest
from tests.support.recorded import hear, recorded, row_of
from tests.unit.centre.retention.conftest import ENDED, PURGE

from ringfence.centre.accounts.models import User
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.recordings.errors import RecordingError
from ringfence.centre.recordings.models import Recording, RecordingState
from ringfence.centre.recordings.storage import destroyer
from ringfence.centre.retention.models import Destruction
from ringfence.centre.retention.restored import forget_again
from ringfence.centre.retention.run import run
from ringfence.centre.tenancy import all_clients

LATER = PURGE + timedelta(days=1)


def put_back(recording: str, old: dict[str, object]) -> None:
    """What an old backup of the database says of it."""
    with all_clients("a test"):
        Destruction.objects.filter(pk=recording).delete()
        Recording.objects.filter(pk=recording).update(**old)


def as_a_backup_has_it(recording: str) -> dict[str, object]:
    with all_clients("a test"):
        row = Recording.objects.filter(pk=recording).values().get()
        return {name: value for name, value in row.items() if name not in ("recording_id", "client_id")}


def test_they_are_stubs_again_with_the_same_certificate(tilly: User) -> None:
    # Numbers of their own: the list also holds what other tests of this run destroyed.
    gone, kept = recorded(9001, ended_at=ENDED), recorded(9002, ended_at=LATER)
    old = as_a_backup_has_it(gone)
    run(now=LATER)
    with all_clients("a test"):
        certificate = Destruction.objects.get(pk=gone).certificate
    assert certificate
    put_back(gone, old)
    with pytest.raises(RecordingError):
        hear(tilly, gone, now=LATER)
    entries = list(destroyer().entries.entries())
    assert (outcome := forget_again(entries)).finished == 1
    assert outcome.failed == 0
    assert (row_of(gone).state, row_of(kept).state) == (RecordingState.PURGED, RecordingState.LIVE)
    with all_clients("a test"):
        assert Destruction.objects.get(pk=gone).certificate == certificate
        assert AuditEntry.objects.filter(code="recording.destructions_replayed").count() == 1
    assert hear(tilly, kept, now=LATER)[:4] == b"RIFF"
    assert forget_again(entries).finished == 0


def test_a_journal_that_the_backup_had_begun_goes_on_under_the_vaults_id() -> None:
    gone = recorded(1, ended_at=ENDED)
    run(now=LATER)
    with all_clients("a test"):
        known = Destruction.objects.get(pk=gone).destruction_id
        Destruction.objects.filter(pk=gone).update(destruction_id="another", finished_at=None, certificate="")
        Recording.objects.filter(pk=gone).update(state=RecordingState.DESTROYING)
    assert forget_again(destroyer().entries.entries()).finished == 1
    with all_clients("a test"):
        assert Destruction.objects.get(pk=gone).destruction_id == known
