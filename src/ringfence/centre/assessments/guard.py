"""Database triggers that keep an approved assessment as it was signed, whoever asks; its end alone can be written.

A migration that makes the table anew on SQLite drops them with it: let it run :func:`install` again.
"""

from django.db.backends.base.base import BaseDatabaseWrapper

from ringfence.centre.tenancy.triggers import refusing, run

MESSAGE = "An approved assessment never changes."
TABLE = "assessments_assessment"
SIGNED = (
    *("assessment_id", "title", "reference", "kept_at", "sha256", "owner", "clients", "purposes", "review_on"),
    *("replaces_id", "drafted_by", "drafted_at", "outcome", "advice", "advised_by", "advised_at"),
    *("approved_by", "approved_at", "against_advice"),
)
"""Columns that never change once it is approved; those of its end are written once."""

_SQLITE_CHANGED = " OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in SIGNED)
_POSTGRESQL_CHANGED = " OR ".join(f"NEW.{name} IS DISTINCT FROM OLD.{name}" for name in SIGNED)

_SQLITE = (
    f"CREATE TRIGGER IF NOT EXISTS {TABLE}_no_update BEFORE UPDATE ON {TABLE} "
    f"WHEN OLD.approved_at IS NOT NULL AND (OLD.ended_at IS NOT NULL OR {_SQLITE_CHANGED}) "
    f"BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END",
    f"CREATE TRIGGER IF NOT EXISTS {TABLE}_no_delete BEFORE DELETE ON {TABLE} "
    f"WHEN OLD.approved_at IS NOT NULL BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END",
)
_POSTGRESQL = (
    refusing("assessment_refuse", MESSAGE),
    f"DROP TRIGGER IF EXISTS {TABLE}_no_update ON {TABLE}",
    f"CREATE TRIGGER {TABLE}_no_update BEFORE UPDATE ON {TABLE} FOR EACH ROW "
    f"WHEN (OLD.approved_at IS NOT NULL AND (OLD.ended_at IS NOT NULL OR {_POSTGRESQL_CHANGED})) "
    "EXECUTE FUNCTION assessment_refuse()",
    f"DROP TRIGGER IF EXISTS {TABLE}_no_delete ON {TABLE}",
    f"CREATE TRIGGER {TABLE}_no_delete BEFORE DELETE ON {TABLE} FOR EACH ROW "
    "WHEN (OLD.approved_at IS NOT NULL) EXECUTE FUNCTION assessment_refuse()",
    f"DROP TRIGGER IF EXISTS {TABLE}_no_truncate ON {TABLE}",
    f"CREATE TRIGGER {TABLE}_no_truncate BEFORE TRUNCATE ON {TABLE} FOR EACH STATEMENT "
    "EXECUTE FUNCTION assessment_refuse()",
)


def install(connection: BaseDatabaseWrapper) -> None:
    """Changes and removals of approved assessments are refused from now on, on SQLite and PostgreSQL alike."""
    run(connection, _SQLITE if connection.vendor == "sqlite" else _POSTGRESQL)


def remove(connection: BaseDatabaseWrapper) -> None:
    """For migrations, and for tests that empty every table."""
    if connection.vendor == "sqlite":
        run(connection, tuple(f"DROP TRIGGER IF EXISTS {TABLE}_no_{verb}" for verb in ("update", "delete")))
    else:
        verbs = ("update", "delete", "truncate")
        run(connection, tuple(f"DROP TRIGGER IF EXISTS {TABLE}_no_{verb} ON {TABLE}" for verb in verbs))
