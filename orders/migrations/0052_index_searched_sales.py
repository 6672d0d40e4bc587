"""Indexes of the search and the filters of sales, which are built while shops sell."""

from django.db import migrations, models

from tenants.database.concurrent_indexes import BuildIndex


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("orders", "0051_one_open_refund_at_a_reader")]
    operations = [
        BuildIndex(
            model_name="order",
            index=models.Index(
                fields=["tenant", "status", "-created_at", "-id"],
                condition=models.Q(status__in=["open", "held"]),
                name="order_unfinished",
            ),
        ),
        BuildIndex(
            model_name="order",
            index=models.Index(
                fields=["tenant", "total", "-created_at", "-id"], name="order_by_total"
            ),
        ),
        BuildIndex(
            model_name="order",
            index=models.Index(
                fields=["tenant", "cashier", "-created_at", "-id"], name="order_by_cashier"
            ),
        ),
        BuildIndex(
            model_name="order",
            index=models.Index(
                fields=["tenant", "customer_email"],
                condition=~models.Q(customer_email=""),
                name="order_by_email",
            ),
        ),
        BuildIndex(
            model_name="refund",
            index=models.Index(
                fields=["tenant", "total", "-created_at", "-id"], name="refund_by_total"
            ),
        ),
    ]
