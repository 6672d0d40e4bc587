"""Payments that nobody is waiting for any more: the relay asks the gateway until it knows."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from orders.models import Payment
from orders.services.reconciliation import MAX_LOOK_UPS, PaymentReconciliation
from tenants.scope import across_tenants, tenant_scope
from tests.factories.tenants import RegisterFactory
from tests.support.gateway import CAPTURED, DECLINED, TIMED_OUT
from tests.support.order_relay import list_events, relay_all
from tests.support.parallel import run_times
from tests.support.till import Till, card, cash, ensure_books_balance, get_stock_level, line

A_WHILE = timedelta(minutes=3)


@pytest.fixture
def clock():
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield traveller


@pytest.fixture
def unknown(till, product, gateway):
    """An order of two apples whose card timed out."""
    gateway.answers = [TIMED_OUT]
    return till.sold(line(product, "2"), payments=[card("5.00")])


@pytest.fixture
def left_pending(unknown, shop, gateway):
    """As a worker leaves it that dies before it asks."""
    with tenant_scope(shop):
        Payment.objects.update(status="pending", reason="")
    gateway.charges.clear()
    return unknown


def payment():
    with across_tenants():
        return Payment.objects.get()


@pytest.mark.parametrize("left", ["unknown", "left_pending"])
def test_what_was_left_behind_is_looked_up_and_never_charged_again(
    left, request, clock, till, product, store, gateway
):
    order = request.getfixturevalue(left)
    gateway.charges.clear()
    relay_all()
    too_early = till.shown(order)["status"]

    clock.shift(A_WHILE)
    relay_all()

    done = till.shown(order)
    assert too_early == "open"
    assert (done["status"], done["payments"][0]["status"]) == ("completed", "captured")
    assert (gateway.charges, len(gateway.look_ups)) == ([], 1)
    assert get_stock_level(product, store) == (8, 0)
    ensure_books_balance(product.tenant)


def test_what_it_completes_is_told_like_any_sale(clock, unknown):
    clock.shift(A_WHILE)

    relay_all()

    (event,) = list_events("order.completed")
    assert event.data["order"] == unknown["id"]
    assert event.relayed_at


def test_what_was_not_taken_gives_the_goods_back(clock, till, unknown, product, store, gateway):
    gateway.found = [DECLINED]
    clock.shift(A_WHILE)

    relay_all()

    assert till.shown(unknown)["payments"][0]["status"] == "declined"
    assert get_stock_level(product, store) == (10, 0)


@pytest.mark.once
def test_a_gateway_that_does_not_know_is_asked_less_and_less_often(clock, unknown, gateway):
    gateway.found = [TIMED_OUT] * 200
    began, pauses = timezone.now(), []
    clock.shift(A_WHILE)

    for _ in range(MAX_LOOK_UPS):
        relay_all()
        relay_all()
        pauses.append(payment().next_look_up_at - timezone.now())
        clock.move_to(payment().next_look_up_at)
    relay_all()

    assert (len(gateway.look_ups), payment().look_ups) == (MAX_LOOK_UPS, MAX_LOOK_UPS)
    assert pauses[:6] == sorted(pauses[:6])
    assert max(pauses) <= timedelta(hours=1.2)
    assert timedelta(days=2.4) < timezone.now() - began < timedelta(days=3.7)
    assert payment().status == "unknown", "what became of it is for people to find out now"


def test_while_the_gateway_is_silent_it_is_asked_for_one_payment_at_a_time(
    clock, till, make_product, gateway
):
    gateway.answers, gateway.found = [TIMED_OUT] * 3, [TIMED_OUT]
    for _ in range(3):
        till.sold(line(make_product()), payments=[card("2.50")])
    clock.shift(A_WHILE)

    relay_all()
    silent = len(gateway.look_ups)
    relay_all()

    assert (silent, len(gateway.look_ups)) == (1, 3)


def test_an_ended_look_up_is_written_with_the_name_of_who_rang_it_up(clock, unknown, shop):
    clock.shift(A_WHILE)

    relay_all()

    with tenant_scope(shop):
        assert payment().order.movements.get().by_id == payment().order.cashier_id


def test_each_shop_is_asked_for_in_its_own_currency(
    clock, unknown, gateway, foreign, configure_shop
):
    with tenant_scope(foreign.tenant):
        foreign.tenant.currency = "USD"
        foreign.tenant.save_changes("currency")
        # Those before it in the row would be asked first, and that takes its time.
        Payment.objects.update(position=0)
    clock.shift(A_WHILE)

    relay_all()

    assert {charge.key: charge.currency for charge in gateway.look_ups} == {
        payment_of(unknown): "EUR",
        foreign.payment.pk: "USD",
    }


def payment_of(order):
    with across_tenants():
        return Payment.objects.get(order_id=order["id"]).pk


def test_what_is_settled_is_nobodys_business(clock, till, product, gateway):
    till.sold(line(product), payments=[cash("2.50")])
    till.sold(line(product), payments=[card("2.50")])
    clock.shift(A_WHILE)

    relay_all()

    assert gateway.look_ups == []


def test_what_a_manager_settles_at_the_same_moment_stays_so(
    clock, manager_client, till, unknown, gateway, shop
):
    def meanwhile(charge):
        gateway.found = [CAPTURED]
        assert manager_client.post(f"payments/{charge.key}/resolve/").status_code == 200
        return TIMED_OUT

    gateway.found = [meanwhile]
    clock.shift(A_WHILE)

    relay_all()

    assert till.shown(unknown)["status"] == "completed"
    ensure_books_balance(shop)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_several_relays_at_once_ask_once_for_each(cashier, store, make_product, gateway, shop):
    gateway.answers = [TIMED_OUT] * 6
    product = make_product(stock="10")
    register = RegisterFactory(tenant=shop, store=store, number=7)
    for _ in range(6):
        Till(cashier, register).sold(line(product), payments=[card("2.50")])
    with tenant_scope(shop):
        Payment.objects.update(created_at=timezone.now() - A_WHILE)

    def work():
        job = PaymentReconciliation()
        while job.step():
            pass

    assert run_times(4, work) == [None] * 4

    assert not any(gateway.in_transaction)
    assert sorted(charge.key for charge in gateway.look_ups) == sorted(
        charge.key for charge in gateway.charges
    )
    assert get_stock_level(product, store) == (4, 0)
    ensure_books_balance(shop)
