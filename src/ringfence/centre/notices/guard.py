"""Database triggers that refuse to change or remove a published notice, whoever asks: callers were pointed at it.

A version is a draft until ``published_at`` is set; the statement that sets it is the last that may touch the row.
"""

from django.db.backends.base.base import BaseDatabaseWrapper

from ringfence.centre.tenancy.triggers import refusing, run

MESSAGE = "A published notice never changes."
TABLE = "notices_notice"

_SQLITE = tuple(
    f"CREATE TRIGGER IF NOT EXISTS {TABLE}_no_{verb.lower()} BEFORE {verb} ON {TABLE} "
    f"WHEN OLD.published_at IS NOT NULL BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
    for verb in ("UPDATE", "DELETE")
)
_POSTGRESQL = (
    refusing("notice_refuse", MESSAGE),
    f"DROP TRIGGER IF EXISTS {TABLE}_no_change ON {TABLE}",
    f"CREATE TRIGGER {TABLE}_no_change BEFORE UPDATE OR DELETE ON {TABLE} FOR EACH ROW "
    "WHEN (OLD.published_at IS NOT NULL) EXECUTE FUNCTION notice_refuse()",
    f"DROP TRIGGER IF EXISTS {TABLE}_no_truncate ON {TABLE}",
    f"CREATE TRIGGER {TABLE}_no_truncate BEFORE TRUNCATE ON {TABLE} FOR EACH STATEMENT "
    "EXECUTE FUNCTION notice_refuse()",
)


def install(connection: BaseDatabaseWrapper) -> None:
    """Changes and removals of published notices are refused from now on, on SQLite and PostgreSQL alike."""
    run(connection, _SQLITE if connection.vendor == "sqlite" else _POSTGRESQL)


def remove(connection: BaseDatabaseWrapper) -> None:
    """For migrations, and for tests that empty every table."""
    if connection.vendor == "sqlite":
        run(connection, tuple(f"DROP TRIGGER IF EXISTS {TABLE}_no_{verb}" for verb in ("update", "delete")))
    else:
        run(
            connection, tuple(f"DROP TRIGGER IF EXISTS {TABLE}_no_{verb} ON {TABLE}" for verb in ("change", "truncate"))
        )
