"""Price lists and their prices: create, change, and set many at once."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from accounts.services.store_assignments import ensure_stores_are_within
from orders.exceptions import PricesOverlap
from orders.models import Price, PriceList, Product
from tenants import audit
from tenants.database.bulk_insert import BATCH_SIZE, build_row, bulk_insert
from tenants.events.outbox import publish_all
from tenants.ids import unique_or
from tenants.models import AuditEvent, Tenant
from tenants.scope import atomic_with_retry, current_tenant
from tenants.services import save_row

# The values of a price that a batch sets.
SET_FIELDS = ("amount", "valid_to", "is_active")
Key = tuple[uuid.UUID, Decimal]


@atomic_with_retry
def write_price_list(
    row: PriceList, values: dict[str, Any], *, expected_version: int | None = None, by: User
) -> PriceList:
    """Create or change a price list; its first one lets sales of the shop look for prices.

    A service key writes those of its stores only: `NotPermitted` otherwise.
    """
    is_new = row._state.adding
    ensure_stores_are_within(values.get("stores", row.stores), by)
    if is_new:
        save_row(row, values)
        audit.record("price_list_added", actor=by, target=row)
        mark_tenant_has_price_lists()
        return row
    row = PriceList.objects.select_for_update(no_key=True).get(pk=row.pk)
    ensure_stores_are_within(row.stores, by)
    row.ensure_version(expected_version)
    changed = audit.changes(row, values)
    save_row(row, values)
    if changed:
        audit.record("price_list_changed", actor=by, target=row, changes=changed)
    return row


def mark_tenant_has_price_lists() -> None:
    tenant = current_tenant()
    if not tenant.has_price_lists:
        Tenant.objects.filter(pk=tenant.pk).update(has_price_lists=True)
        tenant.has_price_lists = True


@atomic_with_retry
def write_price(
    row: Price, values: dict[str, Any], *, expected_version: int | None = None, by: User
) -> Price:
    """Create or change a price. Raises `PricesOverlap`, and `NotPermitted` as for its list."""
    is_new = row._state.adding
    ensure_stores_are_within((values["price_list"] if is_new else row.price_list).stores, by)
    if is_new:
        save_row(row, values)
        audit.record("price_added", actor=by, target=row, **_describe(row))
        return row
    row = (
        Price.objects.select_related("product", "price_list")
        .select_for_update(no_key=True, of=("self",))
        .get(pk=row.pk)
    )
    row.ensure_version(expected_version)
    changed = audit.changes(row, values)
    save_row(row, values)
    if changed:
        audit.record("price_changed", actor=by, target=row, changes=changed, **_describe(row))
    return row


def _describe(price: Price) -> dict[str, str]:
    """Return what identifies a price in the audit log."""
    return {"sku": price.product.sku, "price_list": price.price_list.name}


@dataclass(frozen=True, slots=True)
class WantedPrice:
    """A price to set. What it replaces has the same product, minimum quantity and `valid_from`."""

    product: Product
    amount: Decimal
    min_quantity: Decimal = Decimal(0)
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    is_active: bool = True

    @property
    def key(self) -> Key:
        return self.product.pk, self.min_quantity


@dataclass(frozen=True, slots=True)
class BatchResult:
    """How many prices a batch has created, changed, and found as they should be."""

    created: int
    changed: int
    unchanged: int


@atomic_with_retry
def set_prices(price_list: PriceList, wanted: Sequence[WantedPrice], *, by: User) -> BatchResult:
    """Set many prices of a list, all of them or none.

    A price with the same product, minimum quantity and `valid_from` is changed. Otherwise a new one
    is created, and an earlier price that would still be valid ends at its start, unless it is valid
    for longer. Raises `PricesOverlap` with the `index` of a price that overlaps another one, and
    `NotPermitted` for a service key that is limited to other stores.
    """
    # One batch of a list after the other: the second sees what the first has written.
    locked = PriceList.objects.select_for_update(no_key=True).get(pk=price_list.pk)
    ensure_stores_are_within(locked.stores, by)
    book = _PriceBook(price_list, _load_prices(price_list, wanted))
    for index, each in enumerate(wanted):
        book.set(each, index)
    book.ensure_no_overlaps()
    # A price may have been created alone in the meantime.
    with unique_or(PricesOverlap), transaction.atomic():
        _write(book, by)
    created, changed = len(book.new), len(book.changes)
    return BatchResult(created, changed, len(wanted) - len(book.named))


def _load_prices(price_list: PriceList, wanted: Iterable[WantedPrice]) -> Iterator[Price]:
    products = {each.product.pk: each.product for each in wanted}
    ids = sorted(products)
    for start in range(0, len(ids), BATCH_SIZE):
        chunk = ids[start : start + BATCH_SIZE]
        for price in Price.objects.filter(
            price_list=price_list, product__in=chunk, is_active=True
        ).select_for_update(no_key=True):
            price.product, price.price_list = products[price.product_id], price_list
            yield price


class _PriceBook:
    """The active prices of some products in a list while a batch changes them."""

    def __init__(self, price_list: PriceList, prices: Iterable[Price]) -> None:
        self.price_list = price_list
        self.prices: dict[Key, list[Price]] = defaultdict(list)
        for price in prices:
            self.prices[price.product_id, price.min_quantity].append(price)
        self.new: list[Price] = []
        # What changes of existing prices, as the audit log shows it.
        self.changes: dict[uuid.UUID, tuple[Price, dict[str, Any]]] = {}
        # The items that create or change something, by the price.
        self.named: dict[uuid.UUID, int] = {}

    def set(self, wanted: WantedPrice, index: int) -> None:
        prices = self.prices[wanted.key]
        values = {name: getattr(wanted, name) for name in SET_FIELDS}
        known = next((each for each in prices if each.valid_from == wanted.valid_from), None)
        if known is not None:
            if self._change(known, values):
                self.named[known.pk] = index
        elif wanted.is_active:
            price = build_row(
                Price,
                price_list=self.price_list,
                product=wanted.product,
                min_quantity=wanted.min_quantity,
                valid_from=wanted.valid_from,
                **values,
            )
            for earlier in prices:
                if _is_continued(earlier, price):
                    self._change(earlier, {"valid_to": price.valid_from})
            prices.append(price)
            self.new.append(price)
            self.named[price.pk] = index

    def _change(self, price: Price, values: Mapping[str, Any]) -> bool:
        changed = audit.changes(price, values)
        for name in changed:
            setattr(price, name, values[name])
        if changed and not price._state.adding:
            before = self.changes.get(price.pk, (price, {}))[1]
            self.changes[price.pk] = price, {**before, **changed}
        return bool(changed)

    def ensure_no_overlaps(self) -> None:
        """Raise `PricesOverlap` for the first item whose price overlaps another one."""
        overlapping = [
            (max(self.named.get(one.pk, -1), self.named.get(other.pk, -1)), one, other)
            for prices in self.prices.values()
            for one, other in _list_neighbors(prices)
            if one.overlaps(other)
        ]
        if overlapping:
            index, one, other = min(overlapping, key=lambda each: each[0])
            known = other if self.named.get(one.pk) == index else one
            raise PricesOverlap(price=known.pk, index=index)


def _is_continued(earlier: Price, price: Price) -> bool:
    """Return whether the new price replaces the earlier one from its start on."""
    return (
        price.valid_from is not None
        and (earlier.valid_from is None or earlier.valid_from < price.valid_from)
        and earlier.is_active
        and earlier.overlaps(price)
        and (
            price.valid_to is None
            or (earlier.valid_to is not None and earlier.valid_to <= price.valid_to)
        )
    )


def _list_neighbors(prices: Iterable[Price]) -> Iterator[tuple[Price, Price]]:
    active = [each for each in prices if each.is_active]
    in_order = sorted(active, key=lambda each: each.valid_from or datetime.min)  # noqa: DTZ901
    return pairwise(in_order)


def _write(book: _PriceBook, by: User) -> None:
    """Write changes before new prices: a period must end before the next one begins."""
    changed = [price for price, _ in sorted(book.changes.values(), key=_may_grow)]
    for price in changed:
        price.version += 1
        price.updated_at = timezone.now()
    Price.objects.bulk_create(
        changed,
        batch_size=BATCH_SIZE,
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=[*SET_FIELDS, "version", "updated_at"],
    )
    for start in range(0, len(book.new), BATCH_SIZE):
        bulk_insert(book.new[start : start + BATCH_SIZE])
    publish_all("price.updated", changed)
    publish_all("price.created", book.new)
    events = [*_build_events(book, by)]
    for start in range(0, len(events), BATCH_SIZE):
        bulk_insert(events[start : start + BATCH_SIZE])
    audit.log_after_commit(events)


def _may_grow(change: tuple[Price, Mapping[str, Any]]) -> bool:
    """Return whether the period may be longer than before, so that others must end first."""
    price, changed = change
    ends_later = "valid_to" in changed and (
        price.valid_to is None or str(price.valid_to) > str(changed["valid_to"]["from"])
    )
    return price.is_active and ends_later


def _build_events(book: _PriceBook, by: User) -> Iterator[AuditEvent]:
    for price, changed in book.changes.values():
        yield audit.build(
            "price_changed", actor=by, target=price, changes=changed, **_describe(price)
        )
    for price in book.new:
        yield audit.build("price_added", actor=by, target=price, **_describe(price))
