"""A long audit trail made by the database itself: rows enough for its planner, in seconds, with hashes of nothing.

And every question that the pages of the trail ask of it.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection, models, transaction

from ringfence.centre.audit.about import Subject, about
from ringfence.centre.audit.queries import AuditFilter, PageMark, entries
from ringfence.centre.tenancy import all_clients, scope

STEP_SECONDS = 20
"""Between two entries."""
CLIENTS = 11
PEOPLE = 200
ROLES = 12
RECORDINGS_EACH = 4
"""Entries about one recording, close together, as a call and its plays make them."""

_COUNT = "WITH RECURSIVE counted(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM counted WHERE i < {count})"
_AT = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%S', '2024-01-01', '+' || (i * {step}) || ' seconds')",
    "postgresql": "TIMESTAMPTZ '2024-01-01 00:00:00+00' + i * INTERVAL '{step} seconds'",
}
_ROWS = """
    INSERT INTO audit_auditentry
        (number, at, code, actor_id, actor_role, client_code, fields, previous_hash, hash)
    {count}
    SELECT i, {at},
        CASE WHEN i % 50 = 0 THEN 'role.granted' WHEN i % 999 = 1 THEN 'trunk.saved'
            WHEN i % 5 = 0 THEN 'recording.played' ELSE 'recording.masked' END,
        CASE WHEN i % 3 = 0 THEN '' ELSE 'person-' || (i % {people}) END,
        'Supervisor',
        CASE WHEN i % 20 = 0 THEN '' ELSE 'C' || (i % {clients}) END,
        CASE WHEN i % 50 = 0
            THEN '{{"role":"R' || (i / 50 % {roles}) || '","user_id":"person-' || (i % {people}) || '"}}'
            ELSE '{{"agent_id":"agent-' || (i % {people}) || '","call_id":"call-' || (i / {each})
                || '","recording_id":"rec-' || (i / {each}) || '"}}' END,
        '{hash}', '{hash}'
    FROM counted
"""


def fill_trail(count: int) -> None:
    """``count`` entries of eleven clients and two hundred people; PostgreSQL has statistics of them, as in service."""
    sql = _ROWS.format(
        count=_COUNT.format(count=count),
        at=_AT[connection.vendor].format(step=STEP_SECONDS),
        people=PEOPLE,
        clients=CLIENTS,
        roles=ROLES,
        each=RECORDINGS_EACH,
        hash="0" * 64,
    )
    with all_clients("a trail is made of every client"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE audit_auditentry")


FIRST_DAY = datetime(2024, 1, 1, tzinfo=UTC)
Question = Callable[[PageMark | None], "list[models.QuerySet[Any]]"]
SCOPES: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "all clients": lambda: all_clients("somebody of every client reads"),
    "one client": lambda: scope("C3"),
    "three clients": lambda: scope("C1", "C3", "C4"),
}


def questions(count: int) -> dict[str, Question]:
    """What the pages ask of a trail of ``count`` entries, by name, behind a mark or from the newest on."""
    middle = FIRST_DAY + timedelta(seconds=STEP_SECONDS * count // 2)
    old = FIRST_DAY + timedelta(seconds=STEP_SECONDS * count // 8)
    return {
        "no filter": _filtered(),
        "client": _filtered(client="C3"),
        "actor": _filtered(actor_id="person-7"),
        "code": _filtered(code="recording.played"),
        "rare code": _filtered(code="role.granted"),
        "one day": _filtered(since=middle, until=middle + timedelta(days=1)),
        "long ago": _filtered(until=old),
        "actor and days": _filtered(actor_id="person-7", since=old, until=middle),
        "code and client": _filtered(code="role.granted", client="C3"),
        "code and days": _filtered(code="recording.masked", since=old, until=middle),
        "client and days": _filtered(client="C3", since=old, until=middle),
        "all of them": _filtered(actor_id="person-7", code="recording.masked", client="C3", since=old, until=middle),
        "technical": _filtered(technical_only=True),
        "timeline of a recording": _timeline(Subject.RECORDING, f"rec-{count // 8}"),
        "timeline of a call": _timeline(Subject.CALL, f"call-{count // 8}"),
        "timeline of a person": _timeline(Subject.PERSON, "person-7", "agent-7"),
        "timeline of a role": _timeline(Subject.ROLE, "R1"),
        "timeline of a right": _timeline(Subject.RIGHT, "R1", "R3", "R5"),
        "timeline of nothing": _timeline(Subject.RECORDING, "rec-none"),
    }


def _filtered(**wanted: Any) -> Question:
    return lambda mark: entries(AuditFilter(**wanted), after=mark)


def _timeline(subject: Subject, *ids: str) -> Question:
    return lambda mark: about(subject, *ids, after=mark)
