"""Row-level security on PostgreSQL: a table of clients' rows answers only for the clients of the connection's scope.

The managers are the first wall; this is the second, for a query that goes around them. It binds the tables' owner too
(FORCE ROW LEVEL SECURITY); only a superuser or a role with BYPASSRLS could pass, and `ringfence check` refuses those.
"""

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from ringfence.centre.tenancy.models import TenantModel

POLICY = "ringfence_scope"

_CODED = {"audit.AuditEntry": "client_code"}
"""Models that name a client without pointing at it, and the column that does."""
WITHOUT = {
    "jobs.Alarm": "raised and cleared in every scope and in none, and about the installation too; holds codes and ids "
    "only; the page and its button ask for the client",
}
"""Models that name a client and have no wall, each with its reason."""


def walled_tables() -> Iterator[tuple[str, str]]:
    """Each table with rows of clients, and the column that names the client."""
    for model in apps.get_models(include_auto_created=True):
        if issubclass(model, TenantModel):
            yield model._meta.db_table, "client_id"
        elif model._meta.label in _CODED:
            yield model._meta.db_table, _CODED[model._meta.label]


def raise_walls(connection: BaseDatabaseWrapper) -> None:
    """Every table that exists has its policy in force, those of later migrations included. Nothing on SQLite."""
    if connection.vendor != "postgresql":
        return
    # Read once a statement, as a value: a function call for each row would cost more than the query.
    told = "(SELECT current_setting('ringfence.clients', true))"
    with connection.cursor() as cursor:
        there = set(connection.introspection.table_names(cursor))
        for table, column in walled_tables():
            if table not in there:
                continue
            cursor.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
            cursor.execute(f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY')
            cursor.execute(f'DROP POLICY IF EXISTS {POLICY} ON "{table}"')
            cursor.execute(
                f'CREATE POLICY {POLICY} ON "{table}" USING '
                f"({told} = '*' OR {column} = ANY (string_to_array({told}, ',')))"
            )


def missing_walls(connection: BaseDatabaseWrapper) -> list[str]:
    """What lets rows pass the second wall, in words; empty on SQLite, which has none."""
    if connection.vendor != "postgresql":
        return []
    found = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user")
        if (row := cursor.fetchone()) and row[0]:
            found.append("The database user is a superuser or has BYPASSRLS; give database.url a plain user.")
        cursor.execute(
            "SELECT c.relname FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid "
            "WHERE c.relrowsecurity AND c.relforcerowsecurity AND p.polname = %s",
            [POLICY],
        )
        walled = {name for (name,) in cursor.fetchall()}
        there = set(connection.introspection.table_names(cursor))
    open_tables = sorted(table for table, _ in walled_tables() if table in there and table not in walled)
    if open_tables:
        found.append(f"{', '.join(open_tables)} has no row-level security; run 'ringfence init'.")
    return found


def lift(using: str = "default", **_signal: Any) -> None:
    """Before the schema changes: migrations see every row."""
    connection: Any = connections[using]
    if connection.vendor == "postgresql":
        connection.lifted = True


def close(using: str = "default", **_signal: Any) -> None:
    """After the schema changed: the walls stand, around new tables too, and count again."""
    connection: Any = connections[using]
    raise_walls(connection)
    if connection.vendor == "postgresql":
        connection.lifted = False
