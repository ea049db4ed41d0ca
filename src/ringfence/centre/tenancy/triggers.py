"""What the apps' database triggers share: how PostgreSQL refuses, and how their statements are run."""

from collections.abc import Iterable

from django.db.backends.base.base import BaseDatabaseWrapper


def refusing(name: str, message: str) -> str:
    """The statement that makes the PostgreSQL function ``name``, which refuses with ``message``."""
    return (
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{message}' USING ERRCODE = 'integrity_constraint_violation'; END $$"
    )


def run(connection: BaseDatabaseWrapper, statements: Iterable[str]) -> None:
    """Each statement in turn."""
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
