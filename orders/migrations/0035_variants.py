"""Variants of products: parent, options and whether a product has variants."""

import django.db.models.deletion
import orders.models.variant_options
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0034_modifier_lists'),
        ('tenants', '0011_limit_deposit_returns'),
    ]

    operations = [
        migrations.AddField(
            model_name='product',
            name='has_variants',
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AddField(
            model_name='product',
            name='options',
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='product',
            name='options_key',
            field=orders.models.variant_options.OptionsKeyField(editable=False, max_length=32, null=True),
        ),
        migrations.AddField(
            model_name='product',
            name='parent',
            field=models.ForeignKey(blank=True, db_index=False, help_text='The product that this is a variant of.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='variants', to='orders.product'),
        ),
        migrations.AddConstraint(
            model_name='product',
            constraint=models.UniqueConstraint(condition=models.Q(('parent__isnull', False)), fields=('tenant', 'parent', 'options_key'), name='variant_options_are_unique'),
        ),
        migrations.AddConstraint(
            model_name='product',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('options_key__isnull', True), ('parent__isnull', True)), models.Q(('has_variants', False), ('options_key__isnull', False), ('parent__isnull', False)), _connector='OR'), name='variant_has_options'),
        ),
    ]
