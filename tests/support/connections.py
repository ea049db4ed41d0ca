"""Which database connections are opened, whatever thread does it."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created


@contextmanager
def connections_opened() -> Iterator[list[BaseDatabaseWrapper]]:
    """Filled with every connection that is opened meanwhile."""
    found: list[BaseDatabaseWrapper] = []

    def note(connection: BaseDatabaseWrapper, **_about: object) -> None:
        found.append(connection)

    connection_created.connect(note)
    try:
        yield found
    finally:
        connection_created.disconnect(note)
