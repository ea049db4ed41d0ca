"""On PostgreSQL a query that goes around the managers still sees and writes only the rows of its scope."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, models, transaction

from ringfence.centre.audit.actions import SYSTEM, record
from ringfence.centre.audit.kinds import ChainRenewed
from ringfence.centre.directory.models import OpeningHours
from ringfence.centre.tenancy import all_clients, scope
from ringfence.centre.tenancy.models import Client, TenantModel
from ringfence.centre.tenancy.walls import WITHOUT, missing_walls, walled_tables

pytestmark = pytest.mark.django_db


def rows(table: str = "directory_openinghours", column: str = "client_id") -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT {column} FROM "{table}" ORDER BY 1')
        return [code for (code,) in cursor.fetchall()]


def run(sql: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return int(cursor.rowcount)


class Undone(Exception):
    """Takes a transaction back."""


@pytest.fixture
def walled() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no row-level security; the managers are its only wall")


@pytest.fixture
def two_clients(walled: None) -> None:
    for code in ("BBC", "ELDC"):
        Client.objects.create(code=code, name=f"{code} council", greeting="Hello")
        with scope(code):
            OpeningHours.objects.create(client_id=code, slug="main", name=f"{code} hours")


def test_every_table_of_a_client_is_known_to_the_wall() -> None:
    known = dict(walled_tables())
    owned = {model._meta.db_table for model in apps.get_models() if issubclass(model, TenantModel)}
    assert len(owned) > 15
    assert owned <= set(known)
    named = {
        model._meta.db_table
        for model in apps.get_models()
        if model._meta.label not in WITHOUT
        and {"client", "client_code"}
        & {item.name for item in model._meta.get_fields() if isinstance(item, models.Field)}
    }
    assert named <= set(known), "a table names a client and has no wall"


def test_no_wall_is_missing_and_the_user_is_bound_by_them() -> None:
    assert missing_walls(connection) == []


def test_raw_sql_sees_the_scope_and_without_one_nothing(two_clients: None) -> None:
    assert rows() == []
    with scope("BBC"):
        assert rows() == ["BBC"]
        with scope("ELDC"):
            assert rows() == ["ELDC"]
        assert rows() == ["BBC"]
        with scope():
            assert rows() == []
    with scope("BBC", "ELDC"):
        assert rows() == ["BBC", "ELDC"]
    with all_clients("the test compares"):
        assert rows() == ["BBC", "ELDC"]
    assert rows() == []


def test_raw_sql_changes_and_removes_no_foreign_row(two_clients: None) -> None:
    with scope("BBC"):
        assert run("UPDATE directory_openinghours SET name = 'mine'") == 1
        assert run("DELETE FROM directory_openinghours WHERE client_id = 'ELDC'") == 0
        for statement in (
            "INSERT INTO directory_openinghours "
            "(hours_id, client_id, slug, name, time_zone, bank_holidays, always_open) "
            "VALUES ('x', 'ELDC', 'x', 'x', 'x', '', false)",
            "UPDATE directory_openinghours SET client_id = 'ELDC'",
        ):
            with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
                run(statement)
    with scope("ELDC"):
        assert OpeningHours.objects.get().name == "ELDC hours"


def test_a_rollback_does_not_leave_an_older_scope_behind(two_clients: None) -> None:
    @contextmanager
    def failing() -> Iterator[None]:
        try:
            with transaction.atomic():
                yield
                raise Undone
        except Undone:
            pass

    with all_clients("the outer work"):
        assert rows() == ["BBC", "ELDC"]
    with failing(), scope("BBC"):
        assert rows() == ["BBC"]
    assert rows() == []
    with failing(), all_clients("rolled back"):
        assert len(rows()) == 2
    with scope("ELDC"):
        assert rows() == ["ELDC"]
        with pytest.raises(DatabaseError), transaction.atomic(), scope("BBC"):
            run("SELECT nonsense")
        assert rows() == ["ELDC"]


def test_rows_without_a_client_exist_under_all_clients_only(two_clients: None) -> None:
    with transaction.atomic():
        record(ChainRenewed(entries=1, last="x"), actor=SYSTEM)
        record(ChainRenewed(entries=1, last="x"), actor=SYSTEM, client="BBC")
    with scope("BBC"):
        assert rows("audit_auditentry", "client_code") == ["BBC"]
    with all_clients("the test compares"):
        assert rows("audit_auditentry", "client_code") == ["", "BBC"]


def test_an_iterator_keeps_the_scope_in_which_it_began(two_clients: None) -> None:
    with scope("BBC", "ELDC"):
        found = OpeningHours.objects.order_by("client_id").iterator(chunk_size=1)
        first = next(found)
        with scope():
            rest = list(found)
    assert [row.client_id for row in (first, *rest)] == ["BBC", "ELDC"]


@pytest.mark.django_db(transaction=True)
def test_a_new_connection_and_another_thread_begin_with_nothing(two_clients: None) -> None:
    seen: dict[str, Any] = {}

    def look() -> None:
        try:
            seen["none"] = rows()
            with scope("ELDC"):
                seen["one"] = rows()
            connection.close()
            with scope("BBC"):
                seen["after"] = rows()
        finally:
            connection.close()

    with all_clients("the first thread"):
        assert len(rows()) == 2
        thread = threading.Thread(target=look)
        thread.start()
        thread.join(30)
    assert seen == {"none": [], "one": ["ELDC"], "after": ["BBC"]}
