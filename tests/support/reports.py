"""Sales at given times and their reports."""

from datetime import time
from decimal import Decimal

from orders.models import OrderLine
from tests.factories.orders import OrderFactory
from tests.factories.tenants import RegisterFactory, StoreFactory


def fetch_report(person, **query):
    answer = person.get("reports/sales/", query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def create_store(shop, zone, starts_at=time(0), **more):
    store = StoreFactory(tenant=shop, timezone=zone, day_starts_at=starts_at, **more)
    return RegisterFactory(tenant=shop, store=store)


def make_seller(cashier):
    """Return a function that creates completed orders at given times."""
    numbers = iter(range(1, 100))

    def make(at, register, total="1.00", **more):
        return OrderFactory(
            cashier=cashier,
            register=register,
            status="completed",
            receipt_number=next(numbers),
            completed_at=at,
            **{name: Decimal(total) for name in ("subtotal", "total", "paid_total")},
            **more,
        )

    return make


def create_line(order, product, *, quantity=Decimal(1), **amounts):
    """Create a line without changing its order."""
    OrderLine.objects.create(
        order=order,
        position=0,
        product=product,
        sku=product.sku,
        name=product.name,
        list_price=product.price,
        unit_price=product.price,
        quantity=quantity,
        tracks_stock=False,
        discount_total=0,
        tax_total=Decimal("0.001"),
        **amounts,
    )
