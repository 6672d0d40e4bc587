"""Repeated requests after a crash during a gateway call, with and without reconciliation."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from tests.support.gateway import CAPTURED, DECLINED, TIMED_OUT
from tests.support.idempotency import KEY, list_key_statuses
from tests.support.order_relay import relay_all
from tests.support.refunds import create_refund, ensure_refunds_consistent
from tests.support.till import card, cash, line

RECONCILIATION_DELAY = timedelta(minutes=3)


class ProcessKilled(BaseException):
    """End the process: nothing catches this exception."""


def kill(*args, **kwargs):
    raise ProcessKilled


@pytest.fixture
def order_with_unknown_card(till, product, gateway):
    """Return an order of 5.00 whose card payment has an unknown outcome."""
    gateway.answers = [TIMED_OUT]
    return till.sold(line(product, "2"), payments=[card("5.00")])


@pytest.fixture
def half_paid_order(till, product, gateway):
    return till.sold(line(product, "2"), payments=[card("2.00")])


def post_payment_action(person, action, order):
    return person.post(f"payments/{order['payments'][0]['id']}/{action}/", Idempotency_Key=KEY)


def relay_later():
    with time_machine.travel(timezone.now() + RECONCILIATION_DELAY, tick=False):
        relay_all()


@pytest.mark.parametrize("is_relayed", [False, True])
def test_resolve_repeated_after_a_crash_returns_the_outcome(
    is_relayed, till, manager_client, order_with_unknown_card, gateway, shop
):
    gateway.found = [kill, CAPTURED, DECLINED]
    with pytest.raises(ProcessKilled):
        post_payment_action(manager_client, "resolve", order_with_unknown_card)
    if is_relayed:
        relay_later()

    repeated = post_payment_action(manager_client, "resolve", order_with_unknown_card)

    assert (repeated.status_code, repeated["Idempotent-Replayed"]) == (200, "true")
    assert repeated.json() == till.shown(order_with_unknown_card)
    assert (repeated.json()["status"], len(gateway.look_ups)) == ("completed", 2)
    assert (
        post_payment_action(manager_client, "resolve", order_with_unknown_card).json()
        == repeated.json()
    )
    assert list_key_statuses(shop) == [200]


@pytest.mark.parametrize("is_relayed", [False, True])
def test_cancel_repeated_after_a_crash_stays_canceled(
    is_relayed, till, manager_client, half_paid_order, gateway, shop
):
    gateway.answers, gateway.found = [kill, DECLINED], [DECLINED]
    with pytest.raises(ProcessKilled):
        post_payment_action(manager_client, "cancel", half_paid_order)
    if is_relayed:
        relay_later()

    repeated = post_payment_action(manager_client, "cancel", half_paid_order)
    # A later payment does not change the repeated answer.
    assert till.pay(half_paid_order, cash("5.00")).json()["status"] == "completed"
    later = post_payment_action(manager_client, "cancel", half_paid_order)

    assert (repeated.status_code, repeated["Idempotent-Replayed"]) == (200, "true")
    assert repeated.json()["payments"][0]["status"] == "canceled"
    assert (later.status_code, later.json()) == (200, repeated.json())
    ensure_refunds_consistent(shop)


def test_refused_cancellation_stores_no_key_and_can_be_repeated(
    manager_client, half_paid_order, gateway, shop, problem
):
    gateway.answers = [CAPTURED, DECLINED]

    problem(post_payment_action(manager_client, "cancel", half_paid_order), 409, "payment_settled")
    assert list_key_statuses(shop) == []
    again = post_payment_action(manager_client, "cancel", half_paid_order)

    assert (again.status_code, "Idempotent-Replayed" in again) == (200, False)
    assert again.json()["payments"][0]["status"] == "canceled"
    ensure_refunds_consistent(shop)


@pytest.mark.parametrize("is_relayed", [False, True])
def test_refund_resolve_repeated_after_a_crash_returns_the_outcome(
    is_relayed, till, manager_client, product, gateway, shop
):
    sold = till.sold(line(product, "2"), payments=[card("5.00")])
    gateway.returns = [TIMED_OUT, kill, CAPTURED]
    pending = create_refund(manager_client, sold)
    path = f"refunds/{pending['id']}/resolve/"
    with pytest.raises(ProcessKilled):
        manager_client.post(path, Idempotency_Key=KEY)
    if is_relayed:
        relay_later()

    repeated = manager_client.post(path, Idempotency_Key=KEY)

    assert (repeated.status_code, repeated["Idempotent-Replayed"]) == (200, "true")
    assert (repeated.json()["status"], len(gateway.returns)) == ("done", 0)
    assert manager_client.post(path, Idempotency_Key=KEY).json() == repeated.json()
    ensure_refunds_consistent(shop)


def test_declined_payout_stores_no_key_and_can_be_resolved_by_another_method(
    till, manager_client, product, gateway, shop, problem
):
    sold = till.sold(line(product, "2"), payments=[card("2.00"), card("3.00")])
    gateway.returns = [CAPTURED, TIMED_OUT, DECLINED]
    path = f"refunds/{create_refund(manager_client, sold)['id']}/resolve/"

    problem(manager_client.post(path, Idempotency_Key=KEY), 409, "payout_declined")
    assert list_key_statuses(shop) == []
    done = manager_client.post(path, {"method": "cash"}, Idempotency_Key=KEY)

    assert (done.status_code, done.json()["status"]) == (200, "done")
    ensure_refunds_consistent(shop)
