"""External IDs and metadata of stores."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tenants', '0012_price_lists'),
    ]

    operations = [
        migrations.AddField(
            model_name='store',
            name='external_id',
            field=models.CharField(blank=True, help_text='The ID in another system, such as an ERP.', max_length=100, null=True, verbose_name='external ID'),
        ),
        migrations.AddField(
            model_name='store',
            name='metadata',
            field=models.JSONField(blank=True, editable=False, null=True),
        ),
        migrations.AddConstraint(
            model_name='store',
            constraint=models.UniqueConstraint(fields=('tenant', 'external_id'), name='store_external_id_is_unique'),
        ),
    ]
