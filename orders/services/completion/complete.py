"""Complete a sale: gapless numbers, receipt, hash chain entry, stock deduction."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from accounts.models import User
from orders.exceptions import CurrencyChanged, NoOpenShift
from orders.models import (
    ChainEntry,
    Flag,
    Order,
    OrderLine,
    Payment,
    Receipt,
    ReceiptProfile,
    RegisterSeries,
    StockMovement,
)
from orders.models.receipt import RegisterNumbers
from orders.services.completion.hash_chain import build_chain_entry, build_receipt_content
from orders.services.stock.levels import decrement_reserved_stock, decrement_stock
from tenants.database.bulk_insert import Statement, build_row
from tenants.events.outbox import build_event
from tenants.ids import new_id
from tenants.models import OutboxEvent, Register, Tenant
from tenants.scope import current_tenant


@dataclass(frozen=True, slots=True)
class CompletionRows:
    """Rows that complete an order: receipt, stock movements, hash chain entry, outbox events."""

    rows: tuple[Sequence[Any], ...] = ()
    also: tuple[Statement, ...] = ()
    movements: Sequence[StockMovement] = ()
    entry: ChainEntry | None = None


def take_numbers(
    register: Register, *, orders: int = 0, receipts: int = 0, device: int | None = None
) -> RegisterNumbers:
    """Lock and increment the register's numbers; a rollback releases them.

    Raises `NoOpenShift` if the tenant requires shifts and the register has no open one.
    """
    numbers = RegisterSeries.objects.increment(
        register, orders=orders, receipts=receipts, device=device
    )
    ensure_shift(numbers, register)
    return numbers


def ensure_shift(numbers: RegisterNumbers, register: Register) -> None:
    """Raise `NoOpenShift` if the tenant requires shifts and the register has no open one."""
    if numbers.shift is None and current_tenant().shifts_required:
        raise NoOpenShift(register=register.name)


def flag_device_sequence(order: Order, numbers: RegisterNumbers) -> None:
    """Flag an order whose device sequence is already used, or far above the last one.

    `numbers` were incremented in this transaction, which holds the lock.
    """
    apply_sequence_flags(order, numbers, is_taken=is_device_sequence_taken(order))


def is_device_sequence_taken(order: Order) -> bool:
    """Return whether another sale of the register has the device sequence of this order."""
    number = order.device_sequence
    if number is None:
        return False
    return Order.objects.filter(register=order.register, device_sequence=number).exists()


def apply_sequence_flags(order: Order, numbers: RegisterNumbers, *, is_taken: bool) -> None:
    """Set the flags of the device sequence; saves nothing."""
    if is_taken:
        order.sequence_taken = True
        order.flag(Flag.SEQUENCE_TAKEN)
    if order.device_sequence is not None and numbers.is_jump(order.device_sequence):
        order.flag(Flag.SEQUENCE_JUMP)


def build_completion_rows(
    order: Order,
    lines: Sequence[OrderLine],
    numbers: RegisterNumbers,
    by: User,
    events: Sequence[OutboxEvent] = (),
) -> CompletionRows:
    """Return the rows that complete an order; `events` are published in addition."""
    profile, profile_hash = _find_profile(order)
    receipt = _build_receipt(order, profile)
    content = build_receipt_content(order, profile_hash)
    entry, extension = build_chain_entry(
        ChainEntry.Kind.RECEIPT, receipt.pk, content, numbers, order.register
    )
    events, movements = (
        [*events, build_completed_event(order)],
        _build_stock_movements(order, lines, by),
    )
    return CompletionRows(([receipt], movements, [entry], events), (extension,), movements, entry)


def build_completed_event(order: Order) -> OutboxEvent:
    """Return the event of a completed order: ids and totals only."""
    tenant = current_tenant()
    # An order that was there before is saved once more, last of all.
    version = order.version + (0 if order._state.adding else 1)
    return build_event(
        "order.completed",
        about=order,
        at_version=version,
        order=str(order.pk),
        number=order.number,
        total=str(tenant.quantize_amount(order.total)),
        currency=tenant.currency,
        store=str(order.store_id),
        register=str(order.register_id),
        receipt_number=order.receipt_number,
        **_build_device_sequence_fact(order),
        **order.offline_facts(tenant.quantize_amount),
    )


def _build_device_sequence_fact(order: Order) -> dict[str, Any]:
    """Return the device sequence of an online order; of an offline one it is among the facts."""
    is_online = order.device_sequence is not None and not order.is_offline
    return {"device_sequence": order.device_sequence} if is_online else {}


def build_payment_event(payment: Payment, order: Order) -> OutboxEvent:
    """Return the event `payment.<status>` for the order's store."""
    topic = f"payment.{payment.status}"
    return build_event(topic, about=payment, in_store=order.store_id, order=str(order.pk))


def deduct_stock(order: Order, lines: Sequence[OrderLine], *, reserved: bool = False) -> None:
    """Deduct stock; called last, because stock levels are the most contended rows."""
    (decrement_reserved_stock if reserved else decrement_stock)(order.store, lines)


def _find_profile(order: Order) -> tuple[uuid.UUID | None, str]:
    """Return id and hash of the receipt profile that the sale was made with.

    For an offline sale it is the version that was current when it was made, as the till has printed
    it; if the clock of the till was wrong, the one at the upload.
    """
    store = order.store
    if not order.is_offline or store.receipt_profile is None:
        return store.receipt_profile, store.receipt_profile_hash
    _, booked_at = order.receipt_number_and_time()
    versions = ReceiptProfile.objects.filter(
        store=store, created_at__lte=order.stock_left_at(booked_at)
    )
    found = versions.order_by("-version").values_list("pk", "hash").first()
    return found or (None, "")


def _build_receipt(order: Order, profile: uuid.UUID | None) -> Receipt:
    number, sold_at = order.receipt_number_and_time()
    return build_row(
        Receipt,
        order=order,
        register=order.register,
        number=number,
        issued_at=sold_at,
        profile_id=profile,
    )


def _build_stock_movements(
    order: Order, lines: Sequence[OrderLine], by: User
) -> list[StockMovement]:
    at = order.stock_left_at(order.completed_at or timezone.now())
    store, sale = order.store, StockMovement.Type.SALE
    return [
        build_row(
            StockMovement,
            id=new_id(),
            store=store,
            product_id=item.product,
            type=sale,
            quantity=-line.quantity * item.quantity,
            occurred_at=at,
            order=order,
            by=by,
        )
        for line in lines
        for item in line.stock_items
    ]


def mark_tenant_has_orders() -> None:
    """Fix the tenant's currency. Raises `CurrencyChanged` if it changed since it was read."""
    tenant = current_tenant()
    if tenant.has_orders:
        return
    same = Tenant.objects.filter(pk=tenant.pk, currency=tenant.currency)
    if not same.update(has_orders=True):
        raise CurrencyChanged
