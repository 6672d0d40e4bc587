"""What comes by the thousand: whole catalogs and whole deliveries, in few statements."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction
from django.db.models import Model
from django.utils import timezone

from accounts.models import User
from orders.exceptions import SkuTaken
from orders.models import Product, StockLevel, StockMovement
from orders.models.catalog import normalize_code
from tenants.events.outbox import publish_all
from tenants.exceptions import IdConflict
from tenants.ids import unique_or
from tenants.models import Store
from tenants.scope import atomic_with_retry

# Rows of one statement: few round trips, and no database's limit of parameters is near.
BATCH_SIZE = 500
# A look at the database for each row would cost more than all the rest.
FOREIGN_KEYS = ("tenant", "category", "tax_class")


@dataclass(frozen=True, slots=True)
class DeliveryItem:
    """One item of a delivery. The id is the sender's: the same again is the same item."""

    id: uuid.UUID
    product: uuid.UUID
    quantity: Decimal


@atomic_with_retry
def add_products(products: Iterable[Product]) -> int:
    """List the products whose SKU the shop does not have; those that it has stay as they are.

    Returns how many are new. Category and tax class must be the shop's own.
    """
    known = set(Product.objects.values_list("sku", flat=True))
    new = [product for product in products if normalize_code(product.sku) not in known]
    for product in new:
        product.clean_fields(exclude=FOREIGN_KEYS)
    with unique_or(SkuTaken), transaction.atomic():
        Product.objects.bulk_create(new, batch_size=BATCH_SIZE)
        announce_in_batches("product.created", new)
    return len(new)


@atomic_with_retry
def receive_delivery(
    *, store: Store, items: Sequence[DeliveryItem], reason: str = "", by: User
) -> int:
    """Put a whole delivery on the shelves, less what has been put there before.

    Returns how many items are new. The products must be the shop's own, with stock kept of them.
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
    """The shelf of each product, locked in the order of their ids as sales lock them."""
    products = sorted(products)
    StockLevel.objects.bulk_create(
        [StockLevel(store=store, product_id=product) for product in products],
        batch_size=BATCH_SIZE,
        ignore_conflicts=True,
    )
    rows = StockLevel.objects.filter(store=store).order_by("pk").select_for_update()
    wanted = set(products)
    return {level.product_id: level for level in rows if level.product_id in wanted}


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
    """One upsert for many: of rows that are there and locked, it only ever takes the update."""
    raised = list(_add_quantities(levels, items))
    StockLevel.objects.bulk_create(
        raised,
        batch_size=BATCH_SIZE,
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["quantity", "version", "updated_at"],
    )
    announce_in_batches("stock_level.updated", raised)


def announce_in_batches(topic: str, rows: Sequence[Model]) -> None:
    for start in range(0, len(rows), BATCH_SIZE):
        publish_all(topic, rows[start : start + BATCH_SIZE])


def _add_quantities(
    levels: Mapping[uuid.UUID, StockLevel], items: Iterable[DeliveryItem]
) -> Iterator[StockLevel]:
    """Whoever caches a level must see that it changed: version and time go up with it."""
    received: dict[uuid.UUID, Decimal] = defaultdict(Decimal)
    for item in items:
        received[item.product] += item.quantity
    for product, quantity in received.items():
        level = levels[product]
        level.quantity += quantity
        level.version += 1
        level.updated_at = timezone.now()
        yield level
