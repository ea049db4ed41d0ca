"""Where recordings stand: spool, object store and keys of this installation, named by the settings."""

from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.utils.module_loading import import_string

from ringfence.vault.destruction import Destroyer
from ringfence.vault.keys import KeyStore
from ringfence.vault.rotation import KeyRotation
from ringfence.vault.stores import ObjectStore


@lru_cache(maxsize=1)
def object_store() -> ObjectStore:
    """The store of sealed recordings. Raises VaultError with the cure."""
    name = getattr(settings, "RINGFENCE_OBJECT_STORE", "ringfence.entry.object_store.object_store")
    store: ObjectStore = import_string(name)()
    return store


def key_store() -> KeyStore:
    """The vault's key store. Raises VaultError with the cure."""
    store: KeyStore = import_string(settings.RINGFENCE_KEY_STORE)()
    return store


def key_rotation() -> KeyRotation:
    """Rotations of keys in that store. Raises VaultError with the cure."""
    made: KeyRotation = import_string(settings.RINGFENCE_KEY_ROTATION)()
    return made


def destroyer() -> Destroyer:
    """What destroys recordings and proves it. Raises VaultError with the cure."""
    made: Destroyer = import_string(settings.RINGFENCE_DESTROYER)()
    return made


def spool() -> Path:
    """Where the engine leaves sealed recordings."""
    folder: Path = settings.RINGFENCE_DATA / "spool"
    return folder
