"""The table that counts tries to sign in, and sealed secrets of authenticators that an older version kept open."""

from typing import Any

from django.core.management import call_command
from django.db import migrations


def make_table(apps: Any, schema_editor: Any) -> None:
    call_command("createcachetable", "sign_in_limits", database=schema_editor.connection.alias, verbosity=0)


def drop_table(apps: Any, schema_editor: Any) -> None:
    schema_editor.execute("DROP TABLE IF EXISTS sign_in_limits")


def seal_secrets(apps: Any, schema_editor: Any) -> None:
    from ringfence.centre.accounts.adapter import SEALED, SealedSecretsAdapter

    adapter = SealedSecretsAdapter()
    for row in apps.get_model("mfa", "Authenticator").objects.filter(type__in=["totp", "recovery_codes"]):
        for name in ("secret", "seed"):
            value = row.data.get(name)
            if isinstance(value, str) and not value.startswith(SEALED):
                row.data[name] = adapter.encrypt(value)
        codes = row.data.get("migrated_codes")
        if codes and not codes[0].startswith(SEALED):
            row.data["migrated_codes"] = [adapter.encrypt(code) for code in codes]
        row.save(update_fields=["data"])


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0003_people_over_time'),
        ('mfa', '0003_authenticator_type_uniq'),
    ]

    operations = [
        migrations.RunPython(make_table, drop_table),
        migrations.RunPython(seal_secrets, migrations.RunPython.noop),
    ]
