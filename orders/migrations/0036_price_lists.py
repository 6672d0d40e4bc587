"""Price lists, whose prices do not overlap."""

import django.core.validators
import django.db.models.deletion
import orders.models.columns
import tenants.ids
import tenants.scope
from decimal import Decimal
from django.db import migrations, models

from orders.price_overlaps import ForbidOverlaps


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0035_variants'),
        ('tenants', '0012_price_lists'),
    ]

    operations = [
        migrations.CreateModel(
            name='PriceList',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('name', models.CharField(max_length=100)),
                ('stores', models.JSONField(blank=True, default=list)),
                ('priority', models.PositiveSmallIntegerField(help_text='If several lists have a price, the one with the highest priority wins.')),
                ('is_active', models.BooleanField(default=True)),
                ('tenant', models.ForeignKey(db_index=False, default=tenants.scope.current_tenant_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='Price',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('amount', models.DecimalField(decimal_places=3, max_digits=15, validators=[django.core.validators.MinValueValidator(Decimal('0'))])),
                ('min_quantity', models.DecimalField(decimal_places=3, default=Decimal('0'), help_text='The price is for a line of at least this quantity.', max_digits=12, validators=[django.core.validators.MinValueValidator(Decimal('0'))])),
                ('valid_from', orders.models.columns.LocalDateTimeField(blank=True, null=True)),
                ('valid_to', orders.models.columns.LocalDateTimeField(blank=True, null=True)),
                ('is_active', models.BooleanField(default=True)),
                ('product', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='list_prices', to='orders.product')),
                ('tenant', models.ForeignKey(db_index=False, default=tenants.scope.current_tenant_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('price_list', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='prices', to='orders.pricelist')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.AddIndex(
            model_name='pricelist',
            index=models.Index(fields=['tenant', 'updated_at', 'id'], name='price_list_updated'),
        ),
        migrations.AddConstraint(
            model_name='pricelist',
            constraint=models.UniqueConstraint(fields=('tenant', 'name'), name='price_list_name_is_unique'),
        ),
        migrations.AddConstraint(
            model_name='pricelist',
            constraint=models.UniqueConstraint(fields=('tenant', 'priority'), name='price_list_priority_is_unique'),
        ),
        migrations.AddIndex(
            model_name='price',
            index=models.Index(fields=['tenant', 'product', 'price_list'], name='price_of_product'),
        ),
        migrations.AddIndex(
            model_name='price',
            index=models.Index(fields=['tenant', 'price_list', 'id'], name='price_in_list'),
        ),
        migrations.AddIndex(
            model_name='price',
            index=models.Index(fields=['tenant', 'updated_at', 'id'], name='price_updated'),
        ),
        migrations.AddConstraint(
            model_name='price',
            constraint=models.CheckConstraint(condition=models.Q(('amount__gte', 0)), name='price_is_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='price',
            constraint=models.CheckConstraint(condition=models.Q(('min_quantity__gte', 0)), name='price_min_quantity_is_not_negative'),
        ),
        migrations.AddConstraint(
            model_name='price',
            constraint=models.CheckConstraint(condition=models.Q(('valid_from__isnull', True), ('valid_to__isnull', True), ('valid_to__gt', models.F('valid_from')), _connector='OR'), name='price_ends_after_its_start'),
        ),
        ForbidOverlaps(),
    ]
