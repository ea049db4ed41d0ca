"""A version says by itself what recordings are used for; those before said every purpose there was."""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from ringfence.centre.notices import guard

EVERY = ["quality", "satisfaction", "complaint", "allegation", "clarification", "data_protection"]


def every() -> list[str]:
    return list(EVERY)


def install(_apps: object, editor: BaseDatabaseSchemaEditor) -> None:
    guard.install(editor.connection)


def remove(_apps: object, editor: BaseDatabaseSchemaEditor) -> None:
    guard.remove(editor.connection)


class Migration(migrations.Migration):
    dependencies = [("notices", "0002_published_for_good")]
    operations = [
        # SQLite makes the table anew, and would leave the triggers behind with the old one.
        migrations.RunPython(remove, install),
        migrations.AddField("notice", "purposes", models.JSONField(default=every), preserve_default=False),
        migrations.RunPython(install, remove),
    ]
