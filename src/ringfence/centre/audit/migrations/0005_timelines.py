"""Indexes over ids inside the fields, for timelines; partial, so that entries without such an id cost nothing."""

from typing import Any

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

KEYS = ("recording_id", "call_id", "user_id", "agent_id", "role")


def _text(vendor: str, key: str) -> str:
    return f"json_extract(fields, '$.{key}')" if vendor == "sqlite" else f"((fields)::jsonb ->> '{key}')"


def forwards(_apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    with editor.connection.cursor() as cursor:
        for key in KEYS:
            text = _text(editor.connection.vendor, key)
            cursor.execute(f"CREATE INDEX audit_about_{key} ON audit_auditentry ({text}) WHERE {text} IS NOT NULL")


def backwards(_apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    with editor.connection.cursor() as cursor:
        for key in KEYS:
            cursor.execute(f"DROP INDEX IF EXISTS audit_about_{key}")


class Migration(migrations.Migration):
    dependencies = [("audit", "0004_chain_of_lines")]
    operations = [migrations.RunPython(forwards, backwards)]
