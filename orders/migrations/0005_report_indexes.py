"""Reports ask for the sales and refunds of some days, of all that a shop ever had."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0004_search")]
    operations = [
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("completed_at__isnull", False)),
                fields=["tenant", "completed_at"],
                name="order_by_sale",
            ),
        ),
        migrations.AddIndex(
            model_name="refund",
            index=models.Index(
                condition=models.Q(("completed_at__isnull", False)),
                fields=["tenant", "completed_at"],
                name="refund_by_completion",
            ),
        ),
    ]
