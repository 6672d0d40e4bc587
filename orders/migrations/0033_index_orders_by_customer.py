"""Index of the orders of a customer, built while shops sell."""

from django.db import migrations, models

from tenants.database.concurrent_indexes import BuildIndex


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("orders", "0032_customers")]
    operations = [
        BuildIndex(
            model_name="order",
            index=models.Index(
                fields=["tenant", "customer", "-created_at", "-id"],
                condition=models.Q(customer__isnull=False),
                name="order_by_customer",
            ),
        ),
    ]
