"""Backups of the key store that die: each is sealed under a backup key of its own, which is destroyed at the end of its
life or as soon as a newer backup lacks a key that it still holds.

The backup keys stand in a folder apart from the backups. A sealed key store and its backup key together still open
nothing without the root key. docs/reference/backup-format.md has the format.
"""

import base64
import binascii
import os
import re
import struct
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ringfence.kit.ids import new_id
from ringfence.vault.disk import ExposedFile, create_private, read_private, wipe
from ringfence.vault.errors import BackupKeyError, KeyBackupDamaged, KeyBackupExpired, KeyBackupSealed

SUFFIX: Final = ".rfk"
KEY_SUFFIX: Final = ".backup-key"
MAX_BYTES: Final = 2**31 - 64
"""What AES-GCM of one message takes here: about ten million recordings."""

_MAGIC: Final = b"RINGFKEY"
_FIXED = struct.Struct(">8sHH")
_VERSION: Final = 1
_NONCE_BYTES: Final = 12
_KEY_PREFIX: Final = "ringfence-backup-key-1"
_KEY_FILE = re.compile(r"[0-9a-f]{32}")
_TIME = "%Y-%m-%dT%H%M%SZ"


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """In clear at the start of a key backup."""

    backup_key: str
    root_key: str
    """Id of the root key that opens the client keys inside."""
    made_at: Annotated[datetime, msgspec.Meta(tz=True)]
    expires_at: Annotated[datetime, msgspec.Meta(tz=True)]
    destroyed: int
    """How many entries the destruction list had: a later backup with more of them makes this one die."""


@dataclass(frozen=True, kw_only=True)
class BackupKey:
    """Seals one backup of the key store."""

    key_id: str
    expires_at: datetime
    secret: bytes = field(repr=False)


def create_backup_key(folder: Path, *, now: datetime, life: timedelta) -> BackupKey:
    """A fresh key, in a file of its own (0600) in ``folder``. Raises BackupKeyError."""
    key = BackupKey(
        key_id=new_id(), expires_at=(now + life).astimezone(UTC).replace(microsecond=0), secret=os.urandom(32)
    )
    told = ":".join((_KEY_PREFIX, key.key_id, f"{key.expires_at:{_TIME}}", _text(key.secret)))
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        create_private(_file(folder, key.key_id), told.encode("ascii") + b"\n")
    except OSError as error:
        raise BackupKeyError(f"No backup key can be written into {folder}: {error.strerror}.") from None
    return key


def load_backup_key(folder: Path, key_id: str, *, now: datetime) -> BackupKey:
    """Raises KeyBackupSealed when it is not there, KeyBackupExpired (it is then destroyed), or BackupKeyError."""
    if not _KEY_FILE.fullmatch(key_id):
        raise BackupKeyError
    path = _file(folder, key_id)
    try:
        parts = read_private(path, limit=512).decode("ascii").strip().split(":")
    except FileNotFoundError:
        raise KeyBackupSealed(
            f"The backup key {key_id} is not in {folder}: it was destroyed at the end of its life, or another folder "
            "holds it. Name that folder, or take a newer backup of the key store."
        ) from None
    except ExposedFile as error:
        raise BackupKeyError(
            f"The backup key {path} has permissions {error.mode:04o}, so others may read it. Run: chmod 600 {path}"
        ) from None
    except (OSError, UnicodeDecodeError):
        raise BackupKeyError(f"The backup key {path} cannot be read.") from None
    try:
        prefix, named, expires, secret = parts
        key = BackupKey(
            key_id=named,
            expires_at=datetime.strptime(expires, _TIME).replace(tzinfo=UTC),
            secret=base64.b64decode(secret, validate=True),
        )
    except (ValueError, binascii.Error):
        raise BackupKeyError(f"{path} holds no backup key.") from None
    if prefix != _KEY_PREFIX or named != key_id or len(key.secret) != 32:
        raise BackupKeyError(f"{path} holds no backup key.")
    if now >= key.expires_at:
        destroy_backup_key(folder, key_id)
        raise KeyBackupExpired(
            f"The backup key {key_id} ended on {key.expires_at:%d %B %Y at %H:%M} UTC and is destroyed now. "
            "Take a newer backup of the key store."
        )
    return key


def destroy_backup_key(folder: Path, key_id: str) -> bool:
    """Overwritten and gone when it returns, and dead with it every backup it sealed; False when it was gone before."""
    path = _file(folder, key_id)
    try:
        wipe(path)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise BackupKeyError(f"The backup key {path} cannot be destroyed: {error.strerror}.") from None
    return True


def backup_keys(folder: Path) -> dict[str, datetime | None]:
    """Keys in the folder with the end of their life; None for a file that tells none. Raises BackupKeyError."""
    found: dict[str, datetime | None] = {}
    try:
        paths = sorted(folder.glob(f"*{KEY_SUFFIX}"))
    except OSError as error:
        raise BackupKeyError(f"The folder of backup keys {folder} cannot be read: {error.strerror}.") from None
    for path in paths:
        key_id = path.name.removesuffix(KEY_SUFFIX)
        if not _KEY_FILE.fullmatch(key_id):
            continue
        try:
            found[key_id] = datetime.strptime(path.read_text(encoding="ascii").split(":")[2], _TIME).replace(tzinfo=UTC)
        except (OSError, ValueError, IndexError):
            found[key_id] = None
    return found


def destroy_expired(folder: Path, *, now: datetime) -> list[str]:
    """Every backup key whose life has ended, or that tells none, is gone; their ids. Raises BackupKeyError."""
    ended = [key_id for key_id, end in backup_keys(folder).items() if end is None or now >= end]
    for key_id in ended:
        destroy_backup_key(folder, key_id)
    return ended


def seal(snapshot: bytes, key: BackupKey, *, root_key: str, made_at: datetime, destroyed: int) -> bytes:
    """The sealed backup of a key store's file."""
    header = Header(
        backup_key=key.key_id, root_key=root_key, made_at=made_at, expires_at=key.expires_at, destroyed=destroyed
    )
    body = msgspec.json.encode(header)
    clear = _FIXED.pack(_MAGIC, _VERSION, len(body)) + body
    packed = zlib.compress(snapshot, 6)
    if len(packed) > MAX_BYTES:
        raise BackupKeyError("The key store is larger than a key backup can be.")
    nonce = os.urandom(_NONCE_BYTES)
    return clear + nonce + AESGCM(key.secret).encrypt(nonce, packed, clear)


def read_header(sealed: bytes) -> Header:
    """What a key backup tells in clear. Raises KeyBackupDamaged."""
    return _split(sealed)[0]


def open_sealed(sealed: bytes, key: BackupKey, *, now: datetime) -> bytes:
    """The key store's file again. Raises KeyBackupDamaged or KeyBackupExpired."""
    header, clear, rest = _split(sealed)
    if now >= header.expires_at:
        raise KeyBackupExpired
    try:
        return zlib.decompress(AESGCM(key.secret).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], clear))
    except (InvalidTag, ValueError, zlib.error):
        raise KeyBackupDamaged from None


def _split(sealed: bytes) -> tuple[Header, bytes, bytes]:
    if len(sealed) < _FIXED.size:
        raise KeyBackupDamaged
    magic, version, length = _FIXED.unpack_from(sealed)
    if magic != _MAGIC:
        raise KeyBackupDamaged("This is no backup of a key store.")
    if version != _VERSION:
        raise KeyBackupDamaged(f"The key backup has format version {version}; this release reads {_VERSION}. Update.")
    clear = sealed[: _FIXED.size + length]
    try:
        return msgspec.json.decode(clear[_FIXED.size :], type=Header), clear, sealed[_FIXED.size + length :]
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise KeyBackupDamaged from None


def _file(folder: Path, key_id: str) -> Path:
    return folder / f"{key_id}{KEY_SUFFIX}"


def _text(secret: bytes) -> str:
    return base64.b64encode(secret).decode("ascii")
