"""A purge that dies between any two of its steps is finished by the next run, and nothing is left or lost."""

from datetime import timedelta
from typing import Any

import pytest
from tests.support.recorded import hear, recorded, row_of
from tests.unit.centre.retention.conftest import ENDED, PURGE

from ringfence.centre.accounts.models import User
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.audit.queries import verify
from ringfence.centre.recordings.errors import NotPlayable
from ringfence.centre.recordings.models import Recording, RecordingState
from ringfence.centre.recordings.storage import key_store, object_store
from ringfence.centre.retention import destroy
from ringfence.centre.retention import run as run_module
from ringfence.centre.retention.actions import delete_early
from ringfence.centre.retention.models import Destruction, DestructionLine
from ringfence.centre.retention.run import run
from ringfence.centre.tenancy import all_clients
from ringfence.vault.destruction import Destroyer
from ringfence.vault.destruction_list import DestructionList
from ringfence.vault.errors import KeyDestroyed

STEPS: dict[str, tuple[Any, str]] = {
    "before anything is decided": (run_module, "decide_due"),
    "after the decision, before the vault is asked": (destroy, "_destroy_media"),
    "after the order is listed, before the key": (Destroyer, "replay"),
    "after the key, before the objects": (Destroyer, "_delete"),
    "after the objects, before they are noted": (DestructionList, "settle"),
    "after the vault, before the rows": (destroy, "finish"),
    "while the rows go": (destroy, "all_parts"),
    "after certifying, before the audit": (destroy, "record_all"),
    "at the end of the rows, before the commit": (destroy, "log_line"),
}


class Crash(BaseException):
    """The process is gone."""


def dies(*_args: object, **_kwargs: object) -> None:
    raise Crash


def assert_gone_once(recordings: list[str], keys: list[str], names: list[str]) -> None:
    for recording, key, name in zip(recordings, keys, names, strict=True):
        assert row_of(recording).state in (RecordingState.PURGED, RecordingState.DELETED)
        assert not object_store().exists(name)
        with pytest.raises(KeyDestroyed):
            key_store().unwrap(key)
    with all_clients("a test"):
        assert AuditEntry.objects.filter(code="recording.destroyed").count() == len(recordings)
        assert Destruction.objects.filter(finished_at__isnull=False).exclude(certificate="").count() == len(recordings)
        assert sum(line.count for line in DestructionLine.objects.all()) == len(recordings)
    assert verify() is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("step", STEPS)
def test_a_purge_that_died_at_any_step_is_finished_by_the_next_run(step: str, tilly: User) -> None:
    recordings = [recorded(number, ended_at=ENDED) for number in (1, 2)]
    keys = [row_of(recording).key_id for recording in recordings]
    names = [row_of(recording).object_name for recording in recordings]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(*STEPS[step], dies)
        with pytest.raises(Crash):
            run(now=PURGE)
    for recording in recordings:
        with pytest.raises(NotPlayable):
            hear(tilly, recording, now=PURGE)
    run(now=PURGE + timedelta(hours=1))
    assert_gone_once(recordings, keys, names)
    run(now=PURGE + timedelta(hours=2))
    assert_gone_once(recordings, keys, names)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("step", [name for name in STEPS if name != "before anything is decided"])
def test_an_early_deletion_that_died_at_any_step_is_finished_without_anybody_asking_again(
    step: str, tilly: User
) -> None:
    recording = recorded(ended_at=ENDED)
    row, now = row_of(recording), ENDED + timedelta(hours=1)
    died = False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(*STEPS[step], dies)
        try:
            delete_early(tilly, "call-1", code="health", note="Caller asked about the green bin round.", now=now)
        except Crash:
            died = True
    assert died
    with all_clients("a test"):
        decided = Recording.objects.get().state == RecordingState.DESTROYING
    if not decided:  # it died before the decision was stored: nothing has happened
        assert hear(tilly, recording, now=now)
        return
    with pytest.raises(NotPlayable):
        hear(tilly, recording, now=now)
    run(now=now)
    assert_gone_once([recording], [row.key_id], [row.object_name])
