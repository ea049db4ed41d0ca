"""Finding entries about a person, a call, a recording, a role or a right by the ids in their fields, on an index."""

from enum import Enum
from typing import Any

from django.db import models
from django.db.models import F, Func
from typing_extensions import override

from ringfence.centre.audit.models import AuditEntry
from ringfence.centre.audit.queries import PageMark, newest_first

INDEXED = ("recording_id", "call_id", "user_id", "agent_id", "role")
"""Keys of ``fields`` that have an index: see the migration 0006."""


class FieldText(Func):
    """The text under one key of an entry's fields, spelled exactly as its index is.

    On PostgreSQL it is a column that the database computes: reading JSON may fail, so that the planner would read it
    only of rows that the scope has let through, one by one, and use no index over it.
    """

    output_field = models.TextField()

    def __init__(self, key: str) -> None:
        if key not in INDEXED:
            raise ValueError(f"{key} has no index.")
        super().__init__(F("fields"))
        self._key = key

    @override
    def as_sql(self, compiler: Any, connection: Any, **_context: Any) -> tuple[str, tuple[str | int, ...]]:  # type: ignore[override] # takes no template
        if connection.vendor == "sqlite":
            return f"json_extract(fields, '$.{self._key}')", ()
        return f"about_{self._key}", ()


class Subject(Enum):
    """What a timeline can be about."""

    PERSON = "person"
    CALL = "call"
    RECORDING = "recording"
    ROLE = "role"
    RIGHT = "right"
    """By the roles that hold it."""


_KEYS = {
    Subject.PERSON: ("user_id", "agent_id"),
    Subject.CALL: ("call_id",),
    Subject.RECORDING: ("recording_id",),
    Subject.ROLE: ("role",),
    Subject.RIGHT: ("role",),
}


def about(subject: Subject, *ids: str, after: PageMark | None = None) -> "list[models.QuerySet[AuditEntry]]":
    """Entries about it inside the active scope, for :func:`ringfence.centre.audit.queries.page_of`.

    A person's ids are those of account and agent, a right's those of the roles that hold it. Each id under each key is
    a query of its own, so that one page reads one page's rows from each index, however long the timeline is.
    """
    rows = newest_first(after)
    found: list[models.QuerySet[AuditEntry]] = [
        rows.alias(under=FieldText(key)).filter(under=one) for key in _KEYS[subject] for one in ids
    ]
    if subject is Subject.PERSON:
        found += [rows.filter(actor_id=one) for one in ids]
    return found
