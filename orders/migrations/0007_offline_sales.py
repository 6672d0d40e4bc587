import django.db.models.deletion
from decimal import Decimal
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0005_report_indexes'),
        ('orders', '0006_payouts_looked_up'),
    ]

    operations = [
        migrations.AddField(
            model_name='order',
            name='adjustment',
            field=models.DecimalField(decimal_places=3, default=Decimal('0'), max_digits=15),
        ),
        migrations.AddField(
            model_name='order',
            name='device_sequence',
            field=models.PositiveBigIntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='order',
            name='flags',
            field=models.CharField(blank=True, editable=False, max_length=200),
        ),
        migrations.AddField(
            model_name='order',
            name='original_shift',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orders.shift'),
        ),
        migrations.AddField(
            model_name='order',
            name='sequence_taken',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='order',
            name='sold_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='registerseries',
            name='last_device_sequence',
            field=models.PositiveBigIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name='orderline',
            name='product',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='orders.product'),
        ),
        migrations.AddIndex(
            model_name='order',
            index=models.Index(condition=models.Q(('flags', ''), _negated=True), fields=['tenant', '-created_at', '-id'], name='order_flagged'),
        ),
        migrations.AddIndex(
            model_name='order',
            index=models.Index(condition=models.Q(('device_sequence__isnull', False), ('shift', None)), fields=['tenant', 'register'], name='order_unbooked'),
        ),
        migrations.AddConstraint(
            model_name='order',
            constraint=models.UniqueConstraint(condition=models.Q(('device_sequence__isnull', False), ('sequence_taken', False)), fields=('tenant', 'register', 'device_sequence'), name='device_sequence_is_unique'),
        ),
    ]
