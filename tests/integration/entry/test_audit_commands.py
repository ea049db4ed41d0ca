"""``ringfence audit`` as an operator runs it, with tampering in between."""

import sqlite3
import subprocess
import sys
from pathlib import Path

from tests.integration.entry.test_commands import run_all, settings_file


def test_the_trail_is_signed_exported_and_verified_and_tampering_is_named(tmp_path: Path) -> None:
    elsewhere, export = tmp_path / "elsewhere", tmp_path / "export"
    elsewhere.mkdir()
    config, _ = settings_file(tmp_path, more=f'[audit]\nfolder = "{elsewhere}"\n')
    person = ("user", "add", "a@barford.example", "--name", "A", "--role", "HOS")
    init, added, signed, verified, exported, again, reasonless = run_all(
        config,
        ("init",),
        person,
        ("audit", "checkpoint"),
        ("audit", "verify"),
        ("audit", "export", str(export), "--purpose", "External audit"),
        ("audit", "export", str(export), "--purpose", "External audit"),
        ("audit", "export", str(tmp_path / "other"), "--purpose", " "),
    )
    assert [said.code for said in (init, added, signed, verified, exported, again, reasonless)] == [0, 0, 0, 0, 0, 1, 1]
    assert "Signed up to entry 2" in signed.out
    assert "Verified: 2 entries, 1 signed checkpoints." in verified.out
    assert "exists already" in again.err
    assert "--purpose" in reasonless.err
    alone = [sys.executable, "-I", "-S", "verify_audit.py", "entries.jsonl", "--key", "public-key.pem", "--checkpoints"]
    for checkpoints in ("checkpoints.jsonl", str(elsewhere / "checkpoints.jsonl")):
        done = subprocess.run([*alone, checkpoints], cwd=export, capture_output=True, text=True, timeout=60)
        assert (done.returncode, "1 signed checkpoints agree" in done.stdout) == (0, True), done.stdout + done.stderr
    (database,) = tmp_path.rglob("ringfence.sqlite3")
    with sqlite3.connect(database) as intruder:
        intruder.execute("DROP TRIGGER audit_auditentry_no_update")
        intruder.execute("UPDATE audit_auditentry SET actor_role = 'Nobody' WHERE number = 2")
    intruder.close()
    (found,) = run_all(config, ("audit", "verify"))
    assert (found.code, "NOT AS WRITTEN at entry 2" in found.out) == (1, True), found.out
