
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('calls', '0003_payments_and_objection'),
        ('recordings', '0004_tiers'),
        ('tenancy', '0002_revision_time'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Hold',
            fields=[
                ('hold_id', models.CharField(max_length=32, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('sar', 'Subject access request'), ('foi', 'Freedom of information request'), ('complaint', 'Complaint'), ('breach', 'Data breach'), ('claim', 'Legal claim'), ('allegation', 'Allegation')], max_length=12)),
                ('case_reference', models.CharField(max_length=64)),
                ('reason', models.CharField(blank=True, max_length=500)),
                ('placed_at', models.DateTimeField()),
                ('review_on', models.DateField()),
                ('party_index', models.BinaryField(max_length=32, null=True)),
                ('since', models.DateTimeField(null=True)),
                ('until', models.DateTimeField(null=True)),
                ('released_at', models.DateTimeField(null=True)),
                ('release_reason', models.CharField(blank=True, max_length=500)),
                ('client', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.client')),
                ('owner', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('placed_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('released_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='HoldItem',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('removed_at', models.DateTimeField(null=True)),
                ('call', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='hold_items', to='calls.call')),
                ('client', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.client')),
                ('hold', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='items', to='retention.hold')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='RestoreRequest',
            fields=[
                ('request_id', models.CharField(max_length=32, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('sar', 'Subject access request'), ('foi', 'Freedom of information request'), ('complaint', 'Complaint'), ('breach', 'Data breach'), ('claim', 'Legal claim'), ('allegation', 'Allegation')], max_length=12)),
                ('case_reference', models.CharField(max_length=64)),
                ('reason', models.CharField(max_length=500)),
                ('requested_at', models.DateTimeField()),
                ('decision', models.CharField(choices=[('waiting', 'Waiting'), ('approved', 'Approved'), ('refused', 'Refused')], default='waiting', max_length=8)),
                ('decided_at', models.DateTimeField(null=True)),
                ('until', models.DateTimeField(null=True)),
                ('client', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.client')),
                ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('recording', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='restore_requests', to='recordings.recording')),
                ('requested_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='RetentionRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('started_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(null=True)),
                ('armed', models.PositiveIntegerField(default=0)),
                ('moved', models.PositiveIntegerField(default=0)),
                ('destroyed', models.PositiveIntegerField(default=0)),
                ('other', models.PositiveIntegerField(default=0)),
                ('failed', models.PositiveIntegerField(default=0)),
            ],
            options={
                'indexes': [models.Index(fields=['-started_at'], name='retention_run_started')],
            },
        ),
        migrations.CreateModel(
            name='RuleChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(choices=[('recordings_live', 'recordings_live'), ('recordings_back', 'recordings_back'), ('spans', 'spans'), ('play_grants', 'play_grants'), ('restorations', 'restorations'), ('call_log', 'call_log'), ('stubs', 'stubs'), ('holds', 'holds'), ('duty', 'duty'), ('transcripts', 'transcripts'), ('notes', 'notes'), ('evaluations', 'evaluations'), ('surveys', 'surveys'), ('exports', 'exports'), ('audit', 'audit'), ('live_events', 'live_events'), ('fact_cursors', 'fact_cursors'), ('job_runs', 'job_runs'), ('failed_jobs', 'failed_jobs'), ('alarms', 'alarms'), ('sessions', 'sessions'), ('backups', 'backups'), ('objection_removes', 'objection_removes'), ('restore_hours', 'restore_hours'), ('escalation_minutes', 'escalation_minutes'), ('hold_review_days', 'hold_review_days')], max_length=24)),
                ('value', models.PositiveIntegerField()),
                ('before', models.PositiveIntegerField()),
                ('reason', models.CharField(max_length=500)),
                ('proposed_at', models.DateTimeField()),
                ('approved_at', models.DateTimeField(null=True)),
                ('agreed_at', models.DateTimeField(null=True)),
                ('in_force_at', models.DateTimeField(null=True)),
                ('refused_at', models.DateTimeField(null=True)),
                ('agreed_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('applied_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('approved_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('client', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.client')),
                ('proposed_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('refused_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='Destruction',
            fields=[
                ('recording_id', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('destruction_id', models.CharField(max_length=32, unique=True)),
                ('call_id', models.CharField(max_length=64)),
                ('cause', models.CharField(choices=[('age', 'It reached its age'), ('early', 'Deleted early'), ('objected', 'The caller objected'), ('conflict', 'The data protection officer decided')], max_length=8)),
                ('code', models.CharField(blank=True, choices=[('health', 'Health'), ('sex_life', 'Sex life'), ('orientation', 'Sexual orientation'), ('race', 'Racial or ethnic origin'), ('politics', 'Political opinions'), ('religion', 'Religious or philosophical beliefs'), ('union', 'Trade union membership'), ('genetic', 'Genetic data'), ('biometric', 'Biometric data'), ('criminal', 'Criminal offence'), ('payment', 'Payment details'), ('child', "A child's data"), ('third_party', "Another person's data"), ('erasure', 'The person asked for erasure'), ('objection', 'The caller objected to the recording'), ('other', 'Another reason')], max_length=12)),
                ('note', models.BinaryField(null=True)),
                ('actor_id', models.CharField(blank=True, max_length=32)),
                ('decided_at', models.DateTimeField()),
                ('finished_at', models.DateTimeField(null=True)),
                ('failure', models.CharField(blank=True, max_length=64)),
                ('certificate', models.TextField(blank=True)),
                ('client', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.client')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'indexes': [models.Index(fields=['finished_at', 'decided_at'], name='destruction_open'), models.Index(fields=['call_id'], name='destruction_call')],
            },
        ),
        migrations.CreateModel(
            name='DestructionLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('on', models.DateField()),
                ('code', models.CharField(max_length=24)),
                ('cause', models.CharField(choices=[('age', 'It reached its age'), ('early', 'Deleted early'), ('objected', 'The caller objected'), ('conflict', 'The data protection officer decided')], max_length=8)),
                ('count', models.PositiveIntegerField()),
                ('client', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.client')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'indexes': [models.Index(fields=['-on', 'code'], name='destruction_day')],
            },
        ),
        migrations.CreateModel(
            name='DutyShift',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('starts_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField()),
                ('set_at', models.DateTimeField()),
                ('client', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.client')),
                ('set_by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'indexes': [models.Index(fields=['client', 'starts_at'], name='duty_by_start')],
                'constraints': [models.CheckConstraint(condition=models.Q(('starts_at__lt', models.F('ends_at'))), name='duty_order')],
            },
        ),
        migrations.CreateModel(
            name='Flag',
            fields=[
                ('flag_id', models.CharField(max_length=32, primary_key=True, serialize=False)),
                ('code', models.CharField(choices=[('health', 'Health'), ('sex_life', 'Sex life'), ('orientation', 'Sexual orientation'), ('race', 'Racial or ethnic origin'), ('politics', 'Political opinions'), ('religion', 'Religious or philosophical beliefs'), ('union', 'Trade union membership'), ('genetic', 'Genetic data'), ('biometric', 'Biometric data'), ('criminal', 'Criminal offence'), ('payment', 'Payment details'), ('child', "A child's data"), ('third_party', "Another person's data"), ('erasure', 'The person asked for erasure'), ('objection', 'The caller objected to the recording'), ('other', 'Another reason')], max_length=12)),
                ('queue_id', models.CharField(blank=True, max_length=64)),
                ('flagged_at', models.DateTimeField()),
                ('state', models.CharField(choices=[('open', 'Waiting for the duty supervisor'), ('conflict', 'Held as well: the data protection officer decides'), ('deleted', 'Deleted'), ('kept', 'Kept, quarantine ended')], default='open', max_length=8)),
                ('escalated_at', models.DateTimeField(null=True)),
                ('decided_at', models.DateTimeField(null=True)),
                ('call', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='flags', to='calls.call')),
                ('client', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenancy.client')),
                ('decided_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('flagged_by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'indexes': [models.Index(fields=['state', 'flagged_at'], name='flag_open'), models.Index(fields=['call', 'state'], name='flag_call')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state__in', ['open', 'conflict'])), fields=('call',), name='flag_one_open')],
            },
        ),
        migrations.AddIndex(
            model_name='hold',
            index=models.Index(fields=['released_at', 'review_on'], name='hold_open'),
        ),
        migrations.AddConstraint(
            model_name='holditem',
            constraint=models.UniqueConstraint(fields=('hold', 'call'), name='hold_item_once'),
        ),
        migrations.AddIndex(
            model_name='restorerequest',
            index=models.Index(fields=['decision', '-requested_at'], name='restore_waiting'),
        ),
        migrations.AddIndex(
            model_name='rulechange',
            index=models.Index(fields=['client', 'code', '-in_force_at'], name='rule_in_force'),
        ),
        migrations.AddConstraint(
            model_name='rulechange',
            constraint=models.UniqueConstraint(condition=models.Q(('in_force_at', None), ('refused_at', None)), fields=('client', 'code'), name='rule_one_proposal'),
        ),
    ]
