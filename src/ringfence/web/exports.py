"""Files that leave the centre: made in memory, sent, and audited with one of the closed purposes (R80).

What tells of single calls asks whoever saves it (``PurposeForm``): the audit trail, the report of payments, and what a
breach concerns. What holds nothing of a caller carries :data:`PROOF` by itself: counts by client and day (plays by
purpose, recording health, the destruction log), certificates of destruction, records of access reviews and, with the
breach's reference, of breaches. They exist to show that the rules are kept (UK GDPR Article 5(2)), are asked for by
whoever oversees that, and serve no single call.

A file whose purpose somebody chose leaves only while that purpose is on for all clients in it (R81). Proof is never
switched off by a missing assessment: what carries :data:`PROOF` by itself, the lists of a breach, and the audit trail
for data protection. The law asks for them whoever signed what; the command ``audit export`` is the same.
"""

import csv
import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import Enum

from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone

from ringfence.centre.accounts.queries import actor_of
from ringfence.centre.assessments.purposes import Purpose
from ringfence.centre.assessments.stating import stated
from ringfence.centre.audit import Entry
from ringfence.centre.audit.actions import record
from ringfence.kit.spreadsheet import plain
from ringfence.web.access import PersonRequest

CSV = "text/csv; charset=utf-8"
PROOF = Purpose.DATA_PROTECTION


class ProvesRules(Enum):
    """In place of clients: the file shows that the rules are kept, and needs no purpose to be on."""

    YES = "yes"


PROVES = ProvesRules.YES


def save_file(
    request: PersonRequest,
    entry: Entry,
    content: bytes | str,
    *,
    kind: str,
    name: str,
    concerns: Collection[str] | ProvesRules,
    client: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """The answer that the browser saves under ``name``, and its entry in the trail.

    ``concerns`` are the clients that the file tells of, or :data:`PROVES`. Raises PurposeOff when the purpose is off
    for one of them, and ValueError for an entry without one of the closed purposes or for proof with another than
    :data:`PROOF`: then nothing leaves.
    """
    purpose = Purpose(getattr(entry, "purpose", ""))
    if not isinstance(concerns, ProvesRules):
        case = str(getattr(entry, "case_reference", ""))
        stated(purpose, case, by=request.person.user, clients=concerns, now=timezone.now())
    elif purpose is not PROOF:
        raise ValueError("Proof of the rules leaves for data protection only.")
    with transaction.atomic():
        record(entry, actor=actor_of(request.person.user), client=client)
    return HttpResponse(
        content,
        content_type=kind,
        headers={"Content-Disposition": f'attachment; filename="{name}"', **(headers or {})},
    )


def csv_bytes(head: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A table that spreadsheets read as UTF-8; a text that they would compute is made plain."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(head)
    for row in rows:
        writer.writerow([plain(cell) if isinstance(cell, str) else cell for cell in row])
    return text.getvalue().encode("utf-8-sig")
