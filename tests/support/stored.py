"""What an installation has stored, read as the centre reads it: database rows and sealed recordings."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from ringfence.vault import FileRootKey, FileStore, SealedReader, SqliteKeyStore, object_name, read_header
from tests.support.system import System, eventually

_ROWS = """
import json, sys
from ringfence.entry import settings
settings.use_django()
from django.apps import apps
from ringfence.centre.tenancy import all_clients
for line in sys.stdin:
    app, model, *fields = json.loads(line)
    with all_clients("test reads what is stored"):
        rows = list(apps.get_model(app, model).objects.order_by("pk").values(*fields))
    print(json.dumps(rows, default=str), flush=True)
"""


def _reader(system: System) -> "subprocess.Popen[str]":
    """One process that reads for all tests of an installation, as Django takes long to start."""
    found = system.readers[0] if system.readers else None
    if found is None or found.poll() is not None:
        found = subprocess.Popen(
            [sys.executable, "-c", _ROWS],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=system.environment(),
        )
        system.readers[:] = [found]
    return found


def rows(system: System, app: str, model: str, *fields: str) -> list[dict[str, Any]]:
    """Rows of a model, in order, as plain values."""
    reader = _reader(system)
    assert reader.stdin is not None
    assert reader.stdout is not None
    reader.stdin.write(json.dumps([app, model, *fields]) + "\n")
    reader.stdin.flush()
    answer = reader.stdout.readline()
    assert answer, "the rows cannot be read; see the trace above"
    found: list[dict[str, Any]] = json.loads(answer)
    return found


def call_row(system: System, call_id: str, *fields: str, seconds: float = 20) -> dict[str, Any]:
    """The call in the log, once it has ended there."""

    def ended() -> dict[str, Any] | None:
        found = rows(system, "calls", "Call", "call_id", "ended_at", *fields)
        return next((row for row in found if row["call_id"] == call_id and row["ended_at"]), None)

    return eventually(ended, seconds=seconds, what="the call in the log")


def call_history(system: System, call_id: str) -> list[tuple[str, str]]:
    """Kind and code of each event of a call, in order."""
    found = rows(system, "calls", "CallEvent", "call_id", "number", "kind", "code")
    mine = sorted((row for row in found if row["call_id"] == call_id), key=lambda row: int(row["number"]))
    return [(str(row["kind"]), str(row["code"])) for row in mine]


def alarms(system: System, *, code: str) -> list[dict[str, Any]]:
    """Alarms of this code, cleared ones included."""
    return [row for row in rows(system, "jobs", "Alarm", "code", "detail", "cleared_at") if row["code"] == code]


def sealed_recordings(system: System) -> list[str]:
    """Names of the objects in the file store."""
    return sorted(FileStore(system.data / "recordings").names())


def new_recording(system: System, before: list[str], *, seconds: float = 20) -> SealedReader:
    """The one recording that has come since ``before``, opened with the installation's own keys."""
    name = eventually(
        lambda: next((name for name in sealed_recordings(system) if name not in before), None),
        seconds=seconds,
        what="a sealed recording in the store",
    )
    return open_recording(system, name)


def open_recording(system: System, name: str) -> SealedReader:
    keys = SqliteKeyStore(system.data / "keys" / "keys.sqlite3", FileRootKey.load(system.data / "keys" / "root.key"))
    store = FileStore(system.data / "recordings")
    header = read_header(store, name)
    return SealedReader(store, name, keys.unwrap(header.key))


def media_files(system: System) -> list[Path]:
    """Every file that could hold audio of a call."""
    return [path for folder in ("spool", "recordings") for path in (system.data / folder).rglob("*") if path.is_file()]


__all__ = [
    "alarms",
    "call_history",
    "call_row",
    "media_files",
    "new_recording",
    "object_name",
    "open_recording",
    "rows",
    "sealed_recordings",
]
