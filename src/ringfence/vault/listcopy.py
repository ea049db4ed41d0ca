"""A copy of the destruction list on another disk or host, told of every order before its key goes.

It only grows, a signed line for each entry, so that a lost machine does not take with it what it had forgotten on
purpose.
"""

import fcntl
import os
from pathlib import Path

from ringfence.vault.certificate import list_line
from ringfence.vault.destruction_list import DestructionList
from ringfence.vault.errors import ListCopyBehind
from ringfence.vault.signing import SigningKey


class ListCopy:
    """Appends to one file; processes that append at once take turns."""

    def __init__(self, path: Path, entries: DestructionList, signing: SigningKey) -> None:
        self._path = path
        self._entries = entries
        self._signing = signing
        self._known = (0, 0)
        """Bytes and lines of the file when last seen, so that it is not counted each time."""

    def catch_up(self) -> int:
        """Every entry of the list is in the file, and lasts; how many were added. Raises ListCopyBehind."""
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                there = self._count(file.fileno())
                missing = [list_line(entry, self._signing) for entry in self._entries.entries(after=there)]
                if missing:
                    file.seek(0, os.SEEK_END)
                    file.writelines(missing)
                    file.flush()
                    os.fsync(file.fileno())
                self._known = (os.fstat(file.fileno()).st_size, there + len(missing))
        except OSError as error:
            raise ListCopyBehind(
                f"The copy of the destruction list {self._path} cannot be written: {error.strerror}. "
                "Check its disk; it catches up by itself."
            ) from None
        return len(missing)

    def behind(self) -> int:
        """How many entries the file lacks. Raises ListCopyBehind when it cannot be read."""
        try:
            lines = self._path.read_bytes().count(b"\n") if self._path.exists() else 0
        except OSError as error:
            raise ListCopyBehind(f"The copy {self._path} cannot be read: {error.strerror}.") from None
        return max(0, self._entries.count() - lines)

    def _count(self, handle: int) -> int:
        size, lines = self._known
        if os.fstat(handle).st_size == size:
            return lines
        content = b""
        for block in iter(lambda: os.read(handle, 1 << 20), b""):
            content += block
        # A line that a dying writer left half is written again, whole.
        whole = content.rfind(b"\n") + 1
        os.ftruncate(handle, whole)
        return content.count(b"\n")
