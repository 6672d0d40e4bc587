from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0010_cash_in_coins'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='order',
            name='order_unbooked',
        ),
        migrations.AddField(
            model_name='payment',
            name='entry',
            field=models.CharField(blank=True, choices=[('gateway', 'By the payment gateway'), ('external', 'At a stand-alone reader'), ('unverified', 'Offline, not confirmed by anybody')], max_length=10),
        ),
        migrations.AddField(
            model_name='payout',
            name='entry',
            field=models.CharField(blank=True, choices=[('gateway', 'By the payment gateway'), ('external', 'At a stand-alone reader'), ('unverified', 'Offline, not confirmed by anybody')], max_length=10),
        ),
        # Null in the rows that are there: they count from `last_device_sequence`.
        migrations.AddField(
            model_name='registerseries',
            name='held_device_sequence',
            field=models.PositiveBigIntegerField(null=True),
        ),
        migrations.AlterField(
            model_name='registerseries',
            name='held_device_sequence',
            field=models.PositiveBigIntegerField(null=True, default=0),
        ),
        migrations.AddIndex(
            model_name='order',
            index=models.Index(condition=models.Q(('shift', None), ('sold_at__isnull', False)), fields=['tenant', 'register'], name='order_unbooked'),
        ),
    ]
