"""Modifier lists and their modifiers: create and update."""

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from decimal import Decimal
from typing import Any

from django.db import transaction

from accounts.models import User
from accounts.services.store_assignments import ensure_works_in_all_stores
from orders.models import Modifier, ModifierList, Product
from orders.services.catalog.modifier_units import load_lists_by_weight
from tenants import audit
from tenants.events.outbox import publish_row
from tenants.exceptions import FieldError, Invalid
from tenants.ids import unique_or
from tenants.scope import atomic_with_retry, current_tenant

# The columns of a modifier that a request sets.
MODIFIER_FIELDS = ("position", "name", "price", "product", "is_active")


@atomic_with_retry
def write_modifier_list(
    row: ModifierList,
    values: Mapping[str, Any],
    *,
    expected_version: int | None = None,
    by: User | None = None,
) -> ModifierList:
    """Create or change a modifier list, and record it in the audit log.

    `modifiers` replaces all modifiers: those with an `id` are changed, those left out are deleted,
    because orders have copies of them. `by` is None for commands of the system, which are not
    audited. Raises `Invalid`, `VersionConflict`, and `NotPermitted` if somebody who is limited to
    stores changes a list.
    """
    is_new = row._state.adding
    if not is_new:
        row = _lock(row, expected_version, by)
    before = [] if is_new else list(row.modifiers.all())
    columns = {name: value for name, value in values.items() if name != "modifiers"}
    changes = {} if is_new else audit.changes(row, columns)
    for name, value in columns.items():
        setattr(row, name, value)
    modifiers = (
        _build_modifiers(row, before, values["modifiers"]) if "modifiers" in values else None
    )
    if error := row.find_limits_error(before if modifiers is None else modifiers):
        raise Invalid(errors=(error,))
    row.full_clean()
    with unique_or(row.full_clean), transaction.atomic():
        row.save(force_insert=True) if is_new else row.save_changes(*columns)
    if modifiers is not None:
        changes |= _save_modifiers(before, modifiers)
    publish_row(row, is_new=is_new)
    _record(row, changes, is_new=is_new, by=by)
    return ModifierList.objects.with_modifiers().get(pk=row.pk)


def _lock(row: ModifierList, expected_version: int | None, by: User | None) -> ModifierList:
    if by is not None:
        # Its prices are those of all stores.
        ensure_works_in_all_stores(by)
    locked = ModifierList.objects.select_for_update(no_key=True).get(pk=row.pk)
    locked.ensure_version(expected_version)
    return locked


def _record(
    row: ModifierList, changes: Mapping[str, Any], *, is_new: bool, by: User | None
) -> None:
    if by is None:
        return
    if is_new:
        audit.record("modifier_list_added", actor=by, target=row)
    elif changes:
        audit.record("modifier_list_changed", actor=by, target=row, changes=changes)


def _build_modifiers(
    row: ModifierList, before: Sequence[Modifier], given: Sequence[Mapping[str, Any]]
) -> list[Modifier]:
    """Return the modifiers of the request in their order, unsaved."""
    sold_by = _find_sold_by(row)
    if errors := (*_find_errors(before, given), *_find_unit_errors(given, sold_by)):
        raise Invalid(errors=errors)
    ids = {each["id"] for each in given if "id" in each}
    known = {modifier.pk: modifier for modifier in before if modifier.pk in ids}
    modifiers = []
    for position, each in enumerate(given):
        old = known.get(each["id"]) if "id" in each else None
        # A copy, so that both can be compared.
        modifier = copy(old) if old else Modifier(modifier_list=row)
        modifier.position, modifier.name = position, each["name"]
        modifier.price = each.get("price", Decimal(0))
        modifier.product, modifier.is_active = each.get("product"), each.get("is_active", True)
        modifiers.append(modifier)
    return modifiers


def _find_errors(
    before: Sequence[Modifier], given: Sequence[Mapping[str, Any]]
) -> Iterator[FieldError]:
    """Yield an error for each unknown or repeated id, and for each repeated name."""
    left = {modifier.pk for modifier in before}
    names: set[str] = set()
    for position, each in enumerate(given):
        path = f"modifiers[{position}]"
        if "id" in each and each["id"] not in left:
            detail = "Not a modifier of this list, or named twice."
            yield FieldError(f"{path}.id", "does_not_exist", detail)
        product = each.get("product")
        if product and product.has_variants:
            detail = f"{product.name} has variants, which have the stock. Choose one of them."
            yield FieldError(f"{path}.product", "has_variants", detail)
        left.discard(each.get("id"))
        if each["name"] in names:
            yield FieldError(f"{path}.name", "unique", "This name already exists.")
        names.add(each["name"])


def _find_sold_by(row: ModifierList) -> str:
    """Return `weight` if a product with this list is sold by weight."""
    is_by_weight = any(str(row.pk) in lists for lists in load_lists_by_weight().values())
    return (Product.SoldBy.WEIGHT if is_by_weight else Product.SoldBy.UNIT).value


def _find_unit_errors(given: Sequence[Mapping[str, Any]], sold_by: str) -> Iterator[FieldError]:
    """Yield an error for each modifier that would take a part of a unit from stock."""
    for position, each in enumerate(given):
        modifier = Modifier(name=each["name"], product=each.get("product"))
        if error := modifier.find_unit_error(sold_by, f"modifiers[{position}].product"):
            yield error


def _save_modifiers(before: Sequence[Modifier], modifiers: Sequence[Modifier]) -> dict[str, Any]:
    """Insert, update and delete modifiers. Return what has changed, for the audit log."""
    old, new = _describe(before), _describe(modifiers)
    if old == new:
        return {}
    kept = {modifier.pk for modifier in modifiers}
    gone = [modifier.pk for modifier in before if modifier.pk not in kept]
    Modifier.objects.filter(pk__in=gone).delete()
    added = [modifier for modifier in modifiers if modifier._state.adding]
    Modifier.objects.bulk_update(
        [modifier for modifier in modifiers if not modifier._state.adding], MODIFIER_FIELDS
    )
    Modifier.objects.bulk_create(added)
    return {"modifiers": {"from": old, "to": new}}


def _describe(modifiers: Sequence[Modifier]) -> list[dict[str, Any]]:
    quantize = current_tenant().quantize_amount
    return [
        {
            "name": each.name,
            "price": str(quantize(each.price)),
            "product": str(each.product_id) if each.product_id else None,
            "is_active": each.is_active,
        }
        for each in modifiers
    ]
