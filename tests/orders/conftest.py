"""Tills, and goods for them."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from accounts.models import User
from orders.models import Product
from tenants.models import Register, Store, Tenant
from tests.factories.accounts import UserFactory
from tests.factories.orders import ProductFactory, StockLevelFactory
from tests.factories.tenants import RegisterFactory, StoreFactory
from tests.support.api import Person
from tests.support.approvals import asked, given
from tests.support.gateway import ScriptedGateway, installed
from tests.support.shifts import books
from tests.support.stock import Stockroom
from tests.support.till import Body, Till, new_id


@pytest.fixture
def till(cashier: User, register: Register) -> Till:
    return Till(cashier, register)


@pytest.fixture
def tills(cashier: User, store: Store) -> list[Till]:
    """Four tills of one store, so that nobody waits for the numbers of another's."""
    registers = [
        RegisterFactory(tenant=store.tenant, store=store, number=number) for number in range(2, 6)
    ]
    return [Till(cashier, register) for register in registers]


@pytest.fixture
def managers_till(manager: User, register: Register) -> Till:
    return Till(manager, register)


@pytest.fixture
def goods(store: Store) -> Callable[..., Product]:
    """`goods("1.95", stock="3", sku="PEAR")`: a product, and as much of it in the store."""

    def make(price: str = "2.50", stock: str | None = "10", **more: Any) -> Product:
        product: Product = ProductFactory(tenant=store.tenant, price=Decimal(price), **more)
        if stock is not None and product.track_stock:
            StockLevelFactory(product=product, store=store, quantity=Decimal(stock))
        return product

    return make


@pytest.fixture
def shop_in(shop: Tenant) -> Callable[..., Tenant]:
    """`shop_in("JPY", cash_rounding_increment=...)`: the shop with other rules."""

    def change(currency: str = "EUR", **rules: Any) -> Tenant:
        shop.currency = currency
        for name, value in rules.items():
            setattr(shop, name, value)
        shop.full_clean()
        shop.save_changes("currency", *rules)
        return shop

    return change


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> ScriptedGateway:
    """Stands in for the one that the settings name."""
    return installed(monkeypatch)


@pytest.fixture
def chief(manager: User) -> Person:
    return Person(manager)


@pytest.fixture
def leave(till: Till, chief: Person) -> Callable[..., str]:
    """`leave(body)`: the id of what the refusal of this order says to ask for, asked and given."""

    def get(body: Body, by: Till = till, giver: Person = chief, **changes: Any) -> str:
        refused = by.post("orders/", body).json()
        assert refused["code"] == "approval_required"
        request = {name: refused[name] for name in ("action", "object", "amount")}
        approval: str = given(giver, asked(by, **(request | changes)))["id"]
        return approval

    return get


@pytest.fixture
def room(manager: User, store: Store) -> Stockroom:
    return Stockroom(manager, store, StoreFactory(tenant=store.tenant, name="Second"))


@pytest.fixture
def delivery(store: Store) -> Callable[..., Body]:
    """`delivery(product, "5")`: the body of goods that came."""

    def body(product: Product, quantity: str = "1", **more: Any) -> Body:
        return {
            "id": new_id(),
            "type": "receive",
            "product": str(product.pk),
            "store": str(store.pk),
            "quantity": quantity,
            **more,
        }

    return body


@pytest.fixture
def another(shop: Tenant) -> Person:
    """Another cashier of the shop."""
    return Person(UserFactory(tenant=shop))


@pytest.fixture
def refused(shop: Tenant, problem: Callable[..., Body]) -> Callable[..., Body]:
    """`refused(call, 409, "code")`: the call is refused, and no drawer has changed by it."""

    def check(call: Callable[[], Any], *expected: Any) -> Body:
        before = books(shop)
        answer = problem(call(), *expected)
        assert books(shop) == before
        return answer

    return check
