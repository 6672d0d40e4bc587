"""Database outages: requests fail with a clear error or wait, and none is stored in part."""

from threading import Thread

import pytest

from tests.support.api import Api
from tests.support.idempotency import count, without_ids
from tests.support.live.http_client import connect_to_server
from tests.support.live.invariants import ensure_invariants
from tests.support.till import cash, get_stock_level, line

pytestmark = [
    pytest.mark.live,
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
]

KEY = {"Idempotency_Key": "k"}


@pytest.fixture
def basket(till, product):
    return without_ids(till.order(line(product, "2"), payments=[cash("5.00")]))


@pytest.fixture(autouse=True)
def _connected_to_proxied_server(till, proxied_server):
    connect_to_server(proxied_server.server, till)
    assert till.get("auth/me/").status_code == 200


def ensure_unavailable(answer):
    assert answer.status_code == 503, answer
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "unavailable"
    assert int(answer["Retry-After"]) >= 1
    ensure_no_internals(answer)


def ensure_no_internals(answer):
    for internal in (b"Traceback", b"psycopg", b"127.0.0.1", b"OperationalError"):
        assert internal not in answer.content


def ensure_sold_once(till, basket, shop, product, store):
    first = till.post("orders/", basket, **KEY)
    again = till.post("orders/", basket, **KEY)
    assert first.status_code in {200, 201}, first
    assert first.json()["status"] == "completed"
    assert (again.json(), again["Idempotent-Replayed"]) == (first.json(), "true")
    assert (count(shop), get_stock_level(product, store)) == (1, (8, 0))
    ensure_invariants(shop)


def test_requests_during_an_outage_get_503_and_succeed_afterwards(
    till, basket, proxied_server, shop, product, store
):
    proxied_server.database.refuse()
    answers = [
        till.post("orders/", basket, **KEY),
        till.get("products/"),
        connect_to_server(proxied_server.server, Api()).post(
            "auth/token/", {"tenant": "green", "username": "c1"}
        ),
        connect_to_server(proxied_server.server, Api()).post(
            "auth/token/refresh/", {"refresh": till.tokens.refresh}
        ),
    ]
    admin_page = till.client.generic(
        "GET", "/admin/", "", "", {"Cookie": "__Host-till_session=a-session-of-somebody"}
    )
    live, ready = proxied_server.server.is_live(), proxied_server.server.status("/health/ready/")
    proxied_server.database.come_back()

    for answer in (answers[0], answers[1], answers[3]):
        ensure_unavailable(answer)
    assert (admin_page.status_code, admin_page["Retry-After"]) == (503, "1")
    ensure_no_internals(admin_page)
    assert (live, ready) == (True, 503)
    assert proxied_server.server.is_ready()
    ensure_sold_once(till, basket, shop, product, store)


def test_request_on_a_stalled_connection_waits_or_gets_503(
    till, basket, proxied_server, shop, product, store
):
    answers = []
    proxied_server.database.hold()
    waiting = Thread(target=lambda: answers.append(till.post("orders/", basket, **KEY)))
    waiting.start()
    waiting.join(0.5)
    waits = waiting.is_alive()
    live, ready = proxied_server.server.is_live(), proxied_server.server.status("/health/ready/")
    proxied_server.database.resume()
    waiting.join()

    assert (waits, live, ready) == (True, True, 503)
    # A new connection has a shorter time-out.
    assert answers[0].status_code in {201, 503}
    ensure_sold_once(till, basket, shop, product, store)


def test_request_without_any_database_answer_gets_503(
    till, basket, proxied_server, shop, product, store
):
    proxied_server.database.cut()
    proxied_server.database.hold()
    answer = till.post("orders/", basket, **KEY)
    proxied_server.database.cut()
    proxied_server.database.resume()

    ensure_unavailable(answer)
    ensure_sold_once(till, basket, shop, product, store)


@pytest.mark.parametrize("failure", ["lost", "lost_answer"])
def test_commit_without_an_answer_is_found_by_its_key(
    failure, till, basket, proxied_server, shop, product, store
):
    """The client cannot distinguish a lost COMMIT from a lost answer to it."""
    setattr(proxied_server.database, failure, b"COMMIT\x00")
    answer = till.post("orders/", basket, **KEY)
    done = count(shop)

    ensure_unavailable(answer)
    assert done == (failure == "lost_answer")
    ensure_sold_once(till, basket, shop, product, store)
