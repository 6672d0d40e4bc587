"""Whether a shop has price lists."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tenants', '0011_limit_deposit_returns'),
    ]

    operations = [
        migrations.AddField(
            model_name='tenant',
            name='has_price_lists',
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
    ]
