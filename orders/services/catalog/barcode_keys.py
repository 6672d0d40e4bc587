"""Keys of barcodes: by the active rules, and for barcodes that an older version saved."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.db import transaction
from django.db.models import Q

from accounts.models import User
from orders.codes import get_fixed_digits, may_be_label
from orders.models import Barcode, BarcodeRule
from orders.models.barcode_rule import BarcodeKeys
from orders.models.catalog import build_barcode_key, normalize_code
from orders.services.catalog.scanned_codes import ACTIVE_RULES
from tenants.scope import across_tenants, current_tenant_id
from tenants.services import save_audited_row, save_row

CHUNK = 500


def load_barcode_keys(codes: Iterable[str] | None = None) -> BarcodeKeys:
    """Return the keys by the active rules; without a query if none of the codes may be a label."""
    if codes is not None and not any(may_be_label(normalize_code(code)) for code in codes):
        return BarcodeKeys(())
    return BarcodeKeys(ACTIVE_RULES.all(tenant=current_tenant_id()))


@transaction.atomic
def save_barcode_rule(rule: BarcodeRule, values: dict[str, Any]) -> BarcodeRule:
    """Create or change a rule, and the keys of the barcodes that it matches or matched."""
    former = rule.pattern
    save_row(rule, values)
    update_barcode_keys({former, rule.pattern} - {""})
    return rule


@transaction.atomic
def save_audited_barcode_rule(
    rule: BarcodeRule, values: dict[str, Any], *, expected_version: int | None = None, by: User
) -> BarcodeRule:
    """Do the same, and audit it."""
    former = rule.pattern
    saved: BarcodeRule = save_audited_row(
        rule, values, expected_version=expected_version, by=by, name="barcode_rule"
    )
    update_barcode_keys({former, saved.pattern} - {""})
    return saved


def update_barcode_keys(patterns: Iterable[str]) -> None:
    """Set the keys of barcodes that match these patterns by the rules that are active now.

    If two products have a spelling of the same GTIN, which a rule allowed while it was active, the
    one that has the key keeps it, else the oldest gets it. The others keep their text as key: a
    scan of exactly this text finds them.
    """
    found = Q()
    for digits in map(get_fixed_digits, patterns):
        # Of a code of 12 digits, the leading zero of the pattern is left out.
        found |= Q(code__startswith=digits) | Q(code__startswith=digits.removeprefix("0"))
    if not found:
        return
    barcodes = Barcode.objects.filter(found).order_by("created_at", "pk")
    keys = load_barcode_keys()
    wanted: dict[str, uuid.UUID] = {}
    # With one fixed digit, these may be most barcodes of the shop.
    for pk, code, present in barcodes.values_list("pk", "code", "key").iterator(CHUNK):
        if may_be_label(code) and (key := keys.build(code)) != present:
            wanted.setdefault(key, pk)
    # All taken keys are found before any changes.
    candidates = list(wanted)
    starts = range(0, len(candidates), CHUNK)
    for free in [_find_free(candidates[start : start + CHUNK]) for start in starts]:
        changed = [Barcode(pk=wanted[key], key=key) for key in free]
        Barcode.objects.bulk_update(changed, ["key"])


def _find_free(keys: Sequence[str]) -> list[str]:
    """Return the keys that no barcode has."""
    taken = set(Barcode.objects.filter(key__in=keys).values_list("key", flat=True))
    return [key for key in keys if key not in taken]


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
