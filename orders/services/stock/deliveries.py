"""Stock deliveries of any size, in a fixed number of statements per batch."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils import timezone

from accounts.models import User
from orders.models import StockLevel, StockMovement
from tenants.database.bulk_insert import BATCH_SIZE
from tenants.events.outbox import publish_all
from tenants.exceptions import IdConflict
from tenants.models import Store
from tenants.scope import atomic_with_retry


@dataclass(frozen=True, slots=True)
class DeliveryItem:
    """One item of a delivery. The sender chooses the id, which makes repeating harmless."""

    id: uuid.UUID
    product: uuid.UUID
    quantity: Decimal


@atomic_with_retry
def receive_delivery(
    *, store: Store, items: Sequence[DeliveryItem], reason: str = "", by: User
) -> int:
    """Receive a delivery into stock, skipping items that were received before.

    The products must belong to the current tenant and track stock. Return how many items are new.
    Raises `IdConflict` where an item id was used with other content.
    """
    levels = _lock_levels(store, {item.product for item in items})
    known = _load_existing_movements(items)
    for item in items:
        _ensure_same_content(known.get(item.id), item, store)
    new = [item for item in items if item.id not in known]
    StockMovement.objects.bulk_create(
        [_build_movement(item, store, reason, by) for item in new], batch_size=BATCH_SIZE
    )
    _increase_levels(levels, new)
    return len(new)


def _lock_levels(store: Store, products: Iterable[uuid.UUID]) -> dict[uuid.UUID, StockLevel]:
    """Create missing stock levels, then lock all of them in id order, as sales do."""
    products = sorted(products)
    StockLevel.objects.bulk_create(
        [StockLevel(store=store, product_id=product) for product in products],
        batch_size=BATCH_SIZE,
        ignore_conflicts=True,
    )
    rows = StockLevel.objects.filter(store=store).order_by("pk").select_for_update()
    product_ids = set(products)
    return {level.product_id: level for level in rows if level.product_id in product_ids}


def _load_existing_movements(items: Sequence[DeliveryItem]) -> dict[uuid.UUID, StockMovement]:
    ids = [item.id for item in items]
    chunks = (ids[start : start + BATCH_SIZE] for start in range(0, len(ids), BATCH_SIZE))
    movements = (StockMovement.objects.filter(pk__in=chunk) for chunk in chunks)
    return {movement.pk: movement for found in movements for movement in found}


def _ensure_same_content(known: StockMovement | None, item: DeliveryItem, store: Store) -> None:
    if known is None:
        return
    was = (known.type, known.store_id, known.product_id, known.quantity)
    if was != (StockMovement.Type.RECEIVE, store.pk, item.product, item.quantity):
        raise IdConflict


def _build_movement(item: DeliveryItem, store: Store, reason: str, by: User) -> StockMovement:
    return StockMovement(
        id=item.id,
        product_id=item.product,
        store=store,
        type=StockMovement.Type.RECEIVE,
        quantity=item.quantity,
        reason=reason,
        by=by,
    )


def _increase_levels(levels: Mapping[uuid.UUID, StockLevel], items: Iterable[DeliveryItem]) -> None:
    """Add the delivered quantities in one upsert; the rows exist and are locked already."""
    levels_to_save = list(_add_quantities(levels, items))
    StockLevel.objects.bulk_create(
        levels_to_save,
        batch_size=BATCH_SIZE,
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["quantity", "version", "updated_at"],
    )
    publish_all("stock_level.updated", levels_to_save)


def _add_quantities(
    levels: Mapping[uuid.UUID, StockLevel], items: Iterable[DeliveryItem]
) -> Iterator[StockLevel]:
    """Add the quantities in memory. Caches rely on `version` and `updated_at` changing as well."""
    received: dict[uuid.UUID, Decimal] = defaultdict(Decimal)
    for item in items:
        received[item.product] += item.quantity
    for product, quantity in received.items():
        level = levels[product]
        level.quantity += quantity
        level.version += 1
        level.updated_at = timezone.now()
        yield level
