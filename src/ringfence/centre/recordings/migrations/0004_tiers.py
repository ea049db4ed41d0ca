
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('calls', '0003_payments_and_objection'),
        ('recordings', '0003_masks_and_segments'),
        ('tenancy', '0002_revision_time'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Restoration',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('case_reference', models.CharField(max_length=64)),
                ('opened_at', models.DateTimeField()),
                ('until', models.DateTimeField()),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.AddField(
            model_name='recording',
            name='back_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='recording',
            name='destroyed_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='recording',
            name='held',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='recording',
            name='purge_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='recording',
            name='quarantined_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name='recording',
            name='state',
            field=models.CharField(choices=[('capturing', 'Being recorded'), ('spooled', 'Waiting for the store'), ('live', 'Live'), ('back', 'Back tier'), ('failed', 'Failed'), ('destroying', 'Being deleted'), ('purged', 'Deleted at its age'), ('deleted', 'Deleted early')], default='capturing', max_length=16),
        ),
        migrations.AddIndex(
            model_name='recording',
            index=models.Index(fields=['state', 'back_at'], name='recording_back'),
        ),
        migrations.AddIndex(
            model_name='recording',
            index=models.Index(fields=['state', 'purge_at'], name='recording_purge'),
        ),
        migrations.AddField(
            model_name='restoration',
            name='client',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.client'),
        ),
        migrations.AddField(
            model_name='restoration',
            name='recording',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='restorations', to='recordings.recording'),
        ),
        migrations.AddField(
            model_name='restoration',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddIndex(
            model_name='restoration',
            index=models.Index(fields=['recording', 'user', '-until'], name='restoration_person'),
        ),
    ]
