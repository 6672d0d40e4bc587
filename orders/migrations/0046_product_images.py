"""Images of products, in a table of their own."""

import django.db.models.deletion
import tenants.ids
import tenants.scope
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0045_stock_counts'),
        ('tenants', '0013_external_ids'),
    ]

    operations = [
        migrations.AddField(
            model_name='product',
            name='image',
            field=models.JSONField(editable=False, null=True),
        ),
        migrations.CreateModel(
            name='ProductImage',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('hash', models.CharField(max_length=32)),
                ('image', models.BinaryField()),
                ('thumbnail', models.BinaryField()),
                ('product', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='orders.product')),
                ('tenant', models.ForeignKey(db_index=False, default=tenants.scope.current_tenant_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'abstract': False,
                'base_manager_name': 'objects',
                'indexes': [models.Index(fields=['tenant', 'hash'], name='product_image_by_hash')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'product'), name='product_image_is_the_only_one')],
            },
        ),
    ]
