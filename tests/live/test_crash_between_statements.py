"""A process is killed before each of its steps: the action is done once or not at all.

A step is a statement, a COMMIT or what follows it. The request is repeated with the same key.
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

MAX_STEPS = 60


@dataclass
class Action:
    """A request, and the model of which it creates one row."""

    path: str
    body: Body | None
    creates: Any


@pytest.fixture
def world(till, manager_client, make_product, server, shop):
    shop.shifts_required = True
    shop.save_changes("shifts_required")
    for person in (till, manager_client):
        connect_to_server(server, person, patient=True)
    return ShopActions(
        till,
        manager_client,
        make_product("2.50", stock="1000"),
        make_product("1.00", stock="1000"),
        server,
    )


@dataclass
class ShopActions:
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

    def sale(self) -> Action:
        self.shift()
        return Action("orders/", self.basket(cash("6.00", tendered="10.00")), Order)

    def card_sale(self) -> Action:
        self.shift()
        return Action("orders/", self.basket(card("6.00")), Order)

    def payment(self) -> Action:
        self.shift()
        order = self.till.sold(line(self.product, "2"))
        return Action(f"orders/{order['id']}/payments/", without_ids(cash("5.00")), Payment)

    def refund(self) -> Action:
        self.shift()
        order = self.till.sold(line(self.product, "2"), payments=[cash("5.00")])
        refund_lines = [{"line": order["lines"][0]["id"], "quantity": "1"}]
        body = {"register": str(self.till.register.pk), "lines": refund_lines, "reason": "Bruised"}
        return Action(f"orders/{order['id']}/refunds/", body, Refund)

    def look_up(self) -> Action:
        """Resolve a card payment that timed out and was captured."""
        self.shift()
        order = self.till.sold(line(self.product, "2"), payments=[card("1.92")])
        return Action(f"payments/{order['payments'][0]['id']}/resolve/", None, None)

    def cancellation(self) -> Action:
        """Cancel that captured payment."""
        path = self.look_up().path
        assert self.manager_client.post(path).status_code == 200
        return Action(path.replace("resolve", "cancel"), None, None)

    def upload(self) -> Action:
        items = [build_offline_sale(number, build_offline_line(self.product)) for number in (1, 2)]
        body = {"register": str(self.till.register.pk), "batch": items}
        return Action("sync/orders/", body, None)

    def cash_movement(self) -> Action:
        moved = {"type": "paid_in", "amount": "5.00", "reason": "Coins"}
        return Action(f"shifts/{self.shift()['id']}/cash-movements/", moved, CashMovement)

    def shift_close(self) -> Action:
        counted = {"counted": [{"method": "cash", "amount": "100.00"}]}
        return Action(f"shifts/{self.shift()['id']}/close/", counted, None)

    def delivery(self) -> Action:
        body = {"type": "receive", "product": str(self.product.pk), "quantity": "5"}
        body |= {"store": str(self.till.register.store_id)}
        return Action("stock/movements/", body, StockMovement)


def count(shop, model):
    if model is None:
        return None
    with tenant_scope(shop):
        return model.objects.count()


ACTIONS = ["sale", "card_sale", "refund", "shift_close", "cancellation"]
if REQUESTS >= 1000:
    ACTIONS += ["payment", "look_up", "upload", "cash_movement", "delivery"]


@pytest.mark.parametrize("name", ACTIONS)
def test_process_killed_before_any_step_leaves_one_action_or_none(world, shop, name):
    before_django = world.server.fast_answers["POST orders/"]
    for step in range(1, MAX_STEPS):
        action, key = getattr(world, name)(), new_id()
        before = count(shop, action.creates)

        was_killed = is_killed_by(world, action, key, **{DIE_BEFORE: str(step)})
        after = count(shop, action.creates)
        repeated = world.manager_client.post(action.path, action.body, Idempotency_Key=key)
        again = world.manager_client.post(action.path, action.body, Idempotency_Key=key)

        assert repeated.status_code in {200, 201}, (step, repeated)
        assert (again.status_code, again.json()) == (repeated.status_code, repeated.json()), step
        if action.creates:
            assert after - before in {0, 1}
            assert count(shop, action.creates) == before + 1, step
        if not was_killed:
            break
    assert 5 < step < MAX_STEPS - 1
    if name == "sale":
        # From the second step on: the first order of the shop is created by the view.
        assert world.server.fast_answers["POST orders/"] > before_django
    ensure_invariants(shop)


def is_killed_by(world, action, key, **headers):
    """Return whether the process was killed while it handled the request."""
    person = connect_to_server(world.server, type(world.manager_client)(world.manager_client.user))
    try:
        person.post(action.path, action.body, Idempotency_Key=key, **headers)
    except OSError:
        return True
    return False
