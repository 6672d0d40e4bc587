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
        migrations.AddConstraint(
            model_name='customer',
            constraint=models.UniqueConstraint(fields=('tenant', 'external_id'), name='customer_external_id_is_unique'),
        ),
        migrations.AddConstraint(
            model_name='product',
            constraint=models.UniqueConstraint(condition=models.Q(('external_id__isnull', False)), fields=('tenant', 'external_id'), name='product_external_id_is_unique'),
        ),
    ]
