"""Sales over HTTP like a terminal, and stock levels."""

import uuid
from decimal import Decimal
from typing import Any

from accounts.models import AuthSession, User
from orders.models import Product, Receipt, StockLevel, StockMovement
from orders.models.columns import ExactSum
from tenants.models import Register, Store, Tenant
from tenants.scope import tenant_scope
from tests.support.api import Person

Body = dict[str, Any]
MOVED = ExactSum("quantity")


def new_id() -> str:
    return str(uuid.uuid4())


def line(product: Product, quantity: object = "1", **more: Any) -> Body:
    return {"product": str(product.pk), "quantity": quantity, **more}


def cash(amount: str, tendered: str | None = None, **more: Any) -> Body:
    handed_over = {} if tendered is None else {"tendered": tendered}
    return {"id": new_id(), "method": "cash", "amount": amount, **handed_over, **more}


def cash_rest(**more: Any) -> Body:
    """Return a cash payment without an amount."""
    return {"id": new_id(), "method": "cash", **more}


def card(amount: str, **more: Any) -> Body:
    return {"id": new_id(), "method": "card", "amount": amount, **more}


def percent(value: str, **more: Any) -> Body:
    return {"type": "percent", "value": value, **more}


def amount(value: str, **more: Any) -> Body:
    return {"type": "amount", "value": value, **more}


class Till(Person):
    """A client at a register; every order gets an id, like from a terminal."""

    def __init__(self, user: User, register: Register, session: AuthSession | None = None) -> None:
        super().__init__(user, session)
        self.register = register

    def order(self, *lines: Body, **more: Any) -> Body:
        return {
            "id": new_id(),
            "register": str(self.register.pk),
            "lines": list(lines),
            **more,
        }

    def sell(self, *lines: Body, **more: Any) -> Any:
        return self.post("orders/", self.order(*lines, **more))

    def sold(self, *lines: Body, **more: Any) -> Body:
        """Sell and assert that it succeeds; return the order."""
        response = self.sell(*lines, **more)
        assert response.status_code == 201, response.content
        answer: Body = response.json()
        return answer

    def pay(self, order: Body, payment: Body, **headers: str) -> Any:
        return self.post(f"orders/{order['id']}/payments/", payment, **headers)

    def shown(self, order: Body) -> Body:
        response = self.get(f"orders/{order['id']}/")
        assert response.status_code == 200, response.content
        answer: Body = response.json()
        return answer


def resolve_payment(client: Any, order: Body, place: int = 0) -> Any:
    """Resolve a payment of the order, by default the first one."""
    return client.post(f"payments/{order['payments'][place]['id']}/resolve/")


def get_stock_level(product: Product, store: Store) -> tuple[Decimal, Decimal]:
    """Return the quantity in stock and the reserved quantity."""
    with tenant_scope(product.tenant):
        level = StockLevel.objects.filter(product=product, store=store).first()
    return (level.quantity, level.reserved) if level else (Decimal(0), Decimal(0))


def ensure_books_balance(shop: Tenant) -> None:
    """Assert that every stock level is the sum of its movements."""
    with tenant_scope(shop):
        levels = {(level.store_id, level.product_id): level for level in StockLevel.objects.all()}
        movements = StockMovement.objects.values_list("store_id", "product_id")
        sums = {(store, product): total for store, product, total in movements.annotate(MOVED)}
    assert levels
    assert {key: level.quantity for key, level in levels.items() if level.quantity} == {
        key: total.quantize(Decimal("0.001")) for key, total in sums.items() if total
    }


def list_receipt_numbers(register: Register) -> list[int]:
    """Return the receipt numbers of a register in order."""
    with tenant_scope(register.tenant):
        receipts = Receipt.objects.filter(register=register).order_by("number")
        return list(receipts.values_list("number", flat=True))


def set_product(shop: Tenant, product: Product, **changes: Any) -> None:
    """Change a product in the database, without a service."""
    with tenant_scope(shop):
        Product.objects.filter(pk=product.pk).update(**changes)


def get_line(order: Body) -> Body:
    """Return the only line of an order."""
    (only,) = order["lines"]
    found: Body = only
    return found
