
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('orders', '0011_entries_and_till_numbers'),
    ]

    operations = [
        migrations.AddField(
            model_name='orderline',
            name='price_typed',
            field=models.BooleanField(default=False),
        ),
    ]
