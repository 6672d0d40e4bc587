"""Keys of the barcodes of each shop, in a transaction for each shop.

After an interruption it continues with the shops that have barcodes without a key.
"""

from django.db import migrations
from orders.services.catalog.barcode_keys import fill_barcode_keys


def fill(apps, schema_editor):
    Barcode = apps.get_model("orders", "Barcode")
    for line in fill_barcode_keys(Barcode, schema_editor.connection.alias):
        print(line)


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("orders", "0014_barcode_keys")]
    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
