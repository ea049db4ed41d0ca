"""What is kept: database, audit trail, prompts, backups."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from ringfence.engine.directory import prompts_of
from ringfence.engine.media.prompts import FilePromptCache
from ringfence.entry import destruction, installation
from ringfence.entry.backup import make
from ringfence.entry.backup.layout import Target
from ringfence.entry.checks.findings import Finding, fail, ok, warn
from ringfence.entry.settings import Settings, use_django
from ringfence.kit.errors import RingfenceError


def database(_settings: Settings) -> Iterator[Finding]:
    """It answers and has every table of this version."""
    use_django()
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor
    from django.db.utils import DatabaseError

    from ringfence.centre.tenancy.walls import missing_walls

    try:
        connection.ensure_connection()
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        openings = [] if missing else missing_walls(connection)
    except DatabaseError as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        yield fail("database", f"It cannot be reached ({first}); check database.url and that the server runs.")
        return
    finally:
        connection.close()
    if missing:
        yield fail("database", f"{len(missing)} changes of its tables are missing; run 'ringfence init'.")
    else:
        yield ok("database", f"It is reached ({connection.vendor}) and up to date.")
    for opening in openings:
        yield fail("database", opening)


def audit_places(settings: Settings) -> Iterator[Finding]:
    """Somewhere out of reach of this machine's owner holds the signed checkpoints of the audit trail."""
    from ringfence.centre.audit.places import PlaceError
    from ringfence.entry.checkpoint_places import checkpoint_places

    try:
        places = checkpoint_places()
    except PlaceError as error:
        yield fail("audit", str(error))
        return
    if settings.audit.folder and not Path(settings.audit.folder).is_dir():
        yield fail("audit", f"There is no folder {settings.audit.folder}; make it, or mend audit.folder.")
    elif places:
        yield ok("audit", f"Signed checkpoints go to: {', '.join(place.name for place in places)}.")
    else:
        yield warn("audit", "Signed checkpoints stay on this machine; name a second place under [audit].")


def prompts(settings: Settings) -> Iterator[Finding]:
    """Every prompt that a published flow or queue may play is rendered."""
    use_django()
    from django.db.utils import DatabaseError

    from ringfence.centre.directory.queries import build_snapshot

    try:
        wanted = prompts_of(build_snapshot())
    except DatabaseError:
        return  # the check of the database has said so
    if not wanted:
        yield warn("prompts", "No flow is published yet; load a centre with 'ringfence load FILE'.")
        return
    cache = FilePromptCache(settings.prompts)
    missing = cache.warm(wanted)
    if missing:
        yield fail("prompts", f"{len(missing)} of {len(wanted)} are not rendered; load the centre's file again.")
    else:
        yield ok("prompts", f"{len(wanted)} prompts are rendered.")


def unfinished_restore(settings: Settings) -> Iterator[Finding]:
    """Nothing starts on an installation that is restored half."""
    try:
        installation.refuse_half_restored(settings)
    except RingfenceError as error:
        yield fail("restore", str(error))


def backups(settings: Settings, *, now: datetime) -> Iterator[Finding]:
    """There is a recent one, its keys stand apart, and the copy of the destruction list is complete."""
    told = settings.backup
    if not told.target:
        yield warn("backup", "None is set up; give backup.target and backup.key_folder in ringfence.toml.")
        return
    try:
        plan = make.plan(settings, target=None, key_folder=None)
    except RingfenceError as error:
        yield fail("backup", str(error))
        return
    for name, folder in (("backup.target", plan.target), ("backup.key_folder", plan.key_folder)):
        if not folder.is_dir():
            yield warn("backup", f"The folder {folder} ({name}) is not there; mount it, or run 'ringfence backup'.")
            return
    made = Target(plan.target).generations()
    if destruction.overdue(Target(plan.target), now=now):
        newest = f"the newest is of {made[-1][0]:%d %B %Y}" if made else "there is none"
        yield warn("backup", f"None of the last two days: {newest}; run 'ringfence backup' and look at its timer.")
    else:
        yield ok("backup", f"The newest is of {made[-1][0]:%d %B %Y, %H:%M} UTC.")
    try:
        copy = destruction.list_copy()
        behind = 0 if copy is None else copy.behind()
    except RingfenceError as error:
        yield fail("backup", str(error))
        return
    if behind:
        yield warn("backup", f"The copy of the destruction list lacks {behind:,} entries; see that its disk is there.")
