"""A barcode belongs to one product, whichever spelling of its GTIN is entered."""

from django.db import migrations, models

from tenants.database.concurrent_indexes import BuildUniqueConstraint


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("orders", "0015_fill_barcode_keys")]
    operations = [
        BuildUniqueConstraint(
            model_name="barcode",
            constraint=models.UniqueConstraint(
                fields=("tenant", "key"), name="barcode_key_is_unique"
            ),
        ),
        migrations.RemoveConstraint(model_name="barcode", name="barcode_is_unique"),
    ]
