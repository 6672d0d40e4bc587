"""Idempotency keys after a crash, or while the gateway is called: the key finds the order."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from orders.models import Payment
from tenants import idempotency
from tests.support.gateway import CAPTURED
from tests.support.idempotency import KEY, assert_replayed, count, list_key_statuses, without_ids
from tests.support.till import card, cash, ensure_books_balance, get_stock_level, line


class ProcessKilled(BaseException):
    """End the process: nothing catches this exception."""


def kill(*args, **kwargs):
    raise ProcessKilled


@pytest.fixture
def basket(till, product):
    """Return an order of two units without ids."""
    return without_ids(till.order(line(product, "2"), payments=[cash("5.00", tendered="10.00")]))


@pytest.fixture
def card_order(till, product):
    return without_ids(till.order(line(product, "2"), payments=[card("5.00")]))


def test_key_after_a_crash_at_the_gateway_finds_the_order(
    till, card_order, gateway, product, store, shop
):
    gateway.answers = [kill]
    with pytest.raises(ProcessKilled):
        till.post("orders/", card_order, Idempotency_Key=KEY)
    assert (count(shop), list_key_statuses(shop)) == (1, [None])

    (looked_up,) = till.get(f"idempotency/{KEY}/").json()["results"]
    early = till.post("orders/", card_order, Idempotency_Key=KEY)
    with time_machine.travel(timezone.now() + timedelta(minutes=5), tick=True):
        later = till.post("orders/", card_order, Idempotency_Key=KEY)

    assert (looked_up["status"], looked_up["response"]) == (None, None)
    shown = [(each.status_code, each.json()["payments"][0]["status"]) for each in (early, later)]
    assert shown == [(200, "pending"), (200, "captured")]
    assert early["Idempotent-Replayed"] == later["Idempotent-Replayed"] == "true"
    assert (count(shop), len(gateway.charges), len(gateway.look_ups)) == (1, 1, 1)
    assert get_stock_level(product, store) == (8, 0)
    ensure_books_balance(shop)


@pytest.mark.view_only("crashes in the view")
def test_key_after_a_crash_before_the_answer_is_stored_finds_the_order(
    till, basket, product, store, shop, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(idempotency, "save_answer", kill)
        with pytest.raises(ProcessKilled):
            till.post("orders/", basket, Idempotency_Key=KEY)

    repeated = till.post("orders/", basket, Idempotency_Key=KEY)

    assert (repeated.status_code, repeated.json()["status"]) == (200, "completed")
    assert repeated["Idempotent-Replayed"] == "true"
    assert get_stock_level(product, store) == (8, 0)
    assert (count(shop), list_key_statuses(shop)) == (1, [None])


def test_key_after_a_crash_is_refused_for_another_order(till, card_order, gateway, shop, problem):
    gateway.answers = [kill]
    with pytest.raises(ProcessKilled):
        till.post("orders/", card_order, Idempotency_Key=KEY)

    refused = till.post("orders/", card_order | {"note": "Other"}, Idempotency_Key=KEY)

    problem(refused, 422, "idempotency_key_reused")
    assert (count(shop), len(gateway.charges)) == (1, 1)


def test_key_after_a_crash_finds_the_payment(till, product, gateway, shop):
    order = till.sold(line(product, "2"))
    gateway.answers = [kill]
    with pytest.raises(ProcessKilled):
        till.pay(order, without_ids(card("5.00")), Idempotency_Key=KEY)

    repeated = till.pay(order, without_ids(card("5.00")), Idempotency_Key=KEY)

    assert (repeated.status_code, repeated["Idempotent-Replayed"]) == (200, "true")
    assert [each["status"] for each in repeated.json()["payments"]] == ["pending"]
    assert (count(shop, Payment), len(gateway.charges)) == (1, 1)


def test_repeated_request_during_the_gateway_call_returns_the_open_order(
    till, card_order, gateway, shop
):
    during_charge = []

    def repeat_order(charge):
        during_charge.append(till.post("orders/", card_order, Idempotency_Key=KEY))
        return CAPTURED

    gateway.answers = [repeat_order]

    first = till.post("orders/", card_order, Idempotency_Key=KEY)

    assert (during_charge[0].status_code, during_charge[0].json()["status"]) == (200, "open")
    assert (first.status_code, first.json()["status"]) == (201, "completed")
    assert_replayed(till.post("orders/", card_order, Idempotency_Key=KEY), first)
    assert (count(shop), len(gateway.charges), list_key_statuses(shop)) == (1, 1, [201])
