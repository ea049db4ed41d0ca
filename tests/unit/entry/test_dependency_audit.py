"""The audit finds what an advisory covers, from an OSV API and from a mirror alike, and admits what it did not hear."""

import json
import os
import subprocess
import sys
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from advisories import Affected, Concerned, Span, covers
from locks import Package
from tests.support.osv_server import osv_server

SCRIPT = Path(__file__).parents[3] / "scripts" / "dependency_audit.py"
INTEGRITY = "sha512-" + "A" * 86 + "=="
TODAY = datetime.now(UTC).date()


def advisory(name: str, package: str, *versions: str, fixed: str = "", ecosystem: str = "PyPI") -> dict[str, Any]:
    """An OSV record of ``package`` from its beginning to ``fixed``, with the affected versions enumerated."""
    events = [{"introduced": "0"}, *([{"fixed": fixed}] if fixed else [])]
    return {
        "schema_version": "1.7.0",
        "id": name,
        "modified": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
        "aliases": [f"CVE-2026-{len(name) * 1000}"],
        "summary": "An invented weakness.",
        "affected": [
            {
                "package": {"ecosystem": ecosystem, "name": package},
                "ranges": [{"type": "SEMVER" if ecosystem == "npm" else "ECOSYSTEM", "events": events}],
                "versions": list(versions),
            }
        ],
    }


VULNERABLE = advisory("GHSA-pypi-0001", "some-package", "1.4.0", "1.5.0", fixed="1.6.0")
VULNERABLE_PAGES = advisory("GHSA-npm-0001", "@scope/pages", "2.0.0", fixed="2.0.1", ecosystem="npm")
FOR_OTHERS = advisory("GHSA-pypi-0002", "other", "1.0", fixed="2")
FRESH = [FOR_OTHERS, advisory("GHSA-npm-0002", "unrelated", "1.0.0", ecosystem="npm")]


@pytest.fixture
def locks(tmp_path: Path) -> Path:
    """Lock files of two Python packages, one of them in two versions, and of two npm packages."""
    folder = tmp_path / "requirements"
    folder.mkdir()
    (folder / "run.txt").write_text(
        "Some_Package==1.5.0 \\\n    --hash=sha256:aa\n    # via ringfence (pyproject.toml)\n"
        "other==2 ; sys_platform != 'win32' \\\n    --hash=sha256:bb\n"
        "other==3 ; sys_platform == 'win32' \\\n    --hash=sha256:cc\n"
    )
    (folder / "voices.json").write_text(
        json.dumps({"name": "voices", "version": "1.0.0", "integrity": INTEGRITY, "license": "MIT"})
    )
    (folder / "accepted-advisories.toml").write_text("")
    (tmp_path / "package-lock.json").write_text(
        json.dumps({"packages": {"": {}, "node_modules/@scope/pages": {"version": "2.0.0", "integrity": INTEGRITY}}})
    )
    return tmp_path


def accept(folder: Path, advisory: str, package: str, days: int, reason: str = "Not reached by us.") -> None:
    (folder / "requirements" / "accepted-advisories.toml").write_text(
        f'[[accepted]]\nadvisory = "{advisory}"\npackage = "{package}"\nreason = "{reason}"\n'
        f"until = {TODAY + timedelta(days=days)}\n"
    )


def audit(folder: Path, source: str, *more: str, required: bool = False) -> tuple[int, list[str]]:
    """How the audit of ``folder`` ends, and its lines."""
    environment = {
        **os.environ,
        "RINGFENCE_ADVISORIES": source,
        "RINGFENCE_REQUIRE_AUDIT": "1" if required else "",
        "NO_PROXY": "*",
    }
    files = ["--requirements", str(folder / "requirements"), "--npm-lock", str(folder / "package-lock.json")]
    asked = [sys.executable, str(SCRIPT), *files, *more]
    done = subprocess.run(asked, capture_output=True, text=True, timeout=60, env=environment)
    assert done.stderr == ""
    return done.returncode, done.stdout.splitlines()


def mirror(folder: Path, records: list[dict[str, Any]], kind: str) -> str:
    """A folder of records, a zip file, or a folder of one zip file for each record."""
    place = folder / "mirror"
    place.mkdir()
    for number, record in enumerate(records):
        text = json.dumps(record)
        if kind == "folder":
            (place / f"{number}.json").write_text(text)
        else:
            with zipfile.ZipFile(place / ("all.zip" if kind == "zip" else f"{number}.zip"), "a") as archive:
                archive.writestr(f"{number}.json", text)
    return str(place / "all.zip" if kind == "zip" else place)


@pytest.mark.parametrize("kind", ["api", "folder", "zip", "folder of zips"])
def test_a_locked_version_that_an_advisory_covers_fails_with_name_version_advisory_and_fix(
    locks: Path, kind: str
) -> None:
    records = [VULNERABLE, VULNERABLE_PAGES, *FRESH]
    if kind == "api":
        with osv_server(records) as server:
            code, said = audit(locks, server.address)
        assert {(one["package"]["name"], one["version"]) for one in server.asked} == {
            ("some-package", "1.5.0"), ("other", "2"), ("other", "3"), ("@scope/pages", "2.0.0"), ("voices", "1.0.0")
        }  # fmt: skip
    else:
        code, said = audit(locks, mirror(locks, records, kind))
    assert code == 1
    assert said[:2] == [
        "FOUND: some-package 1.5.0 of PyPI: GHSA-pypi-0001 (CVE-2026-14000), fixed in 1.6.0",
        "FOUND: @scope/pages 2.0.0 of npm: GHSA-npm-0001 (CVE-2026-13000), fixed in 2.0.1",
    ]
    assert said[-1] == "Audited 5 locked packages: 2 covered by an advisory."


@pytest.mark.parametrize("kind", ["api", "folder"])
def test_what_nothing_is_known_against_passes(locks: Path, kind: str) -> None:
    withdrawn = {**VULNERABLE, "withdrawn": "2026-01-01T00:00:00Z"}
    records = [withdrawn, *FRESH]
    if kind == "api":
        with osv_server(records) as server:
            heard = audit(locks, server.address, required=True)
    else:
        heard = audit(locks, mirror(locks, records, kind), required=True)
    assert heard == (0, ["Audited 5 locked packages: 0 covered by an advisory."])


def test_all_pages_of_an_answer_are_read(locks: Path) -> None:
    many = [advisory(f"GHSA-pypi-1{number}", "some-package", "1.5.0", fixed=f"1.5.{number}") for number in range(1, 6)]
    with osv_server(many) as server:
        code, said = audit(locks, server.address)
    assert (code, said[-1]) == (1, "Audited 5 locked packages: 5 covered by an advisory.")
    assert [line for line in said if "GHSA-pypi-15" in line and line.endswith("fixed in 1.5.5")]


def test_an_accepted_advisory_passes_until_its_day_and_fails_after_it(locks: Path) -> None:
    with osv_server([VULNERABLE]) as server:
        accept(locks, "GHSA-pypi-0001", "some-package", 2)
        code, said = audit(locks, server.address)
        assert (code, said[0].startswith(f"accepted until {TODAY + timedelta(days=2)}: some-package 1.5.0")) == (
            0,
            True,
        )
        accept(locks, "CVE-2026-14000", "Some_Package", 2)
        assert audit(locks, server.address)[0] == 0, (
            "so does another name of the weakness, and another spelling of the package"
        )
        accept(locks, "GHSA-pypi-0001", "other", 2)
        assert audit(locks, server.address)[0] == 1, "an acceptance is for one package"
        accept(locks, "GHSA-pypi-0001", "some-package", -2)
        code, said = audit(locks, server.address)
        assert (code, said[0].startswith("ENDED: GHSA-pypi-0001 of some-package")) == (1, True)
    accept(locks, "GHSA-gone", "some-package", -2)
    assert audit(locks, mirror(locks, FRESH, "folder"))[0] == 1, "also when nothing is found any more"


def test_an_acceptance_without_reason_or_end_is_refused(locks: Path) -> None:
    accept(locks, "GHSA-pypi-0001", "some-package", 2, reason=" ")
    code, (said,) = audit(locks, "nowhere")
    assert (code, "accepted-advisories.toml" in said, "`reason` is empty" in said) == (1, True, True)
    path = locks / "requirements" / "accepted-advisories.toml"
    path.write_text('[[accepted]]\nadvisory = "GHSA-1"\npackage = "other"\nreason = "Because."\n')
    code, (said,) = audit(locks, "nowhere")
    assert (code, "`until`" in said) == (1, True)


def test_what_cannot_be_reached_is_said_in_the_last_line_and_fails_where_the_audit_is_required(locks: Path) -> None:
    with osv_server([]) as server:
        address = server.address
    code, said = audit(locks, address)
    assert (code, said[-1].startswith("NOT AUDITED: the advisories at http://127.0.0.1 cannot be reached")) == (0, True)
    assert "Connection refused" in said[-1]
    assert audit(locks, address, required=True)[0] == 1
    code, said = audit(locks, "https://reader:secret-word@advisories.example")
    assert (code, said[-1].startswith("NOT AUDITED: "), "secret-word" in said[-1]) == (0, True, False)
    code, said = audit(locks, str(locks / "no-such-folder"))
    assert (code, said[-1].startswith("NOT AUDITED: ")) == (0, True)


@pytest.mark.parametrize("failing", [503, "<html>Sign in to the guest network</html>", '{"results": []}', "[1]"])
def test_an_answer_that_is_none_is_no_audit(locks: Path, failing: int | str) -> None:
    with osv_server([VULNERABLE], {"/v1/querybatch": failing}) as server:
        code, said = audit(locks, server.address, required=True)
    assert (code, said[-1].startswith("NOT AUDITED: ")) == (1, True)


def test_a_server_that_never_ends_its_answer_is_given_up(locks: Path) -> None:
    with osv_server([VULNERABLE], {"/v1/querybatch": "trickle"}) as server:
        code, said = audit(locks, server.address, "--seconds", "0.5", required=True)
    assert (code, "no full answer within 0.5 seconds" in said[-1]) == (1, True)


def test_a_finding_whose_record_cannot_be_fetched_still_fails(locks: Path) -> None:
    with osv_server([VULNERABLE], {"/v1/vulns/GHSA-pypi-0001": 503}) as server:
        code, said = audit(locks, server.address)
    assert code == 1
    assert said[0] == "FOUND: some-package 1.5.0 of PyPI: GHSA-pypi-0001, no fix is known"
    assert said[-1].startswith("NOT AUDITED: ")


def test_a_mirror_that_is_old_or_lacks_an_ecosystem_is_no_audit_and_its_findings_count(locks: Path) -> None:
    old = (datetime.now(UTC) - timedelta(days=15)).isoformat()
    source = mirror(locks, [{**VULNERABLE, "modified": old}], "folder")
    code, said = audit(locks, source)
    assert (code, said[0].startswith("FOUND: some-package")) == (1, True)
    assert "the newest record of PyPI" in said[-1]
    assert "holds no record of npm" in said[-1]
    code, said = audit(locks, source, "--max-age-days", "30")
    assert ("newest record" in said[-1], "holds no record of npm" in said[-1]) == (False, True)


def test_a_mirror_with_a_broken_record_is_no_audit(locks: Path) -> None:
    source = mirror(locks, FRESH, "folder")
    (Path(source) / "9.json").write_text('{"id": "GHSA-9"}')
    code, said = audit(locks, source, required=True)
    assert (code, "9.json" in said[-1]) == (1, True)


def test_a_lock_file_without_a_hash_is_refused(locks: Path) -> None:
    (locks / "requirements" / "run.txt").write_text("some-package==1.5.0\n")
    code, (said,) = audit(locks, "nowhere")
    assert (code, "without a hash: some-package" in said) == (1, True)


@pytest.mark.parametrize(
    ("version", "events", "covered"),
    [
        ("1.5.0", [{"introduced": "0"}, {"fixed": "1.6.0"}], True),
        ("1.5.0", [{"introduced": "0"}, {"fixed": "1.5.0"}], False),
        ("1.5.0", [{"introduced": "1.5.1"}], False),
        ("1.5.0", [{"introduced": "1.0.0"}, {"last_affected": "1.5.0"}], True),
        ("1.5.0", [{"introduced": "1.0.0"}, {"last_affected": "1.4.9"}], False),
        ("1.5.0", [{"introduced": "1.4.0"}, {"fixed": "1.5.1"}, {"introduced": "0"}, {"fixed": "1.0.0"}], True),
        ("1.5.0", [{"introduced": "0"}, {"limit": "1.5.0"}], False),
        ("1.5.0", [{"introduced": "0"}, {"limit": "*"}], True),
        ("1.10.0", [{"introduced": "1.9.0"}, {"fixed": "1.11.0"}], True),
        ("1.5.0", [{"introduced": "not a version"}], True),
    ],
)
@pytest.mark.parametrize("ecosystem", ["PyPI", "npm"])
def test_an_advisory_counts_within_its_versions(
    ecosystem: str, version: str, events: list[dict[str, str]], covered: bool
) -> None:
    entry = Affected(Concerned(ecosystem, "some-package"), [Span("ECOSYSTEM", events)])
    assert covers(Package(ecosystem, "some-package", version), entry) is covered


def test_versions_compare_as_their_ecosystem_orders_them() -> None:
    before_release = [{"introduced": "0"}, {"fixed": "2.0.0"}]
    npm = Affected(Concerned("npm", "pages"), [Span("SEMVER", before_release)])
    assert covers(Package("npm", "pages", "2.0.0-beta.11"), npm)
    assert not covers(Package("npm", "pages", "2.0.0"), npm)
    later = Affected(Concerned("npm", "pages"), [Span("SEMVER", [{"introduced": "2.0.0-next.10"}])])
    assert not covers(Package("npm", "pages", "2.0.0-next.9"), later)
    assert covers(Package("npm", "pages", "2.0.0-next.11"), later)
    python = Affected(Concerned("PyPI", "pages"), [Span("ECOSYSTEM", before_release)], ["2.0.post1"])
    assert covers(Package("PyPI", "pages", "2.0.0rc1"), python)
    assert covers(Package("PyPI", "pages", "2.0.0.post1"), python), "another spelling of an enumerated version"
    assert not covers(Package("PyPI", "pages", "2.0.0.post2"), python)
