"""Indexes of payments at card readers and of deposits, built while shops sell."""

from django.db import migrations, models

from tenants.database.concurrent_indexes import BuildIndex, BuildUniqueConstraint


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("orders", "0024_receipt_profiles")]
    operations = [
        BuildIndex(
            model_name="orderline",
            index=models.Index(
                fields=["tenant", "deposit_for"],
                condition=models.Q(deposit_for__isnull=False),
                name="line_deposits",
            ),
        ),
        BuildIndex(
            model_name="payment",
            index=models.Index(
                fields=["next_look_up_at", "id"],
                condition=models.Q(late_capture__in=("returning", "failed")),
                name="payment_late_capture",
            ),
        ),
        BuildUniqueConstraint(
            model_name="payment",
            constraint=models.UniqueConstraint(
                fields=["tenant", "reader"],
                condition=models.Q(
                    status__in=("pending", "unknown"),
                    returned_at__isnull=True,
                    reader__isnull=False,
                ),
                name="reader_has_one_open_charge",
            ),
        ),
    ]
