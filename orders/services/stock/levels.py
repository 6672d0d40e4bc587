"""What sales take off the shelves, keep there for whoever is paying, and refunds put back."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from orders.exceptions import InsufficientStock
from orders.models import OrderLine, Product, StockLevel
from tenants.api.formats import format_number
from tenants.database.bulk_insert import bulk_insert
from tenants.events.outbox import build_event
from tenants.models import Store, Tenant
from tenants.scope import current_tenant

Quantities = Mapping[uuid.UUID, Decimal]
# Whatever says what a product was called, at the time of the sale or now.
Named = Mapping[uuid.UUID, OrderLine] | Mapping[uuid.UUID, Product]
NOTHING = Decimal(0)


def wanted_of(lines: Iterable[OrderLine]) -> dict[uuid.UUID, Decimal]:
    """How much of each product the lines need, of those whose stock is kept."""
    wanted: dict[uuid.UUID, Decimal] = defaultdict(Decimal)
    for line in lines:
        if line.tracks_stock and line.product_id:
            wanted[line.product_id] += line.quantity
    return dict(wanted)


def take_stock(store: Store, lines: Iterable[OrderLine]) -> None:
    """Take what is sold off the shelf: everything, or nothing and a list of what is short."""
    _take(store, list(lines), quantity=-1, is_strict=must_be_there())


def reserve_stock(store: Store, lines: Iterable[OrderLine], *, even_if_short: bool = False) -> None:
    """Keep goods for somebody who is paying, so that nobody pays for what is gone."""
    _take(store, list(lines), reserved=1, is_strict=must_be_there() and not even_if_short)


def take_reserved_stock(store: Store, lines: Iterable[OrderLine]) -> None:
    lines = list(lines)
    if wanted := wanted_of(lines):
        moved = StockLevel.objects.move(store, wanted, quantity=-1, reserved=-1)
        announce_low(store, moved, _negative(wanted), _named(lines))


def take_what_was_sold(store: Store, lines: Sequence[OrderLine]) -> dict[uuid.UUID, StockLevel]:
    """Take what has left already, whether the books have it or not; what lies there after it."""
    wanted = wanted_of(lines)
    if not wanted:
        return {}
    moved = StockLevel.objects.move(store, wanted, quantity=-1)
    missing = {product: each for product, each in wanted.items() if product not in moved}
    if missing:
        ensure_levels((store, product) for product in missing)
        moved |= StockLevel.objects.move(store, missing, quantity=-1)
    announce_low(store, moved, _negative(wanted), _named(lines))
    return moved


def release_stock(store: Store, lines: Iterable[OrderLine]) -> None:
    if wanted := wanted_of(lines):
        StockLevel.objects.move(store, wanted, reserved=-1)


def put_back(store: Store, back: Quantities) -> None:
    """Goods that came back and can be sold again."""
    if not back:
        return
    moved = StockLevel.objects.move(store, back, quantity=1)
    if missing := {product: each for product, each in back.items() if product not in moved}:
        ensure_levels((store, product) for product in missing)
        StockLevel.objects.move(store, missing, quantity=1)


def announce_low(
    store: Store, levels: Mapping[uuid.UUID, StockLevel], changes: Quantities, named: Named
) -> None:
    """Tell of each level that these changes brought from above its reorder point to it or below."""
    low = [
        (level, named[product])
        for product, level in levels.items()
        if level.fell_to_reorder_point(changes[product])
    ]
    if low:
        bulk_insert(
            [
                build_event("stock.low", about=level, in_store=store.pk, **_low(level, store, it))
                for level, it in low
            ]
        )


def _low(level: StockLevel, store: Store, named: OrderLine | Product) -> dict[str, Any]:
    return {
        "product": str(level.product_id),
        "sku": named.sku,
        "name": named.name,
        "store": str(store.pk),
        "quantity": format_number(level.quantity),
        "reorder_point": format_number(level.reorder_point or NOTHING),
    }


def _take(
    store: Store,
    lines: list[OrderLine],
    *,
    quantity: int = 0,
    reserved: int = 0,
    is_strict: bool,
) -> None:
    """One update for all products; with a condition where the goods must be there."""
    wanted = wanted_of(lines)
    if not wanted:
        return
    move = partial(StockLevel.objects.move, store, quantity=quantity, reserved=reserved)
    moved = move(wanted, only_if_enough=is_strict)
    missing = {product: each for product, each in wanted.items() if product not in moved}
    if missing and is_strict:
        raise InsufficientStock(short=_shortages(store, lines, missing))
    if missing:
        ensure_levels((store, product) for product in missing)
        move(missing)
    if quantity:
        announce_low(store, moved, _negative(wanted), _named(lines))


def must_be_there() -> bool:
    """Whether this shop gives away only what is there."""
    return current_tenant().stock_policy == Tenant.StockPolicy.BLOCK


def ensure_levels(shelves: Iterable[tuple[Store, uuid.UUID]]) -> None:
    """A level of zero for each product that never lay in that store."""
    wanted = sorted(shelves, key=lambda shelf: (shelf[1], shelf[0].pk))
    StockLevel.objects.bulk_create(
        [StockLevel(store=store, product_id=product) for store, product in wanted],
        ignore_conflicts=True,
    )


def _shortages(
    store: Store, lines: Iterable[OrderLine], missing: Quantities
) -> list[dict[str, str]]:
    """Every product of which there is too little, in the order of the lines."""
    available = {
        level.product_id: level.available
        for level in StockLevel.objects.filter(store=store, product_id__in=list(missing))
    }
    named = _named(lines)
    return [
        shortage(product, named[product], each, available.get(product, NOTHING))
        for product, each in missing.items()
    ]


def shortage(
    product: uuid.UUID, named: OrderLine | Product, wanted: Decimal, available: Decimal
) -> dict[str, str]:
    """Of what there is too little, and how much there is that nobody is paying for."""
    return {
        "product": str(product),
        "sku": named.sku,
        "name": named.name,
        "wanted": format_number(wanted),
        "available": format_number(max(available, NOTHING)),
    }


def _named(lines: Iterable[OrderLine]) -> dict[uuid.UUID, OrderLine]:
    return {line.product_id: line for line in lines if line.product_id}


def _negative(wanted: Quantities) -> dict[uuid.UUID, Decimal]:
    return {product: -each for product, each in wanted.items()}
