"""The trail as files: JSON Lines that verify by themselves, CSV for a spreadsheet (docs/reference/audit-format.md)."""

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

from django.db.models import Max

from ringfence.centre.audit.chain import line_of, stored_lines
from ringfence.centre.audit.models import AuditCheckpoint, AuditEntry
from ringfence.centre.audit.queries import describe
from ringfence.centre.tenancy.scope import all_clients
from ringfence.kit import verify_audit
from ringfence.kit.spreadsheet import plain

COLUMNS = ("number", "at", "code", "actor", "role", "client", "reads", "fields", "previous", "hash")


def json_lines(rows: Iterable[AuditEntry]) -> Iterator[str]:
    """One line for each entry, exactly the bytes that its hash is over, then the hash."""
    for row in rows:
        yield f"{line_of(row)}\n"


def csv_lines(rows: Iterable[AuditEntry]) -> Iterator[str]:
    """A heading and one line for each entry, with the sentence that people read; no cell begins a formula."""
    yield _csv(COLUMNS)
    for row in rows:
        at = row.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        values = (row.code, row.actor_id, row.actor_role, row.client_code, describe(row), row.fields)
        yield _csv((str(row.number), at, *values, row.previous_hash, row.hash))


def _csv(values: Iterable[str]) -> str:
    made = io.StringIO()
    csv.writer(made).writerow([plain(value) for value in values])
    return made.getvalue()


def write_trail(folder: Path, public_key: bytes) -> int:
    """The whole trail, its checkpoints, the public key and the verifier stand in ``folder``; the number of entries.

    Raises OSError. Appending goes on meanwhile; the export ends where the trail ended at its start.
    """
    with all_clients("the chain is one across all clients"):
        last: int = AuditEntry.objects.aggregate(Max("number"))["number__max"] or 0
        with (folder / "entries.jsonl").open("xb") as file:
            file.writelines(stored_lines(1, last))
    checkpoints = AuditCheckpoint.objects.filter(entry__lte=last).order_by("sequence").values_list("line", flat=True)
    with (folder / "checkpoints.jsonl").open("x", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in checkpoints)
    (folder / "public-key.pem").write_bytes(public_key)
    (folder / "verify_audit.py").write_bytes(Path(verify_audit.__file__).read_bytes())
    return last
