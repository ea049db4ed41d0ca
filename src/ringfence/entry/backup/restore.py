"""``ringfence restore``: an installation again from its backups, without what was destroyed since they were made.

A key store that is there is never replaced by an older one. Whatever is restored, every destruction list that can be
found is replayed over it before anything may run.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ringfence.entry import destruction as entry_destruction
from ringfence.entry import installation, key_store, processes
from ringfence.entry.backup import database, keys
from ringfence.entry.backup.layout import INDEX, SPOOL, Manifest, Target, read_index, read_manifest, verify_files
from ringfence.entry.backup.orphans import orphans
from ringfence.entry.backup.progress import Progress
from ringfence.entry.backup.replay import read_list_file, replay
from ringfence.entry.errors import OperatorError
from ringfence.entry.settings import Settings, use_django
from ringfence.vault import keybackup
from ringfence.vault.destruction_list import Destruction, DestructionList
from ringfence.vault.disk import create_private
from ringfence.vault.errors import BackupKeyError, ObjectMissing
from ringfence.vault.keys import FileRootKey
from ringfence.vault.keystore import SqliteKeyStore
from ringfence.vault.signing import FileSigningKey
from ringfence.vault.stores import FileStore


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What an operator asked for."""

    source: Path
    """A generation, or the backup folder for its newest one."""
    key_folder: Path | None
    lists: tuple[Path, ...]
    """Destruction lists beside those that stand in known places."""
    replace: bool
    """Into an installation that has a database already."""
    without_newer_list: bool
    """No list is newer than the backup's, and the operator says so."""


def restore(settings: Settings, wanted: Wanted, *, now: datetime, say: Callable[[str], None]) -> None:
    """Everything, or a sentence with the cure; an interrupted one is run again. Raises OperatorError, VaultError."""
    if processes.engine_status(settings) is not None or processes.worker_mark(settings).exists():
        raise OperatorError("Ringfence runs with this data folder; stop it first.")
    folder, target = _locate(wanted.source)
    root, public = _keys_from_the_safe(settings)
    manifest = read_manifest(folder, public)
    use_django()
    from ringfence.centre.recordings.custody import note_restore

    database.refuse_newer(manifest.migrations)
    if manifest.database != database.kind(settings):
        raise OperatorError(
            f"This backup is of a {manifest.database} database; set database.url in ringfence.toml accordingly."
        )
    again = installation.restore_mark(settings).exists()
    if not (wanted.replace or again) and database.holds_rows(settings):
        raise OperatorError(
            "This installation has a database already. Say --replace to put the backup in its place: what came after "
            f"{manifest.made_at:%d %B %Y at %H:%M} UTC is then lost."
        )
    verify_files(folder, manifest)
    _room(settings, folder, manifest)
    say(f"backup of {manifest.made_at:%d %B %Y at %H:%M} UTC: whole and genuine")
    known = _known_lists(settings, wanted, target, public, say)
    kept = _holds_keys(settings, root)
    newer = _has_newer_list(settings, wanted, target, kept=kept)
    sealed = None if kept else _open_key_backup(wanted, target, root, now=now, say=say)

    installation.make_folders(settings)
    installation.restore_mark(settings).write_text(str(folder), encoding="utf-8")
    if sealed is not None:
        _put_key_store(settings, sealed)
    else:
        say("keys: the key store that is here is kept; it is never replaced by an older one")
    destroyer = entry_destruction.destroyer()
    destroyer.entries.merge(known)
    orders = [entry.order for entry in destroyer.entries.entries()]
    if settings.storage.kind == "file":
        gone = {name for order in orders for name in order.objects}
        _put_objects(settings, folder, target, gone, say)
    _put_files(settings, folder, target)
    database.load(settings, folder / database.file_of(manifest.database), say)
    say("database: bringing it up to date ...")
    installation.migrate()
    replay(destroyer, orders, say)
    if lost := sum(1 for _ in orphans()):
        say(f"WARN  recordings: {lost:,} were made after this backup, so no row names them and nobody can find them.")
        say("      Restore a later backup, or end them: ringfence destruction orphans --destroy")
    note_restore(made_at=manifest.made_at, destroyed=len(orders), newer_list=newer)
    installation.restore_mark(settings).unlink()
    say("restored. Run 'ringfence init', which makes secrets anew, and 'ringfence check', then 'ringfence up'.")


def _locate(source: Path) -> tuple[Path, Target]:
    source = source.expanduser().resolve()
    generations = Target(source).generations()
    if generations:
        return generations[-1][1], Target(source)
    return source, Target(source.parent)


def _keys_from_the_safe(settings: Settings) -> tuple[FileRootKey, bytes]:
    root_path, signing_path = settings.keys / key_store.ROOT_KEY, settings.keys / key_store.SIGNING_KEY
    public_path = settings.keys / key_store.PUBLIC_KEY
    for path in (root_path, signing_path):
        if not path.exists() and not (path == signing_path and public_path.exists()):
            raise OperatorError(
                f"There is no {path}. Put it back from your safe first: no backup holds it, and without it "
                "a backup can neither be opened nor trusted."
            )
    if signing_path.exists():
        return FileRootKey.load(root_path), FileSigningKey.load(signing_path).public_key()
    return FileRootKey.load(root_path), public_path.read_bytes()


def _room(settings: Settings, folder: Path, manifest: Manifest) -> None:
    needed = sum(file.size for file in manifest.files)
    if settings.storage.kind == "file":
        have = FileStore(settings.recordings)
        needed += sum(size for name, size in read_index(folder / INDEX) if not have.exists(name))
    place = next(path for path in (settings.data, *settings.data.parents) if path.exists())
    free = shutil.disk_usage(place).free
    if needed > free:
        raise OperatorError(
            f"The backup needs {needed / 1024**3:.1f} GiB and the disk of {settings.data} has "
            f"{free / 1024**3:.1f} GiB; make room first. Nothing was changed."
        )


def _known_lists(
    settings: Settings, wanted: Wanted, target: Target, public: bytes, say: Callable[[str], None]
) -> list[Destruction]:
    places = [target.destroyed, *wanted.lists]
    if settings.backup.list_copy:
        places.append(Path(settings.backup.list_copy))
    found: dict[str, Destruction] = {}
    for path in places:
        try:
            entries = read_list_file(path, public)
        except FileNotFoundError:
            if path in wanted.lists:
                raise OperatorError(f"There is no destruction list {path}.") from None
            continue
        say(f"destruction list {path}: {len(entries):,} entries")
        for entry in entries:
            found.setdefault(entry.order.destruction_id, entry)
    return list(found.values())


def _holds_keys(settings: Settings, root: FileRootKey) -> bool:
    path = settings.keys / key_store.KEY_STORE
    if not path.exists():
        return False
    store = SqliteKeyStore(path, root)
    try:
        stats = store.stats()
        if stats.client_keys:
            for each in stats.client_keys:
                store.client_key(each.client, each.version)  # raises when the root key is another's
        return bool(stats.data_keys or stats.destroyed or DestructionList(store.database).count())
    finally:
        store.close()


def _has_newer_list(settings: Settings, wanted: Wanted, target: Target, *, kept: bool) -> bool:
    copy = settings.backup.list_copy
    if kept or wanted.lists or (copy and Path(copy).exists()):
        return True
    if wanted.without_newer_list:
        return False
    raise OperatorError(
        f"The newest destruction list at hand is the backup's own, {target.destroyed}. What was destroyed after it "
        "would come back. Name a newer list with --list (an export, or the file of backup.list_copy), or say "
        "--without-newer-list if none exists."
    )


def _open_key_backup(
    wanted: Wanted, target: Target, root: FileRootKey, *, now: datetime, say: Callable[[str], None]
) -> bytes:
    if wanted.key_folder is None:
        raise OperatorError(
            "The key store is gone, and so is needed from its backup. Name the folder of backup keys with "
            "--key-folder, or set backup.key_folder in ringfence.toml."
        )
    problem = f"There is no backup of the key store in {target.keys}."
    for header, path in keys.sealed_backups(target):
        if header.root_key != root.key_id:
            problem = f"{path.name} needs root key {header.root_key}; {root.key_id} is here. Put the right one back."
            continue
        try:
            key = keybackup.load_backup_key(wanted.key_folder, header.backup_key, now=now)
            opened = keybackup.open_sealed(path.read_bytes(), key, now=now)
        except BackupKeyError as error:
            problem = str(error)
            say(f"keys: {path.name} does not open: {error}")
            continue
        say(f"keys: from the backup of {header.made_at:%d %B %Y at %H:%M} UTC")
        return opened
    raise OperatorError(f"No backup of the key store opens, and without one no recording does. {problem}")


def _put_key_store(settings: Settings, content: bytes) -> None:
    path = settings.keys / key_store.KEY_STORE
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)  # empty: _holds_keys has looked
    create_private(path, content)


def _put_objects(settings: Settings, folder: Path, target: Target, gone: set[str], say: Callable[[str], None]) -> None:
    store = FileStore(settings.recordings)
    index = list(read_index(folder / INDEX))
    progress = Progress(say, "recordings", total=len(index))
    missing = 0
    for name, size in index:
        progress.step()
        if name in gone or (store.exists(name) and store.size(name) == size):
            continue
        try:
            store.put(name, target.objects / name)
        except ObjectMissing:
            missing += 1
    progress.end()
    if missing:
        say(f"WARN  recordings: {missing:,} are named by the backup but are not in {target.objects}.")


def _put_files(settings: Settings, folder: Path, target: Target) -> None:
    spool, prompts = FileStore(settings.spool), FileStore(settings.prompts)
    for path in sorted((folder / SPOOL).glob("*")):
        if not spool.exists(path.name):
            spool.put(path.name, path)
    for path in sorted(target.prompts.glob("*")) if target.prompts.is_dir() else ():
        if path.is_file() and not prompts.exists(path.name):
            prompts.put(path.name, path)
