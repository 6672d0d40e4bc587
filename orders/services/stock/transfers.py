"""Stock transfers: collect the products, send them, check what arrives, receive or cancel.

Sending takes the goods from the stock of one store. Receiving adds what was sent to the stock of
the other, and books each difference there: a loss as waste with its reason, a surplus as an
adjustment. In between, the goods are in no stock.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db.models import Sum
from django.utils import timezone

from accounts.models import User
from accounts.services.store_assignments import ensure_works_in
from orders.exceptions import InsufficientStock
from orders.models import (
    Product,
    StockLevel,
    StockMovement,
    StockTransfer,
    StockTransferLine,
)
from orders.models.columns import to_thousandths
from orders.services.stock.levels import (
    build_shortage,
    is_oversale_blocked,
    lock_levels,
    publish_low_stock,
    save_levels,
)
from tenants import audit
from tenants.api.formats import format_number
from tenants.database.bulk_insert import BATCH_SIZE, bulk_insert
from tenants.events.outbox import publish
from tenants.exceptions import Invalid, VersionConflict
from tenants.models import Store
from tenants.scope import atomic_with_retry
from tenants.services import save_row

Status = StockTransfer.Status
Type, WasteReason = StockMovement.Type, StockMovement.WasteReason
# Twelve digits in the column, three of them after the point.
MAX_QUANTITY = Decimal(10) ** 9
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class TransferItem:
    """A product with what is to be sent, or with what has arrived.

    `is_added` adds the quantity to the one before. `seen_version` is the version of the line that a
    page has shown, 0 for no line. `loss_reason` says why less has arrived.
    """

    product: Product
    quantity: Decimal
    is_added: bool = False
    loss_reason: str | None = None
    seen_version: int | None = None


@atomic_with_retry
def create_transfer(values: dict[str, Any], *, by: User) -> StockTransfer:
    """Create a draft. Raises `NotPermitted` for a sending store in which the user does not work."""
    ensure_works_in([values["from_store"]], by)
    transfer = StockTransfer(created_by=by)
    save_row(transfer, values)
    audit.record("stock_transfer_created", actor=by, target=transfer, **_name_stores(transfer))
    return transfer


@atomic_with_retry
def change_transfer(
    transfer_id: uuid.UUID, values: dict[str, Any], *, expected_version: int | None, by: User
) -> StockTransfer:
    """Change the note of a draft or of a transfer in transit.

    Raises `StockTransferNotInState` and `VersionConflict`.
    """
    transfer = _lock(transfer_id, expected_version, by)
    transfer.ensure_in(Status.DRAFT, Status.SENT)
    changed = audit.changes(transfer, values)
    save_row(transfer, values)
    if changed:
        audit.record("stock_transfer_changed", actor=by, target=transfer, changes=changed)
    return transfer


@atomic_with_retry
def set_sent_quantities(
    transfer_id: uuid.UUID,
    items: Sequence[TransferItem],
    *,
    expected_version: int | None = None,
    by: User,
) -> tuple[StockTransfer, list[StockTransferLine]]:
    """Set how much of each product a draft sends; zero removes the product.

    Return the lines that are left, in the order of the items. Raises `StockTransferNotInState`,
    `VersionConflict`, and `Invalid` with the index of a product.
    """
    transfer = _lock(transfer_id, expected_version, by)
    ensure_works_in([transfer.from_store], by)
    transfer.ensure_in(Status.DRAFT)
    known = _load_lines(transfer, items)
    lines = []
    for index, item in enumerate(items):
        line = _find_line(transfer, item, known)
        line.sent = _add_up(item, line.sent, f"lines[{index}]")
        lines.append(line)
    kept = [line for line in lines if line.sent]
    removed = [line.pk for line in lines if not line.sent and line.version]
    _save_lines(kept)
    StockTransferLine.objects.filter(pk__in=removed).delete()
    added = sum(line.product_id not in known for line in kept)
    _publish_lines(transfer, added - len(removed))
    return transfer, kept


@atomic_with_retry
def send_transfer(
    transfer_id: uuid.UUID, *, expected_version: int | None = None, by: User
) -> StockTransfer:
    """Send a draft: take its products from the stock of the sending store.

    Raises `StockTransferNotInState`, `StockTransferEmpty`, `VersionConflict`, and
    `InsufficientStock` where the shop blocks sales without stock.
    """
    transfer = _lock(transfer_id, expected_version, by)
    ensure_works_in([transfer.from_store], by)
    transfer.ensure_in(Status.DRAFT)
    transfer.ensure_not_empty()
    lines = _load_lines_by_product(transfer)
    levels = lock_levels(transfer.from_store, lines)
    _ensure_available(lines, levels)
    _Booking(transfer, transfer.from_store, levels, by).write(
        [(line, Type.TRANSFER_OUT, -line.sent, {}) for line in lines.values()]
    )
    transfer.status, transfer.sent_by, transfer.sent_at = Status.SENT, by, timezone.now()
    transfer.save_changes("status", "sent_by", "sent_at")
    facts = {**_name_stores(transfer), "products": len(lines)}
    audit.record("stock_transfer_sent", actor=by, target=transfer, **facts)
    publish("stock_transfer.sent", about=transfer)
    return transfer


@atomic_with_retry
def check_arrival(
    transfer_id: uuid.UUID,
    items: Sequence[TransferItem],
    *,
    expected_version: int | None = None,
    by: User,
) -> tuple[StockTransfer, list[StockTransferLine]]:
    """Save what has arrived of products of a transfer in transit. It changes no stock yet.

    A product that was not sent is added with a sent quantity of zero. Return the lines in their
    order. Raises like `set_sent_quantities`.
    """
    transfer = _lock(transfer_id, expected_version, by)
    ensure_works_in([transfer.to_store], by)
    transfer.ensure_in(Status.SENT)
    known = _load_lines(transfer, items)
    lines, now = [], timezone.now()
    for index, item in enumerate(items):
        line = _find_line(transfer, item, known)
        line.received = _add_up(item, line.received or ZERO, f"lines[{index}]")
        is_less = line.received < line.sent
        line.loss_reason = item.loss_reason if is_less else None
        line.checked_by, line.checked_at = by, now
        lines.append(line)
    _save_lines(lines)
    _publish_lines(transfer, sum(line.product_id not in known for line in lines))
    return transfer, lines


@atomic_with_retry
def receive_transfer(
    transfer_id: uuid.UUID,
    unchecked: StockTransfer.Unchecked,
    *,
    expected_version: int | None = None,
    by: User,
) -> StockTransfer:
    """Receive a transfer: add its products to the stock of the receiving store.

    `unchecked` says what became of products that nobody has checked. Raises
    `StockTransferNotInState` and `VersionConflict`.
    """
    transfer = _lock(transfer_id, expected_version, by)
    ensure_works_in([transfer.to_store], by)
    transfer.ensure_in(Status.SENT)
    lines = _load_lines_by_product(transfer)
    _set_unchecked(lines.values(), unchecked, by)
    levels = lock_levels(transfer.to_store, lines)
    _Booking(transfer, transfer.to_store, levels, by).write(
        [each for line in lines.values() for each in _list_arrivals(transfer, line)]
    )
    different = sum(line.difference != 0 for line in lines.values())
    _end(transfer, Status.RECEIVED, by)
    facts = {**_name_stores(transfer), "products": len(lines), "different": different}
    audit.record("stock_transfer_received", actor=by, target=transfer, **facts)
    publish("stock_transfer.received", about=transfer)
    return transfer


@atomic_with_retry
def cancel_transfer(
    transfer_id: uuid.UUID, *, expected_version: int | None = None, by: User
) -> StockTransfer:
    """Cancel a draft, or a transfer in transit: its goods return to the sending store.

    Raises `StockTransferNotInState` and `VersionConflict`.
    """
    transfer = _lock(transfer_id, expected_version, by)
    ensure_works_in([transfer.from_store], by)
    transfer.ensure_in(Status.DRAFT, Status.SENT)
    was_sent = transfer.is_in_transit
    if was_sent:
        lines = {id: each for id, each in _load_lines_by_product(transfer).items() if each.sent}
        levels = lock_levels(transfer.from_store, lines)
        _Booking(transfer, transfer.from_store, levels, by).write(
            [
                (line, Type.TRANSFER_IN, line.sent, {"reason": "Transfer canceled"})
                for line in lines.values()
            ]
        )
    _end(transfer, Status.CANCELED, by)
    facts = {**_name_stores(transfer), "was_sent": was_sent}
    audit.record("stock_transfer_canceled", actor=by, target=transfer, **facts)
    publish("stock_transfer.canceled", about=transfer)
    return transfer


def sum_in_transit(products: Iterable[uuid.UUID]) -> dict[tuple[uuid.UUID, uuid.UUID], Decimal]:
    """Return what is in transit, by the ids of the receiving store and of the product."""
    lines = StockTransferLine.objects.in_transit().filter(product__in=list(products), sent__gt=0)
    sums = lines.values_list("transfer__to_store", "product").annotate(Sum("sent"))
    return {(store, product): to_thousandths(quantity) for store, product, quantity in sums}


def _lock(transfer_id: uuid.UUID, expected_version: int | None, by: User) -> StockTransfer:
    """Lock a transfer. Its levels are locked after it."""
    rows = StockTransfer.objects.visible_to(by).select_related("from_store", "to_store")
    transfer: StockTransfer = rows.select_for_update(no_key=True, of=("self",)).get(pk=transfer_id)
    transfer.ensure_version(expected_version)
    return transfer


def _end(transfer: StockTransfer, status: StockTransfer.Status, by: User) -> None:
    transfer.status, transfer.ended_by, transfer.ended_at = status, by, timezone.now()
    transfer.save_changes("status", "ended_by", "ended_at")


def _name_stores(transfer: StockTransfer) -> dict[str, str]:
    return {"store": str(transfer.from_store_id), "to_store": str(transfer.to_store_id)}


def _publish_lines(transfer: StockTransfer, added: int) -> None:
    transfer.line_count += added
    transfer.save_changes("line_count")
    publish("stock_transfer.updated", about=transfer)


# --- lines ---------------------------------------------------------------------------------------


def _load_lines(
    transfer: StockTransfer, items: Iterable[TransferItem]
) -> dict[uuid.UUID, StockTransferLine]:
    rows = StockTransferLine.objects.filter(transfer=transfer)
    found = rows.filter(product__in=[item.product.pk for item in items])
    return {line.product_id: line for line in found}


def _load_lines_by_product(transfer: StockTransfer) -> dict[uuid.UUID, StockTransferLine]:
    rows = StockTransferLine.objects.filter(transfer=transfer).select_related("product")
    return {line.product_id: line for line in rows.order_by("pk")}


def _find_line(
    transfer: StockTransfer, item: TransferItem, known: Mapping[uuid.UUID, StockTransferLine]
) -> StockTransferLine:
    """Return the known line of the product, or a new one. Raises `VersionConflict`."""
    line = known.get(item.product.pk)
    version = line.version if line else 0
    if item.seen_version not in (None, version):
        raise VersionConflict(current=version)
    if line:
        return line
    return StockTransferLine(transfer=transfer, product=item.product, sent=ZERO, version=0)


def _add_up(item: TransferItem, before: Decimal, path: str) -> Decimal:
    """Return the new quantity. Raises `Invalid` below this path."""
    quantity = (before if item.is_added else ZERO) + item.quantity
    try:
        item.product.ensure_stock_quantity(item.quantity)
        if quantity >= MAX_QUANTITY:
            raise Invalid.field("quantity", "The sum is too large.", code="max_digits")
    except Invalid as error:
        raise error.nested_under(path) from error
    return quantity


def _save_lines(lines: Sequence[StockTransferLine]) -> None:
    now = timezone.now()
    for line in lines:
        line.version += 1
        line.updated_at = now
    StockTransferLine.objects.bulk_create(
        lines,
        batch_size=BATCH_SIZE,
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=[
            *("sent", "received", "loss_reason", "checked_by", "checked_at"),
            *("version", "updated_at"),
        ],
    )


def _set_unchecked(
    lines: Iterable[StockTransferLine], unchecked: StockTransfer.Unchecked, by: User
) -> None:
    missed, now = [line for line in lines if line.difference is None], timezone.now()
    for line in missed:
        line.received = line.sent if unchecked == StockTransfer.Unchecked.AS_SENT else ZERO
        line.checked_by, line.checked_at = by, now
    _save_lines(missed)


# --- movements -----------------------------------------------------------------------------------

# A line with the type, the quantity and other columns of one of its movements.
Booked = tuple[StockTransferLine, StockMovement.Type, Decimal, dict[str, Any]]


def _list_arrivals(transfer: StockTransfer, line: StockTransferLine) -> Iterator[Booked]:
    """Yield what was sent, and the difference to what has arrived."""
    difference = line.difference or ZERO
    if line.sent:
        yield line, Type.TRANSFER_IN, line.sent, {}
    if difference < 0:
        why = line.loss_reason or WasteReason.MISSING
        arrived = f"{format_number(line.received or ZERO)} of {format_number(line.sent)} arrived"
        reason = f"Transfer from {transfer.from_store}: {arrived}"
        yield line, Type.WASTE, difference, {"waste_reason": why, "reason": reason}
    elif difference:
        reason = f"Transfer from {transfer.from_store}: more arrived than was sent"
        yield line, Type.ADJUST, difference, {"reason": reason}


def _ensure_available(
    lines: Mapping[uuid.UUID, StockTransferLine], levels: Mapping[uuid.UUID, StockLevel]
) -> None:
    """Raise `InsufficientStock` with all products that are short, if the shop blocks that."""
    if not is_oversale_blocked():
        return
    short = [
        build_shortage(product, line.product, line.sent, levels[product].available)
        for product, line in lines.items()
        if levels[product].available < line.sent
    ]
    if short:
        raise InsufficientStock(short=short)


class _Booking:
    """Writes movements of a transfer in one store, and changes its locked levels."""

    def __init__(
        self,
        transfer: StockTransfer,
        store: Store,
        levels: Mapping[uuid.UUID, StockLevel],
        by: User,
    ) -> None:
        self.transfer = transfer
        self.store = store
        self.levels = levels
        self.by = by

    def write(self, booked: Sequence[Booked]) -> None:
        now = timezone.now()
        movements = [self.build_movement(*each, now) for each in booked]
        for start in range(0, len(movements), BATCH_SIZE):
            bulk_insert(movements[start : start + BATCH_SIZE])
        changes: dict[uuid.UUID, Decimal] = {}
        for line, _, quantity, _ in booked:
            changes[line.product_id] = changes.get(line.product_id, ZERO) + quantity
        changes = {product: change for product, change in changes.items() if change}
        for product, change in changes.items():
            self.levels[product].quantity += change
        changed = {product: self.levels[product] for product in changes}
        save_levels(list(changed.values()))
        products = {line.product_id: line.product for line, *_ in booked}
        publish_low_stock(self.store, changed, changes, products)

    def build_movement(
        self,
        line: StockTransferLine,
        kind: StockMovement.Type,
        quantity: Decimal,
        more: dict[str, Any],
        at: Any,
    ) -> StockMovement:
        is_side = kind in {Type.TRANSFER_OUT, Type.TRANSFER_IN}
        return StockMovement(
            type=kind,
            store=self.store,
            product_id=line.product_id,
            quantity=quantity,
            occurred_at=at,
            transfer=line.pk if is_side else None,
            stock_transfer=self.transfer.pk,
            by=self.by,
            **({"reason": self.transfer.note} | more),
        )
