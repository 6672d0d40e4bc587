"""Give keys to barcodes that were saved by a version without keys."""

import uuid
from collections.abc import Iterator
from typing import Any

from django.db import transaction

from orders.models.catalog import build_barcode_key
from tenants.scope import across_tenants

CHUNK = 500


def fill_barcode_keys(barcode_model: Any, alias: str) -> Iterator[str]:
    """Set missing keys shop by shop, and yield a line for each duplicate.

    `barcode_model` may be the model of a migration. The oldest of several spellings of a GTIN gets
    the key. Each of the others gets its own text, so that no scan finds it.
    """
    for shop in _find_shops(barcode_model, alias):
        yield from _fill_shop(barcode_model, alias, shop)


def _find_shops(barcode_model: Any, alias: str) -> list[uuid.UUID]:
    with transaction.atomic(alias), across_tenants():
        missing = barcode_model.objects.using(alias).filter(key=None)
        return list(missing.order_by().values_list("tenant_id", flat=True).distinct())


def _fill_shop(barcode_model: Any, alias: str, shop: uuid.UUID) -> list[str]:
    with transaction.atomic(alias), across_tenants():
        of_shop = barcode_model.objects.using(alias).filter(tenant_id=shop)
        changed, duplicates = _assign_keys(of_shop, shop)
        for start in range(0, len(changed), CHUNK):
            of_shop.bulk_update(changed[start : start + CHUNK], ["key"])
    return duplicates


def _assign_keys(of_shop: Any, shop: uuid.UUID) -> tuple[list[Any], list[str]]:
    """Set the missing keys, and return the barcodes to save with a line for each duplicate."""
    columns = ("key", "code", "product__sku")
    owners = {
        key: (code, sku) for key, code, sku in of_shop.exclude(key=None).values_list(*columns)
    }
    missing = of_shop.filter(key=None).select_related("product").order_by("created_at", "pk")
    changed, duplicates = [], []
    for barcode in missing.iterator():
        code, sku = barcode.code, barcode.product.sku
        key = build_barcode_key(code)
        if key in owners:
            duplicates.append(describe_duplicate(shop, (code, sku), owners[key]))
            # No code ends in a blank, so that no scan has this key.
            key = f"{code} " if code in owners else code
        owners[key] = (code, sku)
        barcode.key = key
        changed.append(barcode)
    return changed, duplicates


def describe_duplicate(shop: uuid.UUID, later: tuple[str, str], first: tuple[str, str]) -> str:
    return (
        f"Tenant {shop}: barcode {later[0]} of product {later[1]} is the same as barcode "
        f"{first[0]} of product {first[1]}. Remove one of them."
    )
