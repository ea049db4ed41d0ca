"""The root key as files beside the key store, and its rotation.

``root.key`` is in force. ``root.key.next`` waits until a copy is safe; ``root.key.old`` is on its way out. Whichever of
them a crash leaves, the key that wraps the client keys is there, and the next try goes on.
"""

import os
from pathlib import Path

from ringfence.vault.disk import sync_folder, wipe
from ringfence.vault.errors import KeyUnreadable, RootKeyError, RootKeyMissing
from ringfence.vault.keys import FileRootKey
from ringfence.vault.rotation import KeyRotation


class RootKeyFiles:
    """A RootKey that takes over the new file when another process has rotated it."""

    def __init__(self, path: Path) -> None:
        """Raises RootKeyError."""
        self._path = path
        self._key = FileRootKey.load(path)

    @property
    def key_id(self) -> str:
        return self._key.key_id

    def wrap(self, secret: bytes, context: bytes) -> bytes:
        return self._key.wrap(secret, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        return self._key.unwrap(wrapped, context)

    def refresh(self, key_id: str) -> None:
        for path in (self._path, next_of(self._path)):
            try:
                key = FileRootKey.load(path)
            except RootKeyMissing:
                continue
            if key.key_id == key_id:
                self._key = key
                return
        raise KeyUnreadable


def next_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.next")


def old_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.old")


def prepare(path: Path) -> FileRootKey:
    """The key that is to come, made once; it opens nothing yet. Raises RootKeyError."""
    try:
        return FileRootKey.load(next_of(path))
    except RootKeyMissing:
        return FileRootKey.create(next_of(path))


def rotate(path: Path, rotation: KeyRotation) -> int:
    """The prepared key is in force and the old one gone from this machine; how many client keys it wraps anew.

    Run again after a crash, it goes on. Raises RootKeyMissing when no key was prepared, KeyStoreError.
    """
    if not next_of(path).exists() and old_of(path).exists():
        _wipe(old_of(path), unless=rotation.root_in_force())
        return 0
    if old_of(path).exists() and not old_of(path).samefile(path):
        _wipe(old_of(path), unless=rotation.root_in_force())  # left by a rotation that died at its very end
    old, new = FileRootKey.load(path), FileRootKey.load(next_of(path))
    changed = rotation.change_root(old, new)
    try:
        if not old_of(path).exists():
            os.link(path, old_of(path))
        next_of(path).replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise RootKeyError(f"The root key file {path} cannot be replaced: {error.strerror}.") from None
    _wipe(old_of(path), unless=rotation.root_in_force())
    return changed


def _wipe(path: Path, *, unless: str | None) -> None:
    try:
        if FileRootKey.load(path).key_id == unless:
            raise RootKeyError(f"{path} is the root key in force; put it back as root.key.")
    except RootKeyMissing:
        return
    except RootKeyError:
        if path.read_bytes().strip(b"\0"):
            raise
    try:
        wipe(path)
    except OSError as error:
        raise RootKeyError(f"The old root key {path} cannot be destroyed: {error.strerror}.") from None
