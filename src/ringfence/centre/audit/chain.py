"""The one spelling of an entry, as a line of the export; its hash is taken over these bytes (docs/adr, audit chain)."""

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Protocol

from django.db import connection

from ringfence.kit.verify_audit import GENESIS

if TYPE_CHECKING:
    from ringfence.centre.audit.models import AuditEntry

__all__ = ["GENESIS", "ChainedRow", "chain_hash", "line_of", "stored_lines"]

CHUNK = 10_000

# The database spells the lines: quicker than fetching columns, converting them and joining them here.
# What does not look like an instant or a text any more comes out different, and then does not match its hash.
_LINES = {
    "sqlite": """
        SELECT printf('{"number":%%d,"at":"%%sT%%s%%s","code":%%s,"actor":%%s,"role":%%s,"client":%%s,"fields":%%s,'
            || '"previous":"%%s","hash":"%%s"}' || char(10),
            number, substr(at, 1, 10), substr(at, 12), CASE WHEN length(at) = 19 THEN '.000000Z' ELSE 'Z' END,
            json_quote(code), json_quote(actor_id), json_quote(actor_role), json_quote(client_code), fields,
            previous_hash, hash)
        FROM audit_auditentry WHERE number >= %s AND number <= %s ORDER BY number""",
    "postgresql": """
        SELECT '{"number":' || number || ',"at":"'
            || to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
            || '","code":' || to_json(code::text) || ',"actor":' || to_json(actor_id::text)
            || ',"role":' || to_json(actor_role::text) || ',"client":' || to_json(client_code::text)
            || ',"fields":' || fields || ',"previous":"' || previous_hash || '","hash":"' || hash || '"}' || chr(10)
        FROM audit_auditentry WHERE number >= %s AND number <= %s ORDER BY number""",
}


class ChainedRow(Protocol):
    """What is hashed of an entry."""

    number: int
    at: datetime
    code: str
    actor_id: str
    actor_role: str
    client_code: str
    fields: str
    previous_hash: str


def _body(
    number: int, at: str, code: str, actor_id: str, actor_role: str, client_code: str, fields: str, previous: str
) -> str:
    return (
        f'{{"number":{number},"at":"{at}","code":{encode_basestring(code)},"actor":{encode_basestring(actor_id)},'
        f'"role":{encode_basestring(actor_role)},"client":{encode_basestring(client_code)},"fields":{fields},'
        f'"previous":"{previous}"'
    )


def _body_of(row: ChainedRow) -> str:
    at = row.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return _body(row.number, at, row.code, row.actor_id, row.actor_role, row.client_code, row.fields, row.previous_hash)


def chain_hash(row: ChainedRow) -> str:
    """SHA-256 over the entry's line up to its hash, the hash of the entry before it included."""
    return hashlib.sha256(_body_of(row).encode()).hexdigest()


def line_of(row: "AuditEntry") -> str:
    """The entry as a line of the export, without a line feed."""
    return f'{_body_of(row)},"hash":"{row.hash}"}}'


def stored_lines(first: int, last: int) -> Iterator[bytes]:
    """Entries ``first..last`` as lines of the export, built from their rows. Call it under all_clients."""
    for start in range(first, last + 1, CHUNK):
        with connection.cursor() as cursor:
            cursor.execute(_LINES[connection.vendor], [start, min(start + CHUNK - 1, last)])
            rows = cursor.fetchall()
        for (line,) in rows:
            yield line.encode()
