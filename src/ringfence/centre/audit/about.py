"""Finding entries about a person, a call, a recording, a role or a right by the ids in their fields, on an index."""

from enum import Enum
from typing import Any

from django.db import models
from django.db.models import F, Func, Q
from typing_extensions import override

from ringfence.centre.audit.models import AuditEntry

INDEXED = ("recording_id", "call_id", "user_id", "agent_id", "role")
"""Keys of ``fields`` that have an index: see the migration 0005."""


class FieldText(Func):
    """The text under one key of an entry's fields, spelled exactly as its index is."""

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
        return f"((fields)::jsonb ->> '{self._key}')", ()


class Subject(Enum):
    """What a timeline can be about."""

    PERSON = "person"
    CALL = "call"
    RECORDING = "recording"
    ROLE = "role"
    RIGHT = "right"
    """By the roles that hold it."""


def about(subject: Subject, *ids: str) -> "models.QuerySet[AuditEntry]":
    """Entries about it inside the active scope, newest first.

    A person's ids are those of account and agent, a right's those of the roles that hold it.
    """
    keys = {
        Subject.PERSON: ("user_id", "agent_id"),
        Subject.CALL: ("call_id",),
        Subject.RECORDING: ("recording_id",),
        Subject.ROLE: ("role",),
        Subject.RIGHT: ("role",),
    }[subject]
    wanted = Q()
    for key in keys:
        wanted |= Q(**{f"about_{key}__in": ids})
    if subject is Subject.PERSON:
        wanted |= Q(actor_id__in=ids)
    rows = AuditEntry.objects.alias(**{f"about_{key}": FieldText(key) for key in keys})
    return rows.filter(wanted).order_by("-number")
