"""A worker that dies, or that is still asking the gateway: its key finds what it has done."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from orders.models import Payment
from tenants import idempotency
from tests.support.gateway import CAPTURED
from tests.support.idempotency import KEY, assert_replayed, count, list_key_statuses, without_ids
from tests.support.till import card, cash, ensure_books_balance, get_stock_level, line


class Killed(BaseException):
    """The process ends here, as nothing catches it."""


def kill(*args, **kwargs):
    raise Killed


@pytest.fixture
def basket(till, product):
    """A sale of two that says no id of its own."""
    return without_ids(till.order(line(product, "2"), payments=[cash("5.00", tendered="10.00")]))


@pytest.fixture
def by_card(till, product):
    return without_ids(till.order(line(product, "2"), payments=[card("5.00")]))


def test_a_worker_that_dies_at_the_gateway_leaves_a_key_that_finds_the_order(
    till, by_card, gateway, product, store, shop
):
    gateway.answers = [kill]
    with pytest.raises(Killed):
        till.post("orders/", by_card, Idempotency_Key=KEY)
    assert (count(shop), list_key_statuses(shop)) == (1, [None])

    (lost,) = till.get(f"idempotency/{KEY}/").json()["results"]
    early = till.post("orders/", by_card, Idempotency_Key=KEY)
    with time_machine.travel(timezone.now() + timedelta(minutes=5), tick=True):
        later = till.post("orders/", by_card, Idempotency_Key=KEY)

    assert (lost["status"], lost["response"]) == (None, None)
    shown = [(each.status_code, each.json()["payments"][0]["status"]) for each in (early, later)]
    assert shown == [(200, "pending"), (200, "captured")]
    assert early["Idempotent-Replayed"] == later["Idempotent-Replayed"] == "true"
    assert (count(shop), len(gateway.charges), len(gateway.look_ups)) == (1, 1, 1)
    assert get_stock_level(product, store) == (8, 0)
    ensure_books_balance(shop)


def test_a_worker_that_dies_before_its_answer_is_kept_has_sold(
    till, basket, product, store, shop, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(idempotency, "save_answer", kill)
        with pytest.raises(Killed):
            till.post("orders/", basket, Idempotency_Key=KEY)

    found = till.post("orders/", basket, Idempotency_Key=KEY)

    assert (found.status_code, found.json()["status"]) == (200, "completed")
    assert found["Idempotent-Replayed"] == "true"
    assert get_stock_level(product, store) == (8, 0)
    assert (count(shop), list_key_statuses(shop)) == (1, [None])


def test_another_sale_is_refused_under_a_key_that_was_left_behind(
    till, by_card, gateway, shop, problem
):
    gateway.answers = [kill]
    with pytest.raises(Killed):
        till.post("orders/", by_card, Idempotency_Key=KEY)

    refused = till.post("orders/", by_card | {"note": "Other"}, Idempotency_Key=KEY)

    problem(refused, 422, "idempotency_key_reused")
    assert (count(shop), len(gateway.charges)) == (1, 1)


def test_a_payment_whose_worker_died_is_found_by_its_key(till, product, gateway, shop):
    order = till.sold(line(product, "2"))
    gateway.answers = [kill]
    with pytest.raises(Killed):
        till.pay(order, without_ids(card("5.00")), Idempotency_Key=KEY)

    found = till.pay(order, without_ids(card("5.00")), Idempotency_Key=KEY)

    assert (found.status_code, found["Idempotent-Replayed"]) == (200, "true")
    assert [each["status"] for each in found.json()["payments"]] == ["pending"]
    assert (count(shop, Payment), len(gateway.charges)) == (1, 1)


def test_while_the_gateway_is_asked_the_same_key_gets_what_is_known(till, by_card, gateway, shop):
    meanwhile = []

    def ask_again(charge):
        meanwhile.append(till.post("orders/", by_card, Idempotency_Key=KEY))
        return CAPTURED

    gateway.answers = [ask_again]

    first = till.post("orders/", by_card, Idempotency_Key=KEY)

    assert (meanwhile[0].status_code, meanwhile[0].json()["status"]) == (200, "open")
    assert (first.status_code, first.json()["status"]) == (201, "completed")
    assert_replayed(till.post("orders/", by_card, Idempotency_Key=KEY), first)
    assert (count(shop), len(gateway.charges), list_key_statuses(shop)) == (1, 1, [201])
