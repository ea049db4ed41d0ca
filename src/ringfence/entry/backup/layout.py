"""What stands where in a backup folder, and its signed manifest. docs/reference/backup-format.md specifies it."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import msgspec

from ringfence.entry.errors import OperatorError
from ringfence.vault.errors import CertificateWrong
from ringfence.vault.signing import SigningKey
from ringfence.vault.statement import open_statement, sign_statement

FORMAT: Final = "ringfence backup 1"
MANIFEST: Final = "manifest.json"
SETTINGS: Final = "settings.json"
INDEX: Final = "objects.txt"
SPOOL: Final = "spool"
UNFINISHED: Final = ".unfinished-"
GENERATION: Final = "%Y%m%dT%H%M%SZ"
_BLOCK_BYTES = 1024 * 1024


@dataclass(frozen=True)
class Target:
    """A backup folder: generations, and what they share."""

    root: Path

    @property
    def objects(self) -> Path:
        """Sealed recordings, mirrored: what the store has lost is lost here, too."""
        return self.root / "objects"

    @property
    def prompts(self) -> Path:
        return self.root / "prompts"

    @property
    def keys(self) -> Path:
        """Sealed backups of the key store."""
        return self.root / "keys"

    @property
    def destroyed(self) -> Path:
        """The newest destruction list."""
        return self.root / "destroyed.list"

    @property
    def lock(self) -> Path:
        return self.root / ".lock"

    def generation(self, made_at: datetime) -> Path:
        return self.root / f"{made_at:{GENERATION}}"

    def generations(self) -> list[tuple[datetime, Path]]:
        """Finished ones, the oldest first."""
        found = []
        for path in self.root.glob("*T*Z"):
            try:
                made_at = datetime.strptime(f"{path.name}+0000", f"{GENERATION}%z")
            except ValueError:
                continue
            if (path / MANIFEST).is_file():
                found.append((made_at, path))
        return sorted(found)


class File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of a generation."""

    path: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a generation holds; written last."""

    made_at: Annotated[datetime, msgspec.Meta(tz=True)]
    release: str
    database: str
    """``sqlite`` or ``postgresql``."""
    migrations: dict[str, str]
    """The newest migration of each app."""
    files: tuple[File, ...]
    storage: str
    """``file``: objects are in this backup; ``s3``: they are in their bucket, and only their names are here."""
    objects: int
    destroyed: int
    """Entries of the destruction list."""
    root_key: str


def write_manifest(folder: Path, manifest: Manifest, signing: SigningKey) -> None:
    (folder / MANIFEST).write_bytes(sign_statement(FORMAT, msgspec.to_builtins(manifest), signing))


def read_manifest(folder: Path, public: bytes) -> Manifest:
    """Raises OperatorError when it is missing, changed, foreign or of a newer release."""
    try:
        text = (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise OperatorError(
            f"{folder} holds no finished backup ({error.strerror}); name a folder like "
            "TARGET/20260502T013000Z, or the backup folder itself for its newest one."
        ) from None
    try:
        body = open_statement(FORMAT, text, public)
    except CertificateWrong:
        if b'"format":"ringfence backup' in text and FORMAT.encode() not in text:
            raise OperatorError(f"{folder} was made by a newer release; update Ringfence first.") from None
        raise OperatorError(
            f"{folder / MANIFEST} is not as this installation signed it: it was changed, or the backup is another "
            "installation's. Take another backup, or put this installation's keys/signing.key back from your safe."
        ) from None
    told = {name: value for name, value in body.items() if name not in ("format", "signed_by")}
    try:
        return msgspec.convert(told, Manifest)
    except msgspec.ValidationError:
        raise OperatorError(f"{folder} was made by a newer release; update Ringfence first.") from None


def describe_file(folder: Path, path: Path) -> File:
    """A file's entry in the manifest."""
    digest, size = digest_of(path)
    return File(path=path.relative_to(folder).as_posix(), size=size, sha256=digest)


def verify_files(folder: Path, manifest: Manifest) -> None:
    """Every file is there and as it was. Raises OperatorError naming the first that is not."""
    for file in manifest.files:
        path = folder / file.path
        if ".." in Path(file.path).parts or not path.is_file():
            raise OperatorError(f"{path} is missing from the backup; take another one.")
        if digest_of(path) != (file.sha256, file.size):
            raise OperatorError(f"{path} was changed or cut since the backup was made; take another backup.")


def digest_of(path: Path) -> tuple[str, int]:
    """SHA-256 and bytes."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
            size += len(block)
    return digest.hexdigest(), size


def write_index(path: Path, objects: Iterator[tuple[str, int]]) -> int:
    """The index of objects: a line of size and name each. How many."""
    count = 0
    with path.open("w", encoding="ascii") as file:
        for name, size in objects:
            file.write(f"{size} {name}\n")
            count += 1
    return count


def read_index(path: Path) -> Iterator[tuple[str, int]]:
    """Names and sizes."""
    with path.open(encoding="ascii") as file:
        for line in file:
            size, name = line.rstrip("\n").split(" ", 1)
            yield name, int(size)
