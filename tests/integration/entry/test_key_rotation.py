"""Rotations as an operator runs them: everything recorded before plays after, and the old keys are gone."""

import shutil
from pathlib import Path

import pytest
from tests.support.installation import PLAY, RECORD, Installation

pytestmark = pytest.mark.timeout(600)  # a dozen processes, each of which starts Django

PHRASE = bytes.fromhex("9a6b1f03c47e5528")
AN_HOUR_LATER = """
from datetime import UTC, datetime, timedelta
from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.recordings import keys
from ringfence.centre.recordings.keys import finish_key_rotations
keys.GRACE = timedelta(0)
finish_key_rotations.func()
result = list(AuditEntry.objects.filter(code__startswith="key.").order_by("number").values_list("code", "client_code"))
"""
SEARCH = """
from ringfence.centre.accounts.models import User
from ringfence.centre.calls.models import Call
from ringfence.centre.calls.sealing import party_sealer
from tests.support.story import CALLER
rows = Call.objects.filter(party_index__in=party_sealer().indexes("BBC", CALLER))
result = sorted(row.pk for row in rows if party_sealer().open("BBC", row.party_number) == CALLER)
"""

TOLD = """
from ringfence.centre.audit.models import AuditEntry
rows = AuditEntry.objects.filter(code__in=given["codes"]).order_by("number")
result = [[row.code, row.actor_role] for row in rows]
"""


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    made = Installation(tmp_path_factory.mktemp("made") / "centre").write_settings()
    (init,) = made.run(("init",))
    assert init.code == 0, init.err
    made.inside(RECORD, names=["r1", "r2", "r3"], waiting=["r3"], phrase=PHRASE.hex())
    return made


def played(centre: Installation) -> dict[str, object]:
    heard: dict[str, object] = centre.inside(PLAY, phrase=PHRASE.hex())
    return heard


def test_a_clients_key(centre: Installation) -> None:
    rotated, status, unknown = centre.run(
        ("keys", "rotate-client", "BBC"), ("keys", "status"), ("keys", "rotate-client", "NONE")
    )
    assert rotated.code == 0, rotated.err
    assert "BBC: keys of recordings: 3 done" in rotated.out
    assert "BBC: sealed values: 6 done" in rotated.out
    assert "the worker destroys the old key after 60 minutes" in rotated.out
    assert "BBC  version 1" in status.out
    assert "0 recordings  only opens" in status.out
    assert "The rotation of BBC is under way" in status.out
    assert (unknown.code, "Nobody here has this code" in unknown.err) == (1, True)
    everything = {"r1": True, "r2": True, "r3": True}
    calls = ["call-r1", "call-r2", "call-r3"]
    assert (played(centre), centre.inside(SEARCH)) == (everything, calls)
    assert centre.inside(AN_HOUR_LATER) == [["key.rotation_began", "BBC"], ["key.retired", "BBC"]]
    (after,) = centre.run(("keys", "status"))
    assert "BBC  version 2" in after.out
    assert "version 1" not in "".join(line for line in after.out.splitlines() if line.startswith("BBC"))
    assert (played(centre), centre.inside(SEARCH)) == (everything, calls)


def test_the_root_key_and_a_restore_after_it(centre: Installation, tmp_path: Path) -> None:
    path = centre.data / "keys/root.key"
    old = path.read_bytes()
    prepared, wrong, check = centre.run(
        ("keys", "rotate-root"), ("keys", "rotate-root", "--copied", "file-0"), ("check",)
    )
    new_id = prepared.out.split("--copied ")[1].strip()
    assert (wrong.code, new_id in wrong.err) == (1, True)
    assert "WARN  root key        Its rotation is under way" in check.out
    assert path.read_bytes() == old
    done, again, status = centre.run(
        ("keys", "rotate-root", "--copied", new_id), ("keys", "rotate-root", "--copied", new_id), ("keys", "status")
    )
    assert f"{new_id} is in force;" in done.out, done.err
    assert f"{new_id} is in force already" in again.out
    assert status.out.startswith(f"root key {new_id}\n")
    assert old not in b"".join(each.read_bytes() for each in (centre.data / "keys").iterdir())
    assert played(centre) == {"r1": True, "r2": True, "r3": True}
    told = centre.inside(TOLD, codes=["key.root_prepared", "key.root_rotated"])
    assert told == [
        ["key.root_prepared", "Operator at the command line"],
        ["key.root_rotated", "Operator at the command line"],
    ]
    target, keys = tmp_path / "backups", tmp_path / "backup-keys"
    path.with_name("root.key.old").write_bytes(old)  # as a rotation that died at its very end leaves it
    path.with_name("root.key.old").chmod(0o600)
    late, backup = centre.run(
        ("keys", "rotate-root", "--copied", "file-0"), ("backup", str(target), "--key-folder", str(keys))
    )
    assert late.out.startswith(f"{new_id} is in force;"), late.err
    assert not path.with_name("root.key.old").exists()
    assert backup.code == 0, backup.err
    rescued = Installation(tmp_path / "rescued").write_settings()
    (rescued.data / "keys").mkdir(parents=True)
    for name in ("root.key", "signing.key"):
        shutil.copy(centre.data / "keys" / name, rescued.data / "keys" / name)
    (restored,) = rescued.run(("restore", str(target), "--key-folder", str(keys), "--without-newer-list"))
    assert restored.code == 0, restored.err
    init, check = rescued.run(("init",), ("check",))  # as the restore says
    assert init.code == 0, init.err
    assert "FAIL" not in check.out
    assert played(rescued) == {"r1": True, "r2": True, "r3": True}
