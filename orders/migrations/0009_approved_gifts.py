"""What was approved to be given away on an order, and indexes for lists of what was given."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

OVERRIDDEN = """
UPDATE orders_order SET price_overridden = true WHERE EXISTS (
    SELECT 1 FROM orders_orderline line
    WHERE line.tenant_id = orders_order.tenant_id AND line.order_id = orders_order.id
    AND NOT line.open_price AND line.unit_price <> line.list_price
)
"""


class Migration(migrations.Migration):
    dependencies = [
        ("orders", "0008_index_issued_credit"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations = [
        migrations.AddField(
            model_name="order",
            name="approved_gift",
            field=models.DecimalField(
                blank=True, decimal_places=3, editable=False, max_digits=15, null=True
            ),
        ),
        migrations.AddField(
            model_name="order",
            name="gift_approved_by",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="order",
            name="price_overridden",
            field=models.BooleanField(default=False, editable=False),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("discount_total__gt", 0)),
                fields=["tenant", "-created_at", "-id"],
                name="order_discounted",
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("price_overridden", True)),
                fields=["tenant", "-created_at", "-id"],
                name="order_price_overridden",
            ),
        ),
        migrations.RunSQL(OVERRIDDEN, migrations.RunSQL.noop),
    ]
