"""Backups restore an installation, and never what was destroyed since they were made."""

import base64
import json
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.support.installation import DESTROY, PLAY, RECORD, Installation, Said
from tests.support.postgres import Postgres
from tests.support.system import own_database

from ringfence.vault import keybackup
from ringfence.vault.errors import BackupKeyError

pytestmark = pytest.mark.timeout(600)  # dozens of processes, each of which starts Django

PHRASE = bytes.fromhex("9a6b1f03c47e5528")
"""Eight A-law samples over and over: what was said, as a search for it sees it."""
BACKUP_AGO = """
from datetime import UTC, datetime, timedelta
from ringfence.entry.backup import make
from ringfence.entry.settings import current
said = []
plan = make.plan(current(), target=Path(given["target"]), key_folder=Path(given["keys"]))
now = datetime.now(UTC).replace(microsecond=0) - timedelta(days=given["days"])
make.backup(current(), plan, keys_only=False, now=now, say=said.append)
result = said
"""

TOLD = """
import json
from ringfence.centre.audit.models import AuditEntry
found = AuditEntry.objects.filter(code__startswith="backup.").order_by("number")
result = [[row.code, json.loads(row.fields)["destroyed"], json.loads(row.fields).get("newer_list")] for row in found]
"""
UPKEEP = """
from datetime import UTC, datetime, timedelta
from ringfence.centre.jobs.queries import open_alarms
from ringfence.centre.recordings.keys import vault_upkeep
vault_upkeep.func()
result = sorted(alarm.code for alarm in open_alarms(None))
"""
ROW = """
from ringfence.centre.recordings.models import Recording
from ringfence.centre.retention.models import Destruction
result = [Recording.objects.get(pk=given["name"]).state, Destruction.objects.get(pk=given["name"]).certificate]
"""

ORPHANS = """
from ringfence.centre.audit.models import AuditEntry
rows = AuditEntry.objects.filter(code="recording.orphans_destroyed")
result = [[row.code, row.actor_role] for row in rows]
"""


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.system)])
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "sqlite":
        yield ""
        return
    # Outside of pytest's own folder, into which the server's account may not look.
    with tempfile.TemporaryDirectory() as folder:
        postgres = Postgres(Path(folder) / "postgresql")
        yield postgres.start()
        postgres.stop()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return recorded(Installation(tmp_path_factory.mktemp("made") / "centre").write_settings())


@pytest.fixture
def sqlite_centre(made: Installation, tmp_path: Path) -> Installation:
    """An installation with recordings r1, r2 and r3; the last one still waits in the spool."""
    shutil.copytree(made.data, tmp_path / "centre" / "data")
    return Installation(tmp_path / "centre").write_settings()


def recorded(centre: Installation) -> Installation:
    (made,) = centre.run(("init",))
    assert made.code == 0, made.err
    centre.inside(RECORD, names=["r1", "r2", "r3"], waiting=["r3"], phrase=PHRASE.hex())
    return centre


def played(centre: Installation) -> dict[str, object]:
    heard: dict[str, object] = centre.inside(PLAY, phrase=PHRASE.hex())
    return heard


def ended(*said: Said) -> None:
    for each in said:
        assert each.code == 0, each.err


def copy_from_the_safe(centre: Installation, other: Installation) -> Installation:
    """What every operator has in the safe, on a new machine."""
    (other.data / "keys").mkdir(parents=True)
    other.data.chmod(0o700)
    for name in ("root.key", "signing.key"):
        shutil.copy(centre.data / "keys" / name, other.data / "keys" / name)
    return other


def generation(target: Path) -> Path:
    (found,) = [path for path in target.iterdir() if path.name.endswith("Z")]
    return found


def test_what_was_destroyed_since_stays_dead_whoever_restores(server: str, tmp_path: Path) -> None:
    """The same machine, a new machine, and a thief who has the old backup, the safe and, later, the key folder."""
    databases = [own_database(server) if server else "" for _ in range(3)]
    centre = recorded(Installation(tmp_path / "centre", database=databases[0]).write_settings())
    target, keys, stolen = tmp_path / "backups", tmp_path / "backup-keys", tmp_path / "stolen"
    assert played(centre) == {"r1": True, "r2": True, "r3": True}
    ended(*centre.run(("backup", str(target), "--key-folder", str(keys))))
    first = generation(target)
    shutil.copytree(target, stolen)
    certificate = centre.inside(DESTROY, names=["r1"])["r1"]
    assert played(centre) == {"r1": "gone", "r2": True, "r3": True}
    hourly, again = centre.run(
        ("backup", str(target), "--key-folder", str(keys), "--keys-only"),
        ("restore", str(first), "--key-folder", str(keys), "--replace"),
    )
    ended(hourly, again)
    assert "1 older backups of the key store are dead now" in hourly.out
    assert "the key store that is here is kept" in again.out
    assert played(centre) == {"r1": "gone", "r2": True, "r3": True}
    assert centre.inside(ROW, name="r1") == ["deleted", certificate]

    rescued = copy_from_the_safe(centre, Installation(tmp_path / "rescued", database=databases[1]).write_settings())
    refused, restored = rescued.run(
        ("restore", str(target), "--key-folder", str(keys)),
        ("restore", str(target), "--key-folder", str(keys), "--without-newer-list"),
    )
    assert (refused.code, "What was destroyed after it would come back" in refused.err) == (1, True)
    ended(restored)
    assert played(rescued) == {"r1": "gone", "r2": True, "r3": True}
    assert not (rescued.data / "recordings/BBC/r1.rfr").exists()
    assert rescued.inside(ROW, name="r1") == ["deleted", certificate], "the row is a stub again, with its certificate"

    thief = copy_from_the_safe(centre, Installation(tmp_path / "thief", database=databases[2]).write_settings())
    (theft,) = thief.run(("restore", str(stolen), "--key-folder", str(keys), "--without-newer-list"))
    assert (theft.code, "was destroyed at the end of its life" in theft.err) == (1, True), theft
    assert not (thief.data / "keys/keys.sqlite3").exists()
    assert (stolen / "objects/BBC/r1.rfr").exists()


def test_a_key_backup_is_dead_after_its_life_and_a_younger_one_is_not(
    sqlite_centre: Installation, tmp_path: Path
) -> None:
    centre = sqlite_centre
    target, keys, copied = tmp_path / "backups", tmp_path / "backup-keys", tmp_path / "copied-keys"
    centre.inside(BACKUP_AGO, target=str(target), keys=str(keys), days=8)
    shutil.copytree(keys, copied)
    (expired,) = copy_from_the_safe(centre, Installation(tmp_path / "late").write_settings()).run(
        ("restore", str(target), "--key-folder", str(copied), "--without-newer-list")
    )
    assert (expired.code, "ended on" in expired.err) == (1, True), expired
    assert list(copied.iterdir()) == []
    centre.inside(BACKUP_AGO, target=str(target), keys=str(keys), days=6)
    (restored,) = copy_from_the_safe(centre, Installation(tmp_path / "soon").write_settings()).run(
        ("restore", str(target), "--key-folder", str(keys), "--without-newer-list")
    )
    ended(restored)


def test_a_newer_list_from_elsewhere_is_replayed(sqlite_centre: Installation, tmp_path: Path) -> None:
    """The machine is lost after a destruction that no backup knows: the copy on another disk does."""
    copy, centre = tmp_path / "elsewhere.list", sqlite_centre
    centre.more = f'[backup]\nlist_copy = "{copy}"\n'
    centre.write_settings()
    target, keys = tmp_path / "backups", tmp_path / "backup-keys"
    ended(*centre.run(("backup", str(target), "--key-folder", str(keys))))
    centre.inside(DESTROY, names=["r1", "r3"])
    rescued = copy_from_the_safe(centre, Installation(tmp_path / "rescued").write_settings())
    (restored,) = rescued.run(("restore", str(target), "--key-folder", str(keys), "--list", str(copy)))
    ended(restored)
    assert f"destruction list {copy}: 2 entries" in restored.out
    assert played(rescued) == {"r1": "gone", "r2": True, "r3": "gone"}
    assert rescued.inside(TOLD)[-1] == ["backup.restored", 2, True]
    left = [path.name for path in rescued.data.rglob("*") if path.name.startswith(("r1.", "r3."))]
    assert left == []


def test_upkeep_ends_keys_that_outlived_their_time_and_misses_backups(
    sqlite_centre: Installation, tmp_path: Path
) -> None:
    centre, target, keys, copy = sqlite_centre, tmp_path / "backups", tmp_path / "backup-keys", tmp_path / "list"
    centre.inside(BACKUP_AGO, target=str(target), keys=str(keys), days=8)
    centre.inside(DESTROY, names=["r1"])
    centre.more = f'[backup]\ntarget = "{target}"\nkey_folder = "{keys}"\nlist_copy = "{copy}"\n'
    centre.write_settings()
    assert len(list(keys.iterdir())) == 1
    assert centre.inside(UPKEEP) == ["backup_overdue"]
    assert list(keys.iterdir()) == []
    assert len(copy.read_bytes().splitlines()) == 1
    keys.rmdir()
    assert centre.inside(UPKEEP) == ["backup_key_stays", "backup_overdue"]
    ended(*centre.run(("backup",)))
    assert centre.inside(UPKEEP) == []
    keys.rename(tmp_path / "unmounted")
    keys.mkdir()
    unmounted, moved = centre.run(("backup", "--keys-only"), ("backup", "--keys-only", "--new-key-folder"))
    assert (unmounted.code, "mount it" in unmounted.err) == (1, True)
    ended(moved)


def test_recordings_made_after_the_backup_are_counted_and_can_be_ended(
    sqlite_centre: Installation, tmp_path: Path
) -> None:
    centre, target, keys = sqlite_centre, tmp_path / "backups", tmp_path / "backup-keys"
    ended(*centre.run(("backup", str(target), "--key-folder", str(keys))))
    centre.inside(RECORD, names=["late"], waiting=[], phrase=PHRASE.hex())
    restored, found, gone, none = centre.run(
        ("restore", str(target), "--replace"),
        ("destruction", "orphans"),
        ("destruction", "orphans", "--destroy"),
        ("destruction", "orphans"),
    )
    ended(restored, found, gone, none)
    assert "1 were made after this backup" in restored.out
    assert found.out.startswith("BBC/late.rfr\n1 recordings have no row")
    assert "1 recordings are destroyed" in gone.out
    assert none.out.startswith("0 recordings have no row")
    assert centre.inside(ORPHANS) == [["recording.orphans_destroyed", "Operator at the command line"]]
    assert not (centre.data / "recordings/BBC/late.rfr").exists()
    assert played(centre) == {"r1": True, "r2": True, "r3": True}


def test_an_interrupted_restore_lets_nothing_start_until_it_is_run_again(
    sqlite_centre: Installation, tmp_path: Path
) -> None:
    target, keys = tmp_path / "backups", tmp_path / "backup-keys"
    ended(*sqlite_centre.run(("backup", str(target), "--key-folder", str(keys))))
    sqlite_centre.inside(DESTROY, names=["r1"])
    code = """
from datetime import UTC, datetime
from ringfence.entry.backup import database, restore
from ringfence.entry.settings import current
wanted = restore.Wanted(source=Path(given["target"]), key_folder=None, lists=(), replace=True, without_newer_list=False)
def fail(*_): raise OSError(28, "No space left on device")
whole, database.load = database.load, fail
try:
    restore.restore(current(), wanted, now=datetime.now(UTC), say=print)
    result = "ended"
except OSError:
    result = "interrupted"
"""
    assert sqlite_centre.inside(code, target=str(target)) == "interrupted"
    check, web, again = sqlite_centre.run(("check",), ("web",), ("restore", str(target)))
    assert "FAIL  restore         A restore was interrupted" in check.out
    assert (web.code, "A restore was interrupted" in web.err) == (1, True)
    ended(again)
    assert played(sqlite_centre) == {"r1": "gone", "r2": True, "r3": True}


def test_mistakes_and_damage_change_nothing_and_name_the_cure(sqlite_centre: Installation, tmp_path: Path) -> None:
    centre, target, keys = sqlite_centre, tmp_path / "backups", tmp_path / "backup-keys"
    centre.more = '[storage]\nsecret_key = "only-for-tests"\n'
    centre.write_settings()
    nowhere, no_keys, inside, beside, good = centre.run(
        ("backup",),
        ("backup", str(target)),
        ("backup", str(centre.data / "backups"), "--key-folder", str(keys)),
        ("backup", str(target), "--key-folder", str(target / "keys")),
        ("backup", str(target), "--key-folder", str(keys)),
    )
    ended(good)
    for said, cure in (
        (nowhere, "set backup.target"),
        (no_keys, "--key-folder"),
        (inside, "would stand in the data folder"),
        (beside, "would stand with the backups that they open"),
    ):
        assert (said.code, cure in said.err) == (1, True), said
    settings = (generation(target) / "settings.json").read_text()
    assert '"secret_key": "(secret)"' in settings
    assert "only-for-tests" not in settings
    before = (centre.data / "ringfence.sqlite3").read_bytes()
    damaged = tmp_path / "damaged"
    shutil.copytree(target, damaged)
    path = generation(damaged) / "database.sqlite3"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    forged, cut, newer, empty = (tmp_path / name for name in ("forged", "cut", "newer", "empty"))
    for each in (forged, cut):
        shutil.copytree(target, each)
    manifest = generation(forged) / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"objects":2', b'"objects":1'))
    (cut / "destroyed.list").write_bytes(b"")
    empty.mkdir()
    newer = signed_by_a_newer_release(centre, target, tmp_path / "newer")
    not_empty, broken, faked, listless, unknown, nothing = centre.run(
        ("restore", str(target)),
        ("restore", str(damaged), "--replace"),
        ("restore", str(forged), "--replace"),
        ("restore", str(target), "--replace", "--list", str(tmp_path / "none")),
        ("restore", str(newer), "--replace"),
        ("restore", str(empty), "--replace"),
    )
    for said, cure in (
        (not_empty, "Say --replace"),
        (broken, "was changed or cut since the backup was made"),
        (faked, "not as this installation signed it"),
        (listless, "There is no destruction list"),
        (unknown, "made by a newer release"),
        (nothing, "holds no finished backup"),
    ):
        assert (said.code, cure in said.err) == (1, True), said
    assert (centre.data / "ringfence.sqlite3").read_bytes() == before
    (centre.data / "keys/root.key").rename(tmp_path / "root.key")
    (rootless,) = centre.run(("restore", str(target), "--replace"))
    assert (rootless.code, "Put it back from your safe first" in rootless.err) == (1, True)


def signed_by_a_newer_release(centre: Installation, target: Path, copy: Path) -> Path:
    shutil.copytree(target, copy)
    code = """
import msgspec
from ringfence.entry.backup.layout import read_manifest, write_manifest
from ringfence.entry.key_store import signing_key
folder = Path(given["folder"])
told = read_manifest(folder, signing_key().public_key())
write_manifest(folder, msgspec.structs.replace(told, migrations={"calls": "9999_later"}), signing_key())
result = True
"""
    centre.inside(code, folder=str(generation(copy)))
    return copy


def test_another_installations_root_key_is_named(sqlite_centre: Installation, tmp_path: Path) -> None:
    target, keys = tmp_path / "backups", tmp_path / "backup-keys"
    ended(*sqlite_centre.run(("backup", str(target), "--key-folder", str(keys))))
    other = Installation(tmp_path / "other").write_settings()
    ended(*other.run(("keys", "public")))
    mixed = copy_from_the_safe(sqlite_centre, Installation(tmp_path / "mixed").write_settings())
    code = """
from ringfence.vault import FileRootKey
path = Path(given["data"]) / "keys" / "root.key"
path.unlink()
FileRootKey.create(path)
result = True
"""
    mixed.inside(code, data=str(mixed.data))
    foreign, wrong = (
        other.run(("restore", str(target), "--replace"))[0],
        mixed.run(("restore", str(target), "--key-folder", str(keys), "--without-newer-list"))[0],
    )
    assert (foreign.code, "root.key" in foreign.err) == (1, True), foreign
    assert (wrong.code, "Put the right one back" in wrong.err) == (1, True), wrong


def test_a_full_disk_leaves_earlier_backups_whole(sqlite_centre: Installation, tmp_path: Path) -> None:
    target, keys = tmp_path / "backups", tmp_path / "backup-keys"
    ended(*sqlite_centre.run(("backup", str(target), "--key-folder", str(keys))))
    sealed = sorted((target / "keys").iterdir())
    (full,) = sqlite_centre.run(("backup", str(target), "--key-folder", str(keys)), limit_file_bytes=65_536)
    assert full.code == 1, full
    assert "free" in full.err or "no room left" in full.err, full.err
    assert [path for path in target.iterdir() if path.name.startswith(".unfinished")] == []
    assert sorted((target / "keys").iterdir()) == sealed
    assert json.loads((generation(target) / "manifest.json").read_bytes())["statement"]["objects"] == 2
    (restored,) = sqlite_centre.run(("restore", str(target), "--replace"))
    ended(restored)


SECRETS = """
from ringfence.centre.recordings.models import Recording
from ringfence.centre.recordings.storage import key_store, object_store
from ringfence.vault.format import decode_header, layout_of
recording = Recording.objects.get(pk="r1")
key = key_store().unwrap(recording.key_id)
with key_store().database.reading() as db:
    (wrapped,) = db.execute("SELECT wrapped FROM data_keys WHERE key_id = ?", (recording.key_id,)).fetchone()
sealed = object_store().read_range(recording.object_name, 0, 10**6)
at = layout_of(*decode_header(sealed[:2048])).chunk_offset(0)
result = {"secret": key.secret.hex(), "wrapped": wrapped.hex(), "sealed": sealed[at : at + 64].hex()}
"""


def files_with(folder: Path, needle: bytes) -> set[str]:
    """Names of all files that hold ``needle``: as it is, in hexadecimal, in base64, and inside sealed key backups."""
    forms = {needle, needle.hex().encode(), base64.b64encode(needle)[:-4]}
    found = set()
    for path in folder.rglob("*"):
        if path.is_file() and any(form in path.read_bytes() for form in forms):
            found.add(path.name)
    for path in folder.rglob("*.rfk"):
        header = keybackup.read_header(path.read_bytes())
        try:
            key = keybackup.load_backup_key(folder / "backup-keys", header.backup_key, now=datetime.now(UTC))
        except BackupKeyError:
            continue
        if needle in keybackup.open_sealed(path.read_bytes(), key, now=datetime.now(UTC)):
            found.add("inside a key backup")
    return found


def test_a_planted_phrase_is_heard_then_erased_and_then_nowhere(sqlite_centre: Installation, tmp_path: Path) -> None:
    """Key store, its log, objects, spool, database, its log, prompts, settings and all backups are searched."""
    target, keys = tmp_path / "backups", tmp_path / "backup-keys"
    ended(*sqlite_centre.run(("backup", str(target), "--key-folder", str(keys))))
    secrets = {name: bytes.fromhex(value) for name, value in sqlite_centre.inside(SECRETS).items()}
    assert played(sqlite_centre)["r1"] is True
    assert files_with(tmp_path, secrets["sealed"]) == {"r1.rfr"}
    assert files_with(tmp_path, secrets["wrapped"]) == {"keys.sqlite3", "inside a key backup"}
    sqlite_centre.inside(DESTROY, names=["r1"])
    assert files_with(tmp_path, secrets["wrapped"]) == {"inside a key backup"}
    ended(*sqlite_centre.run(("backup", str(target), "--key-folder", str(keys))))
    for needle in (*secrets.values(), PHRASE, PHRASE[::-1], PHRASE * 4):
        assert files_with(tmp_path, needle) == set()
    assert played(sqlite_centre) == {"r1": "gone", "r2": True, "r3": True}
    assert {path.name for path in (target / "objects").rglob("*.rfr")} == {"r2.rfr"}
