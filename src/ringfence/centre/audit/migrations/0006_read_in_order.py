"""Indexes in the order in which the pages read, and on PostgreSQL columns for the ids inside the fields.

There the index of 0005 over an expression was never used: row-level security lets the planner bring forward only what
cannot fail, and reading JSON can. The columns are computed by the database, so they are no part of what is hashed. On a
long trail the table is written anew once, which takes about a minute for two million entries.
"""

from typing import Any

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

KEYS = ("recording_id", "call_id", "user_id", "agent_id", "role")


def _text(vendor: str, key: str) -> str:
    return f"json_extract(fields, '$.{key}')" if vendor == "sqlite" else f"((fields)::jsonb ->> '{key}')"


def forwards(_apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    vendor = editor.connection.vendor
    with editor.connection.cursor() as cursor:
        for key in KEYS:
            cursor.execute(f"DROP INDEX audit_about_{key}")
        if vendor == "postgresql":
            columns = ", ".join(
                f"ADD COLUMN about_{key} text GENERATED ALWAYS AS ({_text(vendor, key)}) STORED" for key in KEYS
            )
            cursor.execute(f"ALTER TABLE audit_auditentry {columns}")
        for key in KEYS:
            text = f"about_{key}" if vendor == "postgresql" else _text(vendor, key)
            cursor.execute(
                f"CREATE INDEX audit_about_{key} ON audit_auditentry ({text}, at, number) WHERE {text} IS NOT NULL"
            )


def backwards(_apps: Any, editor: BaseDatabaseSchemaEditor) -> None:
    vendor = editor.connection.vendor
    with editor.connection.cursor() as cursor:
        for key in KEYS:
            cursor.execute(f"DROP INDEX audit_about_{key}")
        if vendor == "postgresql":
            cursor.execute(
                f"ALTER TABLE audit_auditentry {', '.join(f'DROP COLUMN about_{key}' for key in KEYS)}"
            )
        for key in KEYS:
            text = _text(vendor, key)
            cursor.execute(f"CREATE INDEX audit_about_{key} ON audit_auditentry ({text}) WHERE {text} IS NOT NULL")


def _index(name: str, *fields: str) -> migrations.AddIndex:
    return migrations.AddIndex("auditentry", models.Index(fields=[*fields, "at", "number"], name=name))


class Migration(migrations.Migration):
    dependencies = [("audit", "0005_timelines")]
    operations = [
        migrations.RemoveIndex("auditentry", "audit_by_client"),
        migrations.RemoveIndex("auditentry", "audit_by_actor"),
        migrations.RemoveIndex("auditentry", "audit_by_code"),
        migrations.RemoveIndex("auditentry", "audit_by_time"),
        migrations.RunPython(forwards, backwards),
        _index("audit_client_at", "client_code"),
        _index("audit_client_code_at", "client_code", "code"),
        _index("audit_actor_at", "actor_id"),
        _index("audit_code_at", "code"),
        _index("audit_at"),
    ]
