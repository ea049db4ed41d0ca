"""Database triggers of the register: nothing in it is removed, and no state is reached past the steps, whoever asks."""

from django.db.backends.base.base import BaseDatabaseWrapper

from ringfence.centre.disclosures.steps import moves
from ringfence.centre.tenancy.triggers import refusing, run

TABLES = ("disclosures_disclosure", "disclosures_disclosureitem")
CASES = TABLES[0]
KEPT, STEPS = "Nothing of a disclosure is removed.", "The steps of a disclosure are not skipped."
_ALLOWED = " OR ".join(
    f"(OLD.state = '{before.value}' AND NEW.state = '{after.value}')" for before, after in sorted(moves())
)
_SKIPPED = f"OLD.state <> NEW.state AND NOT ({_ALLOWED})"

_SQLITE = (
    *(
        f"CREATE TRIGGER IF NOT EXISTS {table}_no_delete BEFORE DELETE ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{KEPT}'); END"
        for table in TABLES
    ),
    f"CREATE TRIGGER IF NOT EXISTS {CASES}_steps BEFORE UPDATE ON {CASES} WHEN {_SKIPPED} "
    f"BEGIN SELECT RAISE(ABORT, '{STEPS}'); END",
)


_DROP = (
    *(f"DROP TRIGGER IF EXISTS {table}_{name} ON {table}" for table in TABLES for name in ("no_delete", "no_truncate")),
    f"DROP TRIGGER IF EXISTS {CASES}_steps ON {CASES}",
)
_POSTGRESQL = (
    refusing("disclosure_kept", KEPT),
    refusing("disclosure_steps", STEPS),
    *_DROP,
    *(
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION disclosure_kept()"
        for table in TABLES
    ),
    *(
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT "
        "EXECUTE FUNCTION disclosure_kept()"
        for table in TABLES
    ),
    f"CREATE TRIGGER {CASES}_steps BEFORE UPDATE ON {CASES} FOR EACH ROW WHEN ({_SKIPPED}) "
    "EXECUTE FUNCTION disclosure_steps()",
)


def install(connection: BaseDatabaseWrapper) -> None:
    """Removals and skipped steps are refused from now on, on SQLite and PostgreSQL alike."""
    run(connection, _SQLITE if connection.vendor == "sqlite" else _POSTGRESQL)


def remove(connection: BaseDatabaseWrapper) -> None:
    """For migrations, and for tests that empty every table."""
    if connection.vendor == "sqlite":
        run(connection, tuple(f"DROP TRIGGER IF EXISTS {name}" for name in (f"{CASES}_steps", *_NO_DELETE)))
    else:
        run(connection, _DROP)


_NO_DELETE = tuple(f"{table}_no_delete" for table in TABLES)
