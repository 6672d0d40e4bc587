"""External IDs and metadata of orders."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0041_refunds_at_readers'),
    ]

    operations = [
        migrations.AddField(
            model_name='order',
            name='external_id',
            field=models.CharField(blank=True, help_text='The ID in another system, such as an ERP.', max_length=100, null=True, verbose_name='external ID'),
        ),
        migrations.AddField(
            model_name='order',
            name='metadata',
            field=models.JSONField(blank=True, editable=False, null=True),
        ),
    ]
