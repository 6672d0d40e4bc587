"""Rules for labels of scales, the PLU of products, and what was scanned on a line."""

import django.core.validators
import django.db.models.deletion
import tenants.ids
import tenants.scope
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0017_card_readers'),
        ('tenants', '0009_choice_labels'),
    ]

    operations = [
        migrations.CreateModel(
            name='BarcodeRule',
            fields=[
                ('id', models.UUIDField(default=tenants.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('version', models.PositiveIntegerField(default=1, editable=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('updated_at', models.DateTimeField(auto_now=True)),
                ('pattern', models.CharField(help_text='13 characters: digits, I for the PLU, V for the value, K for the check digit of the price, C for the check digit of the barcode.', max_length=13)),
                ('kind', models.CharField(choices=[('weight', 'Weight'), ('price', 'Price')], max_length=6)),
                ('value_decimals', models.PositiveSmallIntegerField(blank=True, help_text='Decimals of the value. Default: 3 for a weight, those of the currency for a price.', null=True)),
                ('priority', models.PositiveSmallIntegerField(default=0, help_text='If several rules match, the highest priority wins.')),
                ('is_active', models.BooleanField(default=True)),
                ('tenant', models.ForeignKey(db_index=False, default=tenants.scope.current_tenant_id, editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tenants.tenant')),
            ],
            options={
                'verbose_name': 'barcode rule',
                'verbose_name_plural': 'barcode rules',
                'abstract': False,
                'base_manager_name': 'objects',
            },
        ),
        migrations.AddField(
            model_name='orderline',
            name='fixed_gross',
            field=models.DecimalField(decimal_places=3, max_digits=15, null=True),
        ),
        migrations.AddField(
            model_name='orderline',
            name='scanned_code',
            field=models.CharField(blank=True, db_default='', default='', max_length=200),
        ),
        migrations.AddField(
            model_name='product',
            name='plu',
            field=models.CharField(blank=True, help_text='Number of the product on scales and their labels, without leading zeros.', max_length=12, null=True, validators=[django.core.validators.RegexValidator('\\A[0-9]+\\Z', 'Enter digits only.', code='not_digits')], verbose_name='PLU'),
        ),
        migrations.AddConstraint(
            model_name='product',
            constraint=models.UniqueConstraint(fields=('tenant', 'plu'), name='product_plu_is_unique'),
        ),
        migrations.AddIndex(
            model_name='barcoderule',
            index=models.Index(fields=['tenant', 'updated_at', 'id'], name='barcode_rule_updated'),
        ),
        migrations.AddConstraint(
            model_name='barcoderule',
            constraint=models.UniqueConstraint(fields=('tenant', 'pattern'), name='barcode_rule_pattern_is_unique'),
        ),
    ]
