"""`manage.py fill_barcode_keys`: keys of barcodes that an older version saved."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import DEFAULT_DB_ALIAS, transaction

from orders.models import Barcode, BarcodeRule
from orders.services.catalog.barcode_keys import fill_barcode_keys, update_barcode_keys
from tenants.models import Tenant
from tenants.scope import across_tenants, tenant_scope


class Command(BaseCommand):
    help = (
        "Gives keys to barcodes that workers of an older version saved after `migrate`, so that "
        "scans find them. Prints barcodes that differ only in the spelling of their GTIN. Also "
        "sets the keys of barcodes that rules for labels match."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        for line in fill_barcode_keys(Barcode, DEFAULT_DB_ALIAS):
            self.stdout.write(line)
        with across_tenants():
            shops = list(Tenant.objects.filter(pk__in=BarcodeRule.objects.values("tenant")))
        for shop in shops:
            with tenant_scope(shop), transaction.atomic():
                update_barcode_keys(BarcodeRule.objects.values_list("pattern", flat=True))
