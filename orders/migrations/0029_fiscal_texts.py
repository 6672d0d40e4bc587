"""Texts of an outside signing service on receipts and refund receipts."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0028_check_empties'),
    ]

    operations = [
        migrations.AddField(
            model_name='receipt',
            name='fiscal',
            field=models.JSONField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='refund',
            name='fiscal',
            field=models.JSONField(blank=True, editable=False, null=True),
        ),
        migrations.AlterField(
            model_name='chainentry',
            name='kind',
            field=models.CharField(choices=[('receipt', 'Receipt'), ('refund', 'Refund'), ('z_report', 'Z report'), ('reversal', 'Reversal of a refund'), ('fiscal', 'Fiscal text')], max_length=8),
        ),
    ]
