"""An index of returned payments, which is built while shops sell."""

from django.db import migrations, models

from tenants.database.concurrent_indexes import BuildIndex


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("orders", "0047_bookkeeping_profile")]
    operations = [
        BuildIndex(
            model_name="payment",
            index=models.Index(
                fields=["tenant", "returned_at"],
                condition=models.Q(returned_at__isnull=False),
                name="payment_returned_at",
            ),
        ),
    ]
