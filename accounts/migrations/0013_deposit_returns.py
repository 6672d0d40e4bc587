"""The approval of returned goods above the limit."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0012_approve_expired'),
    ]

    operations = [
        migrations.AlterField(
            model_name='approval',
            name='action',
            field=models.CharField(choices=[('discount', 'Discount above the limit'), ('price_override', 'Price override above the limit'), ('refund', 'Refund'), ('void', 'Void'), ('paid_out', 'Paid out'), ('drop', 'Cash drop'), ('deposit_return', 'Deposit return above the limit'), ('sell_expired', 'Sale of an expired product')], max_length=14),
        ),
    ]
