"""Where this installation keeps its keys: ``<data>/keys``, root and signing key beside the key store by default."""

from functools import lru_cache

from ringfence.entry.settings import current
from ringfence.vault.disk import create_private
from ringfence.vault.errors import RootKeyError, SigningKeyError, SigningKeyMissing
from ringfence.vault.keys import FileRootKey
from ringfence.vault.keystore import SqliteKeyStore
from ringfence.vault.rootfile import RootKeyFiles
from ringfence.vault.rotation import KeyRotation
from ringfence.vault.signing import FileSigningKey, SigningKey

ROOT_KEY = "root.key"
KEY_STORE = "keys.sqlite3"
SIGNING_KEY = "signing.key"
PUBLIC_KEY = "signing.pub"
"""The public half in PEM; it also tells a lost signing key from one that was never made."""


def root_key() -> RootKeyFiles:
    """The root key; made once, for a new installation. A key store without its root key is never given a new one."""
    folder = current().keys
    path = folder / ROOT_KEY
    if not path.exists() and not (folder / KEY_STORE).exists():
        try:
            FileRootKey.create(path)
        except RootKeyError:
            if not path.exists():  # otherwise another process made it in the same moment
                raise
    return RootKeyFiles(path)


@lru_cache(maxsize=1)
def key_store() -> SqliteKeyStore:
    """The key store of this process. Raises VaultError with the cure."""
    return SqliteKeyStore(current().keys / KEY_STORE, root_key())


def key_rotation() -> KeyRotation:
    """Rotations in that key store. Raises VaultError with the cure."""
    return KeyRotation(key_store())


@lru_cache(maxsize=1)
def signing_key() -> SigningKey:
    """Signs certificates and checkpoints; made on first use. A lost one is never replaced by a new one unseen."""
    folder = current().keys
    path, public = folder / SIGNING_KEY, folder / PUBLIC_KEY
    if not path.exists() and not public.exists():
        try:
            FileSigningKey.create(path)
        except SigningKeyError:
            if not path.exists():  # otherwise another process made it in the same moment
                raise
    try:
        key = FileSigningKey.load(path)
    except SigningKeyMissing:
        raise SigningKeyMissing(
            f"The signing key {path} is lost: only its public half {public} is there. Put it back from your safe. If "
            f"no copy exists, move {public.name} to where verifiers find it, and a new key is made."
        ) from None
    try:
        create_private(public, key.public_key())
    except FileExistsError:
        pass
    except OSError as error:
        raise SigningKeyError(f"The public key {public} cannot be written: {error.strerror}.") from None
    return key
