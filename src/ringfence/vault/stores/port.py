"""The ObjectStore port. Every store keeps one contract suite (tests/integration/vault/test_stores.py)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol


class ObjectStore(Protocol):
    """Keeps named, immutable bytes. Raises StoreError."""

    def put(self, name: str, source: Path | bytes) -> None:
        """Store a whole object: readers see all of it or nothing, and when this returns it lasts."""
        ...

    def read_range(self, name: str, start: int, length: int) -> bytes:
        """Up to ``length`` bytes from ``start``; fewer only at the object's end. Raises ObjectMissing."""
        ...

    def size(self, name: str) -> int:
        """Bytes. Raises ObjectMissing."""
        ...

    def exists(self, name: str) -> bool: ...

    def delete(self, name: str) -> int:
        """Every copy and version of it is gone, and listed again to prove it, when this returns.

        How many there were; 0 when it was gone before. Raises ObjectStays when the store keeps one.
        """
        ...

    def names(self, prefix: str = "") -> Iterator[str]:
        """Every object whose name starts with ``prefix``, in order."""
        ...
