"""Opening stock: the first count of a product in a store."""

from decimal import Decimal

from accounts.models import User
from orders.exceptions import StockExists
from orders.models import Product, StockLevel, StockMovement
from orders.models.stock import OPENING_STOCK
from orders.services.stock.levels import set_reorder_point
from orders.services.stock.movements import NewMovement, move_stock
from tenants.ids import new_id
from tenants.models import Store
from tenants.scope import atomic_with_retry


@atomic_with_retry
def set_opening_stock(
    product: Product,
    store: Store,
    quantity: Decimal,
    *,
    reorder_point: Decimal | None = None,
    by: User,
) -> StockLevel:
    """Count a product in a store that never had it. Raises `StockExists` and `Invalid`."""
    levels = StockLevel.objects.filter(product=product, store=store)
    if levels.exists():
        raise StockExists(name=product.name, store=store.name)
    new = NewMovement(
        id=new_id(),
        type=StockMovement.Type.COUNT,
        product=product,
        store=store,
        quantity=quantity,
        reason=OPENING_STOCK,
    )
    move_stock(new, by=by)
    level = levels.get()
    if reorder_point is None:
        return level
    return set_reorder_point(level.pk, reorder_point, expected_version=level.version, by=by)
