"""Audits everything that is locked, Python's and npm's packages, against the published advisories (OSV).

    scripts/dependency_audit.py                           asks the OSV API
    RINGFENCE_ADVISORIES=FOLDER scripts/dependency_audit.py    reads a mirror: a folder or zip file of OSV records
    RINGFENCE_ADVISORIES=https://osv.example.gov.uk ...   asks another server that speaks the OSV API

Ends with 1 when an advisory covers a locked version and requirements/accepted-advisories.toml does not accept it, when
an acceptance there is past its end, or, with RINGFENCE_REQUIRE_AUDIT=1, when not everything could be audited.
What was not audited is told in the last line, and never as clean.
"""

import argparse
import os
import tomllib
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec
from advisories import OSV, Finding, hear
from locks import NPM_LOCK, REQUIREMENTS, everything, normal


class Acceptance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An advisory that is known and stands for a while."""

    advisory: str
    """Its id, or another name of the same weakness."""
    package: str
    reason: str
    until: date
    """The last day on which it is accepted."""

    def __post_init__(self) -> None:
        for name in ("advisory", "package", "reason"):
            if not getattr(self, name).strip():
                raise ValueError(f"`{name}` is empty")

    def accepts(self, finding: Finding) -> bool:
        """Whether ``finding`` is what this is about."""
        same = normal(self.package) == normal(finding.package.name)
        return same and self.advisory in (finding.advisory, *finding.aliases)


class _Accepted(msgspec.Struct, forbid_unknown_fields=True):
    accepted: list[Acceptance] = []


def acceptances(path: Path) -> list[Acceptance]:
    """What ``path`` accepts. Raises ValueError with the place and the cure when it is not understood."""
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _Accepted).accepted
    except (ValueError, msgspec.ValidationError) as error:
        raise ValueError(f"{path.name} is not understood: {error}. Its head says what an entry holds.") from error


def judge(findings: Sequence[Finding], accepted: Sequence[Acceptance], *, today: date) -> tuple[list[str], bool]:
    """A line for each finding and for each acceptance that ended or is of no use; and whether the build may go on."""
    lines, good = [], True
    for one in accepted:
        used = [finding for finding in findings if one.accepts(finding)]
        if one.until < today:
            good = False
            lines.append(
                f"ENDED: {one.advisory} of {one.package} was accepted until {one.until} and is no longer. Raise the "
                "package, or decide again and give a new end and reason."
            )
        elif used:
            lines += [f"accepted until {one.until}: {_told(finding)}. {one.reason}" for finding in used]
        else:
            lines.append(f"of no use any more: the acceptance of {one.advisory} of {one.package}; take it out")
    for finding in findings:
        if not any(one.accepts(finding) for one in accepted):
            good = False
            lines.append(f"FOUND: {_told(finding)}")
    return lines, good


def _told(finding: Finding) -> str:
    also = f" ({', '.join(finding.aliases)})" if finding.aliases else ""
    cure = f"fixed in {finding.fixed}" if finding.fixed else "no fix is known"
    ecosystem, name, version = finding.package
    return f"{name} {version} of {ecosystem}: {finding.advisory}{also}, {cure}"


def main() -> int:
    """0: the build may go on; 1: it may not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--requirements", type=Path, default=REQUIREMENTS, help="the folder of the lock files")
    parser.add_argument("--npm-lock", type=Path, default=NPM_LOCK)
    parser.add_argument("--max-age-days", type=int, default=14, help="an older mirror does not count as an audit")
    parser.add_argument("--seconds", type=float, help="how long the advisories may take")
    options = parser.parse_args()
    source = os.environ.get("RINGFENCE_ADVISORIES") or OSV
    required = os.environ.get("RINGFENCE_REQUIRE_AUDIT", "") not in ("", "0")
    now = datetime.now(UTC)
    try:
        packages = everything(options.requirements, options.npm_lock)
        accepted = acceptances(options.requirements / "accepted-advisories.toml")
    except (OSError, ValueError) as error:
        print(f"The lock files cannot be read: {error}")
        return 1
    max_age = timedelta(days=options.max_age_days)
    heard = hear(packages, source, now=now, max_age=max_age, seconds=options.seconds)
    lines, good = judge(heard.findings, accepted, today=now.date())
    for line in lines:
        print(line)
    if not good:
        print("CONTRIBUTING.md says what to do about these (Advisories).")
    if heard.gaps:
        print(
            f"NOT AUDITED: {'; '.join(heard.gaps)}. {len(packages)} locked packages are not known to be free of "
            "published weaknesses. Set RINGFENCE_ADVISORIES to a mirror (CONTRIBUTING.md, Advisories)."
        )
        return int(required or not good)
    print(f"Audited {len(packages)} locked packages: {len(heard.findings)} covered by an advisory.")
    return int(not good)


if __name__ == "__main__":
    raise SystemExit(main())
