"""Objects as files below one folder."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ringfence.kit.ids import new_id
from ringfence.vault.disk import sync_folder
from ringfence.vault.errors import ObjectMissing, ObjectStays, StoreUnavailable
from ringfence.vault.names import check_name

_INCOMING = ".incoming"
"""Starts with a dot, as no object name may."""


class FileStore:
    """Writes beside, syncs, then renames; folders are 0700, files 0600."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def put(self, name: str, source: Path | bytes) -> None:
        target = self._path(name)
        with _translated(name):
            self._make_folder(target.parent)
            self._make_folder(self._root / _INCOMING)
            incoming = self._root / _INCOMING / f"{_mark(name)}{new_id()}"
            try:
                with _create(incoming) as file:
                    if isinstance(source, bytes):
                        file.write(source)
                    else:
                        with source.open("rb") as original:
                            shutil.copyfileobj(original, file, 1024 * 1024)
                    file.flush()
                    os.fsync(file.fileno())
                incoming.replace(target)
            finally:
                incoming.unlink(missing_ok=True)
            sync_folder(target.parent)

    def read_range(self, name: str, start: int, length: int) -> bytes:
        if start < 0 or length < 0:
            raise ValueError("A range starts at 0 or later and has no negative length.")
        with _translated(name), self._path(name).open("rb") as file:
            file.seek(start)
            return file.read(length)

    def size(self, name: str) -> int:
        with _translated(name):
            return self._path(name).stat().st_size

    def exists(self, name: str) -> bool:
        return self._path(name).is_file()

    def delete(self, name: str) -> int:
        path = self._path(name)
        copies = 0
        try:
            # A writer that died may have left a part of it under way.
            for each in (path, *(self._root / _INCOMING).glob(f"{_mark(name)}*")):
                try:
                    each.unlink()
                except (FileNotFoundError, NotADirectoryError):
                    continue
                sync_folder(each.parent)
                copies += 1
        except OSError as error:
            raise StoreUnavailable(f"Object {name} cannot be deleted: {error.strerror}.") from None
        if path.exists():
            raise ObjectStays(f"Object {name} is still there after its deletion. See who writes it again.")
        return copies

    def names(self, prefix: str = "") -> Iterator[str]:
        found: list[str] = []
        for folder, folders, files in os.walk(self._root, onerror=_told):
            folders[:] = [each for each in folders if not each.startswith(".")]
            found += [(Path(folder) / file).relative_to(self._root).as_posix() for file in files]
        yield from sorted(name for name in found if name.startswith(prefix))

    def _path(self, name: str) -> Path:
        return self._root / check_name(name)

    def _make_folder(self, folder: Path) -> None:
        missing = [each for each in (folder, *folder.parents) if not each.exists()]
        for each in reversed(missing):
            each.mkdir(mode=0o700, exist_ok=True)
            sync_folder(each.parent)


def _mark(name: str) -> str:
    """What the names of parts under way of object ``name`` start with."""
    return hashlib.sha256(name.encode()).hexdigest()[:32] + "."


def _create(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")


def _told(error: OSError) -> None:
    # A folder that is not there yet holds nothing; one that may not be read must not pass for an empty one.
    if not isinstance(error, FileNotFoundError):
        raise StoreUnavailable(f"Objects cannot be listed: {error.strerror}. Check the folder {error.filename}.")


@contextmanager
def _translated(name: str) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise ObjectMissing(f"The object store holds no object {name}.") from None
    except OSError as error:
        raise StoreUnavailable(
            f"Object {name} cannot be stored or read: {error.strerror}. Check the folder and the free disk space."
        ) from None
