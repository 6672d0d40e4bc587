"""An external ID belongs to one order; the index is built while shops sell."""

from django.db import migrations, models

from tenants.database.concurrent_indexes import BuildUniqueConstraint


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("orders", "0042_external_ids_of_orders")]
    operations = [
        BuildUniqueConstraint(
            model_name="order",
            constraint=models.UniqueConstraint(
                fields=("tenant", "external_id"),
                condition=models.Q(external_id__isnull=False),
                name="order_external_id_is_unique",
            ),
        ),
    ]
