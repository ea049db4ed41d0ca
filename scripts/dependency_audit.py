"""Compares the locked requirements with published advisories, without the network.

    scripts/dependency_audit.py --advisories all.zip          a folder or zip of OSV records (osv.dev, ecosystem PyPI)
    scripts/dependency_audit.py --advisories all.zip --max-age-days 14

The build reaches no network, so fetching them (osv.dev publishes them daily) is left to whoever runs this.
Without ``--advisories`` nothing is audited, and this program says so and ends with 2.
Each finding is one line: package, version, advisory, first fixed version. Ends with 1 when there is one.
"""

import argparse
import json
import sys
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from packaging.version import InvalidVersion, Version
from software_list import LOCK, Locked, locked, normal


def records(source: Path) -> Iterator[dict[str, Any]]:
    """Every OSV record of a folder or a zip file. Raises OSError or ValueError."""
    if source.is_dir():
        for path in sorted(source.rglob("*.json")):
            yield json.loads(path.read_bytes())
        return
    with zipfile.ZipFile(source) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".json"):
                yield json.loads(archive.read(name))


def affected(version: str, entry: dict[str, Any]) -> tuple[bool, str]:
    """Whether an ``affected`` entry (OSV schema) covers ``version``, and the first version that is fixed."""
    try:
        mine = Version(version)
    except InvalidVersion:
        return True, ""  # what cannot be compared is looked at by a person
    fixed = ""
    for span in entry.get("ranges", ()):
        if span.get("type") not in ("ECOSYSTEM", "SEMVER"):
            continue
        inside = False
        for event in span.get("events", ()):
            if "introduced" in event:
                inside = inside or event["introduced"] == "0" or mine >= Version(event["introduced"])
            elif "fixed" in event and inside:
                fixed = event["fixed"]
                inside = mine < Version(fixed)
            elif "last_affected" in event and inside:
                inside = mine <= Version(event["last_affected"])
        if inside:
            return True, fixed
    return version in entry.get("versions", ()), fixed


def findings(packages: list[Locked], advisories: Iterator[dict[str, Any]]) -> list[str]:
    """One line for each locked package that an advisory covers."""
    versions = {one.name: one.version for one in packages}
    found = []
    for record in advisories:
        if record.get("withdrawn"):
            continue
        for entry in record.get("affected", ()):
            package = entry.get("package", {})
            name = normal(str(package.get("name", "")))
            if package.get("ecosystem") != "PyPI" or name not in versions:
                continue
            covered, fixed = affected(versions[name], entry)
            if covered:
                cure = f"fixed in {fixed}" if fixed else "no fix is known"
                found.append(f"{name} {versions[name]}: {record.get('id', 'unnamed')} ({cure})")
    return sorted(set(found))


def newest(advisories: list[dict[str, Any]]) -> datetime | None:
    """When the newest advisory was changed: how old the knowledge is."""
    times = [record["modified"] for record in advisories if record.get("modified")]
    return max((datetime.fromisoformat(time) for time in times), default=None)


def main() -> int:
    """0: nothing known against what is locked; 1: something is; 2: nothing could be audited."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--advisories", type=Path)
    parser.add_argument("--lock", type=Path, default=LOCK)
    parser.add_argument("--max-age-days", type=int, default=14, help="older advisories do not count as an audit")
    options = parser.parse_args()
    if options.advisories is None:
        print("NOT AUDITED: give --advisories a file of OSV records; see the head of scripts/dependency_audit.py.")
        return 2
    try:
        known = list(records(options.advisories))
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        print(f"NOT AUDITED: the advisories cannot be read ({error}).")
        return 2
    changed = newest(known)
    if changed is None or datetime.now(UTC) - changed > timedelta(days=options.max_age_days):
        print(f"NOT AUDITED: the advisories are older than {options.max_age_days} days; fetch new ones.")
        return 2
    packages = locked(options.lock)
    found = findings(packages, iter(known))
    print(
        "\n".join(found) or f"{len(packages)} packages, {len(known)} advisories: nothing known against what is locked."
    )
    return int(bool(found))


if __name__ == "__main__":
    raise SystemExit(main())
