"""The audit trail tells what happened, cannot be changed, and shows when somebody changed it all the same."""

import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from ringfence.centre.audit import AuditError, Entry, NoTransaction, UnknownEntry, audited, guard
from ringfence.centre.audit.actions import OPERATOR, SYSTEM, Actor, Occurrence, record, record_all
from ringfence.centre.audit.chain import line_of, stored_lines
from ringfence.centre.audit.entries import _types, read_entry
from ringfence.centre.audit.models import AuditEntry, AuditHead
from ringfence.centre.audit.queries import AuditFilter, describe, entries, page_of, verify
from ringfence.centre.tenancy import ScopeMissing, all_clients, scope

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@audited("test.knocked", "The door {door} was knocked {times} times; open: {opened}; by {people}.", personal={"people"})
class Knocked(Entry):
    door: str
    times: int = 1
    opened: bool = False
    people: tuple[str, ...] = ()


@audited("test.tuned", "The carrier {trunk} was tuned.", technical=True)
class Tuned(Entry):
    trunk: str


@pytest.fixture
def unguarded() -> Iterator[None]:
    """An intruder with rights over the schema."""
    guard.remove(connection)
    with all_clients("the intruder passes the walls"):
        yield
    guard.install(connection)


def _knock(count: int) -> None:
    with transaction.atomic():
        for number in range(count):
            record(Knocked(door=f"door-{number}"), actor=OPERATOR, client="BBC", at=NOON + timedelta(seconds=number))


@pytest.mark.django_db
def test_entries_are_numbered_and_chained() -> None:
    with transaction.atomic():
        first = record(Knocked(door="red"), actor=Actor("u1", "Supervisor"), client="BBC", at=NOON)
        second = record(Tuned(trunk="t1"), actor=SYSTEM, at=NOON)
    assert (first, second) == (1, 2)
    with all_clients("the test reads"):
        one, two = AuditEntry.objects.order_by("number")
    assert two.previous_hash == one.hash
    assert AuditHead.objects.get().hash == two.hash
    assert verify() is None


@pytest.mark.django_db
def test_awkward_text_is_spelled_alike_by_python_and_by_the_database() -> None:
    awkward = 'a"b\\c/d\n\r\t\b\f\x01\x1f\x7f é \u2028 ☎ 𝄞 <>&%s%d'
    with transaction.atomic():
        record(Knocked(door=awkward), actor=Actor("u1", awkward[:60]), client="BBC", at=NOON)
        record(Knocked(door="x"), actor=SYSTEM, at=NOON.replace(microsecond=120))
    assert verify() is None
    with all_clients("the test reads"):
        rows = list(AuditEntry.objects.order_by("number"))
        assert [line_of(row).encode() + b"\n" for row in rows] == list(stored_lines(1, 2))
    assert json.loads(line_of(rows[0]))["fields"]["door"] == awkward


@pytest.mark.django_db
def test_an_entry_reads_as_a_sentence_after_its_way_through_the_database() -> None:
    with transaction.atomic():
        record(Knocked(door="red", times=3, opened=True, people=("u1", "u2")), actor=SYSTEM, client="BBC")
    with scope("BBC"):
        row = AuditEntry.objects.get()
    assert describe(row) == "The door red was knocked 3 times; open: yes; by u1, u2."
    row.code = "test.from_a_newer_version"
    assert describe(row) == "test.from_a_newer_version"


def test_unknown_keys_and_codes_are_refused() -> None:
    with pytest.raises(TypeError):
        Knocked(door="red", colour="blue")  # type: ignore[call-arg]
    with pytest.raises(AuditError):
        read_entry("test.knocked", '{"door":"red","colour":"blue"}')
    with pytest.raises(UnknownEntry):
        read_entry("test.unheard_of", "{}")
    with pytest.raises(AuditError):
        Knocked(door=1.5).as_fields()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "sentence", "personal"),
    [("test.knocked", "", ()), ("test.new", "{colour}", ()), ("test.new", "", ("colour",))],
)
def test_a_type_that_does_not_fit_together_is_refused_at_import(
    code: str, sentence: str, personal: tuple[str, ...]
) -> None:
    class Wrong(Entry):
        door: str

    with pytest.raises(AuditError):
        audited(code, sentence, personal=personal)(Wrong)

    class Shadowing(Entry):
        code: str  # type: ignore[misc] # the fault under test

    with pytest.raises(AuditError, match="may not call a field code"):
        audited("test.new", "")(Shadowing)
    assert "test.new" not in _types


@pytest.mark.django_db(transaction=True)
def test_an_entry_needs_the_transaction_of_its_change() -> None:
    with pytest.raises(NoTransaction):
        record(Tuned(trunk="t1"), actor=SYSTEM)
    with transaction.atomic():
        record(Tuned(trunk="t1"), actor=SYSTEM)
        transaction.set_rollback(True)
    _knock(1)
    with all_clients("the test reads"):
        assert [row.number for row in AuditEntry.objects.all()] == [1]
    assert verify() is None


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_auditentry SET actor_id = 'somebody' WHERE number = 1",
        "DELETE FROM audit_auditentry WHERE number = 1",
    ],
)
def test_the_database_refuses_changes(statement: str) -> None:
    _knock(2)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    assert verify() is None


def _forge(number: int, previous: str) -> str:
    return (
        "INSERT INTO audit_auditentry (number, at, code, actor_id, actor_role, client_code, fields, previous_hash, "
        f"hash) SELECT {number}, at, code, actor_id, actor_role, client_code, fields, {previous}, hash "
        "FROM audit_auditentry WHERE number = 3"
    )


TAMPERINGS: dict[str, tuple[list[str], int]] = {
    "field altered": (['UPDATE audit_auditentry SET fields = \'{"door":"x"}\' WHERE number = 3'], 3),
    "actor altered": (["UPDATE audit_auditentry SET actor_role = 'Nobody' WHERE number = 3"], 3),
    "client altered": (["UPDATE audit_auditentry SET client_code = 'ELDC' WHERE number = 3"], 3),
    "time altered": (["UPDATE audit_auditentry SET at = '2026-03-02 11:00:00+00:00' WHERE number = 3"], 3),
    "hash altered": (["UPDATE audit_auditentry SET hash = 'beef' WHERE number = 3"], 3),
    "first removed": (["DELETE FROM audit_auditentry WHERE number = 1"], 1),
    "middle removed": (["DELETE FROM audit_auditentry WHERE number = 3"], 3),
    "last removed": (["DELETE FROM audit_auditentry WHERE number = 5"], 5),
    "all removed": (["DELETE FROM audit_auditentry"], 1),
    "removed and closed up": (
        [
            "DELETE FROM audit_auditentry WHERE number = 3",
            "UPDATE audit_auditentry SET number = 3 WHERE number = 4",
            "UPDATE audit_auditentry SET number = 4 WHERE number = 5",
        ],
        3,
    ),
    "inserted at the end": ([_forge(6, "hash")], 6),
    "inserted before the start": ([_forge(0, "hash")], 0),
    "inserted in the middle": (
        [
            "UPDATE audit_auditentry SET number = 6 WHERE number = 5",
            "UPDATE audit_auditentry SET number = 5 WHERE number = 4",
            _forge(4, "hash"),
        ],
        4,
    ),
    "two changed places": (
        [
            "UPDATE audit_auditentry SET number = 99 WHERE number = 3",
            "UPDATE audit_auditentry SET number = 3 WHERE number = 4",
            "UPDATE audit_auditentry SET number = 4 WHERE number = 99",
        ],
        3,
    ),
}


@pytest.mark.django_db
@pytest.mark.parametrize("name", TAMPERINGS)
def test_tampering_is_found_at_the_first_bad_entry(unguarded: None, name: str) -> None:
    _knock(5)
    assert verify() is None
    statements, bad = TAMPERINGS[name]
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    found = verify()
    assert found is not None
    assert found.number == bad


@pytest.mark.django_db
def test_a_part_of_the_chain_can_be_verified_alone(unguarded: None) -> None:
    _knock(5)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE audit_auditentry SET code = 'test.tuned' WHERE number = 2")
    assert verify(3, 5) is None
    assert verify(4) is None
    found = verify(1, 3)
    assert found is not None
    assert found.number == 2
    assert verify(1, 1) is None


@pytest.mark.django_db
def test_readers_see_the_entries_of_their_clients_only() -> None:
    with transaction.atomic():
        record_all(
            [
                Occurrence(entry=Knocked(door="a"), client="BBC", actor=Actor("u1", "Agent"), at=NOON),
                Occurrence(entry=Knocked(door="b"), client="ELDC", at=NOON + timedelta(hours=1)),
                Occurrence(entry=Tuned(trunk="t1"), at=NOON + timedelta(hours=2)),
            ]
        )
    with pytest.raises(ScopeMissing):
        entries()
    with scope("BBC"):
        assert _found() == [1]
        assert _found(AuditFilter(client="ELDC")) == []
    with scope("BBC", "ELDC"):
        assert _found() == [2, 1]
    with scope():
        assert _found() == []
    with all_clients("the test reads"):
        assert _found() == [3, 2, 1]
        assert _found(AuditFilter(actor_id="u1")) == [1]
        assert _found(AuditFilter(code="test.knocked")) == [2, 1]
        assert _found(AuditFilter(technical_only=True)) == [3]
        since, until = NOON + timedelta(hours=1), NOON + timedelta(hours=2)
        assert _found(AuditFilter(since=since, until=until)) == [2]


def _found(wanted: AuditFilter | None = None) -> list[int]:
    return [row.number for row in page_of(*entries(wanted), limit=10).rows]


@pytest.mark.django_db(transaction=True)
def test_writers_at_the_same_time_make_one_unbroken_chain() -> None:
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(5):
                _knock(2)
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)
        finally:
            connection.close()

    _run_together(work, 4)
    assert failures == []
    assert verify() is None
    assert AuditHead.objects.get().number == 40


def _run_together(work: Callable[[], None], count: int) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
