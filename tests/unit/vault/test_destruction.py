"""What is ordered gone is gone from every copy, provably, whatever happens between the steps."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.support.crash import killed_at_each_step
from typing_extensions import override

from ringfence.kit.clock import ManualClock
from ringfence.vault import FileRootKey, FileSigningKey, FileStore, SqliteKeyStore, create_data_key
from ringfence.vault.certificate import export_list, read_certificate, read_list
from ringfence.vault.destruction import Destroyer
from ringfence.vault.destruction_list import DestroyedRecords, DestructionList, Order
from ringfence.vault.errors import (
    BadObjectName,
    BadOrder,
    DestructionUnfinished,
    DestructionUnknown,
    KeyDestroyed,
    KeyUnknown,
    StoreUnavailable,
)
from ringfence.vault.listcopy import ListCopy

NOW = datetime(2026, 3, 2, 10, 0, 0, 123456, tzinfo=UTC)
SIGNING = FileSigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
PUBLIC = SIGNING.public_key()
SEALED = b"sealed bytes of one recording"


@dataclass
class Vault:
    """A key store, an object store and a spool in one folder."""

    folder: Path

    def __post_init__(self) -> None:
        self.clock = ManualClock(NOW)
        self.keys = SqliteKeyStore(self.folder / "keys.sqlite3", FileRootKey(bytes(32)), clock=self.clock)
        self.entries = DestructionList(self.keys.database, clock=self.clock)
        self.store = FileStore(self.folder / "recordings")
        self.spool = FileStore(self.folder / "spool")
        self.destroyer = Destroyer(
            keys=self.keys, entries=self.entries, store=self.store, signing=SIGNING, spool=self.spool
        )

    def recording(self, name: str) -> Order:
        """A kept key, a stored object and copies in the spool; and the order that ends them."""
        key = replace(create_data_key("BBC", name), key_id=f"key-{name}")
        self.keys.keep(key)
        self.store.put(f"BBC/{name}.rfr", SEALED)
        for suffix in (".rfr", ".part", ".note"):
            self.spool.put(f"{name}{suffix}", SEALED)
        return order_of(name)

    def close(self) -> None:
        self.keys.close()


def order_of(name: str) -> Order:
    return Order(
        destruction_id=f"d-{name}",
        kind="recording",
        item=name,
        client="BBC",
        why="retention_ended",
        key_ids=(f"key-{name}",),
        objects=(f"BBC/{name}.rfr",),
    )


@pytest.fixture
def vault(tmp_path: Path) -> Iterator[Vault]:
    made = Vault(tmp_path / "vault")
    yield made
    made.close()


def holds_sealed(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and SEALED in path.read_bytes()]


class TestDestroying:
    def test_key_object_and_copies_in_the_spool_are_gone(self, vault: Vault) -> None:
        order, other = vault.recording("r1"), vault.recording("r2")
        assert [outcome.problem for outcome in vault.destroyer.destroy([order])] == [None]
        with pytest.raises(KeyDestroyed):
            vault.keys.unwrap("key-r1")
        assert list(vault.store.names()) == ["BBC/r2.rfr"]
        assert {path.name for path in holds_sealed(vault.folder)} == {"r2.rfr", "r2.part", "r2.note"}
        assert vault.keys.unwrap(other.key_ids[0]).recording == "r2"

    def test_certificate_says_what_went_and_when_and_is_the_same_each_time(self, vault: Vault) -> None:
        order = vault.recording("r1")
        vault.destroyer.destroy([order])
        vault.clock.advance(timedelta(minutes=1))
        rows = [DestroyedRecords(kind="transcript", count=1, destroyed_at=vault.clock.now())]
        certificate = vault.destroyer.certify("d-r1", rows)
        vault.clock.advance(timedelta(days=1))
        vault.destroyer.destroy([order])
        assert vault.destroyer.certify("d-r1") == certificate
        told = read_certificate(certificate, PUBLIC)
        assert told == vault.entries.get("d-r1")
        assert told.order == order
        assert [(key.key_id, key.destroyed_at, key.was_held) for key in told.keys] == [("key-r1", NOW, True)]
        assert [(each.name, each.destroyed_at, each.copies) for each in told.objects] == [("BBC/r1.rfr", NOW, 4)]
        assert told.certified_at == NOW + timedelta(minutes=1)
        assert told.records == tuple(rows)
        assert b"sealed" not in certificate

    def test_what_is_left_is_not_certified(self, vault: Vault) -> None:
        order = vault.recording("r1")
        with pytest.raises(DestructionUnknown):
            vault.destroyer.certify("d-r1")
        (vault.folder / "recordings/BBC/r1.rfr").unlink()
        (vault.folder / "recordings/BBC/r1.rfr").mkdir()
        (outcome,) = vault.destroyer.destroy([order])
        assert isinstance(outcome.problem, StoreUnavailable)
        with pytest.raises(DestructionUnfinished):
            vault.destroyer.certify("d-r1")
        assert vault.entries.unfinished() == (order,)
        (vault.folder / "recordings/BBC/r1.rfr").rmdir()
        assert [each.problem for each in vault.destroyer.destroy(vault.entries.unfinished())] == [None]
        assert vault.entries.unfinished() == ()
        assert read_certificate(vault.destroyer.certify("d-r1"), PUBLIC).order == order

    def test_one_object_that_stays_stops_no_other(self, vault: Vault) -> None:
        orders = [vault.recording(f"r{number}") for number in range(4)]
        (vault.folder / "recordings/BBC/r1.rfr").unlink()
        (vault.folder / "recordings/BBC/r1.rfr").mkdir()
        outcomes = vault.destroyer.destroy(orders)
        assert [outcome.problem is None for outcome in outcomes] == [True, False, True, True]
        for order in orders:
            with pytest.raises(KeyDestroyed):
                vault.keys.unwrap(order.key_ids[0])

    def test_a_store_that_is_down_is_not_asked_for_every_object(self, vault: Vault) -> None:
        orders = [vault.recording(f"r{number}") for number in range(50)]
        asked = []

        class Down(FileStore):
            @override
            def delete(self, name: str) -> int:
                asked.append(name)
                raise StoreUnavailable

        destroyer = Destroyer(
            keys=vault.keys, entries=vault.entries, store=Down(vault.folder / "x"), signing=SIGNING, spool=vault.spool
        )
        outcomes = destroyer.destroy(orders)
        assert len(asked) == 3
        assert all(isinstance(outcome.problem, StoreUnavailable) for outcome in outcomes)
        for order in orders:
            with pytest.raises(KeyDestroyed):
                vault.keys.unwrap(order.key_ids[0])
        assert len(vault.entries.unfinished()) == 50
        assert all(outcome.problem is None for outcome in vault.destroyer.destroy(vault.entries.unfinished()))

    def test_a_key_that_was_never_here_is_refused_from_now_on(self, vault: Vault) -> None:
        with pytest.raises(KeyUnknown):
            vault.keys.unwrap("key-r9")
        vault.destroyer.destroy([order_of("r9")])
        with pytest.raises(KeyDestroyed):
            vault.keys.unwrap("key-r9")
        assert [key.was_held for key in vault.entries.get("d-r9").keys] == [False]

    def test_a_destroyed_key_whose_row_comes_back_opens_nothing(self, vault: Vault) -> None:
        order = vault.recording("r1")
        with vault.keys.database.reading() as db:
            row = db.execute("SELECT * FROM data_keys WHERE key_id = 'key-r1'").fetchone()
        vault.destroyer.destroy([order])
        with vault.keys.database.transaction() as db:
            db.execute("INSERT INTO data_keys VALUES (?, ?, ?, ?, ?, ?)", row)
        with pytest.raises(KeyDestroyed):
            vault.keys.unwrap("key-r1")
        vault.destroyer.replay([order])
        assert vault.keys.stats().data_keys == 0

    def test_killed_at_any_step_it_goes_on_where_it_stopped(self, tmp_path: Path) -> None:
        template = Vault(tmp_path / "template")
        orders = [template.recording("r1"), template.recording("r2")]
        template.recording("r3")
        template.close()

        def destroy_all(vault: Vault) -> list[bytes]:
            assert all(outcome.problem is None for outcome in vault.destroyer.destroy(orders))
            return [vault.destroyer.certify(order.destruction_id) for order in orders]

        def resume(folder: Path) -> None:
            vault = Vault(folder)
            known = [entry.order for entry in vault.entries.entries()]
            gone = set(vault.keys.destroyed(["key-r1", "key-r2"]))
            assert known == orders or not gone, "a key went before its order was noted"
            certificates = destroy_all(vault)
            assert [read_certificate(each, PUBLIC).order for each in certificates] == orders
            assert {path.name for path in holds_sealed(folder)} == {"r3.rfr", "r3.part", "r3.note"}
            assert vault.keys.unwrap("key-r3").recording == "r3"
            assert vault.keys.stats().data_keys == 1
            assert vault.entries.count() == 2
            vault.close()
            assert not (folder / "keys.sqlite3-wal").exists()

        died = killed_at_each_step(tmp_path / "template", tmp_path, lambda at: destroy_all(Vault(at)), resume)
        assert died > 30


class TestOrders:
    @pytest.mark.parametrize(
        ("change", "names"),
        [
            ({"kind": "Recording"}, "kind"),
            ({"why": "because 07700 900123"}, "why"),
            ({"item": "a b"}, "item"),
            ({"client": "B C"}, "client"),
            ({"destruction_id": ""}, "destruction_id"),
            ({"key_ids": ("+447700900123",)}, "key_ids"),
            ({"key_ids": (), "objects": ()}, "at least one"),
        ],
    )
    def test_what_does_not_fit_is_refused_by_name(self, change: dict[str, object], names: str) -> None:
        with pytest.raises(BadOrder, match=names):
            replace(order_of("r1"), **change)  # type: ignore[arg-type]

    def test_object_names_stay_inside_the_store(self) -> None:
        with pytest.raises(BadObjectName):
            replace(order_of("r1"), objects=("../keys.sqlite3",))

    def test_an_id_is_never_used_for_something_else(self, vault: Vault) -> None:
        vault.destroyer.destroy([vault.recording("r1")])
        vault.recording("r2")
        with pytest.raises(BadOrder, match="before for something else"):
            vault.destroyer.destroy([order_of("r3"), replace(order_of("r2"), destruction_id="d-r1")])
        assert vault.keys.unwrap("key-r2").recording == "r2"
        assert vault.entries.count() == 1


class TestList:
    def orders(self, vault: Vault) -> Sequence[Order]:
        orders = [vault.recording(f"r{number}") for number in range(3)]
        vault.destroyer.destroy(orders[:2])
        vault.destroyer.certify("d-r0", [DestroyedRecords(kind="note", count=2, destroyed_at=NOW)])
        vault.entries.add(orders[2:])
        return orders

    def test_exported_and_merged_it_destroys_what_another_copy_still_holds(self, vault: Vault, tmp_path: Path) -> None:
        old = Vault(tmp_path / "old")
        orders = self.orders(vault)
        for number in range(4):
            old.recording(f"r{number}")
        lines = list(export_list(vault.entries.entries(), SIGNING))
        merged = old.entries.merge(read_list(lines, PUBLIC))
        assert merged == tuple(orders)
        assert all(outcome.problem is None for outcome in old.destroyer.replay(merged))
        assert {path.name for path in holds_sealed(old.folder)} == {"r3.rfr", "r3.part", "r3.note"}
        assert old.keys.stats().data_keys == 1
        assert old.entries.get("d-r0") == vault.entries.get("d-r0")
        assert old.destroyer.certify("d-r0") == vault.destroyer.certify("d-r0")
        assert old.entries.merge(read_list(lines, PUBLIC)) == merged
        assert old.entries.count() == 3
        old.close()

    def test_it_survives_a_new_process_and_counts_only_up(self, vault: Vault) -> None:
        self.orders(vault)
        vault.close()
        again = Vault(vault.folder)
        assert again.entries.count() == 3
        assert [entry.order.item for entry in again.entries.entries()] == ["r0", "r1", "r2"]
        again.close()

    def test_what_is_known_already_is_not_read_again(self, vault: Vault) -> None:
        orders = [vault.recording(f"r{number}") for number in range(4)]
        vault.entries.add(orders + [replace(orders[0], destruction_id=f"d-{number}") for number in range(600)])
        statements: list[str] = []
        with vault.keys.database.reading() as db:
            db.set_trace_callback(statements.append)
        assert [entry.order.destruction_id for entry in vault.entries.entries(after=602)] == ["d-598", "d-599"]
        assert sum("destruction_keys" in statement for statement in statements) == 2
        assert list(vault.entries.entries(after=604)) == []
        assert len(list(vault.entries.entries(after=3))) == 601


class TestCopyElsewhere:
    def destroyer(self, vault: Vault, path: Path) -> Destroyer:
        return Destroyer(
            keys=vault.keys, entries=vault.entries, store=vault.store, signing=SIGNING, spool=vault.spool,
            copy=ListCopy(path, vault.entries, SIGNING),
        )  # fmt: skip

    def test_is_told_of_every_order(self, vault: Vault, tmp_path: Path) -> None:
        path = tmp_path / "copy.list"
        orders = [vault.recording(f"r{number}") for number in range(3)]
        vault.destroyer.destroy(orders[:1])
        for order in orders[1:]:
            self.destroyer(vault, path).destroy([order])
        assert [each.order for each in read_list(path.read_bytes().splitlines(), PUBLIC, complete=False)] == orders
        assert path.stat().st_mode & 0o777 == 0o600

    def test_a_disk_that_is_away_delays_the_copy_and_nothing_else(
        self, vault: Vault, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        path = tmp_path / "away" / "copy.list"
        destroyer = self.destroyer(vault, path)
        assert destroyer.destroy([vault.recording("r1")])[0].problem is None
        assert "cannot be written: No such file" in caplog.text
        copy = ListCopy(path, vault.entries, SIGNING)
        assert copy.behind() == 1
        path.parent.mkdir()
        destroyer.destroy([vault.recording("r2")])
        assert copy.behind() == 0
        assert len(list(read_list(path.read_bytes().splitlines(), PUBLIC, complete=False))) == 2

    def test_a_line_that_a_dead_writer_left_half_is_written_again(self, vault: Vault, tmp_path: Path) -> None:
        path = tmp_path / "copy.list"
        self.destroyer(vault, path).destroy([vault.recording("r1")])
        whole = path.read_bytes()
        path.write_bytes(whole + whole[:100])
        self.destroyer(vault, path).destroy([vault.recording("r2")])
        assert [each.order.item for each in read_list(path.read_bytes().splitlines(), PUBLIC, complete=False)] == [
            "r1", "r2",
        ]  # fmt: skip
