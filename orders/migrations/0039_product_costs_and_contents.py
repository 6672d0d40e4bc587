"""Cost and content of products."""

import django.core.validators
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0038_price_lists_of_customer_groups'),
        ('tenants', '0012_price_lists'),
    ]

    operations = [
        migrations.AddField(
            model_name='product',
            name='content',
            field=models.DecimalField(blank=True, decimal_places=3, help_text='What one unit contains, for the unit price on labels.', max_digits=12, null=True),
        ),
        migrations.AddField(
            model_name='product',
            name='content_unit',
            field=models.CharField(blank=True, choices=[('g', 'g'), ('kg', 'kg'), ('ml', 'ml'), ('l', 'l'), ('m', 'm'), ('m2', 'm2'), ('piece', 'piece')], max_length=5, null=True),
        ),
        migrations.AddField(
            model_name='product',
            name='cost',
            field=models.DecimalField(blank=True, decimal_places=3, help_text='What the shop pays for one unit. Cashiers do not see it.', max_digits=15, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0'))]),
        ),
        migrations.AddConstraint(
            model_name='product',
            constraint=models.CheckConstraint(condition=models.Q(('cost__isnull', True), ('cost__gte', 0), _connector='OR'), name='product_cost_is_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='product',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('content__isnull', True), ('content_unit__isnull', True)), models.Q(('content__gt', 0), ('content_unit__isnull', False)), _connector='OR'), name='product_content_has_a_unit'),
        ),
    ]
