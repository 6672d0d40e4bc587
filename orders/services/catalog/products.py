"""Products and their barcodes: create and update."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.models import User
from accounts.services.store_assignments import ensure_works_in_all_stores
from orders.exceptions import BarcodeTaken, OptionsTaken, PluTaken, SkuTaken
from orders.models import Barcode, Modifier, Product
from orders.models.variant_options import build_options_key
from orders.services.catalog.barcode_keys import load_barcode_keys
from orders.services.catalog.modifier_units import UNIT_FIELDS, find_unit_errors
from orders.services.catalog.variants import (
    VARIANT_FIELDS,
    complete_changes,
    ensure_variant_possible,
    remember_former,
    update_relatives,
)
from tenants import audit
from tenants.events.outbox import publish_row
from tenants.exceptions import FieldError, Invalid
from tenants.ids import unique_or
from tenants.scope import atomic_with_retry

# Fields that determine the price that customers pay, and the cost. The unit is a part of the price.
PRICE_FIELDS = frozenset(
    {
        "price",
        "sold_by",
        "weight_unit",
        "open_price",
        "tax_class",
        "deposit",
        "returnable",
        "modifier_lists",
        "cost",
    }
)


@atomic_with_retry
def write_product(
    product: Product,
    changes: dict[str, Any],
    *,
    barcodes: Sequence[str] | None = None,
    by: User | None = None,
) -> Product:
    """Create or update a product and record it in the audit log.

    `barcodes` replaces all barcodes; None keeps them. `by` is None for commands of the system,
    which are not audited. A new variant has from its parent what the changes leave out. Raises
    `SkuTaken`, `PluTaken`, `BarcodeTaken`, `OptionsTaken`, and `NotPermitted` for prices that a
    service key must not set.
    """
    is_new = product._state.adding
    changes |= _name_modifier_lists(changes)
    if by is not None:
        _ensure_may_set_prices(product, changes, by)
    changes = complete_changes(product, changes)
    facts = {} if is_new else {"changes": audit.changes(product, changes)}
    former = remember_former(product, changes)
    for name, value in changes.items():
        setattr(product, name, value)
    new_barcodes = _check(product, changes, barcodes)
    _ensure_possible_as_modifier(product, facts.get("changes", {}))
    # After a concurrent insert the second check names the SKU or barcode that is taken.
    with unique_or(partial(_ensure_unique, product, new_barcodes or ())):
        _save(product, changes, new_barcodes)
    publish_row(product, is_new=is_new)
    update_relatives(product, changes, former, by=by)
    if by is not None and (is_new or facts["changes"]):
        done = "product_added" if is_new else "product_changed"
        audit.record(done, actor=by, target=product, **facts)
    return Product.objects.with_barcodes().get(pk=product.pk)


def _ensure_may_set_prices(product: Product, changes: dict[str, Any], by: User) -> None:
    """Raise `NotPermitted` if somebody who is limited to stores changes the price in all stores.

    New products have none yet, but nobody limited to stores sets a cost.
    """
    priced = {"cost"} if product._state.adding else PRICE_FIELDS
    given = {name: value for name, value in changes.items() if name in priced}
    if audit.changes(product, given):
        ensure_works_in_all_stores(by)


def _check(
    product: Product, changes: dict[str, Any], barcodes: Sequence[str] | None
) -> dict[str, Barcode] | None:
    """Raise an error for values that the product cannot have; return the new barcodes."""
    if changes.keys() & VARIANT_FIELDS:
        ensure_variant_possible(product)
    product.clean_fields()
    if changes.keys() & {"content", "content_unit"} and (error := product.find_content_error()):
        raise Invalid(errors=(error,))
    if changes.keys() & {"deposit", "returnable", "open_price", "sold_by", "modifier_lists"}:
        _ensure_returnable_possible(product)
        _ensure_deposit_possible(product)
        _ensure_modifiers_possible(product)
    new_barcodes = None if barcodes is None else _parse_barcodes(product, barcodes)
    _ensure_unique(product, new_barcodes or ())
    return new_barcodes


def _name_modifier_lists(changes: dict[str, Any]) -> dict[str, Any]:
    """Return the modifier lists of the changes as the product stores them."""
    if "modifier_lists" not in changes:
        return {}
    return {"modifier_lists": [str(each.pk) for each in changes["modifier_lists"]] or None}


@transaction.atomic
def _save(
    product: Product, changes: dict[str, Any], new_barcodes: dict[str, Barcode] | None
) -> None:
    is_new = product._state.adding
    product.save(force_insert=True) if is_new else product.save_changes(*changes)
    if new_barcodes is not None:
        _set_barcodes(product, new_barcodes)


def _parse_barcodes(product: Product, codes: Iterable[str]) -> dict[str, Barcode]:
    """Validate barcodes and drop repeated ones. Errors name the position in the list.

    Return them by their keys.
    """
    codes = list(codes)
    keys = load_barcode_keys(codes)
    barcodes: dict[str, Barcode] = {}
    errors: list[FieldError] = []
    for position, code in enumerate(codes):
        barcode = Barcode(product=product, code=code)
        try:
            barcode.clean_fields(exclude=["tenant", "product"])
        except ValidationError as error:
            (reason,) = error.error_dict["code"]
            detail = " ".join(reason.messages)
            errors.append(FieldError(f"barcodes[{position}]", str(reason.code), detail))
        barcode.key = keys.build(barcode.code)
        barcodes.setdefault(barcode.key, barcode)
    if errors:
        raise Invalid(errors=tuple(errors))
    return barcodes


def _ensure_returnable_possible(product: Product) -> None:
    """Raise `Invalid` for a product that is both sold and brought back."""
    if not product.returnable:
        return
    error = product.find_returnable_error()
    if error is None and Product.objects.filter(deposit=product).exists():
        detail = "This product is the deposit of others, which is charged."
        error = FieldError("returnable", "is_deposit", detail)
    if error:
        raise Invalid(errors=(error,))


def _ensure_deposit_possible(product: Product) -> None:
    """Raise `Invalid` for a deposit that the product cannot have.

    Locks the deposit, so that nobody gives it a deposit at the same time.
    """
    if not product.deposit_id:
        return
    product.deposit = Product.objects.select_for_update(no_key=True).get(pk=product.deposit_id)
    error = product.find_deposit_error()
    if error is None and Product.objects.filter(deposit=product).exists():
        detail = "This product is the deposit of others and cannot have one itself."
        error = FieldError("deposit", "is_deposit", detail)
    if error:
        raise Invalid(errors=(error,))


def _ensure_modifiers_possible(product: Product) -> None:
    """Raise `Invalid` for goods by weight with a modifier that takes whole units from stock."""
    if product.sold_by != Product.SoldBy.WEIGHT or not product.modifier_lists:
        return
    lists = [UUID(each) for each in product.modifier_list_ids]
    modifiers = Modifier.objects.filter(modifier_list__in=lists)
    for modifier in modifiers.exclude(product=None).select_related("product"):
        if error := modifier.find_unit_error(product.sold_by, "modifier_lists"):
            raise Invalid(errors=(error,))


def _ensure_possible_as_modifier(product: Product, changes: Mapping[str, Any]) -> None:
    """Raise `Invalid` for a product that a modifier of goods by weight takes from stock, if these
    changes would make it whole units."""
    changed = UNIT_FIELDS & changes.keys()
    if changed:
        field = "sold_by" if "sold_by" in changed else min(changed)
        for _, error in find_unit_errors({product.pk: product}, {}, {product.pk: field}):
            raise Invalid(errors=(error,))


def _ensure_unique(product: Product, keys: Iterable[str]) -> None:
    """Raise `SkuTaken`, `PluTaken`, `OptionsTaken` or `BarcodeTaken` if another product has it.

    Raises `ValidationError` for the external ID of another product.
    """
    others = Product.objects.exclude(pk=product.pk)
    if others.filter(sku=product.sku).exists():
        raise SkuTaken
    if product.plu and others.filter(plu=product.plu).exists():
        raise PluTaken(plu=product.plu)
    if product.external_id and others.filter(external_id=product.external_id).exists():
        raise product.unique_error_message(Product, ("tenant", "external_id"))
    key = build_options_key(product.options)
    if key and others.filter(parent=product.parent_id, options_key=key).exists():
        raise OptionsTaken
    taken = Barcode.objects.filter(key__in=list(keys)).exclude(product=product).first()
    if taken is not None:
        raise BarcodeTaken(barcode=taken.code)


def _set_barcodes(product: Product, new_barcodes: dict[str, Barcode]) -> None:
    stored = {
        (key, code): pk for key, code, pk in product.barcodes.values_list("key", "code", "pk")
    }
    wanted = {(key, barcode.code): barcode for key, barcode in new_barcodes.items()}
    product.barcodes.filter(
        pk__in=[stored[each] for each in stored.keys() - wanted.keys()]
    ).delete()
    Barcode.objects.bulk_create([wanted[each] for each in sorted(wanted.keys() - stored.keys())])
