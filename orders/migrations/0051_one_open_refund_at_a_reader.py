"""A reader has one open refund.

The index is built while shops sell, apart from its column: a transaction that adds a column locks
its table until it ends.
"""

from django.db import migrations, models

from tenants.database.concurrent_indexes import BuildUniqueConstraint


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("orders", "0050_index_waste")]
    operations = [
        BuildUniqueConstraint(
            model_name="payout",
            constraint=models.UniqueConstraint(
                fields=("tenant", "reader"),
                condition=models.Q(
                    gateway_reference="",
                    reader__isnull=False,
                    status__in=("pending", "unknown"),
                ),
                name="reader_has_one_open_refund",
            ),
        ),
    ]
