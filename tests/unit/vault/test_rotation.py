"""Keys are rotated without touching a recording, go on after any crash, and the old ones are really gone."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.crash import killed_at_each_step

from ringfence.kit.clock import ManualClock
from ringfence.vault import DataKey, FieldSealer, FileRootKey, SqliteKeyStore, create_data_key, rootfile
from ringfence.vault.errors import KeyDestroyed, KeyStoreUnavailable, KeyUnreadable, RootKeyError, RootKeyMissing
from ringfence.vault.rootfile import RootKeyFiles
from ringfence.vault.rotation import KeyRotation

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
GRACE = timedelta(hours=1)
NUMBER = "+447700900123"


def store_at(folder: Path, clock: ManualClock | None = None) -> SqliteKeyStore:
    return SqliteKeyStore(folder / "keys.sqlite3", FileRootKey(bytes(32)), clock=clock or ManualClock(NOW))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOW)


@pytest.fixture
def store(tmp_path: Path, clock: ManualClock) -> Iterator[SqliteKeyStore]:
    made = store_at(tmp_path / "store", clock)
    yield made
    made.close()


def kept(store: SqliteKeyStore, count: int, client: str = "BBC") -> list[DataKey]:
    keys = [create_data_key(client, f"r{number}") for number in range(count)]
    for key in keys:
        store.keep(key)
    return keys


def wrapped_of(store: SqliteKeyStore, version: int) -> bytes:
    with store.database.reading() as db:
        row = db.execute("SELECT wrapped FROM client_keys WHERE client = 'BBC' AND version = ?", (version,)).fetchone()
    wrapped: bytes = row[0]
    return wrapped


def every_byte(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


class TestClientKey:
    def test_old_recordings_open_after_it_and_the_old_key_is_in_no_file(
        self, store: SqliteKeyStore, clock: ManualClock, tmp_path: Path
    ) -> None:
        rotation = KeyRotation(store, clock=clock)
        keys, others = kept(store, 25), kept(store, 3, "SHDC")
        old = wrapped_of(store, 1)
        assert rotation.begin("BBC") == 2
        assert rotation.begin("BBC") == 2, "one that is under way goes on"
        late = kept(store, 1)[0]
        moved = [rotation.rewrap("BBC", limit=10) for _ in range(4)]
        assert moved == [10, 10, 5, 0]
        assert rotation.retire("BBC", grace=GRACE) == ()
        clock.advance(GRACE)
        assert rotation.retire("BBC", grace=GRACE) == (1,)
        assert old not in every_byte(tmp_path)
        with pytest.raises(KeyDestroyed):
            store.client_key("BBC", 1)
        assert [store.unwrap(key.key_id) for key in [*keys, late, *others]] == [*keys, late, *others]
        assert [(each.client, each.version, each.data_keys) for each in rotation.status()] == [
            ("BBC", 2, 26), ("SHDC", 1, 3),
        ]  # fmt: skip
        assert store.stats().destroyed == 0, "a client key is no recording's key"
        assert rotation.begin("BBC") == 3

    def test_a_version_with_data_keys_is_never_destroyed(self, store: SqliteKeyStore, clock: ManualClock) -> None:
        rotation = KeyRotation(store, clock=clock)
        keys = kept(store, 3)
        rotation.begin("BBC")
        rotation.rewrap("BBC", limit=2)
        clock.advance(GRACE * 10)
        assert rotation.retire("BBC", grace=GRACE) == ()
        assert [store.unwrap(key.key_id) for key in keys] == keys

    def test_a_clock_that_jumps_back_only_delays(self, store: SqliteKeyStore) -> None:
        rotation = KeyRotation(store, clock=ManualClock(NOW))
        rotation.begin("BBC")
        assert KeyRotation(store, clock=ManualClock(NOW - timedelta(days=400))).retire("BBC", grace=GRACE) == ()
        assert KeyRotation(store, clock=ManualClock(NOW + GRACE)).retire("BBC", grace=GRACE) == (1,)

    def test_destroyed_keys_stay_destroyed(self, store: SqliteKeyStore, clock: ManualClock) -> None:
        rotation = KeyRotation(store, clock=clock)
        first, second = kept(store, 2)
        rotation.begin("BBC")
        store.destroy(first.key_id)
        while rotation.rewrap("BBC", limit=1):
            pass
        with pytest.raises(KeyDestroyed):
            store.unwrap(first.key_id)
        assert store.unwrap(second.key_id) == second

    def test_killed_at_any_step_it_goes_on_where_it_stopped(self, tmp_path: Path) -> None:
        template = store_at(tmp_path / "template")
        keys = kept(template, 5)
        template.close()

        def rotate(folder: Path) -> SqliteKeyStore:
            clock = ManualClock(NOW)
            store = store_at(folder, clock)
            rotation = KeyRotation(store, clock=clock)
            rotation.begin("BBC")
            while rotation.rewrap("BBC", limit=2):
                pass
            clock.advance(GRACE * 2)
            rotation.retire("BBC", grace=GRACE)
            return store

        def resume(folder: Path) -> None:
            before = store_at(folder)
            assert [before.unwrap(key.key_id) for key in keys] == keys, "every recording opens in the middle, too"
            before.close()
            store = rotate(folder)
            assert [store.unwrap(key.key_id) for key in keys] == keys
            assert len(store.client_versions("BBC")) == 1
            store.close()

        # A rotation that had ended when it died is followed by another one: both leave one living version.
        assert killed_at_each_step(tmp_path / "template", tmp_path, rotate, resume) > 30

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        steps=st.lists(st.sampled_from(["keep", "destroy", "begin", "rewrap", "retire", "wait", "reopen"]), max_size=40)
    )
    def test_whatever_comes_between_keys_open_exactly_while_they_are_not_destroyed(
        self, tmp_path_factory: pytest.TempPathFactory, steps: list[str]
    ) -> None:
        folder, clock = tmp_path_factory.mktemp("model"), ManualClock(NOW)
        store = store_at(folder, clock)
        rotation = KeyRotation(store, clock=clock)
        living, dead = kept(store, 2), list[DataKey]()
        for step in steps:
            match step:
                case "keep":
                    living += kept(store, 1)
                case "destroy" if living:
                    dead.append(living.pop(0))
                    store.destroy(dead[-1].key_id)
                case "begin":
                    rotation.begin("BBC")
                case "rewrap":
                    rotation.rewrap("BBC", limit=1)
                case "retire":
                    rotation.retire("BBC", grace=GRACE)
                case "wait":
                    clock.advance(GRACE)
                case "reopen":
                    store.close()
            assert [store.unwrap(key.key_id) for key in living] == living
            for key in dead:
                with pytest.raises(KeyDestroyed):
                    store.unwrap(key.key_id)
        store.close()

    def test_keys_kept_by_others_meanwhile_are_all_found(self, store: SqliteKeyStore, clock: ManualClock) -> None:
        rotation = KeyRotation(store, clock=clock)
        kept(store, 20)
        mine: list[DataKey] = []

        def work() -> None:
            other = store_at(store.database.path.parent, clock)
            mine.extend(kept(other, 30))
            other.close()

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        rotation.begin("BBC")
        while any(thread.is_alive() for thread in threads):
            rotation.rewrap("BBC", limit=3)
        while rotation.rewrap("BBC"):
            pass
        clock.advance(GRACE)
        assert rotation.retire("BBC", grace=GRACE) == (1,)
        assert [store.unwrap(key.key_id) for key in mine] == mine
        assert len(mine) == 60


class TestSealedValues:
    def test_both_versions_open_and_are_found_until_the_old_one_is_destroyed(
        self, store: SqliteKeyStore, clock: ManualClock
    ) -> None:
        rotation = KeyRotation(store, clock=clock)
        fields, elsewhere = (FieldSealer(store, purpose="caller number") for _ in range(2))
        old, old_index = fields.seal("BBC", NUMBER), fields.index("BBC", NUMBER)
        assert elsewhere.open("BBC", old) == NUMBER
        rotation.begin("BBC")
        new, new_index = fields.seal("BBC", NUMBER), fields.index("BBC", NUMBER)
        assert (fields.version_of(old), fields.version_of(new)) == (1, 2)
        assert elsewhere.version_of(elsewhere.seal("BBC", NUMBER)) == 2, "every process uses the new key at once"
        assert fields.indexes("BBC", NUMBER) == elsewhere.indexes("BBC", NUMBER) == (new_index, old_index)
        assert new_index != old_index
        assert fields.open("BBC", old) == fields.open("BBC", new) == NUMBER
        clock.advance(GRACE)
        rotation.retire("BBC", grace=GRACE)
        for sealer in (fields, elsewhere):
            assert sealer.open("BBC", new) == NUMBER
            assert sealer.indexes("BBC", NUMBER) == (new_index,)
            with pytest.raises(KeyDestroyed):
                sealer.open("BBC", old)
            assert not [key for key in sealer._derived if key[1] == 1], "nothing derived from it stays in memory"


class TestRootKey:
    def test_every_client_key_goes_under_the_new_one_in_one_step(self, store: SqliteKeyStore, tmp_path: Path) -> None:
        old, new = store.root, FileRootKey(bytes([7]) * 32)
        keys = kept(store, 3) + kept(store, 2, "SHDC")
        wrapped = wrapped_of(store, 1)
        rotation = KeyRotation(store)
        assert rotation.change_root(old, new) == 2
        assert rotation.change_root(old, new) == 0
        assert rotation.root_in_force() == new.key_id
        assert wrapped not in every_byte(tmp_path)
        with pytest.raises(KeyUnreadable):
            store.unwrap(keys[0].key_id)
        other = SqliteKeyStore(store.database.path, new)
        assert [other.unwrap(key.key_id) for key in keys] == keys
        other.close()

    def test_a_process_with_the_old_root_key_makes_no_client_key(self, store: SqliteKeyStore) -> None:
        kept(store, 1)
        KeyRotation(store).change_root(store.root, FileRootKey(bytes([7]) * 32))
        with pytest.raises(KeyUnreadable):
            store.keep(create_data_key("NEW", "r1"))
        assert [each.client for each in store.stats().client_keys] == ["BBC"]

    def test_a_locked_store_is_left_as_it_was(self, tmp_path: Path) -> None:
        store = SqliteKeyStore(tmp_path / "keys.sqlite3", FileRootKey(bytes(32)), patience_seconds=0.05)
        (key,) = kept(store, 1)
        other = SqliteKeyStore(tmp_path / "keys.sqlite3", FileRootKey(bytes(32)))
        with other.database.transaction(), pytest.raises(KeyStoreUnavailable, match="locked"):
            KeyRotation(store).change_root(store.root, FileRootKey(bytes([7]) * 32))
        assert store.unwrap(key.key_id) == key
        store.close()
        other.close()


class TestRootKeyFiles:
    def test_other_processes_take_over_the_new_one_without_a_restart(self, tmp_path: Path) -> None:
        path = tmp_path / "root.key"
        FileRootKey.create(path)
        engine, operator = (SqliteKeyStore(tmp_path / "keys.sqlite3", RootKeyFiles(path)) for _ in range(2))
        keys = kept(engine, 3)
        content, old_id = path.read_bytes(), engine.root.key_id
        new = rootfile.prepare(path)
        assert rootfile.prepare(path).key_id == new.key_id != old_id
        assert engine.unwrap(keys[0].key_id) == keys[0]
        assert rootfile.rotate(path, KeyRotation(operator)) == 1
        assert [engine.unwrap(key.key_id) for key in keys] == keys
        engine.keep(create_data_key("NEW", "r1"))
        assert {engine.root.key_id, KeyRotation(engine).root_in_force()} == {new.key_id}
        assert content not in every_byte(tmp_path)
        assert sorted(each.name for each in tmp_path.glob("root*")) == ["root.key"]
        with pytest.raises(RootKeyMissing):
            rootfile.rotate(path, KeyRotation(operator))
        for store in (engine, operator):
            store.close()

    def test_killed_at_any_step_everything_opens_and_it_goes_on(self, tmp_path: Path) -> None:
        (tmp_path / "template").mkdir()
        old_id = FileRootKey.create(tmp_path / "template/root.key").key_id
        content = (tmp_path / "template/root.key").read_bytes()
        template = SqliteKeyStore(tmp_path / "template/keys.sqlite3", RootKeyFiles(tmp_path / "template/root.key"))
        keys = kept(template, 3)
        template.close()

        def rotate(folder: Path) -> None:
            path = folder / "root.key"
            rootfile.prepare(path)
            store = SqliteKeyStore(folder / "keys.sqlite3", RootKeyFiles(path))
            rootfile.rotate(path, KeyRotation(store))

        def resume(folder: Path) -> None:
            path = folder / "root.key"
            before = SqliteKeyStore(folder / "keys.sqlite3", RootKeyFiles(path))
            assert [before.unwrap(key.key_id) for key in keys] == keys, "a restart in the middle opens everything"
            before.close()
            if rootfile.next_of(path).exists() or rootfile.old_of(path).exists() or content == path.read_bytes():
                rotate(folder)
            after = SqliteKeyStore(folder / "keys.sqlite3", RootKeyFiles(path))
            assert [after.unwrap(key.key_id) for key in keys] == keys
            assert after.root.key_id != old_id
            after.close()
            assert content not in every_byte(folder)
            assert not rootfile.old_of(path).exists()

        assert killed_at_each_step(tmp_path / "template", tmp_path, rotate, resume) >= 15

    def test_the_key_in_force_is_never_wiped(self, tmp_path: Path) -> None:
        """Somebody renamed files by hand."""
        path = tmp_path / "root.key"
        FileRootKey.create(path)
        store = SqliteKeyStore(tmp_path / "keys.sqlite3", RootKeyFiles(path))
        kept(store, 1)
        path.rename(rootfile.old_of(path))
        with pytest.raises(RootKeyError, match="is the root key in force"):
            rootfile.rotate(path, KeyRotation(store))
        assert rootfile.old_of(path).exists()
        store.close()
