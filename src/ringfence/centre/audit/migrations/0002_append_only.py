"""Installs the triggers that keep audit entries as they were written."""

from django.db import migrations

from ringfence.centre.audit.guard import install_in_migration, remove_in_migration


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_first")]
    operations = [migrations.RunPython(install_in_migration, remove_in_migration)]
