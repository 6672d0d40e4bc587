"""Fixtures for selling: tills, products, gateway and stock."""

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
from tests.support.approvals import grant_approval, request_approval
from tests.support.gateway import ScriptedGateway, install_gateway
from tests.support.shifts import snapshot_shift_rows
from tests.support.stock import Stockroom
from tests.support.till import Body, Till, new_id


@pytest.fixture
def till(cashier: User, register: Register) -> Till:
    return Till(cashier, register)


@pytest.fixture
def tills(cashier: User, store: Store) -> list[Till]:
    """Return four tills of one store, each on a register of its own."""
    registers = [
        RegisterFactory(tenant=store.tenant, store=store, number=number) for number in range(2, 6)
    ]
    return [Till(cashier, register) for register in registers]


@pytest.fixture
def managers_till(manager: User, register: Register) -> Till:
    return Till(manager, register)


@pytest.fixture
def make_product(store: Store) -> Callable[..., Product]:
    """`make_product("1.95", stock="3", sku="PEAR")`: a product with that stock in the store."""

    def make(price: str = "2.50", stock: str | None = "10", **more: Any) -> Product:
        product: Product = ProductFactory(tenant=store.tenant, price=Decimal(price), **more)
        if stock is not None and product.track_stock:
            StockLevelFactory(product=product, store=store, quantity=Decimal(stock))
        return product

    return make


@pytest.fixture
def configure_shop(shop: Tenant) -> Callable[..., Tenant]:
    """`configure_shop("JPY", cash_rounding_increment=...)`: change the rules of the shop."""

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
    """Replace the gateway of the settings."""
    return install_gateway(monkeypatch)


@pytest.fixture
def get_approval(till: Till, manager_client: Person) -> Callable[..., str]:
    """`get_approval(body)`: request and grant the approval that refusing this order names."""

    def get(body: Body, by: Till = till, giver: Person = manager_client, **changes: Any) -> str:
        refused = by.post("orders/", body).json()
        assert refused["code"] == "approval_required"
        request = {name: refused[name] for name in ("action", "object", "amount")}
        approval: str = grant_approval(giver, request_approval(by, **(request | changes)))["id"]
        return approval

    return get


@pytest.fixture
def stockroom(manager: User, store: Store) -> Stockroom:
    return Stockroom(manager, store, StoreFactory(tenant=store.tenant, name="Second"))


@pytest.fixture
def delivery(store: Store) -> Callable[..., Body]:
    """`delivery(product, "5")`: the request body that receives goods."""

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
def other_cashier_client(shop: Tenant) -> Person:
    """Another cashier of the shop."""
    return Person(UserFactory(tenant=shop))


@pytest.fixture
def refused(shop: Tenant, problem: Callable[..., Body]) -> Callable[..., Body]:
    """`refused(call, 409, "code")`: assert the refusal, and that no shift rows changed."""

    def check(call: Callable[[], Any], *expected: Any) -> Body:
        before = snapshot_shift_rows(shop)
        answer = problem(call(), *expected)
        assert snapshot_shift_rows(shop) == before
        return answer

    return check


@pytest.fixture
def set_limits(shop: Tenant, configure_shop: Any) -> Callable[..., Any]:
    """Return a function that changes limits of roles: `(manager={"refund_amount": "10"})`."""

    def change(**limits_by_role: Any) -> Any:
        return configure_shop(limits=shop.merge_limits(limits_by_role))

    return change
