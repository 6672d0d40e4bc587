"""Chosen modifiers of order lines, and required lists of which too few are chosen."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0036_price_lists'),
    ]

    operations = [
        migrations.AddField(
            model_name='orderline',
            name='missing_modifiers',
            field=models.JSONField(null=True),
        ),
        migrations.AddField(
            model_name='orderline',
            name='modifiers',
            field=models.JSONField(null=True),
        ),
    ]
