"""What is locked: every package of requirements/*.txt, of the front end's package-lock.json and of voices.json.

Used by the audit, the software list and the patch ages, so that the three speak of the same packages.
"""

import base64
import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "requirements"
NPM_LOCK = ROOT / "src" / "ringfence" / "web" / "frontend" / "package-lock.json"
_LINE = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)\s*(?:;\s*([^\\]+))?")
_NEEDS = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")


class Package(NamedTuple):
    """A package of one version, named as advisories name it."""

    ecosystem: str
    """``PyPI`` or ``npm``, as in OSV."""
    name: str
    version: str


@dataclass
class Locked:
    """One package as a lock file names it."""

    package: Package
    marker: str = ""
    """Where it is installed; empty for everywhere."""
    hashes: list[str] = field(default_factory=list)
    """Of each of its files, in hexadecimal: SHA-256 of Python's, SHA-512 of npm's."""
    via: list[str] = field(default_factory=list)
    """The names of what needs it; ``ringfence`` for the product itself."""
    licence: str = ""
    """An SPDX expression, where the lock file gives one."""
    ships: bool = True
    """False for what only builds or tests."""


def normal(name: str) -> str:
    """The one spelling of a Python package's name (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def python_packages(path: Path) -> list[Locked]:
    """Every package of a hashed requirements file. Raises ValueError at a line that it does not understand."""
    found: list[Locked] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.strip()
        if (match := _LINE.match(line)) is not None:
            package = Package("PyPI", normal(match[1]), match[2])
            found.append(Locked(package, (match[3] or "").strip(), ships=path.stem in ("run", "speech")))
        elif found and text.startswith("--hash=sha256:"):
            found[-1].hashes.append(text.removeprefix("--hash=sha256:").rstrip(" \\"))
        elif found and text.startswith("#"):
            needed_by = text.lstrip("# ").removeprefix("via").strip().removesuffix(" (pyproject.toml)")
            found[-1].via += [needed_by] if needed_by else []
        elif text:
            raise ValueError(f"{path.name} has a line that is no locked package: {text[:60]}")
    if hashless := [one.package.name for one in found if not one.hashes]:
        raise ValueError(f"{path.name} locks these without a hash: {', '.join(hashless)}.")
    return found


def npm_packages(path: Path = NPM_LOCK) -> list[Locked]:
    """Every package of npm's lock file. Raises ValueError where one has no version or no hash."""
    found = []
    entries = json.loads(path.read_text(encoding="utf-8"))["packages"]
    names = {place: entry.get("name") or place.rpartition("node_modules/")[2] for place, entry in entries.items()}
    for place, entry in entries.items():
        if not place:
            continue
        name = names[place]
        if not entry.get("version") or not entry.get("integrity"):
            raise ValueError(f"{path.name} locks {name} without a version or without a hash.")
        found.append(
            Locked(
                Package("npm", name, entry["version"]),
                hashes=[_hexadecimal(entry["integrity"])],
                via=[
                    names[other] if other else "ringfence"
                    for other, needing in entries.items()
                    if any(name in needing.get(kind, ()) for kind in _NEEDS)
                ],
                licence=entry.get("license", ""),
                ships=not entry.get("dev"),
            )
        )
    return found


def voices(requirements: Path = REQUIREMENTS) -> Locked:
    """The npm package of which ``scripts/speech`` takes the voice files, and nothing else."""
    entry = json.loads((requirements / "voices.json").read_text(encoding="utf-8"))
    package = Package("npm", entry["name"], entry["version"])
    return Locked(package, hashes=[_hexadecimal(entry["integrity"])], via=["ringfence"], licence=entry["license"])


def everything(requirements: Path = REQUIREMENTS, npm_lock: Path = NPM_LOCK) -> list[Package]:
    """Each package and version that any lock file names, once, whatever machine it is for."""
    found = {one.package for path in requirements.glob("*.txt") for one in python_packages(path)}
    found |= {one.package for one in npm_packages(npm_lock)} | {voices(requirements).package}
    return sorted(found)


def _hexadecimal(integrity: str) -> str:
    """A subresource integrity value ``sha512-<base64>`` as hexadecimal. Raises ValueError for another kind."""
    kind, _, digest = integrity.partition("-")
    if kind != "sha512":
        raise ValueError(f"A hash of the kind {kind[:20]} is not expected in a lock file; npm writes sha512.")
    return base64.b64decode(digest, validate=True).hex()
