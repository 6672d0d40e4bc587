"""Stock levels: decrement for sales, reserve for payments, increment for refunds."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from orders.exceptions import InsufficientStock
from orders.models import OrderLine, Product, StockLevel
from orders.models.line import StockItem
from tenants import audit
from tenants.api.formats import format_number
from tenants.database.bulk_insert import BATCH_SIZE, bulk_insert
from tenants.events.outbox import build_event, publish_all, publish_row
from tenants.models import Store, Tenant
from tenants.scope import atomic_with_retry, current_tenant

Quantities = Mapping[uuid.UUID, Decimal]
# SKU and name of a product, as sold or as they are now.
NamedProducts = Mapping[uuid.UUID, StockItem] | Mapping[uuid.UUID, Product]
ZERO = Decimal(0)


def sum_tracked_quantities(lines: Iterable[OrderLine]) -> dict[uuid.UUID, Decimal]:
    """Return the quantity per product id, of the products and modifiers that track stock."""
    quantities: dict[uuid.UUID, Decimal] = defaultdict(Decimal)
    for line in lines:
        for item in line.stock_items:
            quantities[item.product] += item.quantity * line.quantity
    return dict(quantities)


def decrement_stock(store: Store, lines: Iterable[OrderLine]) -> None:
    """Decrement stock by what is sold: all lines, or none and `InsufficientStock`."""
    _move(store, list(lines), quantity=-1, only_if_enough=is_oversale_blocked())


def reserve_stock(store: Store, lines: Iterable[OrderLine], *, may_oversell: bool = False) -> None:
    """Reserve stock while a payment is in progress. Raises `InsufficientStock`."""
    _move(store, list(lines), reserved=1, only_if_enough=is_oversale_blocked() and not may_oversell)


def decrement_reserved_stock(store: Store, lines: Iterable[OrderLine]) -> None:
    lines = list(lines)
    if quantities := sum_tracked_quantities(lines):
        moved = StockLevel.objects.move(store, quantities, quantity=-1, reserved=-1)
        publish_low_stock(store, moved, _negate(quantities), _items_by_product(lines))


def decrement_stock_unchecked(
    store: Store, lines: Sequence[OrderLine]
) -> dict[uuid.UUID, StockLevel]:
    """Decrement stock by goods that have left already, below zero if necessary.

    Return the levels after it, per product id.
    """
    quantities = sum_tracked_quantities(lines)
    if not quantities:
        return {}
    moved = StockLevel.objects.move(store, quantities, quantity=-1)
    missing = {product: each for product, each in quantities.items() if product not in moved}
    if missing:
        ensure_levels((store, product) for product in missing)
        moved |= StockLevel.objects.move(store, missing, quantity=-1)
    publish_low_stock(store, moved, _negate(quantities), _items_by_product(lines))
    return moved


def release_stock(store: Store, lines: Iterable[OrderLine]) -> None:
    if quantities := sum_tracked_quantities(lines):
        StockLevel.objects.move(store, quantities, reserved=-1)


def increment_stock(store: Store, returned: Quantities) -> None:
    """Increment stock by returned goods that can be sold again."""
    if not returned:
        return
    moved = StockLevel.objects.move(store, returned, quantity=1)
    if missing := {product: each for product, each in returned.items() if product not in moved}:
        ensure_levels((store, product) for product in missing)
        StockLevel.objects.move(store, missing, quantity=1)


def decrement_returned_stock(
    store: Store, returned: Quantities, lines: Iterable[OrderLine]
) -> None:
    """Decrement stock by returned goods that count as sold again, below zero if necessary."""
    if not returned:
        return
    moved = StockLevel.objects.move(store, returned, quantity=-1)
    publish_low_stock(store, moved, _negate(returned), _items_by_product(lines))


def publish_low_stock(
    store: Store, levels: Mapping[uuid.UUID, StockLevel], changes: Quantities, named: NamedProducts
) -> None:
    """Publish `stock.low` for each level that fell to its reorder point or below."""
    low = [
        (level, named[product])
        for product, level in levels.items()
        if level.fell_to_reorder_point(changes[product])
    ]
    if low:
        bulk_insert(
            [
                build_event(
                    "stock.low",
                    about=level,
                    in_store=store.pk,
                    **_build_low_stock_data(level, store, it),
                )
                for level, it in low
            ]
        )


def _build_low_stock_data(
    level: StockLevel, store: Store, named: StockItem | Product
) -> dict[str, Any]:
    return {
        "product": str(level.product_id),
        "sku": named.sku,
        "name": named.name,
        "store": str(store.pk),
        "quantity": format_number(level.quantity),
        "reorder_point": format_number(level.reorder_point or ZERO),
    }


def _move(
    store: Store,
    lines: list[OrderLine],
    *,
    quantity: int = 0,
    reserved: int = 0,
    only_if_enough: bool,
) -> None:
    """Update all levels in one statement, conditionally if stock must suffice."""
    quantities = sum_tracked_quantities(lines)
    if not quantities:
        return
    move = partial(StockLevel.objects.move, store, quantity=quantity, reserved=reserved)
    moved = move(quantities, only_if_enough=only_if_enough)
    missing = {product: each for product, each in quantities.items() if product not in moved}
    if missing and only_if_enough:
        raise InsufficientStock(short=_list_shortages(store, lines, missing))
    if missing:
        ensure_levels((store, product) for product in missing)
        move(missing)
    if quantity:
        publish_low_stock(store, moved, _negate(quantities), _items_by_product(lines))


@atomic_with_retry
def set_reorder_point(
    level_id: uuid.UUID, point: Decimal | None, *, expected_version: int | None, by: User
) -> StockLevel:
    """Set the quantity at which `stock.low` is sent, or None. Raises `VersionConflict`."""
    rows = StockLevel.objects.visible_to(by).select_related("product", "store")
    level: StockLevel = rows.select_for_update(no_key=True, of=("self",)).get(pk=level_id)
    level.ensure_version(expected_version)
    changed = audit.changes(level, {"reorder_point": point})
    level.reorder_point = point
    level.save_changes("reorder_point")
    publish_row(level, is_new=False)
    if changed:
        facts = {"store": str(level.store_id), "changes": changed}
        audit.record("reorder_point_changed", actor=by, target=level.product, **facts)
    return level


def is_oversale_blocked() -> bool:
    """Return whether the tenant blocks sales that exceed the available stock."""
    return current_tenant().stock_policy == Tenant.StockPolicy.BLOCK


def ensure_levels(pairs: Iterable[tuple[Store, uuid.UUID]]) -> None:
    """Create a level of zero for each product that the store never had."""
    levels = sorted(pairs, key=lambda pair: (pair[1], pair[0].pk))
    StockLevel.objects.bulk_create(
        [StockLevel(store=store, product_id=product) for store, product in levels],
        ignore_conflicts=True,
    )


def lock_levels(
    store: Store, products: Iterable[uuid.UUID], *, also: Q | None = None
) -> dict[uuid.UUID, StockLevel]:
    """Create missing levels, then lock all by id, as sales do; `also` are others of the store."""
    of_store = StockLevel.objects.filter(store=store)
    found = set(of_store.filter(product__in=list(products)).values_list("product_id", flat=True))
    ensure_levels((store, product) for product in products if product not in found)
    wanted = Q(product__in=list(products))
    rows = of_store.filter(wanted if also is None else wanted | also).order_by("pk")
    return {level.product_id: level for level in rows.select_for_update(of=("self",))}


def save_levels(levels: Sequence[StockLevel]) -> None:
    """Save the quantities of locked levels with one statement per batch, and publish them."""
    now = timezone.now()
    for level in levels:
        level.version += 1
        level.updated_at = now
    StockLevel.objects.bulk_create(
        levels,
        batch_size=BATCH_SIZE,
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["quantity", "version", "updated_at"],
    )
    publish_all("stock_level.updated", levels)


def _list_shortages(
    store: Store, lines: Iterable[OrderLine], missing: Quantities
) -> list[dict[str, str]]:
    """Describe every product with insufficient stock, in the order of the lines."""
    available = {
        level.product_id: level.available
        for level in StockLevel.objects.filter(store=store, product_id__in=list(missing))
    }
    named = _items_by_product(lines)
    return [
        build_shortage(product, named[product], each, available.get(product, ZERO))
        for product, each in missing.items()
    ]


def build_shortage(
    product: uuid.UUID, named: StockItem | Product, wanted: Decimal, available: Decimal
) -> dict[str, str]:
    """Describe a product with insufficient stock: wanted, and available without reservations."""
    return {
        "product": str(product),
        "sku": named.sku,
        "name": named.name,
        "wanted": format_number(wanted),
        "available": format_number(max(available, ZERO)),
    }


def _items_by_product(lines: Iterable[OrderLine]) -> dict[uuid.UUID, StockItem]:
    return {item.product: item for line in lines for item in line.stock_items}


def _negate(quantities: Quantities) -> dict[uuid.UUID, Decimal]:
    return {product: -each for product, each in quantities.items()}
