"""What goes in and out of the shelves."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal

from django.db.models import Case, DecimalField, F, QuerySet, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Round
from django.utils import timezone

from accounts.models import User
from orders.exceptions import InsufficientStock
from orders.models import OrderLine, Product, StockLevel, StockMovement
from tenants.exceptions import IdConflict, Invalid
from tenants.models import Store, Tenant
from tenants.scope import current_tenant, deed

Quantities = Mapping[uuid.UUID, Decimal]
NOTHING = Decimal(0)
QUANTITY = DecimalField(max_digits=12, decimal_places=3)


def wanted_of(lines: Iterable[OrderLine]) -> dict[uuid.UUID, Decimal]:
    """How much of each product the lines need, of those whose stock is kept."""
    wanted: dict[uuid.UUID, Decimal] = defaultdict(Decimal)
    for line in lines:
        if line.tracks_stock:
            wanted[line.product_id] += line.quantity
    return dict(wanted)


def take_stock(store: Store, lines: Iterable[OrderLine]) -> None:
    """Take what is sold off the shelf: everything, or nothing and a list of what is short."""
    lines = list(lines)
    wanted = wanted_of(lines)
    _change(store, lines, wanted, quantity=_rounded(F("quantity") - _of_each(wanted)))


def reserve_stock(store: Store, lines: Iterable[OrderLine]) -> None:
    """Keep goods for somebody who is paying, so that nobody pays for what is gone."""
    lines = list(lines)
    wanted = wanted_of(lines)
    _change(store, lines, wanted, reserved=_rounded(F("reserved") + _of_each(wanted)))


def take_reserved_stock(store: Store, lines: Iterable[OrderLine]) -> None:
    wanted = wanted_of(lines)
    each = _of_each(wanted)
    _locked(store, wanted).update(
        quantity=_rounded(F("quantity") - each),
        reserved=_rounded(F("reserved") - each),
        updated_at=timezone.now(),
    )


def release_stock(store: Store, lines: Iterable[OrderLine]) -> None:
    wanted = wanted_of(lines)
    _locked(store, wanted).update(
        reserved=_rounded(F("reserved") - _of_each(wanted)), updated_at=timezone.now()
    )


def _change(
    store: Store, lines: list[OrderLine], wanted: Quantities, **changes: Combinable
) -> None:
    """One conditional update for all products; the condition is the tenant's stock policy."""
    if not wanted:
        return
    may_go_below_zero = current_tenant().stock_policy == Tenant.StockPolicy.ALLOW
    levels = _locked(store, wanted)
    if not may_go_below_zero:
        levels = levels.alias(
            available=_rounded(F("quantity") - F("reserved")), wanted=_of_each(wanted)
        ).filter(available__gte=F("wanted"))
    changes |= {"updated_at": Value(timezone.now())}
    if levels.update(**changes) == len(wanted):
        return
    if not may_go_below_zero:
        raise InsufficientStock(short=_shortages(store, lines, wanted))
    _ensure_levels(store, wanted)
    _locked(store, wanted).update(**changes)


def _of_each(wanted: Quantities) -> Case:
    cases = (When(product_id=product, then=Value(each)) for product, each in wanted.items())
    return Case(*cases, output_field=QUANTITY)


def _rounded(quantity: Combinable) -> Round:
    return Round(quantity, precision=3, output_field=QUANTITY)


def _locked(store: Store, products: Iterable[uuid.UUID]) -> QuerySet[StockLevel]:
    """The levels, locked in the order of their ids, so that two sales never wait in a circle."""
    levels = StockLevel.objects.filter(store=store, product_id__in=list(products))
    return StockLevel.objects.filter(
        pk__in=levels.order_by("pk").select_for_update().values("pk")
    )


def _ensure_levels(store: Store, products: Iterable[uuid.UUID]) -> None:
    """A level of zero for each product that never lay in this store."""
    StockLevel.objects.bulk_create(
        [StockLevel(store=store, product_id=product) for product in sorted(products)],
        ignore_conflicts=True,
    )


def _shortages(
    store: Store, lines: Iterable[OrderLine], wanted: Quantities
) -> list[dict[str, str]]:
    """Every product of which there is too little, in the order of the lines."""
    available = {
        level.product_id: level.available
        for level in StockLevel.objects.filter(store=store, product_id__in=list(wanted))
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
        for product, each in wanted.items()
        if available.get(product, NOTHING) < each
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
    movement.save(force_insert=True)
    level.quantity += quantity
    level.save_changes("quantity")
    return movement, True


def _ensure_same(known: StockMovement, movement: StockMovement) -> None:
    fields = ("product_id", "store_id", "type", "quantity", "reason", "occurred_at")
    if any(getattr(known, field) != getattr(movement, field) for field in fields):
        raise IdConflict
