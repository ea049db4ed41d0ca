"""Installs the triggers that keep audit entries as they were written."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from ringfence.centre.audit import guard

ENTRIES = ("audit_auditentry",)


def install(_apps: object, editor: BaseDatabaseSchemaEditor) -> None:
    guard.install(editor.connection, ENTRIES)


def remove(_apps: object, editor: BaseDatabaseSchemaEditor) -> None:
    guard.remove(editor.connection, ENTRIES)


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_first")]
    operations = [migrations.RunPython(install, remove)]
