"""Days come from the schedule, never from a default; triggers keep published notices as they are."""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

from ringfence.centre.notices import guard


def install(_apps: object, editor: BaseDatabaseSchemaEditor) -> None:
    guard.install(editor.connection)


def remove(_apps: object, editor: BaseDatabaseSchemaEditor) -> None:
    guard.remove(editor.connection)


class Migration(migrations.Migration):
    dependencies = [("notices", "0001_first")]
    operations = [
        migrations.AlterField("notice", "live_days", models.PositiveSmallIntegerField()),
        migrations.AlterField("notice", "back_days", models.PositiveSmallIntegerField()),
        migrations.RunPython(install, remove),
    ]
