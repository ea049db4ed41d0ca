"""Keys are made once, kept wrapped, found by those who may, and really gone when destroyed."""

import os
import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ringfence.kit.clock import ManualClock
from ringfence.vault import DataKey, FileRootKey, SqliteKeyStore, create_data_key
from ringfence.vault.errors import (
    KeyDestroyed,
    KeyStoreError,
    KeyStoreUnavailable,
    KeyUnknown,
    KeyUnreadable,
    RootKeyError,
    RootKeyExposed,
    RootKeyMalformed,
    RootKeyMissing,
)
from ringfence.vault.keydb import _VERSIONS

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


def store_at(folder: Path, root: FileRootKey | None = None) -> SqliteKeyStore:
    return SqliteKeyStore(folder / "keys.sqlite3", root or FileRootKey(bytes(32)), clock=ManualClock(NOW))


def every_byte(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


class TestRootKeyFile:
    def test_is_private_and_read_again(self, tmp_path: Path) -> None:
        path = tmp_path / "keys" / "root.key"
        made = FileRootKey.create(path)
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.parent.stat().st_mode & 0o777 == 0o700
        read = FileRootKey.load(path)
        assert read.key_id == made.key_id
        assert read.unwrap(made.wrap(b"secret", b"here"), b"here") == b"secret"

    def test_is_never_replaced(self, tmp_path: Path) -> None:
        path = tmp_path / "root.key"
        FileRootKey.create(path)
        before = path.read_bytes()
        with pytest.raises(RootKeyError, match="already"):
            FileRootKey.create(path)
        assert path.read_bytes() == before

    def test_others_may_not_read_it(self, tmp_path: Path) -> None:
        path = tmp_path / "root.key"
        FileRootKey.create(path)
        path.chmod(0o640)
        with pytest.raises(RootKeyExposed, match=f"permissions 0640.*chmod 600 {path}"):
            FileRootKey.load(path)

    def test_folder_that_cannot_be_made_is_reported(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(RootKeyError, match="cannot be made"):
            FileRootKey.create(tmp_path / "file" / "root.key")
        with pytest.raises(RootKeyError, match="cannot be read"):
            FileRootKey.load(tmp_path / "file" / "root.key")

    def test_missing_and_malformed_are_told_apart(self, tmp_path: Path) -> None:
        path = tmp_path / "root.key"
        with pytest.raises(RootKeyMissing, match="no root key"):
            FileRootKey.load(path)
        for content in (b"", b"something else", b"ringfence-root-key-1:!!!", b"ringfence-root-key-1:c2hvcnQ="):
            path.write_bytes(content)
            path.chmod(0o600)
            with pytest.raises(RootKeyMalformed):
                FileRootKey.load(path)

    def test_what_was_wrapped_for_one_thing_opens_for_no_other(self) -> None:
        root = FileRootKey(bytes(32))
        wrapped = root.wrap(b"secret", b"client A")
        with pytest.raises(KeyUnreadable):
            root.unwrap(wrapped, b"client B")
        with pytest.raises(KeyUnreadable):
            FileRootKey(bytes([1]) * 32).unwrap(wrapped, b"client A")
        with pytest.raises(KeyUnreadable):
            root.unwrap(b"", b"client A")

    def test_secrets_do_not_show(self) -> None:
        key = DataKey(key_id="k", client="BBC", recording="r", secret=b"very secret")
        assert "secret" not in repr(key)


class TestKeyStore:
    def test_keeps_a_data_key_wrapped(self, tmp_path: Path) -> None:
        store = store_at(tmp_path)
        key = create_data_key("BBC", "r1")
        store.keep(key)
        store.close()
        assert store_at(tmp_path).unwrap(key.key_id) == key
        assert key.key_id.encode() in every_byte(tmp_path)
        assert key.secret not in every_byte(tmp_path)
        assert (tmp_path / "keys.sqlite3").stat().st_mode & 0o777 == 0o600

    def test_destroyed_key_is_in_no_file(self, tmp_path: Path) -> None:
        store = store_at(tmp_path)
        key = create_data_key("BBC", "r1")
        store.keep(key)
        with sqlite3.connect(tmp_path / "keys.sqlite3") as db:
            (wrapped,) = db.execute("SELECT wrapped FROM data_keys").fetchone()
        db.close()
        assert wrapped in every_byte(tmp_path)
        assert store.destroy(key.key_id)
        assert wrapped not in every_byte(tmp_path)
        with pytest.raises(KeyDestroyed):
            store.unwrap(key.key_id)
        assert not store.destroy(key.key_id)
        store.close()

    def test_key_that_never_was_is_told_from_a_destroyed_one(self, tmp_path: Path) -> None:
        store = store_at(tmp_path)
        with pytest.raises(KeyUnknown):
            store.unwrap("k")
        assert not store.destroy("k")
        with pytest.raises(KeyUnknown):
            store.unwrap("k")
        store.close()

    def test_client_keys_differ_and_last(self, tmp_path: Path) -> None:
        store = store_at(tmp_path)
        one, other = store.client_key("BBC"), store.client_key("SHDC")
        assert one.secret != other.secret
        assert store.client_key("BBC") == one == store.client_key("BBC", 1)
        with pytest.raises(KeyUnknown):
            store.client_key("BBC", 2)
        store.close()

    def test_row_moved_to_another_recording_does_not_open(self, tmp_path: Path) -> None:
        store = store_at(tmp_path)
        key = create_data_key("BBC", "r1")
        store.keep(key)
        with sqlite3.connect(tmp_path / "keys.sqlite3") as db:
            db.execute("UPDATE data_keys SET recording = 'r2'")
        db.close()
        with pytest.raises(KeyUnreadable):
            store.unwrap(key.key_id)
        store.close()

    def test_store_of_another_root_key_says_so(self, tmp_path: Path) -> None:
        store = store_at(tmp_path)
        key = create_data_key("BBC", "r1")
        store.keep(key)
        store.close()
        other = store_at(tmp_path, FileRootKey(bytes([1]) * 32))
        with pytest.raises(KeyUnreadable, match="root key file belongs to another"):
            other.unwrap(key.key_id)
        other.close()

    def test_copied_store_without_the_root_key_is_useless(self, tmp_path: Path) -> None:
        store = store_at(tmp_path)
        client = store.client_key("BBC")
        store.close()
        assert client.secret not in every_byte(tmp_path)

    def test_statistics_for_the_health_page(self, tmp_path: Path) -> None:
        store = store_at(tmp_path)
        assert store.stats().oldest_data_key_at is None
        keys = [create_data_key("BBC", f"r{number}") for number in range(3)]
        for key in keys:
            store.keep(key)
        store.destroy(keys[0].key_id)
        stats = store.stats()
        assert (stats.data_keys, stats.destroyed, stats.oldest_data_key_at) == (2, 1, NOW)
        assert [(age.client, age.version, age.created_at) for age in stats.client_keys] == [("BBC", 1, NOW)]
        store.close()

    def test_threads_share_one_store(self, tmp_path: Path) -> None:
        store = store_at(tmp_path)
        keys: list[DataKey] = []

        def work() -> None:
            for number in range(10):
                key = create_data_key("BBC", f"r{number}")
                store.keep(key)
                keys.append(store.unwrap(key.key_id))

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert store.stats().data_keys == len(keys) == 40
        store.close()

    def test_locked_store_is_reported_after_its_patience(self, tmp_path: Path) -> None:
        store = SqliteKeyStore(tmp_path / "keys.sqlite3", FileRootKey(bytes(32)), patience_seconds=0.05)
        store.client_key("BBC")
        blocker = sqlite3.connect(tmp_path / "keys.sqlite3", isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        with pytest.raises(KeyStoreUnavailable, match="locked"):
            store.keep(create_data_key("BBC", "r1"))
        blocker.execute("ROLLBACK")
        blocker.close()
        store.keep(create_data_key("BBC", "r1"))
        store.close()

    def test_destroying_under_a_long_reader_asks_to_be_repeated(self, tmp_path: Path) -> None:
        store = SqliteKeyStore(tmp_path / "keys.sqlite3", FileRootKey(bytes(32)), patience_seconds=0.05)
        key = create_data_key("BBC", "r1")
        store.keep(key)
        reader = sqlite3.connect(tmp_path / "keys.sqlite3", isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM data_keys").fetchall()
        with pytest.raises(KeyStoreUnavailable, match="Destroy it again"):
            store.destroy(key.key_id)
        reader.execute("ROLLBACK")
        reader.close()
        store.destroy(key.key_id)
        assert (tmp_path / "keys.sqlite3-wal").stat().st_size == 0
        with pytest.raises(KeyDestroyed):
            store.unwrap(key.key_id)
        store.close()

    def test_broken_file_and_missing_folder_are_reported(self, tmp_path: Path) -> None:
        path = tmp_path / "keys.sqlite3"
        path.write_bytes(b"no database" * 100)
        with pytest.raises(KeyStoreUnavailable, match="cannot be read or written"):
            store_at(tmp_path).stats()
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(KeyStoreUnavailable, match="cannot be opened"):
            store_at(tmp_path / "file").stats()

    def test_store_of_a_newer_release_is_left_alone(self, tmp_path: Path) -> None:
        store = store_at(tmp_path)
        store.client_key("BBC")
        store.close()
        with sqlite3.connect(tmp_path / "keys.sqlite3") as db:
            db.execute("PRAGMA user_version = 99")
        db.close()
        with pytest.raises(KeyStoreError, match="newer release"):
            store.client_key("BBC")

    def test_store_of_an_earlier_release_is_brought_up_to_date(self, tmp_path: Path) -> None:
        root, key = FileRootKey(bytes(32)), create_data_key("BBC", "r1")
        store = store_at(tmp_path, root)
        store.keep(key)
        with store.database.reading() as db:
            client_rows = db.execute("SELECT * FROM client_keys").fetchall()
            data_rows = db.execute("SELECT * FROM data_keys").fetchall()
        store.close()
        old = tmp_path / "old"
        old.mkdir()
        with sqlite3.connect(old / "keys.sqlite3") as db:
            db.executescript(_VERSIONS[0])
            db.executemany("INSERT INTO client_keys VALUES (?, ?, ?, ?, ?)", client_rows)
            db.executemany("INSERT INTO data_keys VALUES (?, ?, ?, ?, ?, ?)", data_rows)
            db.execute("INSERT INTO destroyed VALUES ('gone', ?)", (NOW.isoformat(),))
            db.execute("PRAGMA user_version = 1")
        db.close()
        newer = store_at(old, root)
        assert newer.unwrap(key.key_id) == key
        with pytest.raises(KeyDestroyed):
            newer.unwrap("gone")
        assert newer.destroyed(["gone"])["gone"].was_held
        newer.close()

    def test_repeated_key_is_refused_and_the_first_one_stands(self, tmp_path: Path) -> None:
        store = store_at(tmp_path)
        key = create_data_key("BBC", "r1")
        store.keep(key)
        with pytest.raises(KeyStoreUnavailable):
            store.keep(DataKey(key_id=key.key_id, client="BBC", recording="r2", secret=bytes(32)))
        assert store.unwrap(key.key_id) == key
        store.close()

    def test_forked_process_opens_the_file_itself(self, tmp_path: Path) -> None:
        store = store_at(tmp_path)
        key = create_data_key("BBC", "r1")
        store.keep(key)
        child = os.fork()
        if child == 0:
            os._exit(0 if store.unwrap(key.key_id) == key else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert store.unwrap(key.key_id) == key
        store.close()
