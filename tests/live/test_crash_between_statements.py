"""A worker dies before each of its steps, one after the other: the deed is done once, or not yet.

A step is a statement, a COMMIT and what follows one. Whoever asked asks again with the same key.
"""

from dataclasses import dataclass
from typing import Any

import pytest

from orders.models import CashMovement, Order, Payment, Refund, StockMovement
from tenants.scope import tenant_scope
from tests.support.idempotency import without_ids
from tests.support.live.failpoints import DIE_BEFORE
from tests.support.live.http_client import connect_to_server
from tests.support.live.invariants import ensure_invariants
from tests.support.live.load import REQUESTS
from tests.support.offline import build_offline_line, build_offline_sale
from tests.support.shifts import open_shift
from tests.support.till import Body, card, cash, line, new_id

pytestmark = [
    pytest.mark.live,
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
]

MOST_STEPS = 60


@dataclass
class Deed:
    """What is asked, and of what there is one more afterwards."""

    path: str
    body: Body | None
    makes: Any


@pytest.fixture
def world(till, manager_client, make_product, server, shop):
    shop.shifts_required = True
    shop.save_changes("shifts_required")
    for person in (till, manager_client):
        connect_to_server(server, person, patient=True)
    return World(
        till,
        manager_client,
        make_product("2.50", stock="1000"),
        make_product("1.00", stock="1000"),
        server,
    )


@dataclass
class World:
    till: Any
    manager_client: Any
    product: Any
    other: Any
    server: Any

    def basket(self, *payments: Body) -> Body:
        lines = line(self.product, "2"), line(self.other)
        return without_ids(self.till.order(*lines, payments=list(payments)))

    def shift(self) -> Body:
        found = self.till.get("shifts/current/", {"register": str(self.till.register.pk)})
        return found.json() if found.status_code == 200 else open_shift(self.till)

    def sale(self) -> Deed:
        self.shift()
        return Deed("orders/", self.basket(cash("6.00", tendered="10.00")), Order)

    def card_sale(self) -> Deed:
        self.shift()
        return Deed("orders/", self.basket(card("6.00")), Order)

    def payment(self) -> Deed:
        self.shift()
        order = self.till.sold(line(self.product, "2"))
        return Deed(f"orders/{order['id']}/payments/", without_ids(cash("5.00")), Payment)

    def refund(self) -> Deed:
        self.shift()
        order = self.till.sold(line(self.product, "2"), payments=[cash("5.00")])
        back = [{"line": order["lines"][0]["id"], "quantity": "1"}]
        body = {"register": str(self.till.register.pk), "lines": back, "reason": "Bruised"}
        return Deed(f"orders/{order['id']}/refunds/", body, Refund)

    def look_up(self) -> Deed:
        """Of a card that has timed out, and was captured."""
        self.shift()
        order = self.till.sold(line(self.product, "2"), payments=[card("1.92")])
        return Deed(f"payments/{order['payments'][0]['id']}/resolve/", None, None)

    def letting_go(self) -> Deed:
        """Of that money, which is there."""
        path = self.look_up().path
        assert self.manager_client.post(path).status_code == 200
        return Deed(path.replace("resolve", "cancel"), None, None)

    def upload(self) -> Deed:
        items = [build_offline_sale(number, build_offline_line(self.product)) for number in (1, 2)]
        body = {"register": str(self.till.register.pk), "batch": items}
        return Deed("sync/orders/", body, None)

    def drawer(self) -> Deed:
        moved = {"type": "paid_in", "amount": "5.00", "reason": "Coins"}
        return Deed(f"shifts/{self.shift()['id']}/cash-movements/", moved, CashMovement)

    def closing(self) -> Deed:
        counted = {"counted": [{"method": "cash", "amount": "100.00"}]}
        return Deed(f"shifts/{self.shift()['id']}/close/", counted, None)

    def delivery(self) -> Deed:
        body = {"type": "receive", "product": str(self.product.pk), "quantity": "5"}
        body |= {"store": str(self.till.register.store_id)}
        return Deed("stock/movements/", body, StockMovement)


def count(shop, model):
    if model is None:
        return None
    with tenant_scope(shop):
        return model.objects.count()


USER_ACTIONS = ["sale", "card_sale", "refund", "closing", "letting_go"]
if REQUESTS >= 1000:
    USER_ACTIONS += ["payment", "look_up", "upload", "drawer", "delivery"]


@pytest.mark.parametrize("name", USER_ACTIONS)
def test_a_worker_that_dies_before_any_of_its_steps_leaves_one_deed_or_none(world, shop, name):
    for step in range(1, MOST_STEPS):
        deed, key = getattr(world, name)(), new_id()
        before = count(shop, deed.makes)

        died = asked_once(world, deed, key, **{DIE_BEFORE: str(step)})
        after = count(shop, deed.makes)
        told = world.manager_client.post(deed.path, deed.body, Idempotency_Key=key)
        again = world.manager_client.post(deed.path, deed.body, Idempotency_Key=key)

        assert told.status_code in {200, 201}, (step, told)
        assert (again.status_code, again.json()) == (told.status_code, told.json()), step
        if deed.makes:
            assert after - before in {0, 1}
            assert count(shop, deed.makes) == before + 1, step
        if not died:
            break
    assert 5 < step < MOST_STEPS - 1
    ensure_invariants(shop)


def asked_once(world, deed, key, **headers):
    """Whether the worker died of it."""
    impatient = connect_to_server(
        world.server, type(world.manager_client)(world.manager_client.user)
    )
    try:
        impatient.post(deed.path, deed.body, Idempotency_Key=key, **headers)
    except OSError:
        return True
    return False
