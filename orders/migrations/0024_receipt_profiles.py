"""Receipt profiles of stores, whose versions never change, and the version of each document."""

import django.db.models.deletion
import tenants.append_only
import tenants.ids
import tenants.scope
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0023_deposits'),
        ('tenants', '0010_receipt_profiles'),
    ]

    operations = [
        migrations.CreateModel(
            name='ReceiptProfile',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('legal_name', models.CharField(max_length=200)),
                ('address', models.TextField(blank=True, max_length=500)),
                ('tax_numbers', models.JSONField(blank=True, default=list)),
                ('header', models.JSONField(blank=True, default=list)),
                ('footer', models.JSONField(blank=True, default=list)),
                ('return_policy', models.TextField(blank=True, max_length=1000)),
                ('logo', models.BinaryField(blank=True, null=True)),
                ('logo_hash', models.CharField(blank=True, editable=False, max_length=64)),
                ('language', models.CharField(choices=[('en', 'English'), ('de', 'German'), ('fr', 'French'), ('es', 'Spanish'), ('it', 'Italian'), ('nl', 'Dutch'), ('pl', 'Polish'), ('pt', 'Portuguese')], default='en', max_length=2)),
                ('paper_mm', models.PositiveSmallIntegerField(choices=[(80, '80 mm'), (58, '58 mm')], default=80, verbose_name='paper width')),
                ('code_page', models.CharField(default='pc858', max_length=20)),
                ('drawer_pulse', models.BooleanField(default=False, help_text='Receipts of cash sales and cash refunds open the drawer at the printer.', verbose_name='open the drawer')),
                ('hash', models.CharField(editable=False, max_length=64)),
                ('store', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='receipt_profiles', to='tenants.store')),
                ('tenant', models.ForeignKey(db_index=False, default=tenants.scope.current_tenant_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'verbose_name': 'receipt profile',
                'verbose_name_plural': 'receipt profiles',
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.AddField(
            model_name='receipt',
            name='profile',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orders.receiptprofile'),
        ),
        migrations.AddField(
            model_name='refund',
            name='profile',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orders.receiptprofile'),
        ),
        migrations.AddField(
            model_name='shift',
            name='profile',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orders.receiptprofile'),
        ),
        migrations.AddIndex(
            model_name='receiptprofile',
            index=models.Index(fields=['tenant', '-created_at', '-id'], name='receipt_profile_by_time'),
        ),
        migrations.AddConstraint(
            model_name='receiptprofile',
            constraint=models.UniqueConstraint(fields=('tenant', 'store', 'version'), name='receipt_profile_version_is_unique'),
        ),
        tenants.append_only.AppendOnly('orders_receiptprofile'),
    ]
