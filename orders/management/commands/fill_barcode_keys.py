"""`manage.py fill_barcode_keys`: keys of barcodes that an older version saved."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import DEFAULT_DB_ALIAS

from orders.models import Barcode
from orders.services.catalog.barcode_keys import fill_barcode_keys


class Command(BaseCommand):
    help = (
        "Gives keys to barcodes that workers of an older version saved after `migrate`, so that "
        "scans find them. Prints barcodes that differ only in the spelling of their GTIN."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        for line in fill_barcode_keys(Barcode, DEFAULT_DB_ALIAS):
            self.stdout.write(line)
