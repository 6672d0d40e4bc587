"""External IDs and metadata of products and customers."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0039_product_costs_and_contents'),
        ('tenants', '0013_external_ids'),
    ]

    operations = [
        migrations.AddField(
            model_name='customer',
            name='external_id',
            field=models.CharField(blank=True, help_text='The ID in another system, such as an ERP.', max_length=100, null=True, verbose_name='external ID'),
        ),
        migrations.AddField(
            model_name='customer',
            name='metadata',
            field=models.JSONField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='product',
            name='external_id',
            field=models.CharField(blank=True, help_text='The ID in another system, such as an ERP.', max_length=100, null=True, verbose_name='external ID'),
        ),
        migrations.AddField(
            model_name='product',
            name='metadata',
            field=models.JSONField(blank=True, editable=False, null=True),
        ),
    ]
