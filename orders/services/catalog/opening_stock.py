"""Opening stock of a catalog file: the first count of products that a store never had."""

import uuid
from collections.abc import Iterable
from decimal import Decimal

from accounts.models import User
from orders.models import Product, StockLevel, StockMovement
from orders.models.stock import OPENING_STOCK
from tenants.database.bulk_insert import BATCH_SIZE
from tenants.events.outbox import publish_all
from tenants.models import Store


class OpeningStock:
    """The stock levels that one batch of rows sets. Levels that exist stay as they are."""

    def __init__(self, products: Iterable[uuid.UUID], *, by: User) -> None:
        self.by = by
        self.levels: dict[tuple[uuid.UUID, uuid.UUID], StockLevel] = {}
        ids = list(products)
        found = StockLevel.objects.filter(product__in=ids) if ids else StockLevel.objects.none()
        self.stored = set(found.values_list("store_id", "product_id"))
        self.counted = {product for _, product in self.stored}

    def add(self, store: Store, product: Product, quantity: Decimal) -> None:
        if (store.pk, product.pk) not in self.stored:
            level = StockLevel(store=store, product=product, quantity=quantity)
            self.levels.setdefault((store.pk, product.pk), level)

    def write(self) -> None:
        """Write the levels, each with a count as its first movement."""
        levels = list(self.levels.values())
        StockLevel.objects.bulk_create(levels, batch_size=BATCH_SIZE)
        StockMovement.objects.bulk_create(
            [
                StockMovement(
                    store=level.store,
                    product=level.product,
                    type=StockMovement.Type.COUNT,
                    quantity=level.quantity,
                    counted=level.quantity,
                    reason=OPENING_STOCK,
                    by=self.by,
                )
                for level in levels
            ],
            batch_size=BATCH_SIZE,
        )
        publish_all("stock_level.updated", levels)
