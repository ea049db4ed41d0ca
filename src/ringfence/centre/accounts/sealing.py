"""Seals what the installation itself must keep secret, such as telephone passwords."""

from functools import lru_cache

from django.conf import settings
from django.utils.module_loading import import_string

from ringfence.centre.privacy.sealed import INSTALLATION
from ringfence.vault.fields import FieldSealer
from ringfence.vault.keys import KeyStore


@lru_cache(maxsize=8)
def _sealer(purpose: str) -> FieldSealer:
    keys: KeyStore = import_string(settings.RINGFENCE_KEY_STORE)()
    return FieldSealer(keys, purpose=purpose)


def seal(purpose: str, text: str) -> bytes:
    """``text`` for the database. Raises VaultError when the key store cannot be used."""
    return _sealer(purpose).seal(INSTALLATION, text)


def unseal(purpose: str, sealed: bytes | memoryview) -> str:
    """The text again. Raises VaultError."""
    return _sealer(purpose).open(INSTALLATION, bytes(sealed))
