"""Where this installation keeps its keys: ``<data>/keys``, with the root key beside the key store by default."""

from functools import lru_cache

from ringfence.entry.settings import current
from ringfence.vault.errors import RootKeyError
from ringfence.vault.keys import FileRootKey, KeyStore
from ringfence.vault.keystore import SqliteKeyStore

ROOT_KEY = "root.key"
KEY_STORE = "keys.sqlite3"


def root_key() -> FileRootKey:
    """The root key; made once, for a new installation. A key store without its root key is never given a new one."""
    folder = current().keys
    path = folder / ROOT_KEY
    if not path.exists() and not (folder / KEY_STORE).exists():
        try:
            return FileRootKey.create(path)
        except RootKeyError:
            if not path.exists():  # otherwise another process made it in the same moment
                raise
    return FileRootKey.load(path)


@lru_cache(maxsize=1)
def key_store() -> KeyStore:
    """The key store of this process. Raises VaultError with the cure."""
    return SqliteKeyStore(current().keys / KEY_STORE, root_key())
