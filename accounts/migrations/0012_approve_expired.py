"""Approvals for the sale of expired products."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0011_choice_labels'),
    ]

    operations = [
        migrations.AlterField(
            model_name='approval',
            name='action',
            field=models.CharField(choices=[('discount', 'Discount above the limit'), ('price_override', 'Price override above the limit'), ('refund', 'Refund'), ('void', 'Void'), ('paid_out', 'Paid out'), ('drop', 'Cash drop'), ('sell_expired', 'Sale of an expired product')], max_length=14),
        ),
    ]
