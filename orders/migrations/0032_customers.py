"""Customers, their groups, and the customer of an order."""

import django.db.models.deletion
import tenants.ids
import tenants.scope
from django.db import migrations, models


# As for products, see 0004_search: it finds beginnings of words inside of the text.
TRIGRAMS = """
CREATE INDEX customer_search ON orders_customer USING gin (tenant_id, search_text gin_trgm_ops)
WITH (gin_pending_list_limit = 256)
"""
COVERING = "CREATE INDEX customer_search ON orders_customer (tenant_id, search_text)"


def index(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        schema_editor.execute(COVERING)
        return
    with schema_editor.connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_extension WHERE extname IN ('pg_trgm', 'btree_gin')"
        )
        if cursor.fetchone()[0] == 2:
            schema_editor.execute(TRIGRAMS)


def drop_index(apps, schema_editor):
    schema_editor.execute("DROP INDEX IF EXISTS customer_search")


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0031_printed_names'),
        ('tenants', '0011_limit_deposit_returns'),
    ]

    operations = [
        migrations.CreateModel(
            name='CustomerGroup',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('name', models.CharField(max_length=100)),
                ('tenant', models.ForeignKey(db_index=False, default=tenants.scope.current_tenant_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'verbose_name': 'customer group',
                'verbose_name_plural': 'customer groups',
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.CreateModel(
            name='Customer',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('name', models.CharField(max_length=100)),
                ('email', models.EmailField(blank=True, max_length=254, verbose_name='e-mail address')),
                ('phone', models.CharField(blank=True, max_length=32)),
                ('tax_number', models.CharField(blank=True, max_length=50)),
                ('group', models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orders.customergroup')),
                ('note', models.TextField(blank=True, max_length=500)),
                ('erased_at', models.DateTimeField(blank=True, editable=False, null=True)),
                ('search_text', models.TextField(blank=True, editable=False)),
                ('email_key', models.CharField(blank=True, editable=False, max_length=254)),
                ('phone_digits', models.CharField(blank=True, editable=False, max_length=32)),
                ('phone_tail', models.CharField(blank=True, editable=False, max_length=7)),
                ('tenant', models.ForeignKey(db_index=False, default=tenants.scope.current_tenant_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.AddField(
            model_name='order',
            name='customer',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orders.customer'),
        ),
        migrations.AddField(
            model_name='order',
            name='customer_tax_number',
            field=models.CharField(blank=True, db_default='', default='', max_length=50),
        ),
        migrations.AddIndex(
            model_name='customergroup',
            index=models.Index(fields=['tenant', 'updated_at', 'id'], name='customer_group_updated'),
        ),
        migrations.AddConstraint(
            model_name='customergroup',
            constraint=models.UniqueConstraint(fields=('tenant', 'name'), name='customer_group_name_is_unique'),
        ),
        migrations.AddIndex(
            model_name='customer',
            index=models.Index(fields=['tenant', 'updated_at', 'id'], name='customer_updated'),
        ),
        migrations.AddIndex(
            model_name='customer',
            index=models.Index(fields=['tenant', 'name', 'id'], name='customer_by_name'),
        ),
        migrations.AddIndex(
            model_name='customer',
            index=models.Index(fields=['tenant', 'group', 'id'], name='customer_by_group'),
        ),
        migrations.AddIndex(
            model_name='customer',
            index=models.Index(condition=models.Q(('email_key', ''), _negated=True), fields=['tenant', 'email_key'], name='customer_by_email'),
        ),
        migrations.AddIndex(
            model_name='customer',
            index=models.Index(condition=models.Q(('phone_tail', ''), _negated=True), fields=['tenant', 'phone_tail'], name='customer_by_phone'),
        ),
        migrations.RunPython(index, drop_index),
    ]
