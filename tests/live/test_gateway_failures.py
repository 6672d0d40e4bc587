"""Gateway failures: slow, broken and repeated answers charge a card once."""

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
# Longer than the time-out of 1.5 seconds.
SLOW_SECONDS = 2.0


@pytest.fixture
def basket(till, manager_client, make_product, proxied_server):
    for person in (till, manager_client):
        connect_to_server(proxied_server.server, person)
    return without_ids(till.order(line(make_product("2.50"), "2"), payments=[card("5.00")]))


def set_script(proxied_server, *script):
    """Set the gateway's next answers; a function is called for its answer."""
    proxied_server.gateway.received.clear()
    # Not a generator: while one answer is delayed, the next request gets the next one.
    proxied_server.gateway.script = map(lambda each: each() if callable(each) else each, script)  # noqa: C417


def answer_slowly():
    time.sleep(SLOW_SECONDS)
    return CAPTURED


@pytest.mark.parametrize(
    "answer", [answer_slowly, BROKEN, (500, b"<h1>Oops</h1>", {}), (200, {"outcome": "maybe"}, {})]
)
def test_unknown_payment_is_resolved_without_a_second_charge(
    answer, till, manager_client, basket, proxied_server, shop
):
    set_script(proxied_server, answer, CAPTURED)

    sold = till.post("orders/", basket, Idempotency_Key="k")
    found = manager_client.post(f"payments/{sold.json()['payments'][0]['id']}/resolve/")
    again = till.post("orders/", basket, Idempotency_Key="k")

    shown = sold.json()
    assert (sold.status_code, shown["status"]) == (201, "open")
    assert shown["payments"][0]["status"] == "unknown"
    assert found.status_code == 200
    assert till.shown(shown)["status"] == "completed"
    assert (again.json(), again["Idempotent-Replayed"]) == (shown, "true")
    charged = [path for path, _, _ in proxied_server.gateway.received]
    assert charged == ["/charge", "/look-up"]
    assert len({body["key"] for _, body, _ in proxied_server.gateway.received}) == 1
    ensure_invariants(shop)


def test_repeated_request_during_a_charge_does_not_call_the_gateway(
    till, basket, proxied_server, shop
):
    first = []
    set_script(proxied_server, lambda: time.sleep(0.3) or CAPTURED)
    charging = Thread(
        target=lambda: first.append(till.post("orders/", basket, Idempotency_Key="k"))
    )
    charging.start()
    while not proxied_server.gateway.received:
        time.sleep(0.01)

    repeated = till.post("orders/", basket, Idempotency_Key="k")
    charging.join()

    assert (repeated.status_code, repeated.json()["payments"][0]["status"]) == (200, "pending")
    assert (first[0].status_code, first[0].json()["status"]) == (201, "completed")
    assert len(proxied_server.gateway.received) == 1
    with tenant_scope(shop):
        assert (Order.objects.count(), Payment.objects.count()) == (1, 1)
    ensure_invariants(shop)


def test_resolving_a_captured_payment_changes_nothing(
    till, manager_client, basket, proxied_server, shop, make_product
):
    set_script(proxied_server, CAPTURED, CAPTURED)
    sold = till.post("orders/", basket, Idempotency_Key="k").json()

    again = manager_client.post(f"payments/{sold['payments'][0]['id']}/resolve/")

    assert (again.status_code, again.json()["code"]) == (409, "payment_settled")
    assert till.shown(sold) == sold
    ensure_invariants(shop)
