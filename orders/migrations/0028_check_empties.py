"""What limits negative amounts to returned goods, checked while shops sell."""

import django.db.models.expressions
import django.db.models.functions.math
from django.db import migrations, models

from tenants.database.concurrent_indexes import BuildCheckConstraint, BuildIndex


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('orders', '0027_empties'),
    ]

    operations = [
        BuildIndex(
            model_name='order',
            index=models.Index(condition=models.Q(('deposit_return_total__gt', 0)), fields=['tenant', 'deposit_return_by', 'deposit_return_at'], name='order_with_returns'),
        ),
        BuildCheckConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(('deposit_return_total__gte', 0), ('total__gte', django.db.models.expressions.CombinedExpression(models.F('deposit_return_total'), '*', models.Value(-1)))), name='order_total_is_negative_by_returns_only'),
        ),
        BuildCheckConstraint(
            model_name='order',
            constraint=models.CheckConstraint(condition=models.Q(('refunded_total', 0), models.Q(('refunded_total__gt', 0), ('refunded_total__lte', django.db.models.functions.math.Round(django.db.models.expressions.CombinedExpression(models.F('paid_total'), '+', models.F('deposit_return_total')), precision=3))), _connector='OR'), name='refunds_do_not_exceed_payments'),
        ),
        BuildCheckConstraint(
            model_name='orderline',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('net__gte', 0), ('quantity__gt', 0), ('total__gte', 0)), models.Q(('deposit_for__isnull', True), ('discount_total', 0), ('fixed_gross__isnull', True), ('gross__lte', 0), ('net__lte', 0), ('quantity__lt', 0), ('total__lte', 0), ('tracks_stock', False)), _connector='OR'), name='line_is_sold_or_returned'),
        ),
        BuildCheckConstraint(
            model_name='orderline',
            constraint=models.CheckConstraint(condition=models.Q(('refunded_quantity', 0), models.Q(('refunded_quantity__gt', 0), ('refunded_quantity__lte', models.F('quantity'))), _connector='OR'), name='refunded_quantity_was_sold'),
        ),
        BuildCheckConstraint(
            model_name='orderline',
            constraint=models.CheckConstraint(condition=models.Q(('refunded_total', 0), models.Q(('refunded_total__gt', 0), ('refunded_total__lte', models.F('total'))), _connector='OR'), name='refunded_total_was_sold'),
        ),
        BuildCheckConstraint(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('amount__gte', 0), ('change__gte', 0)), models.Q(('amount__lt', 0), ('change', 0), ('method__in', ['cash', 'store_credit']), ('status', 'captured'), ('tendered__isnull', True)), _connector='OR'), name='payment_is_received_or_paid_out'),
        ),
        BuildCheckConstraint(
            model_name='payment',
            constraint=models.CheckConstraint(condition=models.Q(('refunded_total', 0), models.Q(('refunded_total__gt', 0), ('refunded_total__lte', models.F('amount'))), _connector='OR'), name='refunds_do_not_exceed_the_payment'),
        ),
    ]
