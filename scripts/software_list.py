"""The software list (SBOM) of a release: CycloneDX 1.5 JSON from the locked requirements, with their hashes.

    scripts/software_list.py                 writes build/software-list.json
    scripts/software_list.py --check         also fails when what is installed is not what is locked

What the pages bundle from npm is in the list too, from the lock file of the front end.
"""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.markers import Marker

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements" / "run.txt"
NPM_LOCK = ROOT / "src" / "ringfence" / "web" / "frontend" / "package-lock.json"
OUTPUT = ROOT / "build" / "software-list.json"
_LINE = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?==([^\s;\\]+)\s*(?:;\s*([^\\]+))?")


@dataclass
class Locked:
    """One package as the lock file names it."""

    name: str
    version: str
    marker: str = ""
    hashes: list[str] = field(default_factory=list)
    via: list[str] = field(default_factory=list)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(path: Path = LOCK) -> list[Locked]:
    """Every package of a hashed requirements file. Raises ValueError at a line that it does not understand."""
    found: list[Locked] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        text = line.strip()
        if (match := _LINE.match(line)) is not None:
            found.append(Locked(normal(match[1]), match[2], (match[3] or "").strip()))
        elif text.startswith("--hash=sha256:"):
            found[-1].hashes.append(text.removeprefix("--hash=sha256:").rstrip(" \\"))
        elif text.startswith("# via"):
            found[-1].via += [text.removeprefix("# via").strip()] if text != "# via" else []
        elif text.startswith("#") and found:
            found[-1].via.append(text.lstrip("# "))
        elif text:
            raise ValueError(f"{path.name} has a line that is no locked package: {text[:60]}")
    return found


def bundled() -> Iterator[dict[str, Any]]:
    """npm packages whose code is in the pages."""
    if not NPM_LOCK.exists():
        return
    for place, package in json.loads(NPM_LOCK.read_text(encoding="utf-8"))["packages"].items():
        if place and not package.get("dev"):
            name = place.rpartition("node_modules/")[2]
            yield {
                "type": "library",
                "name": name,
                "version": package["version"],
                "purl": f"pkg:npm/{name.replace('@', '%40')}@{package['version']}",
                **({"licenses": [{"expression": package["license"]}]} if package.get("license") else {}),
            }


def software_list(packages: list[Locked]) -> dict[str, Any]:
    """The CycloneDX document; the same input gives the same bytes."""
    components = [
        {
            "type": "library",
            "bom-ref": f"pkg:pypi/{one.name}@{one.version}",
            "name": one.name,
            "version": one.version,
            "purl": f"pkg:pypi/{one.name}@{one.version}",
            "hashes": [{"alg": "SHA-256", "content": digest} for digest in sorted(one.hashes)],
            "properties": [
                *({"name": "ringfence:needed-by", "value": via} for via in one.via),
                *([{"name": "ringfence:only-when", "value": one.marker}] if one.marker else []),
            ],
        }
        for one in sorted(packages, key=lambda one: one.name)
    ]
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {"type": "application", "name": "ringfence", "version": metadata.version("ringfence")},
        },
        "components": [*components, *bundled()],
    }


def differences(packages: list[Locked]) -> list[str]:
    """Locked packages of which another version is installed here; one that its marker leaves out may be absent."""
    found = []
    for one in packages:
        if one.marker and not Marker(one.marker).evaluate():
            continue
        try:
            installed = metadata.version(one.name)
        except metadata.PackageNotFoundError:
            found.append(f"{one.name} {one.version} is locked and not installed; run make dev")
            continue
        if installed != one.version:
            found.append(f"{one.name} {installed} is installed and {one.version} is locked; run make dev")
    return found


def main() -> int:
    """0 when the list is written and, with ``--check``, true of this environment."""
    packages = locked()
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps(software_list(packages), indent=1) + "\n", encoding="utf-8")
    if hashless := [one.name for one in packages if not one.hashes]:
        print(f"These packages are locked without a hash: {', '.join(hashless)}.")
        return 1
    if "--check" in sys.argv[1:] and (found := differences(packages)):
        print("\n".join(found))
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
