"""What people do to the shelves: receive, correct, count, send to another store, throw away."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

from django.utils import timezone

from accounts.models import User
from orders.exceptions import InsufficientStock
from orders.models import Product, StockLevel, StockMovement
from orders.services.stock.levels import (
    announce_low_stock,
    build_shortage,
    ensure_levels,
    is_oversale_blocked,
)
from tenants import audit
from tenants.api.formats import format_number
from tenants.database.bulk_insert import bulk_insert
from tenants.events.outbox import build_event, publish
from tenants.exceptions import IdConflict, Invalid
from tenants.ids import ensure_same_content, unique_or
from tenants.models import Store
from tenants.scope import atomic_with_retry

Type = StockMovement.Type
Levels = Mapping[uuid.UUID, StockLevel]
# So far may somebody's clock be ahead; what "happened" then happened now.
MAX_CLOCK_AHEAD = timedelta(minutes=5)
AUDIT_EVENTS = {
    Type.RECEIVE: "stock_received",
    Type.ADJUST: "stock_adjusted",
    Type.COUNT: "stock_counted",
    Type.TRANSFER_OUT: "stock_transferred",
    Type.WASTE: "stock_wasted",
}


@dataclass(frozen=True, slots=True)
class NewMovement:
    """What somebody says that happened. `id` is the client's: it makes repeating harmless.

    The quantity is what was received, sent or thrown away, what to add or (negative) to take off,
    or all that was counted.
    """

    id: uuid.UUID
    type: Type
    product: Product
    store: Store
    quantity: Decimal
    reason: str = ""
    # Null for now.
    occurred_at: datetime | None = None
    to_store: Store | None = None
    # Of the request as it came: the same id with other content is another movement.
    fingerprint: str = ""

    @property
    def stores(self) -> list[Store]:
        return [self.store] if self.to_store is None else [self.store, self.to_store]


@atomic_with_retry
def move_stock(
    new: NewMovement, *, expected_version: int | None = None, by: User
) -> tuple[StockMovement, bool]:
    """Write down what happened to a shelf, and what lies there after it.

    Returns the movement, and whether it is new: the same id with the same content is the same.
    Whoever looked at the level before may name its version, so that nothing happened in between.
    """
    levels = _lock_levels(new.product, new.stores)
    known = StockMovement.objects.filter(pk=new.id).first()
    if known is not None:
        ensure_same_content(known, new)
        return known, False
    levels[new.store.pk].ensure_version(expected_version)
    new.product.ensure_stock_quantity(new.quantity)
    movements = _build_movements(new, levels[new.store.pk], by)
    balances = [] if new.occurred_at is None else list(build_count_corrections(movements, by=by))
    changes = _sum_quantities_by([*movements, *balances], "store_id")
    if new.type != Type.COUNT:
        _ensure_available(new.product, levels, changes)
    # Another movement, or another shop's, may have taken the id in the meantime.
    with unique_or(IdConflict):
        bulk_insert([*movements, *balances])
    _update_levels(new, levels, changes)
    _record_audit(new, movements[0], by)
    return movements[0], True


def _lock_levels(product: Product, stores: Sequence[Store]) -> Levels:
    """The shelves of the product in these stores, for nobody else to change until this is done."""
    levels = StockLevel.objects.lock_for_product(product, stores)
    missing = [store for store in stores if store.pk not in levels]
    if not missing:
        return levels
    ensure_levels((store, product.pk) for store in missing)
    return StockLevel.objects.lock_for_product(product, stores)


def _build_movements(new: NewMovement, level: StockLevel, by: User) -> list[StockMovement]:
    """One movement, or the two sides of a transfer."""
    at = _resolve_time(new.occurred_at)
    draft = partial(StockMovement, product=new.product, reason=new.reason, occurred_at=at, by=by)
    of_new = partial(draft, id=new.id, type=new.type, store=new.store, fingerprint=new.fingerprint)
    if new.type == Type.COUNT:
        difference = new.quantity - _compute_level_at(level, new.occurred_at)
        return [of_new(quantity=difference, counted=new.quantity)]
    if new.to_store is not None:
        other_side = partial(draft, type=Type.TRANSFER_IN, store=new.to_store)
        return [
            of_new(quantity=-new.quantity, transfer=new.id),
            other_side(quantity=new.quantity, transfer=new.id),
        ]
    return [of_new(quantity=-new.quantity if new.type == Type.WASTE else new.quantity)]


def _resolve_time(said: datetime | None) -> datetime:
    now = timezone.now()
    if said is not None and said > now + MAX_CLOCK_AHEAD:
        raise Invalid.field("occurred_at", "This is still to come.", code="in_the_future")
    return now if said is None else min(said, now)


def _compute_level_at(level: StockLevel, moment: datetime | None) -> Decimal:
    """What should have lain there then: what lies there now, less what moved since."""
    now: Decimal = level.quantity
    if moment is None:
        return now
    return now - StockMovement.objects.for_level(level).after(moment).total()


def correct_later_counts(store: Store, movements: Sequence[StockMovement], *, by: User) -> None:
    """Put levels right that were changed by what left the shelves before somebody counted them.

    For sales that come to us late, in the transaction that takes their goods and after it.
    """
    balances = list(build_count_corrections(movements, by=by))
    if balances:
        bulk_insert(balances)
        moved = StockLevel.objects.move(
            store, _sum_quantities_by(balances, "product_id"), quantity=1
        )
        # Whoever has taken the sale off its copy of the level has to look again.
        levels = moved.values()
        bulk_insert(
            [build_event("stock_level.updated", about=each, in_store=store.pk) for each in levels]
        )


def build_count_corrections(
    movements: Iterable[StockMovement], *, by: User
) -> Iterator[StockMovement]:
    """For each movement that a later count has already seen, what keeps that count true.

    A count says what lies there at its time, whatever is told later of the time before: the
    first count after a movement that comes late has found its goods there, or gone.
    """
    for movement in movements:
        count = StockMovement.objects.find_next_count(movement)
        if count is not None and movement.quantity:
            yield StockMovement(
                type=Type.COUNT,
                product_id=movement.product_id,
                store_id=movement.store_id,
                quantity=-movement.quantity,
                counted=count.counted,
                occurred_at=count.occurred_at,
                reason=f"{movement.get_type_display()} before this count, told after it",
                by=by,
            )


def _sum_quantities_by(movements: Iterable[StockMovement], of: str) -> dict[uuid.UUID, Decimal]:
    """How much the movements of each store, or of each product, come to."""
    totals: dict[uuid.UUID, Decimal] = defaultdict(Decimal)
    for movement in movements:
        totals[getattr(movement, of)] += movement.quantity
    return totals


def _ensure_available(
    product: Product, levels: Levels, changes: Mapping[uuid.UUID, Decimal]
) -> None:
    """Nothing leaves a shelf that is not there, or that somebody is paying for."""
    if not is_oversale_blocked():
        return
    for store, change in changes.items():
        available = levels[store].available
        if change < 0 and available + change < 0:
            short = build_shortage(product.pk, product, -change, available)
            raise InsufficientStock(short=[short])


def _update_levels(new: NewMovement, levels: Levels, changes: Mapping[uuid.UUID, Decimal]) -> None:
    for store in new.stores:
        level, change = levels[store.pk], changes[store.pk]
        if change:
            level.quantity += change
            level.save_changes("quantity")
            publish("stock_level.updated", about=level)
            product = new.product
            announce_low_stock(
                store, {product.pk: level}, {product.pk: change}, {product.pk: product}
            )


def _record_audit(new: NewMovement, movement: StockMovement, by: User) -> None:
    facts = {
        "movement": str(movement.pk),
        "store": str(new.store.pk),
        "quantity": format_number(movement.quantity),
    }
    if new.to_store is not None:
        facts["to_store"] = str(new.to_store.pk)
    if movement.counted is not None:
        facts["counted"] = format_number(movement.counted)
    if new.reason:
        facts["reason"] = new.reason
    audit.record(AUDIT_EVENTS[new.type], actor=by, target=new.product, **facts)
