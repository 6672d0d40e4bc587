"""Modifier lists with their modifiers, and the lists of each product."""

import django.core.validators
import django.db.models.deletion
import tenants.ids
import tenants.scope
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0033_index_orders_by_customer'),
        ('tenants', '0011_limit_deposit_returns'),
    ]

    operations = [
        migrations.AddField(
            model_name='product',
            name='modifier_lists',
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.CreateModel(
            name='ModifierList',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('name', models.CharField(max_length=100)),
                ('min', models.PositiveSmallIntegerField(default=0, help_text='How many modifiers must be chosen. 0: the list is optional.')),
                ('max', models.PositiveSmallIntegerField(blank=True, help_text='How many modifiers can be chosen. Empty: any number.', null=True)),
                ('allow_quantity', models.BooleanField(default=False, help_text='The same modifier can be chosen several times.')),
                ('is_active', models.BooleanField(default=True)),
                ('tenant', models.ForeignKey(db_index=False, default=tenants.scope.current_tenant_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'verbose_name': 'modifier list',
                'verbose_name_plural': 'modifier lists',
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='Modifier',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('position', models.PositiveSmallIntegerField()),
                ('name', models.CharField(max_length=100)),
                ('price', models.DecimalField(decimal_places=3, default=Decimal('0'), max_digits=15, validators=[django.core.validators.MinValueValidator(Decimal('0'))])),
                ('is_active', models.BooleanField(default=True)),
                ('product', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orders.product')),
                ('tenant', models.ForeignKey(db_index=False, default=tenants.scope.current_tenant_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
                ('modifier_list', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='modifiers', to='orders.modifierlist')),
            ],
            options={
                'ordering': ['position'],
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.AddIndex(
            model_name='modifierlist',
            index=models.Index(fields=['tenant', 'updated_at', 'id'], name='modifier_list_updated'),
        ),
        migrations.AddConstraint(
            model_name='modifierlist',
            constraint=models.UniqueConstraint(fields=('tenant', 'name'), name='modifier_list_name_is_unique'),
        ),
        migrations.AddConstraint(
            model_name='modifierlist',
            constraint=models.CheckConstraint(condition=models.Q(('max__isnull', True), models.Q(('max__gte', 1), ('max__gte', models.F('min'))), _connector='OR'), name='modifier_list_max_is_possible'),
        ),
        migrations.AddIndex(
            model_name='modifier',
            index=models.Index(fields=['tenant', 'modifier_list', 'position'], name='modifier_by_list'),
        ),
        migrations.AddConstraint(
            model_name='modifier',
            constraint=models.CheckConstraint(condition=models.Q(('price__gte', 0)), name='modifier_price_is_not_negative'),
        ),
    ]
