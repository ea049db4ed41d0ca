"""A planted phrase is found first, then erased, then looked for in every table, file, queue, log and backup."""

import json
import logging
import shutil
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection
from tests.support.people import agent_id_of, create_person
from tests.support.recorded import hear, recorded, row_of
from tests.unit.centre.retention.conftest import ENDED, PURGE

from ringfence.centre.accounts.models import User
from ringfence.centre.accounts.rights import Role
from ringfence.centre.recordings.models import RecordingSpan, RecordingState
from ringfence.centre.recordings.storage import key_store, object_store, spool
from ringfence.centre.retention.actions import delete_early, flag_call
from ringfence.centre.retention.run import run
from ringfence.centre.tenancy import all_clients
from ringfence.entry import key_store as keys_of_installation
from ringfence.kit.g711 import pcm16_from_alaw
from ringfence.vault.errors import KeyDestroyed
from ringfence.vault.opening import SealedReader
from ringfence.vault.stores import FileStore

PHRASE = bytes((17 * position + 3 * (position // 7)) % 251 for position in range(400))
"""What was said, as samples: in clear it would be found wherever it stood."""
HEARD = pcm16_from_alaw(PHRASE)
NOTE = "Caller asked about the green bin round and was told the day."
NOW = ENDED + timedelta(hours=1)


def left_channel(wav: bytes) -> bytes:
    return np.frombuffer(wav[44:], dtype="<i2").reshape(-1, 2)[:, 0].astype("<i2").tobytes()


def every_row() -> Iterator[tuple[str, bytes]]:
    """Every value of every table, as bytes, the queue of jobs and the outbox of live events included."""
    with all_clients("a canary looks everywhere"):
        for model in apps.get_models():
            for row in model._base_manager.values_list():
                for value in row:
                    if isinstance(value, bytes | memoryview):
                        yield model._meta.label, bytes(value)
                    elif isinstance(value, str):
                        yield model._meta.label, value.encode()
                    elif isinstance(value, dict | list):
                        yield model._meta.label, json.dumps(value).encode()


def every_file(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in folder.rglob("*"):
        if path.is_file() and "static" not in path.parts and "postgresql" not in path.parts:
            yield path.name, path.read_bytes()


def places(needle: bytes) -> set[str]:
    """Tables and files that hold these bytes."""
    found = {name for name, value in every_row() if needle in value}
    return found | {name for name, data in every_file(settings.RINGFENCE_DATA) if needle in data}


@pytest.mark.parametrize("ending", ["early", "age"])
@pytest.mark.django_db(transaction=True)
def test_nothing_of_a_destroyed_recording_is_left_anywhere(
    ending: str, tilly: User, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    ada = create_person("ada", Role.AGT, "BBC")
    recording = recorded(ended_at=ENDED, agent=agent_id_of(ada), sound=PHRASE)
    row = row_of(recording)
    with all_clients("a test"):
        RecordingSpan.objects.create(
            recording=row, client_id="BBC", start_ms=0, end_ms=10, reason="mask", actor="canary-actor-7731"
        )

    # First it is found: the phrase is heard, its sealed bytes, its wrapped key and its span stand where they should.
    assert HEARD in left_channel(hear(tilly, recording, now=NOW))
    size = object_store().size(row.object_name)
    slices = [object_store().read_range(row.object_name, at, 48) for at in range(600, size - 48, 997)]
    assert len(slices) > 8
    keys = sqlite3.connect(keys_of_installation.key_store().database.path)
    (wrapped,) = keys.execute("SELECT wrapped FROM data_keys WHERE key_id = ?", (row.key_id,)).fetchone()
    keys.close()
    assert all("rec-1.rfr" in places(each) for each in slices[:3])
    assert any("keys.sqlite3" in name for name in places(wrapped))
    assert "recordings.RecordingSpan" in places(b"canary-actor-7731")
    assert places(PHRASE) == places(HEARD[:200]) == set()  # sealed, it stands nowhere in clear, not even now
    backup = tmp_path / "backup"
    shutil.copytree(settings.RINGFENCE_DATA / "recordings", backup)

    # Then it is erased.
    if ending == "early":
        flag_call(ada, "call-1", "health", now=NOW)
        delete_early(tilly, "call-1", code="health", note=NOTE, now=NOW)
        assert row_of(recording).state == RecordingState.DELETED
    else:
        run(now=PURGE)
        assert row_of(recording).state == RecordingState.PURGED

    # Then it is looked for.
    connection.close()  # SQLite moves its write-ahead log into the file
    for each in [*slices, wrapped, PHRASE, HEARD[:200], b"canary-actor-7731"]:
        assert places(each) == set()
    assert list(spool().glob("*")) == []
    assert list(object_store().names()) == []
    said = caplog.text.encode()
    assert PHRASE not in said
    assert NOTE.encode() not in said
    assert b"900123" not in said
    assert all(NOTE.encode() not in value for _, value in every_row())

    # The old backup holds the sealed bytes, and they open for nobody.
    assert any(slices[0] in data for _, data in every_file(backup))
    with pytest.raises(KeyDestroyed):
        SealedReader(FileStore(backup), row.object_name, key_store().unwrap(row.key_id))
