"""Indexes of the prices that begin or end in a period, built while shops sell."""

from django.db import migrations, models

from tenants.database.concurrent_indexes import BuildIndex


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("orders", "0043_unique_external_ids_of_orders")]
    operations = [
        BuildIndex(
            model_name="price",
            index=models.Index(
                fields=["tenant", "valid_from"],
                condition=models.Q(valid_from__isnull=False),
                name="price_begins",
            ),
        ),
        BuildIndex(
            model_name="price",
            index=models.Index(
                fields=["tenant", "valid_to"],
                condition=models.Q(valid_to__isnull=False),
                name="price_ends",
            ),
        ),
    ]
