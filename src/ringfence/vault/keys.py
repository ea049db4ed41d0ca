"""Root key, client keys and data keys.

The root key wraps one key per client and version, a client key wraps one data key per recording. Wrapped keys live in
the key store alone, so that destroying one row there makes every copy of what it sealed unreadable (domain B10).
"""

import base64
import binascii
import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ringfence.kit.ids import new_id
from ringfence.vault.disk import ExposedFile, create_private, read_private
from ringfence.vault.errors import KeyUnreadable, RootKeyError, RootKeyExposed, RootKeyMalformed, RootKeyMissing

_NONCE_BYTES = 12
_ROOT_PREFIX = b"ringfence-root-key-1:"


class RootKey(Protocol):
    """Wraps and unwraps client keys; a file here, an HSM or a key management service elsewhere."""

    @property
    def key_id(self) -> str:
        """Names the key without telling it."""
        ...

    def wrap(self, secret: bytes, context: bytes) -> bytes: ...

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Raises KeyUnreadable when it was wrapped by another key or for another context."""
        ...

    def refresh(self, key_id: str) -> None:
        """Become the root key of this name, if it has taken over meanwhile. Raises KeyUnreadable if it is not here."""
        ...


@dataclass(frozen=True, kw_only=True)
class ClientKey:
    """One version of a client's key."""

    client: str
    version: int
    secret: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class DataKey:
    """The key of one recording, and of whatever must die with it."""

    key_id: str
    client: str
    recording: str
    secret: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class DestroyedKey:
    """That a key is gone, and since when."""

    key_id: str
    destroyed_at: datetime
    was_held: bool
    """False: this store was told to refuse a key that it never held."""


@dataclass(frozen=True, kw_only=True)
class ClientKeyAge:
    client: str
    version: int
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class KeyStats:
    """For the health page."""

    data_keys: int
    destroyed: int
    oldest_data_key_at: datetime | None
    client_keys: tuple[ClientKeyAge, ...]


class ClientKeys(Protocol):
    """The keys of clients, as sealing single values needs them. Raises KeyStoreError."""

    def client_key(self, client: str, version: int | None = None) -> ClientKey:
        """That version, or the newest, made on first use. Raises KeyUnknown or KeyDestroyed."""
        ...

    def client_versions(self, client: str) -> tuple[int, ...]:
        """Versions that still open something, the newest first; one, except while the key is rotated."""
        ...


class KeyStore(ClientKeys, Protocol):
    """Holds wrapped keys. Safe to use from several threads and processes. Raises KeyStoreError."""

    def keep(self, key: DataKey) -> None:
        """Store a new data key, wrapped, for good."""
        ...

    def unwrap(self, key_id: str) -> DataKey:
        """Raises KeyUnknown or KeyDestroyed."""
        ...

    def destroy(self, key_id: str) -> bool:
        """Gone from every file of the store when it returns; False when it was gone before."""
        ...

    def destroy_all(self, key_ids: Iterable[str]) -> dict[str, DestroyedKey]:
        """Like ``destroy``, in one step; ids that never were here are refused from now on, too."""
        ...

    def stats(self) -> KeyStats: ...


def create_data_key(client: str, recording: str) -> DataKey:
    """A fresh 256-bit key. It lasts only once a KeyStore keeps it."""
    return DataKey(key_id=new_id(), client=client, recording=recording, secret=os.urandom(32))


def wrap(secret: bytes, *, under: bytes, context: bytes) -> bytes:
    """``secret`` sealed by AES-256-GCM with a random nonce; ``context`` must be given again to open it."""
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(under).encrypt(nonce, secret, context)


def unwrap(wrapped: bytes, *, under: bytes, context: bytes) -> bytes:
    """Raises KeyUnreadable."""
    try:
        return AESGCM(under).decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], context)
    except (InvalidTag, ValueError):
        raise KeyUnreadable from None


class FileRootKey:
    """A root key in a file that only its owner may read."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != 32:
            raise RootKeyMalformed
        self._secret = secret
        self.key_id = "file-" + hashlib.sha256(b"ringfence root key id\0" + secret).hexdigest()[:16]

    def wrap(self, secret: bytes, context: bytes) -> bytes:
        return wrap(secret, under=self._secret, context=context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        return unwrap(wrapped, under=self._secret, context=context)

    def refresh(self, key_id: str) -> None:
        if key_id != self.key_id:
            raise KeyUnreadable

    @classmethod
    def create(cls, path: Path) -> "FileRootKey":
        """Make the key file, 0600 in a folder of 0700. Raises RootKeyError when there is one already."""
        secret = os.urandom(32)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise RootKeyError(f"The folder of the root key {path} cannot be made: {error.strerror}.") from None
        try:
            create_private(path, _ROOT_PREFIX + base64.b64encode(secret) + b"\n")
        except FileExistsError:
            raise RootKeyError(f"There is a root key at {path} already. It is never replaced by accident.") from None
        except OSError as error:
            raise RootKeyError(f"The root key file {path} cannot be made: {error.strerror}.") from None
        return cls(secret)

    @classmethod
    def load(cls, path: Path) -> "FileRootKey":
        """Raises RootKeyMissing, RootKeyExposed or RootKeyMalformed, each with its cure."""
        try:
            text = read_private(path, limit=256)
        except ExposedFile as error:
            raise RootKeyExposed(
                f"The root key file {path} has permissions {error.mode:04o}, so others may read it. "
                f"Run: chmod 600 {path}"
            ) from None
        except FileNotFoundError:
            raise RootKeyMissing(
                f"There is no root key at {path}. Put the key file back, or create one if this installation is new."
            ) from None
        except OSError as error:
            raise RootKeyError(f"The root key file {path} cannot be read: {error.strerror}.") from None
        try:
            if not text.startswith(_ROOT_PREFIX):
                raise RootKeyMalformed
            return cls(base64.b64decode(text[len(_ROOT_PREFIX) :].strip(), validate=True))
        except binascii.Error:
            raise RootKeyMalformed from None
