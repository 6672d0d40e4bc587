"""A worker that dies while a gateway is asked to look up, to let go or to give back: the same key
is told what became of it, also where the relay was quicker."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from tests.support.gateway import CAPTURED, DECLINED, TIMED_OUT
from tests.support.idempotency import KEY, list_key_statuses
from tests.support.order_relay import relay_all
from tests.support.refunds import create_refund, ensure_refunds_consistent
from tests.support.till import card, cash, line

A_WHILE = timedelta(minutes=3)


class Killed(BaseException):
    """The process ends here, as nothing catches it."""


def kill(*args, **kwargs):
    raise Killed


@pytest.fixture
def timed_out(till, product, gateway):
    """An order of 5.00 with a card of which nobody knows."""
    gateway.answers = [TIMED_OUT]
    return till.sold(line(product, "2"), payments=[card("5.00")])


@pytest.fixture
def half_paid(till, product, gateway):
    return till.sold(line(product, "2"), payments=[card("2.00")])


def on_payment(person, deed, order):
    return person.post(f"payments/{order['payments'][0]['id']}/{deed}/", Idempotency_Key=KEY)


def relayed():
    with time_machine.travel(timezone.now() + A_WHILE, tick=False):
        relay_all()


@pytest.mark.parametrize("is_relayed", [False, True])
def test_a_look_up_that_was_cut_off_is_told_what_was_found(
    is_relayed, till, manager_client, timed_out, gateway, shop
):
    gateway.found = [kill, CAPTURED, DECLINED]
    with pytest.raises(Killed):
        on_payment(manager_client, "resolve", timed_out)
    if is_relayed:
        relayed()

    repeated = on_payment(manager_client, "resolve", timed_out)

    assert (repeated.status_code, repeated["Idempotent-Replayed"]) == (200, "true")
    assert repeated.json() == till.shown(timed_out)
    assert (repeated.json()["status"], len(gateway.look_ups)) == ("completed", 2)
    assert on_payment(manager_client, "resolve", timed_out).json() == repeated.json()
    assert list_key_statuses(shop) == [200]


@pytest.mark.parametrize("is_relayed", [False, True])
def test_a_card_that_was_let_go_of_stays_so_for_the_same_key(
    is_relayed, till, manager_client, half_paid, gateway, shop
):
    gateway.answers, gateway.found = [kill, DECLINED], [DECLINED]
    with pytest.raises(Killed):
        on_payment(manager_client, "cancel", half_paid)
    if is_relayed:
        relayed()

    repeated = on_payment(manager_client, "cancel", half_paid)
    # Whatever happens to the order after it.
    assert till.pay(half_paid, cash("5.00")).json()["status"] == "completed"
    later = on_payment(manager_client, "cancel", half_paid)

    assert (repeated.status_code, repeated["Idempotent-Replayed"]) == (200, "true")
    assert repeated.json()["payments"][0]["status"] == "canceled"
    assert (later.status_code, later.json()) == (200, repeated.json())
    ensure_refunds_consistent(shop)


def test_a_card_that_stays_leaves_no_key_and_is_asked_for_again(
    manager_client, half_paid, gateway, shop, problem
):
    gateway.answers = [CAPTURED, DECLINED]

    problem(on_payment(manager_client, "cancel", half_paid), 409, "payment_settled")
    assert list_key_statuses(shop) == []
    again = on_payment(manager_client, "cancel", half_paid)

    assert (again.status_code, "Idempotent-Replayed" in again) == (200, False)
    assert again.json()["payments"][0]["status"] == "canceled"
    ensure_refunds_consistent(shop)


@pytest.mark.parametrize("is_relayed", [False, True])
def test_a_refund_whose_look_up_was_cut_off_is_told_what_was_found(
    is_relayed, till, manager_client, product, gateway, shop
):
    sold = till.sold(line(product, "2"), payments=[card("5.00")])
    gateway.returns = [TIMED_OUT, kill, CAPTURED]
    asked = create_refund(manager_client, sold)
    path = f"refunds/{asked['id']}/resolve/"
    with pytest.raises(Killed):
        manager_client.post(path, Idempotency_Key=KEY)
    if is_relayed:
        relayed()

    repeated = manager_client.post(path, Idempotency_Key=KEY)

    assert (repeated.status_code, repeated["Idempotent-Replayed"]) == (200, "true")
    assert (repeated.json()["status"], len(gateway.returns)) == ("done", 0)
    assert manager_client.post(path, Idempotency_Key=KEY).json() == repeated.json()
    ensure_refunds_consistent(shop)


def test_a_declined_refund_leaves_no_key_and_goes_back_another_way_under_it(
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
