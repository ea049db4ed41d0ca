import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0007_breach_notices'),
    ]

    operations = [
        migrations.AddField(
            model_name='device',
            name='managed',
            field=models.BooleanField(default=False),
        ),
        migrations.CreateModel(
            name='Computer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('asset', models.CharField(max_length=40)),
                ('label', models.CharField(blank=True, max_length=120)),
                ('added_at', models.DateTimeField()),
                ('added_by', models.CharField(blank=True, max_length=32)),
                ('link_digest', models.CharField(blank=True, max_length=64, null=True, unique=True)),
                ('link_expires_at', models.DateTimeField(blank=True, null=True)),
                ('link_used_at', models.DateTimeField(blank=True, null=True)),
                ('secret_digest', models.CharField(blank=True, max_length=64, null=True, unique=True)),
                ('enrolled_at', models.DateTimeField(blank=True, null=True)),
                ('expires_at', models.DateTimeField(blank=True, null=True)),
                ('last_used_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_at', models.DateTimeField(blank=True, null=True)),
                ('revoked_by', models.CharField(blank=True, max_length=32)),
                ('user', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='computers', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['asset', 'id'],
            },
        ),
    ]
