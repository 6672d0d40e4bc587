"""Bookkeeping profiles of stores."""

import django.db.models.deletion
import tenants.ids
import tenants.scope
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0046_product_images'),
        ('tenants', '0013_external_ids'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='BookkeepingProfile',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('consultant_number', models.PositiveIntegerField(help_text="DATEV's number of the consultant.")),
                ('client_number', models.PositiveIntegerField(help_text="The consultant's number of the shop.")),
                ('fiscal_year_month', models.PositiveSmallIntegerField(default=1, help_text='The month in which the fiscal year begins, such as 1 for January.')),
                ('account_length', models.PositiveSmallIntegerField(default=4, help_text='Digits of the accounts in the general ledger: 4 to 8.')),
                ('chart', models.CharField(blank=True, choices=[('03', 'SKR 03'), ('04', 'SKR 04')], max_length=2, verbose_name='chart of accounts')),
                ('revenue_accounts', models.JSONField(blank=True, default=list)),
                ('cash_account', models.CharField(blank=True, help_text='Cash in the drawers.', max_length=8)),
                ('card_account', models.CharField(blank=True, help_text='Card payments until the bank has them.', max_length=8)),
                ('voucher_account', models.CharField(blank=True, help_text='Vouchers that were accepted.', max_length=8)),
                ('store_credit_account', models.CharField(blank=True, help_text='Store credits that customers have.', max_length=8)),
                ('other_account', models.CharField(blank=True, help_text='Other payments.', max_length=8)),
                ('clearing_account', models.CharField(blank=True, help_text='Between sales and payments. Its balance is what customers have paid in advance.', max_length=8)),
                ('transfer_account', models.CharField(blank=True, help_text='Cash on its way to or from the safe or the bank.', max_length=8)),
                ('paid_in_account', models.CharField(blank=True, help_text='Cash paid in.', max_length=8)),
                ('paid_out_account', models.CharField(blank=True, help_text='Cash paid out, such as expenses.', max_length=8)),
                ('over_short_account', models.CharField(blank=True, help_text='Differences of counts.', max_length=8, verbose_name='account for cash over and short')),
                ('rounding_account', models.CharField(blank=True, help_text='Rounding of cash.', max_length=8)),
                ('credit_issue_account', models.CharField(blank=True, help_text='The contra account of store credits that managers issue without a refund.', max_length=8, verbose_name='account for issued store credits')),
                ('store', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.store')),
                ('tenant', models.ForeignKey(db_index=False, default=tenants.scope.current_tenant_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'verbose_name': 'bookkeeping profile',
                'verbose_name_plural': 'bookkeeping profiles',
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.AddIndex(
            model_name='bookkeepingprofile',
            index=models.Index(fields=['tenant', 'updated_at', 'id'], name='bookkeeping_profile_updated'),
        ),
        migrations.AddConstraint(
            model_name='bookkeepingprofile',
            constraint=models.UniqueConstraint(fields=('tenant', 'store'), name='bookkeeping_profile_store_is_unique'),
        ),
    ]
