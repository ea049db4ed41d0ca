"""Database triggers that refuse to change or remove audit entries, whoever asks (R73)."""

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

MESSAGE = "Audit entries are append-only."

_INSTALL = {
    "sqlite": (
        f"CREATE TRIGGER IF NOT EXISTS audit_no_update BEFORE UPDATE ON audit_auditentry "
        f"BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END",
        f"CREATE TRIGGER IF NOT EXISTS audit_no_delete BEFORE DELETE ON audit_auditentry "
        f"BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END",
    ),
    "postgresql": (
        f"CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{MESSAGE}' USING ERRCODE = 'integrity_constraint_violation'; END $$",
        "DROP TRIGGER IF EXISTS audit_no_change ON audit_auditentry",
        "CREATE TRIGGER audit_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_auditentry "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()",
    ),
}
_REMOVE = {
    "sqlite": ("DROP TRIGGER IF EXISTS audit_no_update", "DROP TRIGGER IF EXISTS audit_no_delete"),
    "postgresql": ("DROP TRIGGER IF EXISTS audit_no_change ON audit_auditentry",),
}


def install(connection: BaseDatabaseWrapper) -> None:
    """Changes and removals are refused from now on. Raises KeyError on a database that Ringfence does not support."""
    _run(connection, _INSTALL[connection.vendor])


def remove(connection: BaseDatabaseWrapper) -> None:
    """For migrations backwards, and for tests that play the intruder."""
    _run(connection, _REMOVE[connection.vendor])


def _run(connection: BaseDatabaseWrapper, statements: tuple[str, ...]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def install_in_migration(_apps: object, editor: BaseDatabaseSchemaEditor) -> None:
    install(editor.connection)


def remove_in_migration(_apps: object, editor: BaseDatabaseSchemaEditor) -> None:
    remove(editor.connection)
