"""The end of a sale: numbers without gaps, the receipt, the goods off the shelf."""

from django.db.models import F
from django.utils import timezone

from accounts.models import User
from orders.models import Order, OrderLine, Receipt, RegisterSeries, StockMovement
from orders.services.stock import take_reserved_stock, take_stock
from tenants.ids import new_id
from tenants.models import Register, Tenant
from tenants.scope import current_tenant

def next_order_number(register: Register, *, with_receipt: bool) -> tuple[str, int | None]:
    """The next numbers of this till. They are taken for good only when the sale commits."""
    series = _count_up(register, orders=1, receipts=int(with_receipt))
    receipt = series.last_receipt if with_receipt else None
    return f"{register.number}-{series.last_order:06d}", receipt


def next_receipt_number(register: Register) -> int:
    return _count_up(register, orders=0, receipts=1).last_receipt


def _count_up(register: Register, *, orders: int, receipts: int) -> RegisterSeries:
    """Count up and read back; the row is ours from the update to the end of the sale."""
    series = RegisterSeries.objects.filter(register=register)
    change = {"last_order": F("last_order") + orders, "last_receipt": F("last_receipt") + receipts}
    if not series.update(**change):
        RegisterSeries.objects.bulk_create(
            [RegisterSeries(register=register)], ignore_conflicts=True
        )
        series.update(**change)
    return series.get()


def complete(order: Order, by: User, *, reserved: bool = False) -> None:
    """Write what belongs to a sale. The goods come last: their rows are the busiest locks."""
    lines = list(order.lines.all())
    Receipt(
        order=order,
        register=order.register,
        number=order.receipt_number,
        issued_at=order.completed_at,
    ).save(force_insert=True)
    StockMovement.objects.bulk_create(_movements(order, lines, by))
    _note_first_sale()
    (take_reserved_stock if reserved else take_stock)(order.store, lines)


def _movements(order: Order, lines: list[OrderLine], by: User) -> list[StockMovement]:
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


def _note_first_sale() -> None:
    """From now on the shop's currency cannot change."""
    tenant = current_tenant()
    if not tenant.has_sold:
        Tenant.objects.filter(pk=tenant.pk).update(has_sold=True)
        tenant.has_sold = True
