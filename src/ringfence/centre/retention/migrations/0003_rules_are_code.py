
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('retention', '0002_hold_number'),
    ]

    operations = [
        migrations.AlterField(
            model_name='rulechange',
            name='code',
            field=models.CharField(max_length=24),
        ),
    ]
