"""External IDs of products and customers, and open refunds at readers, are unique.

The indexes are built while shops sell, apart from the columns: a transaction that adds a column
locks its table until it ends.
"""

from django.db import migrations, models

from tenants.database.concurrent_indexes import BuildUniqueConstraint


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("orders", "0050_index_waste")]
    operations = [
        BuildUniqueConstraint(
            model_name="product",
            constraint=models.UniqueConstraint(
                fields=("tenant", "external_id"),
                condition=models.Q(external_id__isnull=False),
                name="product_external_id_is_unique",
            ),
        ),
        BuildUniqueConstraint(
            model_name="customer",
            constraint=models.UniqueConstraint(
                fields=("tenant", "external_id"), name="customer_external_id_is_unique"
            ),
        ),
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
