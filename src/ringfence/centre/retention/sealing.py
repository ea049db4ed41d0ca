"""Notes on deleted recordings: sealed in the row, opened only for showing."""

from functools import lru_cache

from ringfence.centre.privacy.sealed import NO_CLIENT
from ringfence.centre.recordings.storage import key_store
from ringfence.vault.errors import FieldTampered, KeyDestroyed, KeyUnknown
from ringfence.vault.fields import FieldSealer


@lru_cache(maxsize=1)
def _sealer() -> FieldSealer:
    return FieldSealer(key_store(), purpose="retention note")


def seal_note(client: str | None, text: str) -> bytes:
    return _sealer().seal(client or NO_CLIENT, text)


def open_note(client: str | None, sealed: bytes | memoryview | None) -> str:
    """The note, or nothing when there is none or it cannot be opened any more."""
    if sealed is None:
        return ""
    try:
        return _sealer().open(client or NO_CLIENT, bytes(sealed))
    except (FieldTampered, KeyUnknown, KeyDestroyed):
        return ""
