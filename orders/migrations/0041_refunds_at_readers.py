"""The card readers of refunds."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0040_external_ids'),
        ('tenants', '0013_external_ids'),
    ]

    operations = [
        migrations.AddField(
            model_name='payout',
            name='reader',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orders.cardreader'),
        ),
    ]
