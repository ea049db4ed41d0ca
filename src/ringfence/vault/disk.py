"""Private files that appear whole or not at all, and folders whose changes outlast a power cut."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ringfence.kit.ids import new_id


class ExposedFile(Exception):
    """Others may read a file that must be private; carries its permissions."""

    def __init__(self, mode: int) -> None:
        super().__init__(f"{mode:04o}")
        self.mode = mode


def create_private(path: Path, content: bytes) -> None:
    """A new file of mode 0600, synced. Raises FileExistsError when the name is taken, and OSError."""
    fresh = path.with_name(f"{path.name}.{new_id()}")
    try:
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        # A link never replaces, and whoever sees the name sees the whole file.
        os.link(fresh, path)
        sync_folder(path.parent)
    finally:
        fresh.unlink(missing_ok=True)


def read_private(path: Path, *, limit: int) -> bytes:
    """Up to ``limit`` bytes. Raises ExposedFile when others may read the file, and OSError."""
    with path.open("rb") as file:
        mode = os.fstat(file.fileno()).st_mode & 0o777
        if mode & 0o077:
            raise ExposedFile(mode)
        return file.read(limit)


def wipe(path: Path) -> None:
    """Overwritten with zeros and gone, for good, when it returns. Raises FileNotFoundError, and OSError."""
    with path.open("r+b") as file:
        file.write(bytes(os.fstat(file.fileno()).st_size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Make creations, renames and removals in a folder last through a power cut."""
    with _open_folder(path) as handle:
        os.fsync(handle)


@contextmanager
def _open_folder(path: Path) -> Iterator[int]:
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield handle
    finally:
        os.close(handle)
