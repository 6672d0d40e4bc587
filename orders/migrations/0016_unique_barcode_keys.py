"""A barcode belongs to one product, whichever spelling of its GTIN is entered."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("orders", "0015_fill_barcode_keys")]
    operations = [
        migrations.RemoveConstraint(model_name="barcode", name="barcode_is_unique"),
        migrations.AddConstraint(
            model_name="barcode",
            constraint=models.UniqueConstraint(
                fields=("tenant", "key"), name="barcode_key_is_unique"
            ),
        ),
    ]
