"""The end of a sale: numbers without gaps, the receipt, the goods off the shelf."""

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
    RegisterSeries,
    StockMovement,
)
from orders.models.receipt import RegisterNumbers
from orders.services.completion.hash_chain import receipt_content, seal
from orders.services.stock.levels import decrement_reserved_stock, decrement_stock
from tenants.database.bulk_insert import Statement
from tenants.events.outbox import build_event
from tenants.ids import new_id
from tenants.models import OutboxEvent, Register, Tenant
from tenants.scope import current_tenant


@dataclass(frozen=True, slots=True)
class Papers:
    """What is written for a sale beside the order: receipt, what left the shelves, the seal,
    and what the world is to hear of it."""

    rows: tuple[Sequence[Any], ...] = ()
    also: tuple[Statement, ...] = ()
    movements: Sequence[StockMovement] = ()


def next_numbers(
    register: Register, *, orders: int = 0, receipts: int = 0, device: int | None = None
) -> RegisterNumbers:
    """The next numbers of this till. They are taken for good only when the sale commits.

    A shop that works in shifts does nothing at a till whose drawer nobody has opened.
    """
    numbers = RegisterSeries.objects.increment(
        register, orders=orders, receipts=receipts, device=device
    )
    if numbers.shift is None and current_tenant().shifts_required:
        raise NoOpenShift(register=register.name)
    return numbers


def flag_till_number(order: Order, numbers: RegisterNumbers) -> None:
    """Flag an order whose number of the till another one has, or which is far beyond them.

    `numbers` were counted up with it in this transaction, so that nobody takes it meanwhile.
    """
    number = order.device_sequence
    if number is None:
        return
    if Order.objects.filter(register=order.register, device_sequence=number).exists():
        order.sequence_taken = True
        order.flag(Flag.SEQUENCE_TAKEN)
    if numbers.is_jump(number):
        order.flag(Flag.SEQUENCE_JUMP)


def papers_of(
    order: Order,
    lines: Sequence[OrderLine],
    numbers: RegisterNumbers,
    by: User,
    told: Sequence[OutboxEvent] = (),
) -> Papers:
    """`told` is what the world is to hear of beside the sale."""
    receipt = _receipt(order)
    entry, extension = seal(
        ChainEntry.Kind.RECEIPT, receipt.pk, receipt_content(order), numbers, order.register
    )
    events, movements = [*told, sale_event(order)], _movements(order, lines, by)
    return Papers(([receipt], movements, [entry], events), (extension,), movements)


def sale_event(order: Order) -> OutboxEvent:
    """That it was sold, in few words: whoever wants to know more looks at the order."""
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
        **_till_number(order),
        **order.offline_facts(tenant.quantize_amount),
    )


def _till_number(order: Order) -> dict[str, Any]:
    """The number of an order that was sold with a connection; offline it is among the facts."""
    is_told = order.device_sequence is not None and not order.is_offline
    return {"device_sequence": order.device_sequence} if is_told else {}


def payment_event(payment: Payment, order: Order) -> OutboxEvent:
    """What became of it: `payment.captured`, `payment.declined`, ... of the order's store."""
    topic = f"payment.{payment.status}"
    return build_event(topic, about=payment, in_store=order.store_id, order=str(order.pk))


def hand_over(order: Order, lines: Sequence[OrderLine], *, reserved: bool = False) -> None:
    """Take the goods, last of all: their rows are the locks that everybody waits for."""
    (decrement_reserved_stock if reserved else decrement_stock)(order.store, lines)


def _receipt(order: Order) -> Receipt:
    number, sold_at = order.receipt_number_and_time()
    return Receipt(order=order, register=order.register, number=number, issued_at=sold_at)


def _movements(order: Order, lines: Sequence[OrderLine], by: User) -> list[StockMovement]:
    return [
        StockMovement(
            id=new_id(),
            store=order.store,
            product_id=line.product_id,
            type=StockMovement.Type.SALE,
            quantity=-line.quantity,
            occurred_at=order.stock_left_at(order.completed_at or timezone.now()),
            order=order,
            by=by,
        )
        for line in lines
        if line.tracks_stock and line.product_id
    ]


def note_first_order() -> None:
    """From now on the shop's currency cannot change; it must be the one that was reckoned in."""
    tenant = current_tenant()
    if tenant.has_orders:
        return
    same = Tenant.objects.filter(pk=tenant.pk, currency=tenant.currency)
    if not same.update(has_orders=True):
        raise CurrencyChanged
