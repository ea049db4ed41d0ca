"""What destroys recordings of this installation, with its keys, its store and its spool."""

from functools import lru_cache
from pathlib import Path

from ringfence.entry.key_store import key_store, signing_key
from ringfence.entry.object_store import object_store
from ringfence.entry.settings import current
from ringfence.vault.destruction import Destroyer
from ringfence.vault.destruction_list import DestructionList
from ringfence.vault.listcopy import ListCopy
from ringfence.vault.stores import FileStore


@lru_cache(maxsize=1)
def destruction_list() -> DestructionList:
    """The list that stands with the key store. Raises VaultError with the cure."""
    return DestructionList(key_store().database)


@lru_cache(maxsize=1)
def list_copy() -> ListCopy | None:
    """The copy that ``backup.list_copy`` names. Raises VaultError with the cure."""
    path = current().backup.list_copy
    return ListCopy(Path(path), destruction_list(), signing_key()) if path else None


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
