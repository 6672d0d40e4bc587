"""The gateway is slow, broken, or answers twice: the card is charged once and somebody knows."""

import time
from threading import Thread

import pytest

from orders.models import Order, Payment
from tenants.scope import tenant_scope
from tests.support.idempotency import without_ids
from tests.support.live.http_client import connect_to_server
from tests.support.live.invariants import ensure_invariants
from tests.support.scripted_server import BROKEN
from tests.support.till import card, line

pytestmark = [
    pytest.mark.live,
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
]

CAPTURED = (200, {"outcome": "captured", "reference": "gw-1"}, {})
# More than the second and a half that this server waits.
SLOW = 2.0


@pytest.fixture
def basket(till, manager_client, make_product, proxied_server):
    for person in (till, manager_client):
        connect_to_server(proxied_server.server, person)
    return without_ids(till.order(line(make_product("2.50"), "2"), payments=[card("5.00")]))


def follow(proxied_server, *script):
    """From here on; a line may be a function that takes its time."""
    proxied_server.gateway.asked.clear()
    # Not a generator: while one line takes its time, the next request gets the next one.
    proxied_server.gateway.script = map(lambda each: each() if callable(each) else each, script)  # noqa: C417


def slowly():
    time.sleep(SLOW)
    return CAPTURED


@pytest.mark.parametrize(
    "answer", [slowly, BROKEN, (500, b"<h1>Oops</h1>", {}), (200, {"outcome": "maybe"}, {})]
)
def test_who_does_not_know_says_so_and_finds_out(
    answer, till, manager_client, basket, proxied_server, shop
):
    follow(proxied_server, answer, CAPTURED)

    sold = till.post("orders/", basket, Idempotency_Key="k")
    found = manager_client.post(f"payments/{sold.json()['payments'][0]['id']}/resolve/")
    again = till.post("orders/", basket, Idempotency_Key="k")

    shown = sold.json()
    assert (sold.status_code, shown["status"]) == (201, "open")
    assert shown["payments"][0]["status"] == "unknown"
    assert found.status_code == 200
    assert till.shown(shown)["status"] == "completed"
    assert (again.json(), again["Idempotent-Replayed"]) == (shown, "true")
    charged = [path for path, _, _ in proxied_server.gateway.asked]
    assert charged == ["/charge", "/look-up"]
    assert len({body["key"] for _, body, _ in proxied_server.gateway.asked}) == 1
    ensure_invariants(shop)


def test_while_it_takes_its_time_the_same_key_asks_it_nothing(till, basket, proxied_server, shop):
    first = []
    follow(proxied_server, lambda: time.sleep(0.3) or CAPTURED)
    asking = Thread(target=lambda: first.append(till.post("orders/", basket, Idempotency_Key="k")))
    asking.start()
    while not proxied_server.gateway.asked:
        time.sleep(0.01)

    meanwhile = till.post("orders/", basket, Idempotency_Key="k")
    asking.join()

    assert (meanwhile.status_code, meanwhile.json()["payments"][0]["status"]) == (200, "pending")
    assert (first[0].status_code, first[0].json()["status"]) == (201, "completed")
    assert len(proxied_server.gateway.asked) == 1
    with tenant_scope(shop):
        assert (Order.objects.count(), Payment.objects.count()) == (1, 1)
    ensure_invariants(shop)


def test_what_it_says_a_second_time_changes_nothing(
    till, manager_client, basket, proxied_server, shop, make_product
):
    follow(proxied_server, CAPTURED, CAPTURED)
    sold = till.post("orders/", basket, Idempotency_Key="k").json()

    again = manager_client.post(f"payments/{sold['payments'][0]['id']}/resolve/")

    assert (again.status_code, again.json()["code"]) == (409, "payment_settled")
    assert till.shown(sold) == sold
    ensure_invariants(shop)
