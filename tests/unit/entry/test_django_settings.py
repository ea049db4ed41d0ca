"""Secrets are made once and kept private; the database is the one that the operator named."""

import stat
import threading
from pathlib import Path

import pytest

from ringfence.entry.django_settings import database
from ringfence.entry.secret_files import read_secret
from ringfence.entry.settings import SettingsError


def test_a_secret_is_made_on_first_use_and_then_stays(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    first = read_secret("a.key", folder)
    assert len(first) >= 48
    assert read_secret("a.key", folder) == first
    assert read_secret("b.key", folder) != first
    assert stat.S_IMODE((folder / "a.key").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert sorted(path.name for path in folder.iterdir()) == ["a.key", "b.key"]


def test_processes_that_start_together_agree_on_one_secret(tmp_path: Path) -> None:
    found: set[bytes] = set()
    threads = [threading.Thread(target=lambda: found.add(read_secret("a.key", tmp_path))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 1


def test_a_short_or_unreadable_secret_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a.key").write_bytes(b"short")
    with pytest.raises(SettingsError, match="Delete the file"):
        read_secret("a.key", tmp_path)
    with pytest.raises(SettingsError, match="read and write rights"):
        read_secret("b.key", tmp_path / "a.key")


def test_sqlite_takes_its_write_lock_at_begin(tmp_path: Path) -> None:
    chosen = database("", tmp_path)
    assert chosen["NAME"] == str(tmp_path / "ringfence.sqlite3")
    options = chosen["OPTIONS"]
    assert isinstance(options, dict)
    assert options["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode = WAL" in options["init_command"]


def test_a_postgresql_url_is_taken_apart(tmp_path: Path) -> None:
    chosen = database("postgresql://ring%40work:p%2Fw@db.example:6432/calls", tmp_path)
    assert [chosen[key] for key in ("NAME", "USER", "PASSWORD", "HOST", "PORT")] == [
        "calls",
        "ring@work",
        "p/w",
        "db.example",
        "6432",
    ]


@pytest.mark.parametrize("url", ["mysql://u@h/d", "postgresql://host", "postgresql://h:x/d", "calls"])
def test_any_other_url_is_refused_with_the_cure(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError, match="Write it as postgresql://") as raised:
        database(url, tmp_path)
    assert "u@h" not in str(raised.value)
