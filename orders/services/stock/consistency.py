"""Stock consistency: compare levels with movements, and reservations with payments."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection

from orders.models import Payment, StockLevel, StockMovement
from orders.models.columns import THOUSANDTH
from tenants.models import Tenant

# In whole thousandths, because SQLite adds decimals as floats. A level without movements, and
# movements without a level, are compared with zero.
DIFFERENCES_SQL = """
SELECT store.name, product.sku, held, moved, kept, underway
FROM (
    SELECT store_id, product_id, SUM(held) AS held, SUM(moved) AS moved, SUM(kept) AS kept,
           SUM(underway) AS underway
    FROM (
        SELECT store_id, product_id, CAST(ROUND(quantity * 1000) AS BIGINT) AS held, 0 AS moved,
               CAST(ROUND(reserved * 1000) AS BIGINT) AS kept, 0 AS underway
        FROM orders_stocklevel WHERE tenant_id = %s
        UNION ALL
        SELECT store_id, product_id, 0, CAST(ROUND(quantity * 1000) AS BIGINT), 0, 0
        FROM orders_stockmovement WHERE tenant_id = %s
        UNION ALL
        SELECT orders_order.store_id, line.product_id, 0, 0, 0,
               CAST(ROUND(line.quantity * 1000) AS BIGINT)
        FROM orders_orderline AS line
        JOIN orders_order ON orders_order.tenant_id = line.tenant_id
            AND orders_order.id = line.order_id
        WHERE line.tenant_id = %s AND line.tracks_stock AND line.order_id IN (
            SELECT order_id FROM orders_payment WHERE tenant_id = %s AND status IN (%s, %s)
        )
        UNION ALL
        SELECT orders_order.store_id, {product}, 0, 0, 0,
               CAST(ROUND(line.quantity * {quantity} * 1000) AS BIGINT)
        FROM orders_orderline AS line
        JOIN orders_order ON orders_order.tenant_id = line.tenant_id
            AND orders_order.id = line.order_id
        CROSS JOIN {modifiers}
        WHERE line.tenant_id = %s AND line.modifiers IS NOT NULL AND {tracks_stock}
            AND line.order_id IN (
            SELECT order_id FROM orders_payment WHERE tenant_id = %s AND status IN (%s, %s)
        )
    ) AS entries
    GROUP BY store_id, product_id
    HAVING SUM(held) <> SUM(moved) OR SUM(kept) <> SUM(underway)
) AS different
JOIN tenants_store AS store ON store.tenant_id = %s AND store.id = store_id
JOIN orders_product AS product ON product.tenant_id = %s AND product.id = product_id
ORDER BY store.name, product.sku
"""
# The modifiers of a line, which are JSON.
MODIFIERS_SQL = {
    "postgresql": {
        "modifiers": "jsonb_array_elements(line.modifiers) AS modifier",
        "product": "CAST(modifier->>'product' AS uuid)",
        "quantity": "CAST(modifier->>'quantity' AS integer)",
        "tracks_stock": "CAST(modifier->>'tracks_stock' AS boolean)",
    },
    "sqlite": {
        "modifiers": "json_each(line.modifiers) AS modifier",
        "product": "REPLACE(json_extract(modifier.value, '$.product'), '-', '')",
        "quantity": "json_extract(modifier.value, '$.quantity')",
        "tracks_stock": "json_extract(modifier.value, '$.tracks_stock')",
    },
}
FETCH_SIZE = 500


@dataclass(frozen=True, slots=True)
class StockDifference:
    """A stock level that differs from its movements or reservations."""

    store: str
    sku: str
    # The stored quantity, and the sum of the movements.
    level: Decimal
    moved: Decimal
    # The stored reservation, and the quantities of payments in progress.
    reserved: Decimal
    underway: Decimal


def find_stock_differences(tenant: Tenant) -> Iterator[StockDifference]:
    """Yield every stock level whose quantity or reservation is wrong.

    One statement sums everything in the database, so that it reads a single snapshot.
    """
    key = Tenant._meta.pk.get_db_prep_value(tenant.pk, connection)
    waiting = [Payment.Status.PENDING.value, Payment.Status.UNKNOWN.value]
    with connection.chunked_cursor() as cursor:
        sql = DIFFERENCES_SQL.format(**MODIFIERS_SQL[connection.vendor])
        cursor.execute(sql, [*[key] * 4, *waiting, *[key] * 2, *waiting, key, key])
        while rows := cursor.fetchmany(FETCH_SIZE):
            for store, sku, *figures in rows:
                yield StockDifference(store, sku, *(_quantity(each) for each in figures))


def _quantity(thousandths: int) -> Decimal:
    return (Decimal(thousandths) * THOUSANDTH).quantize(THOUSANDTH)


def set_levels_after(movements: Sequence[StockMovement]) -> None:
    """Set `level_after` on consecutive movements of one stock level, in order of creation.

    Computed backwards from the present level, because the newest page is read most often.
    """
    newest_first = sorted(movements, key=lambda each: (each.created_at, each.pk), reverse=True)
    if not newest_first:
        return
    left = StockLevel.objects.level_after(newest_first[0])
    for movement in newest_first:
        movement.level_after = left
        left -= movement.quantity
