"""A backup of the key store opens with its own key during its life, and never after."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringfence.vault import keybackup
from ringfence.vault.errors import BackupKeyError, KeyBackupDamaged, KeyBackupExpired, KeyBackupSealed
from ringfence.vault.keybackup import BackupKey, create_backup_key, destroy_backup_key, load_backup_key

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
LIFE = timedelta(days=7)
SNAPSHOT = b"a key store" * 1000


def sealed_under(key: BackupKey) -> bytes:
    return keybackup.seal(SNAPSHOT, key, root_key="file-1", made_at=NOW, destroyed=3)


class TestSealing:
    def test_opens_during_its_life_and_tells_only_its_header(self, tmp_path: Path) -> None:
        sealed = sealed_under(create_backup_key(tmp_path, now=NOW, life=LIFE))
        header = keybackup.read_header(sealed)
        assert (header.root_key, header.made_at, header.expires_at, header.destroyed) == ("file-1", NOW, NOW + LIFE, 3)
        key = load_backup_key(tmp_path, header.backup_key, now=NOW + LIFE - timedelta(seconds=1))
        assert keybackup.open_sealed(sealed, key, now=NOW) == SNAPSHOT
        assert b"key store" not in sealed

    def test_after_its_life_the_key_is_refused_and_destroyed(self, tmp_path: Path) -> None:
        made = create_backup_key(tmp_path, now=NOW, life=LIFE)
        sealed = sealed_under(made)
        with pytest.raises(KeyBackupExpired, match="09 March 2026"):
            load_backup_key(tmp_path, made.key_id, now=NOW + LIFE)
        assert list(tmp_path.iterdir()) == []
        with pytest.raises(KeyBackupSealed, match="destroyed at the end of its life"):
            load_backup_key(tmp_path, made.key_id, now=NOW)
        with pytest.raises(KeyBackupExpired):
            keybackup.open_sealed(sealed, made, now=NOW + LIFE)

    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(place=st.integers(min_value=0), bit=st.integers(0, 7))
    def test_any_flipped_bit_is_noticed(self, tmp_path: Path, place: int, bit: int) -> None:
        key = BackupKey(key_id="a" * 32, expires_at=NOW + LIFE, secret=bytes(32))
        sealed = bytearray(sealed_under(key))
        sealed[place % len(sealed)] ^= 1 << bit
        with pytest.raises((KeyBackupDamaged, KeyBackupExpired)):
            keybackup.open_sealed(bytes(sealed), key, now=NOW)

    def test_cut_foreign_and_newer_ones_are_told_apart(self) -> None:
        key = BackupKey(key_id="a" * 32, expires_at=NOW + LIFE, secret=bytes(32))
        sealed = sealed_under(key)
        for size in (0, 5, 40, len(sealed) - 1):
            with pytest.raises(KeyBackupDamaged):
                keybackup.open_sealed(sealed[:size], key, now=NOW)
        with pytest.raises(KeyBackupDamaged, match="no backup of a key store"):
            keybackup.read_header(b"x" * 100)
        with pytest.raises(KeyBackupDamaged, match="format version 2"):
            keybackup.read_header(sealed[:9] + b"\x02" + sealed[10:])
        with pytest.raises(KeyBackupDamaged):
            keybackup.open_sealed(sealed, BackupKey(key_id="a" * 32, expires_at=NOW, secret=bytes([1]) * 32), now=NOW)


class TestKeyFolder:
    def test_key_files_are_private_and_their_bytes_are_overwritten(self, tmp_path: Path) -> None:
        key = create_backup_key(tmp_path / "new", now=NOW, life=LIFE)
        path = tmp_path / "new" / f"{key.key_id}.backup-key"
        assert path.stat().st_mode & 0o777 == 0o600
        content = path.read_bytes()
        handle = os.open(path, os.O_RDONLY)  # what an undelete tool would see
        assert destroy_backup_key(tmp_path / "new", key.key_id)
        assert os.read(handle, 1000) == bytes(len(content))
        os.close(handle)
        assert not destroy_backup_key(tmp_path / "new", key.key_id)

    def test_only_what_has_ended_or_tells_no_end_is_destroyed(self, tmp_path: Path) -> None:
        old = create_backup_key(tmp_path, now=NOW, life=LIFE)
        young = create_backup_key(tmp_path, now=NOW + timedelta(days=1), life=LIFE)
        (tmp_path / f"{'0' * 32}.backup-key").write_bytes(b"torn")
        (tmp_path / "another file").write_bytes(b"mine")
        assert keybackup.destroy_expired(tmp_path, now=NOW + timedelta(days=6)) == ["0" * 32]
        assert keybackup.destroy_expired(tmp_path, now=NOW + LIFE) == [old.key_id]
        assert set(keybackup.backup_keys(tmp_path)) == {young.key_id}
        assert (tmp_path / "another file").exists()

    def test_exposed_broken_and_misnamed_keys_are_refused(self, tmp_path: Path) -> None:
        key = create_backup_key(tmp_path, now=NOW, life=LIFE)
        path = tmp_path / f"{key.key_id}.backup-key"
        other = tmp_path / f"{'b' * 32}.backup-key"
        other.write_bytes(path.read_bytes())
        other.chmod(0o600)
        with pytest.raises(BackupKeyError, match="holds no backup key"):
            load_backup_key(tmp_path, "b" * 32, now=NOW)
        path.chmod(0o644)
        with pytest.raises(BackupKeyError, match="chmod 600"):
            load_backup_key(tmp_path, key.key_id, now=NOW)
        path.chmod(0o600)
        for content in (b"", b"a:b:c:d", b"\xff"):
            path.write_bytes(content)
            with pytest.raises(BackupKeyError):
                load_backup_key(tmp_path, key.key_id, now=NOW)
        with pytest.raises(BackupKeyError):
            load_backup_key(tmp_path, "../../etc/passwd", now=NOW)
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(BackupKeyError, match="can be written"):
            create_backup_key(tmp_path / "file" / "below", now=NOW, life=LIFE)

    def test_secret_is_not_shown(self) -> None:
        assert "secret" not in repr(BackupKey(key_id="a", expires_at=NOW, secret=b"secret"))
