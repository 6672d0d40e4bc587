"""The end of a sale: numbers without gaps, the receipt, the goods off the shelf."""

from collections.abc import Sequence

from django.utils import timezone

from accounts.models import User
from orders.exceptions import CurrencyChanged
from orders.models import Order, OrderLine, Receipt, RegisterSeries, StockMovement
from orders.services.stock import take_reserved_stock, take_stock
from tenants.ids import new_id
from tenants.models import Register, Tenant
from tenants.scope import current_tenant

Papers = tuple[list[Receipt], list[StockMovement]]


def next_order_number(register: Register, *, with_receipt: bool) -> tuple[str, int | None]:
    """The next numbers of this till. They are taken for good only when the sale commits."""
    order, receipt = RegisterSeries.objects.count_up(register, orders=1, receipts=int(with_receipt))
    return f"{register.number}-{order:06d}", receipt if with_receipt else None


def next_receipt_number(register: Register) -> int:
    _, receipt = RegisterSeries.objects.count_up(register, orders=0, receipts=1)
    return receipt


def papers_of(order: Order, lines: Sequence[OrderLine], by: User) -> Papers:
    """What is written for a sale beside the order: its receipt, and what left the shelves."""
    return [_receipt(order)], _movements(order, lines, by)


def hand_over(order: Order, lines: Sequence[OrderLine], *, reserved: bool = False) -> None:
    """Take the goods, last of all: their rows are the locks that everybody waits for."""
    (take_reserved_stock if reserved else take_stock)(order.store, lines)


def _receipt(order: Order) -> Receipt:
    number, sold_at = order.sold_as()
    return Receipt(order=order, register=order.register, number=number, issued_at=sold_at)


def _movements(order: Order, lines: Sequence[OrderLine], by: User) -> list[StockMovement]:
    return [
        StockMovement(
            id=new_id(),
            store=order.store,
            product_id=line.product_id,
            type=StockMovement.Type.SALE,
            quantity=-line.quantity,
            occurred_at=order.completed_at or timezone.now(),
            order=order,
            by=by,
        )
        for line in lines
        if line.tracks_stock
    ]


def note_first_order() -> None:
    """From now on the shop's currency cannot change; it must be the one that was reckoned in."""
    tenant = current_tenant()
    if tenant.has_orders:
        return
    same = Tenant.objects.filter(pk=tenant.pk, currency=tenant.currency)
    if not same.update(has_orders=True):
        raise CurrencyChanged
