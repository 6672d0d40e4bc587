"""Idempotency keys of orders, payments and stock movements."""

import json
import uuid
from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.services.pruning import prune
from orders.models import Payment, StockMovement
from tenants.models import IdempotencyKey
from tenants.scope import tenant_scope
from tests.support.gateway import CAPTURED, DECLINED, TIMED_OUT
from tests.support.idempotency import KEY, assert_replayed, count, list_key_statuses, without_ids
from tests.support.till import card, cash, ensure_books_balance, get_stock_level, line, new_id


@pytest.fixture
def basket(till, product):
    """Return an order of two units without ids."""
    return without_ids(till.order(line(product, "2"), payments=[cash("5.00", tendered="10.00")]))


# --- repeated requests --------------------------------------------------------------------------


def test_order_with_a_key_but_no_id_is_created_once(till, basket, product, store, shop):
    first = till.post("orders/", basket, Idempotency_Key=KEY)

    second = till.post("orders/", basket, Idempotency_Key=KEY)

    assert (first.status_code, first.json()["status"]) == (201, "completed")
    assert "Idempotent-Replayed" not in first
    assert_replayed(second, first)
    assert get_stock_level(product, store) == (8, 0)
    assert (count(shop), list_key_statuses(shop)) == (1, [201])


def test_first_answer_is_replayed_after_the_order_changed(till, product, shop):
    basket = without_ids(till.order(line(product)))
    first = till.post("orders/", basket, Idempotency_Key=KEY)
    till.pay(first.json(), cash("2.50"))

    assert_replayed(till.post("orders/", basket, Idempotency_Key=KEY), first)

    assert till.shown(first.json())["status"] == "completed"


def test_first_answer_is_replayed_after_product_and_register_were_deactivated(
    till, client_of, admin, basket, product
):
    first = till.post("orders/", basket, Idempotency_Key=KEY)
    manager_client = client_of(admin)
    manager_client.patch(f"products/{product.pk}/", {"is_active": False}, If_Match="*")
    manager_client.patch(f"registers/{till.register.pk}/", {"is_active": False}, If_Match="*")

    assert_replayed(till.post("orders/", basket, Idempotency_Key=KEY), first)


def test_two_keys_create_two_orders(till, basket, product, store, shop):
    ids = {till.post("orders/", basket, Idempotency_Key=key).json()["id"] for key in ("a", "b")}

    assert (len(ids), count(shop)) == (2, 2)
    assert get_stock_level(product, store) == (6, 0)


def test_key_of_another_user_creates_another_order(till, managers_till, basket, shop):
    first, second = (
        client.post("orders/", basket, Idempotency_Key=KEY) for client in (till, managers_till)
    )

    assert (first.status_code, second.status_code) == (201, 201)
    assert (first.json()["id"] != second.json()["id"], count(shop)) == (True, 2)


def test_client_id_is_used_before_the_key(till, basket, shop):
    has_id = new_id()

    first = till.post("orders/", basket | {"id": has_id}, Idempotency_Key=KEY)

    assert first.json()["id"] == has_id
    assert_replayed(till.post("orders/", basket | {"id": has_id}, Idempotency_Key=KEY), first)


def test_existing_order_sent_with_a_key_is_answered_and_stored(till, basket, shop):
    body = basket | {"id": new_id()}
    till.post("orders/", body)

    first = till.post("orders/", body, Idempotency_Key=KEY)

    assert first.status_code == 200
    assert_replayed(till.post("orders/", body, Idempotency_Key=KEY), first)
    assert count(shop) == 1


@pytest.mark.parametrize("has_id", [False, True], ids=["key alone", "key and id"])
@pytest.mark.parametrize("change", [{"note": "Other"}, {"register": str(uuid.uuid4())}, {"x": 1}])
def test_key_reused_for_another_order_is_refused(
    till, basket, product, shop, problem, change, has_id
):
    bodies = [basket, basket | change]
    if has_id:
        bodies = [body | {"id": new_id()} for body in bodies]
    till.post("orders/", bodies[0], Idempotency_Key=KEY)

    refused = till.post("orders/", bodies[1], Idempotency_Key=KEY)

    problem(refused, 422, "idempotency_key_reused")
    assert get_stock_level(product, till.register.store) == (8, 0)
    assert (count(shop), list_key_statuses(shop)) == (1, [201])


def test_refused_order_stores_no_key_and_can_be_repeated(
    till, manager_client, make_product, delivery, shop
):
    product = make_product(stock="1")
    basket = without_ids(till.order(line(product, "2"), payments=[cash("5.00")]))
    refused = till.post("orders/", basket, Idempotency_Key=KEY)
    assert (refused.status_code, count(shop, IdempotencyKey)) == (409, 0)
    manager_client.post("stock/movements/", delivery(product, "1"))

    assert till.post("orders/", basket, Idempotency_Key=KEY).status_code == 201
    assert (count(shop), list_key_statuses(shop)) == (1, [201])


def test_payment_with_a_key_but_no_id_is_taken_once(till, product, shop):
    order = till.sold(line(product, "2"))
    payment = without_ids(cash("2.00"))

    first = till.pay(order, payment, Idempotency_Key=KEY)

    assert first.status_code == 201
    assert_replayed(till.pay(order, payment, Idempotency_Key=KEY), first)
    assert till.shown(order)["paid_total"] == "2.00"
    assert (count(shop, Payment), list_key_statuses(shop)) == (1, [201])


def test_key_reused_for_another_payment_is_refused(till, product, shop, problem):
    order = till.sold(line(product, "2"))
    till.pay(order, without_ids(cash("2.00")), Idempotency_Key=KEY)

    for other in (without_ids(cash("1.00")), cash("2.00")):
        refused = till.pay(order, other, Idempotency_Key=KEY)
        problem(refused, 422, "idempotency_key_reused")

    assert (till.shown(order)["paid_total"], count(shop, Payment)) == ("2.00", 1)


def test_same_key_pays_two_orders(till, product):
    """The path, which has the order id, is part of the key."""
    orders = [till.sold(line(product)) for _ in range(2)]

    for order in orders:
        answer = till.pay(order, without_ids(cash("2.50")), Idempotency_Key=KEY)
        assert (answer.status_code, answer.json()["status"]) == (201, "completed")


def test_stock_movement_with_a_key_but_no_id_is_booked_once(
    manager_client, product, store, delivery, shop
):
    body = without_ids(delivery(product, "5"))

    first = manager_client.post("stock/movements/", body, Idempotency_Key=KEY)
    second = manager_client.post("stock/movements/", body, Idempotency_Key=KEY)

    assert (first.status_code, second.status_code) == (201, 201)
    assert (second.content, second["Idempotent-Replayed"]) == (first.content, "true")
    assert get_stock_level(product, store) == (15, 0)
    ensure_books_balance(shop)


@pytest.mark.parametrize("outcome", [CAPTURED, DECLINED, TIMED_OUT])
def test_look_up_with_a_key_is_done_once(till, manager_client, product, gateway, outcome, shop):
    gateway.answers, gateway.found = [TIMED_OUT], [outcome, CAPTURED]
    order = till.sold(line(product, "2"), payments=[card("5.00")])
    path = f"payments/{order['payments'][0]['id']}/resolve/"

    first = manager_client.post(path, Idempotency_Key=KEY)
    second = manager_client.post(path, Idempotency_Key=KEY)

    assert first.json()["payments"][0]["status"] == outcome.outcome
    assert_replayed(second, first)
    assert till.shown(order) == first.json()


# --- after pruning ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["sale", "payment", "delivery"])
def test_pruned_key_still_finds_its_result(
    till, manager_client, basket, product, delivery, shop, kind
):
    client, path, body = {
        "sale": lambda: (till, "orders/", basket),
        "payment": lambda: (
            till,
            f"orders/{till.sold(line(product))['id']}/payments/",
            without_ids(cash("2.50")),
        ),
        "delivery": lambda: (
            manager_client,
            "stock/movements/",
            without_ids(delivery(product, "5")),
        ),
    }[kind]()
    first = client.post(path, body, Idempotency_Key=KEY)
    before = get_stock_level(product, till.register.store)
    rows = count(shop), count(shop, Payment), count(shop, StockMovement)

    with time_machine.travel(timezone.now() + timedelta(hours=72, seconds=1), tick=True):
        assert prune().keys == 1
    later = client.post(path, body, Idempotency_Key=KEY)

    assert (first.status_code, later.status_code) == (201, 200)
    assert later.json() == first.json()
    assert get_stock_level(product, till.register.store) == before
    assert (count(shop), count(shop, Payment), count(shop, StockMovement)) == rows


def test_pruned_key_used_for_another_order_is_a_conflict(till, basket, shop, problem):
    till.post("orders/", basket, Idempotency_Key=KEY)
    with time_machine.travel(timezone.now() + timedelta(hours=73), tick=True):
        prune()

    refused = till.post("orders/", basket | {"note": "Other"}, Idempotency_Key=KEY)

    problem(refused, 409, "id_conflict")
    assert (count(shop), count(shop, IdempotencyKey)) == (1, 0)


def test_stored_answer_equals_the_response(till, basket, shop):
    first = till.post("orders/", basket, Idempotency_Key=KEY)

    with tenant_scope(shop):
        row = IdempotencyKey.objects.get()

    assert (row.method, row.path, row.key) == ("POST", "/api/v1/orders/", KEY)
    assert (row.status, json.loads(row.body)) == (201, first.json())
    assert row.headers == {"Content-Type": "application/json", "ETag": '"1"'}
