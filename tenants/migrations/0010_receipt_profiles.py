"""The current receipt profile of a store, which each sale reads with the store."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tenants', '0009_choice_labels'),
    ]

    operations = [
        migrations.AddField(
            model_name='store',
            name='receipt_profile',
            field=models.UUIDField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name='store',
            name='receipt_profile_hash',
            field=models.CharField(blank=True, db_default='', default='', editable=False, max_length=64),
        ),
    ]
