"""Chains the entries anew over their lines (docs/adr/0007): the old chain is verified first, its end is kept on record.

Backwards the same with the old rule. A chain that does not verify stops the migration before anything is changed.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from ringfence.centre.audit import guard
from ringfence.centre.audit.chain import GENESIS, chain_hash

OLD_GENESIS = hashlib.sha256(b"ringfence audit v1").hexdigest()
BATCH = 1000

Rule = Callable[[Any], str]


def old_hash(row: Any) -> str:
    content = {
        "number": row.number,
        "at": row.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "code": row.code,
        "actor_id": row.actor_id,
        "actor_role": row.actor_role,
        "client_code": row.client_code,
        "fields": row.fields,
        "previous_hash": row.previous_hash,
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def chain_anew(apps: Any, editor: BaseDatabaseSchemaEditor, *, old: tuple[str, Rule], new: tuple[str, Rule]) -> None:
    entry, head = apps.get_model("audit", "AuditEntry"), apps.get_model("audit", "AuditHead")
    end = head.objects.filter(id=1).first()
    if end is None or not end.number:
        return
    before, number = old[0], 0
    for row in entry.objects.order_by("number").iterator(BATCH):
        number += 1
        if row.number != number or row.previous_hash != before or row.hash != old[1](row):
            raise RuntimeError(
                f"Entry {number} of the audit trail is not as it was written. Keep a copy of this database as "
                "evidence, restore the last sound backup, and update again."
            )
        before = row.hash
    if number != end.number or before != end.hash:
        raise RuntimeError("The last entries of the audit trail are missing. Restore the last sound backup first.")
    previous, changed = new[0], []
    for row in entry.objects.order_by("number").iterator(BATCH):
        row.previous_hash = previous
        row.hash = previous = new[1](row)
        changed.append(row)
        if len(changed) == BATCH:
            entry.objects.bulk_update(changed, ["previous_hash", "hash"])
            changed = []
    if changed:
        entry.objects.bulk_update(changed, ["previous_hash", "hash"])
    told = entry(
        number=number + 1,
        at=datetime.now(UTC),
        code="audit.chain_renewed",
        actor_role="Ringfence",
        fields=json.dumps({"entries": number, "last": before}, separators=(",", ":")),
        previous_hash=previous,
    )
    told.hash = new[1](told)
    told.save(force_insert=True)
    head.objects.filter(id=1).update(number=told.number, hash=told.hash)


def forwards(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    with editor.connection.cursor() as cursor:  # the triggers of earlier installations have other names
        if editor.connection.vendor == "sqlite":
            cursor.execute("DROP TRIGGER IF EXISTS audit_no_update")
            cursor.execute("DROP TRIGGER IF EXISTS audit_no_delete")
        else:
            cursor.execute("DROP TRIGGER IF EXISTS audit_no_change ON audit_auditentry")
    guard.remove(editor.connection)
    chain_anew(apps, editor, old=(OLD_GENESIS, old_hash), new=(GENESIS, chain_hash))
    guard.install(editor.connection)


def backwards(apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    guard.remove(editor.connection)
    chain_anew(apps, editor, old=(GENESIS, chain_hash), new=(OLD_GENESIS, old_hash))
    guard.install(editor.connection, ("audit_auditentry",))


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_checkpoints")]
    operations = [migrations.RunPython(forwards, backwards)]
