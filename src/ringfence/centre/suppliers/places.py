"""Where an installation keeps data, as its settings say, and which regions need no transfer assessment (R137, R138)."""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, kw_only=True)
class Place:
    """One place outside or inside this machine to which the settings send data."""

    keeps: str
    """What is there: a value of ``models.Keeps``."""
    setting: str
    """Key in ringfence.toml that decides it."""
    region: str
    """As the settings name it; empty: they name none, so only the register can say where it is."""


def is_allowed(region: str, patterns: Iterable[str]) -> bool:
    """True when a pattern of the allow-list fits, capital letters or not; an empty region is never allowed."""
    name = region.casefold()
    return bool(name) and any(fnmatchcase(name, pattern.casefold()) for pattern in patterns)
