"""Price lists for customers of a group."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0037_line_modifiers'),
    ]

    operations = [
        migrations.AddField(
            model_name='pricelist',
            name='customer_group',
            field=models.ForeignKey(blank=True, db_index=False, help_text='Only for customers of this group. Empty: for all customers, and without one.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orders.customergroup'),
        ),
    ]
