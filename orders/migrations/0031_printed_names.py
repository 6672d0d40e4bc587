"""Names on the first print of a receipt, which its copies show too."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0030_partial_plu_index'),
    ]

    operations = [
        migrations.AddField(
            model_name='receipt',
            name='printed_names',
            field=models.JSONField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='refund',
            name='printed_names',
            field=models.JSONField(blank=True, editable=False, null=True),
        ),
    ]
