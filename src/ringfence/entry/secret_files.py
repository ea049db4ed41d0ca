"""Secrets of this installation: random files in ``<data>/secrets``, made on first use, readable by the owner only."""

import os
import secrets
from pathlib import Path

from ringfence.entry.settings import SettingsError, current

DJANGO = "django.key"
"""Signs sessions, one-time links and cookies."""
SIP_TOKEN = "sip-token.key"  # noqa: S105 - a file name
"""Shared by web (mints browser credentials) and engine (checks them): see control/tokens.py."""

LENGTH_BYTES = 48


def read_secret(name: str, folder: Path | None = None) -> bytes:
    """The secret called ``name``, the same in every process; two processes that start at once agree on one."""
    folder = current().secrets if folder is None else folder
    path = folder / name
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _create(path)
        value = path.read_bytes()
    except OSError as error:
        raise SettingsError(
            f"The secret {path} cannot be used ({error.strerror}). Give this user read and write rights on its folder."
        ) from None
    if len(value) < 32:
        raise SettingsError(f"The secret {path} is shorter than 32 bytes. Delete the file to have a new one made.")
    return value


def _create(path: Path) -> None:
    # Written whole under another name, then linked: a reader never sees half a secret, and the first writer wins.
    draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_urlsafe(LENGTH_BYTES).encode())
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        os.unlink(draft)
