"""Who asks, what they ask and what was answered: sealed in the row under the client's key, opened only for showing."""

from functools import lru_cache

from ringfence.centre.recordings.storage import key_store
from ringfence.vault.errors import FieldTampered, KeyDestroyed, KeyUnknown
from ringfence.vault.fields import FieldSealer

PURPOSE = "disclosure"


@lru_cache(maxsize=1)
def _sealer() -> FieldSealer:
    return FieldSealer(key_store(), purpose=PURPOSE)


def seal_text(client: str, text: str) -> bytes:
    """``text`` for the database. Raises VaultError when the key store cannot be used."""
    return _sealer().seal(client, text)


def open_text(client: str, sealed: bytes | memoryview | None) -> str:
    """The text, or nothing when there is none or it cannot be opened any more."""
    if sealed is None:
        return ""
    try:
        return _sealer().open(client, bytes(sealed))
    except (FieldTampered, KeyUnknown, KeyDestroyed):
        return ""
