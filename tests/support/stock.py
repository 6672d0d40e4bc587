"""Stock movements over HTTP in two stores."""

from typing import Any

from accounts.models import User
from orders.models import Product, StockLevel, StockMovement
from tenants.models import AuditEvent, OutboxEvent, Store
from tenants.scope import tenant_scope
from tests.support.api import Person
from tests.support.till import Body, get_stock_level, new_id

PATH = "stock/movements/"


class Stockroom(Person):
    """A client that records movements in `store` and transfers to `second`."""

    def __init__(self, user: User, store: Store, second: Store) -> None:
        super().__init__(user)
        self.store, self.second = store, second

    def body(self, kind: str, product: Product, quantity: str = "1", **more: Any) -> Body:
        """Build the body of a movement; None omits a field."""
        needed = {
            "id": new_id(),
            "type": kind,
            "product": str(product.pk),
            "store": str(self.store.pk),
            "quantity": quantity,
            "reason": "Because" if kind == "adjust" else None,
            "to_store": str(self.second.pk) if kind == "transfer_out" else None,
        }
        return {name: value for name, value in (needed | more).items() if value is not None}

    def move(self, kind: str, product: Product, quantity: str = "1", **more: Any) -> Any:
        return self.post(PATH, self.body(kind, product, quantity, **more))

    def moved(self, kind: str, product: Product, quantity: str = "1", **more: Any) -> Body:
        """Record a movement and assert that it succeeds."""
        response = self.move(kind, product, quantity, **more)
        assert response.status_code == 201, response.content
        answer: Body = response.json()
        return answer

    def found(self, **query: Any) -> list[Body]:
        rows: list[Body] = self.get(PATH, query).json()["results"]
        return rows

    def level(self, product: Product, store: Store | None = None) -> Any:
        """Return the stock level."""
        return get_stock_level(product, store or self.store)[0]

    def books(self) -> tuple[Any, ...]:
        """Return levels and row counts, to check that a refusal changed nothing."""
        with tenant_scope(self.store.tenant):
            levels = StockLevel.objects.order_by("pk")
            return (
                list(levels.values_list("store", "product", "quantity", "reserved", "version")),
                *(kind.objects.count() for kind in (StockMovement, AuditEvent, OutboxEvent)),
            )
