"""Stock counts: start one, count its products, close or cancel it.

Sales go on meanwhile. The stock of a product is read while its level is locked, so that each
sale is either in it or comes after the count, and closing adds the difference to the level of then:
counted 10 of 12, then 3 sold, gives 7.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from accounts.services.store_assignments import ensure_works_in
from orders.models import Product, StockCount, StockCountLine, StockLevel, StockMovement
from orders.models.catalog import ProductQuerySet
from orders.services.stock.levels import lock_levels, publish_low_stock, save_levels
from orders.services.stock.movements import build_offset
from tenants import audit
from tenants.database.bulk_insert import BATCH_SIZE, bulk_insert
from tenants.events.outbox import publish
from tenants.exceptions import Invalid, VersionConflict
from tenants.scope import atomic_with_retry
from tenants.services import save_row

# Twelve digits in the column, three of them after the point.
MAX_COUNTED = Decimal(10) ** 9
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class CountedProduct:
    """A counted quantity; `is_added` adds it to what was counted before, at another place.

    `seen_version` is the version of the line that a page has shown, 0 for no line.
    """

    product: Product
    quantity: Decimal
    is_added: bool = False
    seen_version: int | None = None


@atomic_with_retry
def start_stock_count(values: dict[str, Any], *, by: User) -> StockCount:
    """Start a stock count. Raises `NotPermitted` for a store in which the user does not work."""
    ensure_works_in([values["store"]], by)
    count = StockCount(started_by=by)
    save_row(count, values)
    audit.record("stock_count_started", actor=by, target=count, store=str(count.store_id))
    return count


@atomic_with_retry
def change_stock_count(
    count_id: uuid.UUID, values: dict[str, Any], *, expected_version: int | None, by: User
) -> StockCount:
    """Change name or note. Raises `StockCountNotOpen` and `VersionConflict`."""
    count = _lock_open(count_id, expected_version, by)
    changed = audit.changes(count, values)
    save_row(count, values)
    if changed:
        audit.record("stock_count_changed", actor=by, target=count, changes=changed)
    return count


@atomic_with_retry
def count_products(
    count_id: uuid.UUID,
    counted: Sequence[CountedProduct],
    *,
    expected_version: int | None = None,
    by: User,
) -> list[StockCountLine]:
    """Save what was counted now, with the stock of this moment. A repeated product is replaced.

    Return the lines in their order. Raises `StockCountNotOpen`, `VersionConflict`, and `Invalid`
    with the index of a product.
    """
    count = _lock_open(count_id, expected_version, by)
    products = {each.product.pk: each.product for each in counted}
    levels = lock_levels(count.store, products)
    found = StockCountLine.objects.filter(stock_count=count, product__in=list(products))
    known = {line.product_id: line for line in found}
    lines = list(_build_lines(count, counted, known, levels))
    _stamp(lines, by)
    _save_lines(lines)
    count.line_count += len(products.keys() - known.keys())
    count.save_changes("line_count")
    publish("stock_count.updated", about=count)
    return lines


@atomic_with_retry
def close_stock_count(
    count_id: uuid.UUID,
    uncounted: StockCount.Uncounted,
    *,
    expected_version: int | None = None,
    by: User,
) -> StockCount:
    """Close a count: one count movement for each line, at the time when it was counted.

    `uncounted` says whether products of the count without a line keep their stock or have none.
    The number of statements depends on the number of lines only by the size of the batches.
    Raises `StockCountNotOpen` and `VersionConflict`.
    """
    count = _lock_open(count_id, expected_version, by)
    lines = {line.product_id: line for line in StockCountLine.objects.filter(stock_count=count)}
    levels = lock_levels(count.store, lines, also=_find_missed(count, uncounted))
    closing = _Closing(count, lines, levels, by)
    closing.write()
    count.status, count.uncounted = StockCount.Status.CLOSED, uncounted
    _end(count, by)
    facts = {
        "store": str(count.store_id),
        "counted": len(lines),
        "different": closing.different,
        "uncounted": str(uncounted),
        "set_to_zero": len(levels.keys() - lines.keys()),
    }
    audit.record("stock_count_closed", actor=by, target=count, **facts)
    publish("stock_count.closed", about=count)
    return count


@atomic_with_retry
def cancel_stock_count(
    count_id: uuid.UUID, *, expected_version: int | None = None, by: User
) -> StockCount:
    """Cancel a count, which changes no stock. Raises `StockCountNotOpen`."""
    count = _lock_open(count_id, expected_version, by)
    count.status = StockCount.Status.CANCELED
    _end(count, by)
    audit.record("stock_count_canceled", actor=by, target=count, store=str(count.store_id))
    publish("stock_count.canceled", about=count)
    return count


def find_products_to_count(count: StockCount) -> ProductQuerySet:
    """Return the products of the count: those with a stock level in its store."""
    products = Product.objects.filter(
        track_stock=True,
        pk__in=StockLevel.objects.filter(store=count.store_id).values("product"),
    )
    return products.filter(category=count.category_id) if count.category_id else products


def _lock_open(count_id: uuid.UUID, expected_version: int | None, by: User) -> StockCount:
    """Lock an open count. Its levels are locked after it."""
    rows = StockCount.objects.visible_to(by).select_related("store", "category")
    count: StockCount = rows.select_for_update(no_key=True, of=("self",)).get(pk=count_id)
    count.ensure_version(expected_version)
    count.ensure_open()
    return count


def _end(count: StockCount, by: User) -> None:
    count.ended_by, count.ended_at = by, timezone.now()
    count.save_changes("status", "uncounted", "ended_by", "ended_at")


def _ensure_countable(each: CountedProduct, counted: Decimal, path: str) -> None:
    try:
        each.product.ensure_stock_quantity(each.quantity)
        if counted >= MAX_COUNTED:
            raise Invalid.field("quantity", "The sum is too large.", code="max_digits")
    except Invalid as error:
        raise error.nested_under(path) from error


def _find_missed(count: StockCount, uncounted: StockCount.Uncounted) -> Q | None:
    """Return the filter for the levels that are set to zero, because nobody counted them."""
    if uncounted == StockCount.Uncounted.KEEP:
        return None
    return ~Q(quantity=0) & Q(product__in=find_products_to_count(count).values("pk"))


def _build_lines(
    count: StockCount,
    counted: Sequence[CountedProduct],
    known: Mapping[uuid.UUID, StockCountLine],
    levels: Mapping[uuid.UUID, StockLevel],
) -> Iterator[StockCountLine]:
    """Build new lines and change known ones. Raises `Invalid` and `VersionConflict`."""
    for index, each in enumerate(counted):
        line = known.get(each.product.pk)
        version = line.version if line else 0
        if each.seen_version not in (None, version):
            raise VersionConflict(current=version)
        counted_before = line.counted if line and each.is_added else ZERO
        quantity = counted_before + each.quantity
        _ensure_countable(each, quantity, f"lines[{index}]")
        line = line or StockCountLine(stock_count=count, product=each.product, version=0)
        line.counted, line.expected = quantity, levels[each.product.pk].quantity
        yield line


def _stamp(lines: Iterable[StockCountLine], by: User) -> None:
    """Set who has counted them; now, while their levels are locked."""
    now = timezone.now()
    for line in lines:
        line.version += 1
        line.counted_by, line.counted_at, line.updated_at = by, now, now


def _save_lines(lines: Sequence[StockCountLine]) -> None:
    StockCountLine.objects.bulk_create(
        lines,
        batch_size=BATCH_SIZE,
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=[
            *("expected", "counted", "counted_by", "counted_at"),
            *("version", "updated_at"),
        ],
    )


class _Closing:
    """The movements of a closed count, and its levels after them."""

    def __init__(
        self,
        count: StockCount,
        lines: Mapping[uuid.UUID, StockCountLine],
        levels: Mapping[uuid.UUID, StockLevel],
        by: User,
    ) -> None:
        self.count = count
        self.lines = lines
        self.levels = levels
        self.by = by
        self.different = 0

    def write(self) -> None:
        self.add_late_movements()
        movements = [*map(self.build_movement, self.lines.values()), *self.build_zeros()]
        self.different = sum(movement.quantity != 0 for movement in movements)
        movements += self.build_offsets(movements)
        for start in range(0, len(movements), BATCH_SIZE):
            bulk_insert(movements[start : start + BATCH_SIZE])
        changes: dict[uuid.UUID, Decimal] = {}
        for movement in movements:
            product = movement.product_id
            changes[product] = changes.get(product, ZERO) + movement.quantity
        self.change_levels({product: change for product, change in changes.items() if change})

    def add_late_movements(self) -> None:
        """Add what happened before a line was counted, but was recorded after it.

        The counted quantity includes it, the stock that was expected then does not. A sale at a
        till with network is never late: it changes the level when it is recorded.
        """
        if not self.lines:
            return
        times = [line.counted_at for line in self.lines.values()]
        late = StockMovement.objects.filter(
            Q(order__isnull=True) | Q(order__sold_at__isnull=False, refund__isnull=True),
            store=self.count.store_id,
            created_at__gt=min(times),
            occurred_at__lte=max(times),
        )
        changed = {}
        columns = ("product_id", "quantity", "created_at", "occurred_at")
        for product, quantity, created_at, occurred_at in late.values_list(*columns):
            line = self.lines.get(product)
            if line and occurred_at <= line.counted_at < created_at:
                line.expected += quantity
                changed[product] = line
        for line in changed.values():
            line.version += 1
            line.updated_at = timezone.now()
        _save_lines(list(changed.values()))

    def build_movement(self, line: StockCountLine) -> StockMovement:
        return StockMovement(
            type=StockMovement.Type.COUNT,
            store=self.count.store,
            product_id=line.product_id,
            quantity=line.difference,
            counted=line.counted,
            occurred_at=line.counted_at,
            reason=self.count.name,
            stock_count=self.count.pk,
            by_id=line.counted_by_id,
        )

    def build_zeros(self) -> Iterator[StockMovement]:
        """Build the movements of products that nobody counted and that are set to zero."""
        now = timezone.now()
        for product, level in self.levels.items():
            if product not in self.lines:
                yield StockMovement(
                    type=StockMovement.Type.COUNT,
                    store=self.count.store,
                    product_id=product,
                    quantity=-level.quantity,
                    counted=ZERO,
                    occurred_at=now,
                    reason=f"{self.count.name}: not counted",
                    stock_count=self.count.pk,
                    by=self.by,
                )

    def build_offsets(self, movements: Sequence[StockMovement]) -> list[StockMovement]:
        """Build the opposite of each movement that a later count includes already."""
        if not movements:
            return []
        since = min(movement.occurred_at for movement in movements)
        counts = StockMovement.objects.filter(
            type=StockMovement.Type.COUNT,
            store=self.count.store_id,
            created_at__gt=since,
            occurred_at__gt=since,
        )
        later: dict[uuid.UUID, list[StockMovement]] = {}
        for count in counts.order_by("occurred_at", "-created_at", "-id"):
            later.setdefault(count.product_id, []).append(count)
        offsets = []
        for movement in movements:
            found = later.get(movement.product_id, ())
            next_count = next((c for c in found if c.occurred_at > movement.occurred_at), None)
            if next_count and movement.quantity:
                offsets.append(build_offset(movement, next_count, by=self.by))
        return offsets

    def change_levels(self, changes: Mapping[uuid.UUID, Decimal]) -> None:
        for product, change in changes.items():
            self.levels[product].quantity += change
        changed = {product: self.levels[product] for product in changes}
        save_levels(list(changed.values()))
        low = {
            product: level
            for product, level in changed.items()
            if level.fell_to_reorder_point(changes[product])
        }
        if low:
            publish_low_stock(self.count.store, low, changes, Product.objects.in_bulk(list(low)))
