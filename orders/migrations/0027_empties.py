"""Returned goods, such as empties: negative lines, totals and payments."""

import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.math
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0026_reverse_refunds'),
        ('tenants', '0011_limit_deposit_returns'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='order',
            name='order_total_is_not_negative',
        ),
        migrations.RemoveConstraint(
            model_name='order',
            name='refunds_do_not_exceed_payments',
        ),
        migrations.RemoveConstraint(
            model_name='orderline',
            name='line_quantity_is_positive',
        ),
        migrations.RemoveConstraint(
            model_name='orderline',
            name='line_total_is_not_negative',
        ),
        migrations.RemoveConstraint(
            model_name='orderline',
            name='refunded_quantity_was_sold',
        ),
        migrations.RemoveConstraint(
            model_name='orderline',
            name='refunded_total_was_sold',
        ),
        migrations.RemoveConstraint(
            model_name='payment',
            name='payment_amount_is_not_negative',
        ),
        migrations.RemoveConstraint(
            model_name='payment',
            name='refunds_do_not_exceed_the_payment',
        ),
        migrations.AddField(
            model_name='order',
            name='deposit_return_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='order',
            name='deposit_return_by',
            field=models.ForeignKey(blank=True, db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='order',
            name='deposit_return_total',
            field=models.DecimalField(db_default=Decimal('0'), decimal_places=3, default=Decimal('0'), max_digits=15),
        ),
        migrations.AddField(
            model_name='product',
            name='returnable',
            field=models.BooleanField(db_default=False, default=False, help_text='Customers bring it back for its price, such as an empty bottle.'),
        ),
        migrations.AlterField(
            model_name='payout',
            name='payment',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='payouts', to='orders.payment'),
        ),
    ]
