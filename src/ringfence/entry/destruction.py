"""What destroys recordings of this installation, with its keys, its store and its spool."""

from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

from ringfence.entry.backup.layout import Target
from ringfence.entry.key_store import key_store, signing_key
from ringfence.entry.object_store import object_store
from ringfence.entry.settings import current
from ringfence.vault import keybackup
from ringfence.vault.destruction import Destroyer
from ringfence.vault.destruction_list import DestructionList
from ringfence.vault.errors import VaultError
from ringfence.vault.listcopy import ListCopy
from ringfence.vault.stores import FileStore

OVERDUE = timedelta(days=2)


@lru_cache(maxsize=1)
def destruction_list() -> DestructionList:
    """The list that stands with the key store. Raises VaultError with the cure."""
    return DestructionList(key_store().database)


@lru_cache(maxsize=1)
def list_copy() -> ListCopy | None:
    """The copy that ``backup.list_copy`` names. Raises VaultError with the cure."""
    path = current().backup.list_copy
    return ListCopy(Path(path), destruction_list(), signing_key()) if path else None


def upkeep(*, now: datetime) -> dict[str, str]:
    """Backup keys whose life has ended are gone and the list's copy has caught up; problems by alarm code."""
    problems = {}
    folder = current().backup.key_folder
    try:
        if folder and not Path(folder).is_dir():
            problems["backup_key_stays"] = "folder_missing"
        elif folder:
            keybackup.destroy_expired(Path(folder), now=now)
    except VaultError as error:
        problems["backup_key_stays"] = type(error).__name__
    try:
        copy = list_copy()
        if copy is not None:
            copy.catch_up()
    except VaultError as error:
        problems["destruction_copy_behind"] = type(error).__name__
    target = current().backup.target
    if target and overdue(Target(Path(target)), now=now):
        problems["backup_overdue"] = "older_than_two_days"
    return problems


def overdue(target: Target, *, now: datetime) -> bool:
    """No backup of the last two days stands there."""
    made = target.generations()
    return not made or now - made[-1][0] > OVERDUE


@lru_cache(maxsize=1)
def destroyer() -> Destroyer:
    """Raises VaultError with the cure."""
    return Destroyer(
        keys=key_store(),
        entries=destruction_list(),
        store=object_store(),
        signing=signing_key(),
        spool=FileStore(current().spool),
        copy=list_copy(),
    )
