"""Concurrent requests with one idempotency key: one effect, and an answer for each."""

import pytest
from django.db import connection

from orders.models import Order, Payment, StockMovement
from tenants.models import IdempotencyKey, Store
from tests.support.idempotency import count
from tests.support.parallel import run_concurrently, run_times, statuses
from tests.support.till import (
    cash,
    ensure_books_balance,
    get_stock_level,
    line,
    list_receipt_numbers,
)

pytestmark = [pytest.mark.race, pytest.mark.django_db(transaction=True)]

KEY = "a-key"
IN_PROGRESS = (409, "request_in_progress")


def without_id(body):
    return {name: value for name, value in body.items() if name != "id"}


def ensure_one_answer(answers, status=201):
    """Assert that all answers are equal except those refused with a `Retry-After`."""
    refused = [each for each in answers if each.status_code == 409]
    assert {(each.status_code, each.json()["code"]) for each in refused} <= {IN_PROGRESS}
    assert {each["Retry-After"] for each in refused} <= {"1"}
    done = [each for each in answers if each not in refused]
    assert {(each.status_code, each.content) for each in done} == {(status, done[0].content)}
    assert sum("Idempotent-Replayed" not in each for each in done) == 1
    if connection.vendor == "sqlite":
        assert not refused, "on SQLite concurrent requests must wait instead"


def test_twenty_concurrent_requests_with_one_key_create_one_store(admin, client_of, shop):
    admin_client = client_of(admin)

    answers = run_times(
        20, lambda: admin_client.post("stores/", {"name": "New"}, Idempotency_Key=KEY)
    )

    ensure_one_answer(answers)
    assert (count(shop, Store), count(shop, IdempotencyKey)) == (1, 1)
    last = admin_client.post("stores/", {"name": "New"}, Idempotency_Key=KEY)
    assert (last.status_code, last["Idempotent-Replayed"]) == (201, "true")


def test_twenty_concurrent_requests_with_one_key_book_one_stock_movement(
    manager_client, product, store, delivery, shop
):
    body = without_id(delivery(product, "5"))

    answers = run_times(
        20, lambda: manager_client.post("stock/movements/", body, Idempotency_Key=KEY)
    )

    ensure_one_answer(answers)
    assert get_stock_level(product, store) == (15, 0)
    assert count(shop, StockMovement) == 2
    ensure_books_balance(shop)


def test_twenty_concurrent_requests_with_one_key_create_one_order(
    till, product, store, shop, register
):
    """A request between commit and stored answer gets the current order."""
    body = without_id(till.order(line(product, "2"), payments=[cash("5.00")]))

    answers = run_times(20, lambda: till.post("orders/", body, Idempotency_Key=KEY))

    assert set(statuses(answers)) <= {200, 201}
    assert sum("Idempotent-Replayed" not in each for each in answers) == 1
    assert all(each.json() == answers[0].json() for each in answers)
    assert get_stock_level(product, store) == (8, 0)
    assert list_receipt_numbers(register) == [1]
    assert [count(shop, each) for each in (Order, Payment, IdempotencyKey)] == [1, 1, 1]
    ensure_books_balance(shop)


def test_twenty_concurrent_requests_with_one_key_take_one_payment(till, product, shop):
    order = till.sold(line(product, "2"))
    payment = without_id(cash("2.00"))

    answers = run_times(20, lambda: till.pay(order, payment, Idempotency_Key=KEY))

    assert set(statuses(answers)) <= {200, 201}
    assert sum("Idempotent-Replayed" not in each for each in answers) == 1
    assert till.shown(order)["paid_total"] == "2.00"
    assert (count(shop, Payment), count(shop, IdempotencyKey)) == (1, 1)


@pytest.mark.parametrize("till_index", [0, 1], ids=["same till", "another till"])
def test_concurrent_orders_with_one_key_create_one_and_refuse_the_other(
    till, tills, product, store, shop, till_index
):
    """At another register, numbering does not serialize them."""
    body = till.order(line(product), payments=[cash("2.50")])
    other = [till, tills[1]][till_index].order(line(product), payments=[cash("2.50")])

    answers = run_concurrently(
        [
            lambda each=each: till.post("orders/", each, Idempotency_Key=KEY)
            for each in [body, other] * 5
        ]
    )

    assert statuses(answers)[422] == 5
    assert set(statuses(answers)) <= {200, 201, 422}
    assert get_stock_level(product, store) == (9, 0)
    assert (count(shop, Order), count(shop, IdempotencyKey)) == (1, 1)


def test_concurrent_requests_with_different_keys_do_not_conflict(admin, client_of, shop):
    admin_client = client_of(admin)
    names = [f"Store {number}" for number in range(10)]

    answers = run_concurrently(
        [
            lambda name=name: admin_client.post(
                "stores/", {"name": name}, Idempotency_Key=name.replace(" ", "-")
            )
            for name in names
        ]
    )

    assert statuses(answers) == {201: 10}
    assert count(shop, Store) == 10
