"""Triggers keep approved assessments as they were signed."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from ringfence.centre.assessments import guard


def install(_apps: object, editor: BaseDatabaseSchemaEditor) -> None:
    guard.install(editor.connection)


def remove(_apps: object, editor: BaseDatabaseSchemaEditor) -> None:
    guard.remove(editor.connection)


class Migration(migrations.Migration):
    dependencies = [("assessments", "0001_first")]
    operations = [migrations.RunPython(install, remove)]
