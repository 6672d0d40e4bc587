"""The database goes away and comes back: requests fail clearly or wait, and none is half done."""

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
def at_the_server(till, proxied_server):
    connect_to_server(proxied_server.server, till)
    assert till.get("auth/me/").status_code == 200


def ensure_unavailable(answer):
    assert answer.status_code == 503, answer
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "unavailable"
    assert int(answer["Retry-After"]) >= 1
    ensure_tells_nothing(answer)


def ensure_tells_nothing(answer):
    for inside in (b"Traceback", b"psycopg", b"127.0.0.1", b"OperationalError"):
        assert inside not in answer.content


def ensure_sold_once(till, basket, shop, product, store):
    first = till.post("orders/", basket, **KEY)
    again = till.post("orders/", basket, **KEY)
    assert first.status_code in {200, 201}, first
    assert first.json()["status"] == "completed"
    assert (again.json(), again["Idempotent-Replayed"]) == (first.json(), "true")
    assert (count(shop), get_stock_level(product, store)) == (1, (8, 0))
    ensure_invariants(shop)


def test_while_it_is_gone_everything_says_so_and_then_goes_on(
    till, basket, proxied_server, shop, product, store
):
    proxied_server.database.refuse()
    asked = [
        till.post("orders/", basket, **KEY),
        till.get("products/"),
        connect_to_server(proxied_server.server, Api()).post(
            "auth/token/", {"tenant": "green", "username": "c1"}
        ),
        connect_to_server(proxied_server.server, Api()).post(
            "auth/token/refresh/", {"refresh": till.tokens.refresh}
        ),
    ]
    page = till.client.generic(
        "GET", "/admin/", "", "", {"Cookie": "__Host-till_session=a-session-of-somebody"}
    )
    live, ready = proxied_server.server.is_live(), proxied_server.server.status("/health/ready/")
    proxied_server.database.come_back()

    for answer in (asked[0], asked[1], asked[3]):
        ensure_unavailable(answer)
    assert (page.status_code, page["Retry-After"]) == (503, "1")
    ensure_tells_nothing(page)
    assert (live, ready) == (True, 503)
    assert proxied_server.server.is_ready()
    ensure_sold_once(till, basket, shop, product, store)


def test_what_it_swallows_waits_until_it_is_back_or_is_given_up(
    till, basket, proxied_server, shop, product, store
):
    answers = []
    proxied_server.database.hold()
    waiting = Thread(target=lambda: answers.append(till.post("orders/", basket, **KEY)))
    waiting.start()
    waiting.join(0.5)
    waits = waiting.is_alive()
    live, ready = proxied_server.server.is_live(), proxied_server.server.status("/health/ready/")
    proxied_server.database.let_go()
    waiting.join()

    assert (waits, live, ready) == (True, True, 503)
    # A new connection is not waited for so long.
    assert answers[0].status_code in {201, 503}
    ensure_sold_once(till, basket, shop, product, store)


def test_what_nobody_answers_is_given_up_in_the_end(
    till, basket, proxied_server, shop, product, store
):
    proxied_server.database.cut()
    proxied_server.database.hold()
    answer = till.post("orders/", basket, **KEY)
    proxied_server.database.cut()
    proxied_server.database.let_go()

    ensure_unavailable(answer)
    ensure_sold_once(till, basket, shop, product, store)


@pytest.mark.parametrize("which", ["lost", "lost_answer"])
def test_a_commit_of_which_nobody_hears_is_found_by_its_key(
    which, till, basket, proxied_server, shop, product, store
):
    """Never sent, or done and not answered: whoever asks cannot tell, and need not."""
    setattr(proxied_server.database, which, b"COMMIT\x00")
    answer = till.post("orders/", basket, **KEY)
    done = count(shop)

    ensure_unavailable(answer)
    assert done == (which == "lost_answer")
    ensure_sold_once(till, basket, shop, product, store)
