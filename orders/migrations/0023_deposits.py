"""Deposits of products, and lines that are the deposit of another line."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0022_gs1_codes'),
    ]

    operations = [
        migrations.AddField(
            model_name='orderline',
            name='deposit_for',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='orders.orderline'),
        ),
        migrations.AddField(
            model_name='product',
            name='deposit',
            field=models.ForeignKey(blank=True, db_index=False, help_text='The product that is charged with every unit, such as the deposit of a bottle.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orders.product'),
        ),
        migrations.AddIndex(
            model_name='product',
            index=models.Index(condition=models.Q(('deposit__isnull', False)), fields=['tenant', 'deposit'], name='product_by_deposit'),
        ),
    ]
