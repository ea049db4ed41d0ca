"""The key store's own backups: sealed, short-lived, apart from everything else."""

import hashlib
import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from ringfence.entry.backup.layout import Target
from ringfence.entry.destruction import destruction_list
from ringfence.entry.errors import OperatorError
from ringfence.entry.key_store import key_store, signing_key
from ringfence.vault import keybackup
from ringfence.vault.certificate import export_list
from ringfence.vault.disk import sync_folder
from ringfence.vault.errors import BackupKeyError
from ringfence.vault.stores import FileStore

_KEPT = 2
"""Key backups that may live at once: the newest, and one before it for the case that it is damaged."""


def back_up(
    target: Target,
    key_folder: Path,
    *,
    life: timedelta,
    now: datetime,
    say: Callable[[str], None],
    new_key_folder: bool = False,
) -> str:
    """A fresh sealed key store stands in ``target``, read again to prove it; older ones that must die are dead.

    Returns the id of its backup key. ``new_key_folder``: the folder holds no key of those in ``target``, on purpose.
    Raises OperatorError, VaultError or OSError.
    """
    entries, store = destruction_list(), key_store()
    refuse_older_list(target, entries.count())
    if not new_key_folder:
        _refuse_strange_folder(target, key_folder, now=now)
    destroyed = entries.count()  # before the snapshot: in doubt an older backup dies sooner
    snapshot = store.database.snapshot()
    key = keybackup.create_backup_key(key_folder, now=now, life=life)
    name = f"{key.key_id}{keybackup.SUFFIX}"
    folder = FileStore(target.keys)
    try:
        sealed = keybackup.seal(snapshot, key, root_key=store.root.key_id, made_at=now, destroyed=destroyed)
        folder.put(name, sealed)
        again = keybackup.load_backup_key(key_folder, key.key_id, now=now)
        opened = keybackup.open_sealed((target.keys / name).read_bytes(), again, now=now)
        if hashlib.sha256(opened).digest() != hashlib.sha256(snapshot).digest():
            raise OperatorError(f"{target.keys / name} does not hold what was written; check the disk.")
    except BaseException:
        keybackup.destroy_backup_key(key_folder, key.key_id)
        raise
    write_list(target)
    say(f"keys: sealed under a backup key that ends on {key.expires_at:%d %B %Y at %H:%M} UTC")
    dead = _end_older(target, key_folder, newest=key.key_id, destroyed=destroyed, now=now)
    if dead:
        say(f"keys: {dead} older backups of the key store are dead now")
    return key.key_id


def write_list(target: Target) -> None:
    """The whole destruction list in place of the one that stood in ``target``. Raises OSError."""
    fresh = target.destroyed.with_name(f"{target.destroyed.name}.new")
    with fresh.open("wb") as file:
        file.writelines(export_list(destruction_list().entries(), signing_key()))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(target.destroyed)
    sync_folder(target.root)


def refuse_older_list(target: Target, count: int) -> None:
    """Raises OperatorError when the backup folder knows of more destructions than this installation."""
    try:
        with target.destroyed.open("rb") as file:
            known = max(0, sum(1 for _ in file) - 1)
    except FileNotFoundError:
        return
    if known > count:
        raise OperatorError(
            f"{target.destroyed} lists {known} destructions, this installation only {count}: it was put back to an "
            f"earlier state. Run 'ringfence destruction replay {target.destroyed}' first, or name another folder."
        )


def _refuse_strange_folder(target: Target, key_folder: Path, *, now: datetime) -> None:
    # An unmounted folder looks empty: keys written there would be hidden by the next mount, and old ones would live on.
    living = [header.backup_key for header, _ in sealed_backups(target) if now < header.expires_at]
    if living and not set(living) & set(keybackup.backup_keys(key_folder)):
        raise OperatorError(
            f"{key_folder} holds none of the keys of the backups in {target.keys}: mount it, or say --new-key-folder "
            "if it is another folder from now on."
        )


def sealed_backups(target: Target) -> list[tuple[keybackup.Header, Path]]:
    """Backups of the key store in ``target``, the newest first; what cannot be read is left out."""
    found = []
    for path in target.keys.glob(f"*{keybackup.SUFFIX}"):
        try:
            with path.open("rb") as file:
                found.append((keybackup.read_header(file.read(65_536)), path))
        except (OSError, BackupKeyError):
            continue
    return sorted(found, key=lambda each: each[0].made_at, reverse=True)


def _end_older(target: Target, key_folder: Path, *, newest: str, destroyed: int, now: datetime) -> int:
    dead = len(keybackup.destroy_expired(key_folder, now=now))
    living = 1
    for header, path in sealed_backups(target):
        if header.backup_key == newest:
            continue
        living += 1
        if header.destroyed < destroyed or header.expires_at <= now or living > _KEPT:
            dead += keybackup.destroy_backup_key(key_folder, header.backup_key)
            path.unlink(missing_ok=True)
            living -= 1
    return dead
