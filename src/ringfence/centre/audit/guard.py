"""Database triggers that refuse to change or remove audit entries, whoever asks (R73)."""

from django.db.backends.base.base import BaseDatabaseWrapper

from ringfence.centre.tenancy.triggers import refusing, run

MESSAGE = "Audit entries are append-only."

TABLES = ("audit_auditentry", "audit_auditcheckpoint")

_FUNCTION = refusing("audit_refuse", MESSAGE)


def _guarding(vendor: str, table: str) -> tuple[str, ...]:
    if vendor == "sqlite":
        return tuple(
            f"CREATE TRIGGER IF NOT EXISTS {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
            for verb in ("UPDATE", "DELETE")
        )
    return (
        _FUNCTION,
        f"DROP TRIGGER IF EXISTS {table}_no_change ON {table}",
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()",
    )


def _allowing(vendor: str, table: str) -> tuple[str, ...]:
    if vendor == "sqlite":
        return tuple(f"DROP TRIGGER IF EXISTS {table}_no_{verb}" for verb in ("update", "delete"))
    return (f"DROP TRIGGER IF EXISTS {table}_no_change ON {table}",)


def install(connection: BaseDatabaseWrapper, tables: tuple[str, ...] = TABLES) -> None:
    """Changes and removals are refused from now on, on SQLite and PostgreSQL alike."""
    for table in tables:
        run(connection, _guarding(connection.vendor, table))


def remove(connection: BaseDatabaseWrapper, tables: tuple[str, ...] = TABLES) -> None:
    """For migrations, and for tests that play the intruder."""
    for table in tables:
        run(connection, _allowing(connection.vendor, table))
