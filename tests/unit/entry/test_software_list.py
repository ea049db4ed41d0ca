"""The software list names what is locked; the audit finds what an advisory covers, and admits what it did not do."""

import json
import runpy
import subprocess
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).parents[3] / "scripts"
LIST = runpy.run_path(str(SCRIPTS / "software_list.py"))


def advisory(package: str, *events: dict[str, str], **more: Any) -> dict[str, Any]:
    return {
        "id": f"TEST-{package}",
        "modified": datetime.now(UTC).isoformat(),
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": package},
                "ranges": [{"type": "ECOSYSTEM", "events": list(events)}],
                "versions": [],
            }
        ],
        **more,
    }


def audit(folder: Path, records: list[dict[str, Any]] | None, *more: str) -> tuple[int, str]:
    lock = folder / "lock.txt"
    lock.write_text(
        "Some_Package==1.5.0 \\\n    --hash=sha256:aa\n    # via ringfence\n"
        "other==2 ; sys_platform != 'win32' \\\n    --hash=sha256:bb\n"
    )
    arguments = [sys.executable, str(SCRIPTS / "dependency_audit.py"), "--lock", str(lock), *more]
    if records is not None:
        with zipfile.ZipFile(folder / "all.zip", "w") as archive:
            for number, record in enumerate(records):
                archive.writestr(f"{number}.json", json.dumps(record))
        arguments += ["--advisories", str(folder / "all.zip")]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_the_list_is_cyclonedx_of_everything_locked() -> None:
    packages = LIST["locked"]()
    made = LIST["software_list"](packages)
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.5")
    named = {component["name"]: component for component in made["components"]}
    assert {"django", "cryptography", "uvicorn", "govuk-frontend"} <= set(named)
    assert named["django"]["purl"] == f"pkg:pypi/django@{named['django']['version']}"
    assert all(len(item["content"]) == 64 for item in named["django"]["hashes"])
    assert len(packages) > 40
    assert LIST["differences"](packages) == []


def test_a_line_that_is_no_locked_package_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lock.txt").write_text("django>=5\n")
    with pytest.raises(ValueError, match="no locked package"):
        LIST["locked"](tmp_path / "lock.txt")


def test_another_version_than_the_locked_one_is_told() -> None:
    (found,) = LIST["differences"]([LIST["Locked"]("django", "0.1")])
    assert "0.1 is locked" in found
    (absent,) = LIST["differences"]([LIST["Locked"]("no-such-package-here", "1")])
    assert "not installed" in absent


@pytest.mark.parametrize(
    ("events", "covered"),
    [
        ([{"introduced": "0"}, {"fixed": "1.6.0"}], True),
        ([{"introduced": "0"}, {"fixed": "1.5.0"}], False),
        ([{"introduced": "1.5.1"}], False),
        ([{"introduced": "1.0"}, {"last_affected": "1.5.0"}], True),
        ([{"introduced": "1.0"}, {"last_affected": "1.4.9"}], False),
        ([{"introduced": "0"}, {"fixed": "1.0"}, {"introduced": "1.4"}, {"fixed": "1.5.1"}], True),
    ],
)
def test_an_advisory_counts_within_its_versions(tmp_path: Path, events: list[dict[str, str]], covered: bool) -> None:
    code, said = audit(tmp_path, [advisory("some-package", *events), advisory("unrelated", {"introduced": "0"})])
    assert (code, "TEST-some-package" in said) == (int(covered), covered), said


def test_what_was_not_audited_is_said(tmp_path: Path) -> None:
    withdrawn = advisory("some-package", {"introduced": "0"}, withdrawn="2026-01-01T00:00:00Z")
    assert audit(tmp_path, [withdrawn])[0] == 0
    code, said = audit(tmp_path, None)
    assert (code, "NOT AUDITED" in said) == (2, True)
    old = advisory("some-package", {"introduced": "0"}, modified=(datetime.now(UTC) - timedelta(days=15)).isoformat())
    code, said = audit(tmp_path, [old])
    assert (code, "NOT AUDITED" in said) == (2, True)
    assert audit(tmp_path, [])[0] == 2
    (tmp_path / "bad").write_text("no zip")
    assert audit(tmp_path, None, "--advisories", str(tmp_path / "bad"))[0] == 2
