"""The database out and in: SQLite's online backup, or pg_dump and pg_restore. Running calls are not disturbed."""

import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from ringfence.entry.backup.progress import Progress
from ringfence.entry.errors import OperatorError, ToolMissing
from ringfence.entry.settings import Settings
from ringfence.vault.disk import sync_folder

SQLITE_FILE: Final = "database.sqlite3"
POSTGRES_FILE: Final = "database.pgdump"
_PAGES_PER_STEP = 1000


def kind(settings: Settings) -> str:
    return "postgresql" if settings.database.url else "sqlite"


def file_of(database: str) -> str:
    """Name of the database's file in a generation."""
    return POSTGRES_FILE if database == "postgresql" else SQLITE_FILE


def sqlite_path(settings: Settings) -> Path:
    return settings.data / "ringfence.sqlite3"


def dump(settings: Settings, folder: Path, say: Callable[[str], None]) -> Path:
    """One instant of the whole database in ``folder``. Raises OperatorError, ToolMissing or OSError."""
    path = folder / file_of(kind(settings))
    if settings.database.url:
        say("database: pg_dump writes it ...")
        # The walls between clients bind this user as well; its connection says that it means all of them.
        _run_postgres(
            "pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--enable-row-security", f"--file={path}"
        )
        say(f"database: {path.stat().st_size:,} bytes")
        return path
    source_path = sqlite_path(settings)
    if not source_path.exists():
        raise OperatorError(f"There is no database at {source_path}; run 'ringfence init' first.")
    progress = Progress(say, "database: pages")

    def told(_status: int, remaining: int, total: int) -> None:
        progress.step(total - remaining - progress.count)

    source, copy = sqlite3.connect(source_path), sqlite3.connect(path)
    try:
        source.backup(copy, pages=_PAGES_PER_STEP, progress=told, sleep=0.01)
        copy.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        raise OperatorError(f"The database cannot be copied into {folder} ({error}). Check the free space.") from None
    finally:
        copy.close()
        source.close()
    progress.end(f"{path.stat().st_size:,} bytes")
    return path


def holds_rows(settings: Settings) -> bool:
    """Whether the database of this installation has tables already. Raises OperatorError when it is unreachable."""
    if not settings.database.url:
        return sqlite_path(settings).exists()
    from django.db import connection
    from django.db.utils import DatabaseError

    try:
        return bool(connection.introspection.table_names())
    except DatabaseError as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise OperatorError(f"The database cannot be reached ({first}). Check database.url and the server.") from None
    finally:
        connection.close()


def load(settings: Settings, source: Path, say: Callable[[str], None]) -> None:
    """The dumped database in place of this installation's. Raises OperatorError, ToolMissing or OSError."""
    if settings.database.url:
        say("database: pg_restore loads it ...")
        _run_postgres(
            "pg_restore", "--clean", "--if-exists", "--no-owner", "--no-privileges", "--exit-on-error",
            "--single-transaction", "--dbname={database}", str(source),
        )  # fmt: skip
        say("database: loaded")
        return
    path = sqlite_path(settings)
    fresh = path.with_name(f"{path.name}.restored")
    say("database: copying it ...")
    shutil.copyfile(source, fresh)
    fresh.chmod(0o600)
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    # A log of the database that stood here before would be played into the restored one.
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    fresh.replace(path)
    sync_folder(path.parent)
    say(f"database: {path.stat().st_size:,} bytes")


def migrations() -> dict[str, str]:
    """The newest applied migration of each app, as the database tells."""
    from django.db import connection
    from django.db.migrations.recorder import MigrationRecorder

    try:
        newest: dict[str, str] = {}
        for app, name in MigrationRecorder(connection).applied_migrations():
            newest[app] = max(name, newest.get(app, ""))
        return newest
    finally:
        connection.close()


def refuse_newer(wanted: dict[str, str]) -> None:
    """Raises OperatorError when a backup has tables that this release does not know."""
    from django.db.migrations.loader import MigrationLoader

    known = set(MigrationLoader(None).disk_migrations)
    newer = sorted(app for app, name in wanted.items() if (app, name) not in known)
    if newer:
        raise OperatorError(
            f"This backup was made by a newer release (its tables of {', '.join(newer)} are not known here). "
            "Update Ringfence, then restore."
        )


def _run_postgres(tool: str, *options: str) -> None:
    from django.db import connection

    program = _program(tool)
    told: dict[str, Any] = connection.settings_dict
    environment = {
        "PATH": os.defpath,
        "LC_ALL": "C.UTF-8",
        "PGCONNECT_TIMEOUT": "10",
        "PGHOST": str(told["HOST"]),
        "PGPORT": str(told["PORT"] or 5432),
        "PGUSER": str(told["USER"]),
        "PGDATABASE": str(told["NAME"]),
        "PGPASSWORD": str(told["PASSWORD"]),  # in the environment, because every user sees a command line
        "PGOPTIONS": "-c ringfence.clients=*",  # centre/tenancy/walls.py
    }
    command = [program, *(option.format(database=told["NAME"]) for option in options)]
    done = subprocess.run(  # noqa: S603 - the program is PostgreSQL's own, its options are ours
        command, env={k: v for k, v in environment.items() if v}, capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
        return
    said = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[0]
    if "server version mismatch" in done.stderr or re.search(r"unsupported version \(\d", done.stderr):
        raise OperatorError(
            f"{program} is older than the server or than the backup; install the PostgreSQL client of its version."
        )
    raise OperatorError(f"{tool} failed ({said}). Check database.url, the server and the free space.")


def _program(tool: str) -> str:
    """The newest of its kind. Raises ToolMissing."""
    versions = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{tool}"),
        key=lambda path: tuple(int(part) for part in path.parts[4].split(".") if part.isdigit()),
    )
    found = str(versions[-1]) if versions else shutil.which(tool)
    if found is None:
        raise ToolMissing(f"{tool} is missing; install PostgreSQL's client programs (package postgresql-client).")
    return found
