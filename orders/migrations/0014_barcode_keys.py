"""Column for the keys of barcodes, which are equal for all spellings of a GTIN.

Null in rows without a key: those from before, until `0015_fill_barcode_keys`, and those that
workers of the former version insert until they are restarted.
"""

import orders.models.catalog
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("orders", "0013_choice_labels")]
    operations = [
        migrations.AddField(
            model_name="barcode",
            name="key",
            field=orders.models.catalog.BarcodeKeyField(editable=False, max_length=65, null=True),
        ),
    ]
