"""What goes in and out of the shelves."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from orders.exceptions import InsufficientStock
from orders.models import OrderLine, Product, StockLevel, StockMovement
from tenants.exceptions import IdConflict, Invalid
from tenants.ids import is_duplicate
from tenants.models import Store, Tenant
from tenants.scope import current_tenant, deed

Quantities = Mapping[uuid.UUID, Decimal]
NOTHING = Decimal(0)


def wanted_of(lines: Iterable[OrderLine]) -> dict[uuid.UUID, Decimal]:
    """How much of each product the lines need, of those whose stock is kept."""
    wanted: dict[uuid.UUID, Decimal] = defaultdict(Decimal)
    for line in lines:
        if line.tracks_stock:
            wanted[line.product_id] += line.quantity
    return dict(wanted)


def take_stock(store: Store, lines: Iterable[OrderLine]) -> None:
    """Take what is sold off the shelf: everything, or nothing and a list of what is short."""
    _take(store, list(lines), quantity=-1)


def reserve_stock(store: Store, lines: Iterable[OrderLine]) -> None:
    """Keep goods for somebody who is paying, so that nobody pays for what is gone."""
    _take(store, list(lines), reserved=1)


def take_reserved_stock(store: Store, lines: Iterable[OrderLine]) -> None:
    if wanted := wanted_of(lines):
        StockLevel.objects.move(store, wanted, quantity=-1, reserved=-1)


def release_stock(store: Store, lines: Iterable[OrderLine]) -> None:
    if wanted := wanted_of(lines):
        StockLevel.objects.move(store, wanted, reserved=-1)


def _take(store: Store, lines: list[OrderLine], *, quantity: int = 0, reserved: int = 0) -> None:
    """One conditional update for all products; the condition is the tenant's stock policy."""
    wanted = wanted_of(lines)
    if not wanted:
        return
    is_strict = current_tenant().stock_policy == Tenant.StockPolicy.BLOCK
    move = partial(StockLevel.objects.move, store, quantity=quantity, reserved=reserved)
    moved = move(wanted, only_if_enough=is_strict)
    missing = {product: each for product, each in wanted.items() if product not in moved}
    if missing and is_strict:
        raise InsufficientStock(short=_shortages(store, lines, missing))
    if missing:
        _ensure_levels(store, missing)
        move(missing)


def _ensure_levels(store: Store, products: Iterable[uuid.UUID]) -> None:
    """A level of zero for each product that never lay in this store."""
    StockLevel.objects.bulk_create(
        [StockLevel(store=store, product_id=product) for product in sorted(products)],
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
    named = {line.product_id: line for line in lines}
    return [
        {
            "product": str(product),
            "sku": named[product].sku,
            "name": named[product].name,
            "wanted": f"{each.normalize():f}",
            "available": f"{max(available.get(product, NOTHING), NOTHING).normalize():f}",
        }
        for product, each in missing.items()
    ]


@deed
def receive_stock(
    *,
    id: uuid.UUID,
    product: Product,
    store: Store,
    quantity: Decimal,
    reason: str = "",
    occurred_at: datetime | None = None,
    by: User,
) -> tuple[StockMovement, bool]:
    """Put delivered goods on the shelf; the same id again is the same delivery.

    Returns the movement, and whether it is new.
    """
    if not product.track_stock:
        raise Invalid.field("product", "No stock is kept of this product.", code="not_tracked")
    product.ensure_sold_in(quantity)
    _ensure_levels(store, [product.pk])
    level = StockLevel.objects.select_for_update().get(store=store, product=product)
    known = StockMovement.objects.filter(pk=id).first()
    movement = StockMovement(
        id=id,
        product=product,
        store=store,
        type=StockMovement.Type.RECEIVE,
        quantity=quantity,
        reason=reason,
        occurred_at=occurred_at or (known.occurred_at if known else timezone.now()),
        by=by,
    )
    if known is not None:
        _ensure_same(known, movement)
        return known, False
    _write_new(movement)
    level.quantity += quantity
    level.save_changes("quantity")
    return movement, True


def _write_new(movement: StockMovement) -> None:
    """Another delivery, or another shop's, may have taken the id in the meantime."""
    try:
        with transaction.atomic():
            movement.save(force_insert=True)
    except IntegrityError as error:
        if not is_duplicate(error):
            raise
        raise IdConflict from error


def _ensure_same(known: StockMovement, movement: StockMovement) -> None:
    fields = ("product_id", "store_id", "type", "quantity", "reason", "occurred_at")
    if any(getattr(known, field) != getattr(movement, field) for field in fields):
        raise IdConflict
