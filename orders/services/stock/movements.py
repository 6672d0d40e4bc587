"""Stock movements by users: receive, adjust, count, transfer, waste."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

from django.utils import timezone

from accounts.models import User
from accounts.services.store_assignments import ensure_works_in
from orders.exceptions import InsufficientStock
from orders.models import Product, StockLevel, StockMovement
from orders.services.stock.levels import (
    build_shortage,
    ensure_levels,
    is_oversale_blocked,
    publish_low_stock,
    save_levels,
)
from tenants import audit
from tenants.api.formats import format_number
from tenants.database.bulk_insert import BATCH_SIZE, bulk_insert
from tenants.events.outbox import build_event, publish
from tenants.exceptions import Conflict, IdConflict, Invalid
from tenants.ids import ensure_same_content, unique_or
from tenants.models import AuditEvent, Store
from tenants.scope import atomic_with_retry

Type = StockMovement.Type
Levels = Mapping[uuid.UUID, StockLevel]
# The ids of the store and of the product of a level.
LevelKey = tuple[uuid.UUID, uuid.UUID]
# How far a client's clock may be ahead; such a time counts as now.
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
    """Request to record a movement. The client chooses `id`, which makes repeating harmless.

    `quantity` depends on the type: received, transferred or wasted (positive), adjusted
    (positive or negative), or the counted total.
    """

    id: uuid.UUID
    type: Type
    product: Product
    store: Store
    quantity: Decimal
    reason: str = ""
    waste_reason: str | None = None
    # None means now.
    occurred_at: datetime | None = None
    to_store: Store | None = None
    # Hash of the request: the same id with other content is a conflict.
    fingerprint: str = ""

    @property
    def stores(self) -> list[Store]:
        return [self.store] if self.to_store is None else [self.store, self.to_store]


@atomic_with_retry
def move_stock(
    new: NewMovement, *, expected_version: int | None = None, by: User
) -> tuple[StockMovement, bool]:
    """Record a stock movement and update the level.

    `expected_version` is the version of the level that the client has seen. Return the movement
    and whether it is new. Raises `IdConflict`, `InsufficientStock`, `NotPermitted`.
    """
    ensure_works_in(new.stores, by)
    levels = _lock_levels(new.product, new.stores)
    known = StockMovement.objects.filter(pk=new.id).first()
    if known is not None:
        ensure_same_content(known, new)
        return known, False
    levels[new.store.pk].ensure_version(expected_version)
    new.product.ensure_stock_quantity(new.quantity)
    movements = _build_movements(new, levels[new.store.pk], by)
    offsets = [] if new.occurred_at is None else list(build_offsets(movements, by=by))
    changes = _sum_quantities_by([*movements, *offsets], "store_id")
    if new.type != Type.COUNT:
        _ensure_available(new.product, levels, changes)
    # A concurrent request, or another tenant, may have used the id.
    with unique_or(IdConflict):
        bulk_insert([*movements, *offsets])
    _update_levels(new, levels, changes)
    _record_audit(new, movements[0], by)
    return movements[0], True


@atomic_with_retry
def move_stock_in_batch(
    batch: Sequence[NewMovement], *, by: User
) -> tuple[list[StockMovement], int]:
    """Record many movements in their order, all of them or none.

    Levels are locked and written at once, so that the number of statements does not depend on the
    number of movements, apart from those with an earlier `occurred_at`. Return the movements, and
    how many of them are new. Errors name the index: raises `Invalid`, `IdConflict`,
    `InsufficientStock`. Raises `NotPermitted` for a store in which the user does not work.
    """
    ensure_works_in([store for new in batch for store in new.stores], by)
    levels = _lock_levels_of_batch(batch)
    known = StockMovement.objects.in_bulk([new.id for new in batch])
    writer = _BatchWriter(levels, by)
    recorded = []
    for index, new in enumerate(batch):
        with _name_index(index):
            if movement := known.get(new.id):
                ensure_same_content(movement, new)
            else:
                movement = writer.add(new)
            recorded.append(movement)
    writer.write_levels()
    return recorded, len(writer.events)


@contextmanager
def _name_index(index: int) -> Iterator[None]:
    """Add the index of the movement to an error."""
    try:
        yield
    except Invalid as error:
        raise error.nested_under(f"movements[{index}]") from error
    except Conflict as error:
        error.facts["index"] = index
        raise


def _lock_levels_of_batch(batch: Sequence[NewMovement]) -> dict[LevelKey, StockLevel]:
    """Lock the levels of all movements by id, creating missing ones."""
    stores = {(store.pk, new.product.pk): store for new in batch for store in new.stores}
    rows = StockLevel.objects.filter(
        store__in={store for store, _ in stores}, product__in={product for _, product in stores}
    ).order_by("pk")
    found = {(level.store_id, level.product_id) for level in rows}
    ensure_levels((store, key[1]) for key, store in stores.items() if key not in found)
    levels = {(level.store_id, level.product_id): level for level in rows.select_for_update()}
    return {key: levels[key] for key in stores}


class _BatchWriter:
    """Writes the movements of a batch, and its levels at the end."""

    def __init__(self, levels: Mapping[LevelKey, StockLevel], by: User) -> None:
        self.levels = levels
        self.by = by
        self.waiting: list[StockMovement] = []
        self.events: list[AuditEvent] = []
        self.changes: dict[LevelKey, Decimal] = defaultdict(Decimal)
        self.named: dict[LevelKey, tuple[Store, Product]] = {}

    def add(self, new: NewMovement) -> StockMovement:
        """Add a movement that is new, and change its levels in memory."""
        new.product.ensure_stock_quantity(new.quantity)
        if new.occurred_at is not None:
            # Level and counts at that time are read from the database.
            self.write_movements()
        levels = {store.pk: self.levels[store.pk, new.product.pk] for store in new.stores}
        movements = _build_movements(new, levels[new.store.pk], self.by)
        offsets = [] if new.occurred_at is None else list(build_offsets(movements, by=self.by))
        changes = _sum_quantities_by([*movements, *offsets], "store_id")
        if new.type != Type.COUNT:
            _ensure_available(new.product, levels, changes)
        for store in new.stores:
            levels[store.pk].quantity += changes[store.pk]
            self.changes[store.pk, new.product.pk] += changes[store.pk]
            self.named[store.pk, new.product.pk] = store, new.product
        self.waiting += [*movements, *offsets]
        self.events.append(_build_audit_event(new, movements[0], self.by))
        return movements[0]

    def write_movements(self) -> None:
        # A concurrent request, or another tenant, may have used an id.
        with unique_or(IdConflict):
            for start in range(0, len(self.waiting), BATCH_SIZE):
                bulk_insert(self.waiting[start : start + BATCH_SIZE])
        self.waiting = []

    def write_levels(self) -> None:
        """Write everything that waits: movements, levels, events and the audit log."""
        self.write_movements()
        changed = [key for key, change in self.changes.items() if change]
        save_levels([self.levels[key] for key in changed])
        self.publish_low_stock(changed)
        bulk_insert(self.events)
        audit.log_after_commit(self.events)

    def publish_low_stock(self, changed: Iterable[LevelKey]) -> None:
        by_store: dict[Store, list[LevelKey]] = defaultdict(list)
        for key in changed:
            by_store[self.named[key][0]].append(key)
        for store, keys in by_store.items():
            publish_low_stock(
                store,
                {key[1]: self.levels[key] for key in keys},
                {key[1]: self.changes[key] for key in keys},
                {key[1]: self.named[key][1] for key in keys},
            )


def _lock_levels(product: Product, stores: Sequence[Store]) -> Levels:
    """Lock the levels of the product in these stores, creating missing ones."""
    levels = StockLevel.objects.lock_for_product(product, stores)
    missing = [store for store in stores if store.pk not in levels]
    if not missing:
        return levels
    ensure_levels((store, product.pk) for store in missing)
    return StockLevel.objects.lock_for_product(product, stores)


def _build_movements(new: NewMovement, level: StockLevel, by: User) -> list[StockMovement]:
    """Build one movement, or the two sides of a transfer."""
    at = _resolve_time(new.occurred_at)
    why = {"reason": new.reason, "waste_reason": new.waste_reason}
    draft = partial(StockMovement, product=new.product, occurred_at=at, by=by, **why)
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


def _resolve_time(occurred_at: datetime | None) -> datetime:
    now = timezone.now()
    if occurred_at is not None and occurred_at > now + MAX_CLOCK_AHEAD:
        raise Invalid.field("occurred_at", "Must not be in the future.", code="in_the_future")
    return now if occurred_at is None else min(occurred_at, now)


def _compute_level_at(level: StockLevel, moment: datetime | None) -> Decimal:
    """Return the level at a past time: the present one less later movements."""
    now: Decimal = level.quantity
    if moment is None:
        return now
    return now - StockMovement.objects.for_level(level).after(moment).total()


def offset_counted_sales(store: Store, movements: Sequence[StockMovement], *, by: User) -> None:
    """Undo the effect of late sales on levels that were counted after the sale.

    Runs in the transaction that decrements the stock, after it.
    """
    offsets = list(build_offsets(movements, by=by))
    if offsets:
        bulk_insert(offsets)
        moved = StockLevel.objects.move(
            store, _sum_quantities_by(offsets, "product_id"), quantity=1
        )
        # Subscribers that deducted the sale from a copy of the level must reload it.
        levels = moved.values()
        bulk_insert(
            [build_event("stock_level.updated", about=each, in_store=store.pk) for each in levels]
        )


def build_offsets(movements: Iterable[StockMovement], *, by: User) -> Iterator[StockMovement]:
    """Build the opposite of each movement that a later count includes already.

    A count states the quantity at its own time. A movement that is recorded after the count but
    happened before it must not change the counted quantity.
    """
    for movement in movements:
        count = StockMovement.objects.find_next_count(movement)
        if count is not None and movement.quantity:
            yield build_offset(movement, count, by=by)


def build_offset(movement: StockMovement, count: StockMovement, *, by: User) -> StockMovement:
    """Build the opposite of a movement that this later count includes already."""
    return StockMovement(
        type=Type.COUNT,
        product_id=movement.product_id,
        store_id=movement.store_id,
        quantity=-movement.quantity,
        counted=count.counted,
        occurred_at=count.occurred_at,
        reason=f"{movement.get_type_display()} before this count, recorded after it",
        by=by,
    )


def _sum_quantities_by(movements: Iterable[StockMovement], of: str) -> dict[uuid.UUID, Decimal]:
    """Sum the quantities per store or per product; `of` names the attribute."""
    totals: dict[uuid.UUID, Decimal] = defaultdict(Decimal)
    for movement in movements:
        totals[getattr(movement, of)] += movement.quantity
    return totals


def _ensure_available(
    product: Product, levels: Levels, changes: Mapping[uuid.UUID, Decimal]
) -> None:
    """Raise `InsufficientStock` if a change exceeds the available, unreserved quantity."""
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
            publish_low_stock(
                store, {product.pk: level}, {product.pk: change}, {product.pk: product}
            )


def _record_audit(new: NewMovement, movement: StockMovement, by: User) -> None:
    audit.record(
        AUDIT_EVENTS[new.type], actor=by, target=new.product, **_build_audit_facts(new, movement)
    )


def _build_audit_event(new: NewMovement, movement: StockMovement, by: User) -> AuditEvent:
    return audit.build(
        AUDIT_EVENTS[new.type], actor=by, target=new.product, **_build_audit_facts(new, movement)
    )


def _build_audit_facts(new: NewMovement, movement: StockMovement) -> dict[str, str]:
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
    if new.waste_reason:
        facts["waste_reason"] = new.waste_reason
    return facts
