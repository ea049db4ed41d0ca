"""The patch ages are of exactly what is locked, counted from what the index told, and honest where it told nothing."""

from datetime import date
from pathlib import Path

import patch_ages
from locks import Package, everything
from patch_ages import Dates

OLD, NEW, PAGES = Package("PyPI", "old", "1.0"), Package("PyPI", "new", "2.0"), Package("npm", "@scope/pages", "3.0.0")
TODAY = date(2026, 11, 26)


def test_the_record_is_of_what_is_locked() -> None:
    assert patch_ages.differences(patch_ages.recorded(), everything()) == []


def test_a_package_that_is_not_recorded_or_no_longer_locked_is_told() -> None:
    known = {OLD: Dates(TODAY, None)}
    assert patch_ages.differences(known, [NEW]) == [
        "new 2.0 is locked and not recorded",
        "old 1.0 is recorded and not locked",
    ]


def test_a_version_keeps_its_day_of_locking_and_a_new_one_gets_today(tmp_path: Path) -> None:
    pylock = tmp_path / "pylock.run.toml"
    pylock.write_text(
        'lock-version = "1.0"\n[[packages]]\nname = "New"\nversion = "2.0"\n'
        'sdist = { url = "https://example.org/new.tar.gz", upload-time = 2026-11-03T23:59:00Z }\n'
        'wheels = [{ url = "https://example.org/a.whl", upload-time = 2026-11-02T00:00:01Z }, { name = "b.whl" }]\n'
        '[[packages]]\nname = "old"\nversion = "1.0"\n'
    )
    told = patch_ages.uploads([pylock])
    assert told == {NEW: date(2026, 11, 2)}
    before = {OLD: Dates(date(2026, 1, 2), date(2025, 12, 1)), Package("PyPI", "new", "1.9"): Dates(TODAY, TODAY)}
    known = patch_ages.renewed(before, [OLD, NEW, PAGES], told, today=TODAY)
    assert known == {OLD: before[OLD], NEW: Dates(TODAY, date(2026, 11, 2)), PAGES: Dates(TODAY, None)}
    patch_ages.write(tmp_path / "released.toml", known)
    assert patch_ages.recorded(tmp_path / "released.toml") == known
    assert "example.org" not in (tmp_path / "released.toml").read_text()


def test_the_report_counts_days_and_says_what_is_not_known() -> None:
    known = {
        OLD: Dates(date(2026, 11, 1), date(2025, 11, 25)),
        NEW: Dates(date(2026, 11, 16), date(2026, 11, 6)),
        PAGES: Dates(date(2026, 11, 24), None),
    }
    page, summary = patch_ages.report(known, today=TODAY)
    assert summary == (
        "Patch ages on 2026-11-26: 3 locked packages, the newest locked 2 days ago. Released 20 to 366 days ago, half "
        "of them within 20 days; 1 over a year ago. Of 1 no day of release is known, only that of locking."
    )
    assert page.splitlines()[6:] == [
        "| old | 1.0 | PyPI | 2025-11-25 | 366 | 2026-11-01 | 25 |",
        "| new | 2.0 | PyPI | 2026-11-06 | 20 | 2026-11-16 | 10 |",
        "| @scope/pages | 3.0.0 | npm | not known |  | 2026-11-24 | 2 |",
    ]
