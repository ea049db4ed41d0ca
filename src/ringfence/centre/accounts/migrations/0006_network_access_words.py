from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0005_network_access'),
    ]

    operations = [
        migrations.AlterField(
            model_name='device',
            name='network_access',
            field=models.CharField(blank=True, choices=[('eap_tls', '802.1X with EAP-TLS, preferred'), ('eap_peap', '802.1X with PEAP, the minimum'), ('below', 'No 802.1X, or weaker than PEAP')], max_length=8),
        ),
    ]
