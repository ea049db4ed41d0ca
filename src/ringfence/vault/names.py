"""What recordings are called in the spool and in the object store: ids only, never a number or a name."""

import re
from pathlib import Path

from ringfence.vault.errors import BadObjectName

SEALED_SUFFIX = ".rfr"
PART_SUFFIX = ".part"
NOTE_SUFFIX = ".note"

_PART = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")


def check_name(name: str) -> str:
    """``name`` itself. Raises BadObjectName on anything that could leave the store's folder."""
    parts = name.split("/")
    if len(name) > 512 or not all(_PART.fullmatch(part) for part in parts):
        raise BadObjectName
    return name


def object_name(client: str, recording: str) -> str:
    """Where a recording stands in the object store."""
    return check_name(f"{client}/{recording}{SEALED_SUFFIX}")


def spool_file(spool: Path, name: str) -> Path:
    """Where the sealed file of object ``name`` waits in the spool until the store has it."""
    return spool / check_name(name).rpartition("/")[2]
