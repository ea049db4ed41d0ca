"""How old each locked package is: when its version was released, and since when it has been locked.

    scripts/patch_ages.py                    writes build/patch-ages.md, oldest first, and prints its summary
    scripts/patch_ages.py --check            the same; fails when requirements/released.toml is not of what is locked
    scripts/patch_ages.py --record [PYLOCK...]   renews that file first; scripts/lock does this

The days of release are the upload times that the package index told when the package was locked; uv writes them into
a pylock.toml. Of npm's packages none is recorded, because a registry that mirrors npm tells the day of its own copy.
Where none is known the report says so, and only the day of locking counts.
"""

import argparse
import tomllib
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from statistics import median_low
from typing import Any, NamedTuple

from locks import REQUIREMENTS, ROOT, Package, everything, normal

RECORD = REQUIREMENTS / "released.toml"
REPORT = ROOT / "build" / "patch-ages.md"
HEAD = """# When each locked version was released, by the package index, and since when it is locked.
# Written by scripts/lock; scripts/patch_ages.py reports from it. No `released`: not known, as of all of npm's.
"""


class Dates(NamedTuple):
    """What is known of one locked package."""

    locked: date
    """The day on which a lock file first named this version."""
    released: date | None
    """The day of its first upload; None when that is not known."""


def recorded(path: Path = RECORD) -> dict[Package, Dates]:
    """What ``path`` holds. Raises OSError or ValueError."""
    found = {}
    for ecosystem, entries in tomllib.loads(path.read_text(encoding="utf-8")).items():
        for key, dates in entries.items():
            name, _, version = key.rpartition(" ")
            if not name or not isinstance(dates.get("locked"), date):
                raise ValueError(f"{path.name}: the entry {key} has no name or no day of locking; run make lock")
            found[Package(ecosystem, name, version)] = Dates(dates["locked"], dates.get("released"))
    return found


def write(path: Path, known: dict[Package, Dates]) -> None:
    """Writes what ``recorded`` reads, in a fixed order."""
    lines = [HEAD]
    for ecosystem in sorted({package.ecosystem for package in known}):
        lines.append(f"\n[{ecosystem}]\n")
        for package, dates in sorted(known.items()):
            if package.ecosystem == ecosystem:
                released = f", released = {dates.released}" if dates.released else ""
                lines.append(f'"{package.name} {package.version}" = {{ locked = {dates.locked}{released} }}\n')
    path.write_text("".join(lines), encoding="utf-8")


def uploads(pylocks: Iterable[Path]) -> dict[Package, date]:
    """The day of the first upload of each package in ``pylock.toml`` files (PEP 751)."""
    found: dict[Package, date] = {}
    for path in pylocks:
        for entry in tomllib.loads(path.read_text(encoding="utf-8")).get("packages", ()):
            files: list[dict[str, Any]] = [*entry.get("wheels", ()), *([entry["sdist"]] if "sdist" in entry else [])]
            times = [file["upload-time"] for file in files if "upload-time" in file]
            if times:
                found[Package("PyPI", normal(entry["name"]), entry["version"])] = min(times).date()
    return found


def renewed(
    known: dict[Package, Dates], packages: Iterable[Package], told: dict[Package, date], *, today: date
) -> dict[Package, Dates]:
    """The dates of ``packages``: kept where a version stands, new for a new one."""
    found = {}
    for package in packages:
        old = known.get(package)
        found[package] = Dates(old.locked if old else today, told.get(package) or (old.released if old else None))
    return found


def differences(known: dict[Package, Dates], packages: Iterable[Package]) -> list[str]:
    """What is locked and not recorded, and the other way round."""
    locked = set(packages)
    missing = [f"{one.name} {one.version} is locked and not recorded" for one in sorted(locked - known.keys())]
    return missing + [f"{one.name} {one.version} is recorded and not locked" for one in sorted(known.keys() - locked)]


def report(known: dict[Package, Dates], *, today: date) -> tuple[str, str]:
    """The table, oldest release first, and its summary in a sentence or two."""
    ages = sorted((today - dates.released).days for dates in known.values() if dates.released)
    untold = sum(dates.released is None for dates in known.values())
    newest = max(dates.locked for dates in known.values())
    summary = (
        f"Patch ages on {today}: {len(known)} locked packages, the newest locked {(today - newest).days} days ago. "
    )
    if ages:
        summary += (
            f"Released {ages[0]} to {ages[-1]} days ago, half of them within {median_low(ages)} days; "
            f"{sum(age > 365 for age in ages)} over a year ago."
        )
    if untold:
        summary += f" Of {untold} no day of release is known, only that of locking."
    rows = [
        "| package | version | of | released | days since | locked since | days locked |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for package, dates in sorted(known.items(), key=lambda item: (item[1].released or item[1].locked, item[0])):
        released = f"{dates.released} | {(today - dates.released).days}" if dates.released else "not known | "
        rows.append(
            f"| {package.name} | {package.version} | {package.ecosystem} | {released} "
            f"| {dates.locked} | {(today - dates.locked).days} |"
        )
    return "\n".join(["# Patch ages", "", summary.strip(), "", *rows, ""]), summary.strip()


def main() -> int:
    """0 when the report is written and, with ``--check``, speaks of exactly what is locked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--record", type=Path, nargs="*", metavar="PYLOCK")
    options = parser.parse_args()
    today = datetime.now(UTC).date()
    packages = everything()
    known = recorded() if RECORD.exists() else {}
    if options.record is not None:
        known = renewed(known, packages, uploads(options.record), today=today)
        write(RECORD, known)
    if found := differences(known, packages):
        print("\n".join(found), "Run make lock.", sep="\n")
        if options.check or not known:
            return 1
    page, summary = report(known, today=today)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(page, encoding="utf-8")
    print(summary)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
