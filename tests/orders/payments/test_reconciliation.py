"""Reconciliation: the relay looks up payments with unknown outcome."""

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

RECONCILIATION_DELAY = timedelta(minutes=3)


@pytest.fixture
def clock():
    with time_machine.travel(timezone.now(), tick=False) as traveller:
        yield traveller


@pytest.fixture
def order_with_unknown_card(till, product, gateway):
    """Return an order of two apples whose card timed out."""
    gateway.answers = [TIMED_OUT]
    return till.sold(line(product, "2"), payments=[card("5.00")])


@pytest.fixture
def order_with_pending_card(order_with_unknown_card, shop, gateway):
    """Return the order as a process leaves it that crashes before the charge."""
    with tenant_scope(shop):
        Payment.objects.update(status="pending", reason="")
    gateway.charges.clear()
    return order_with_unknown_card


def load_payment():
    with across_tenants():
        return Payment.objects.get()


@pytest.mark.parametrize("left", ["order_with_unknown_card", "order_with_pending_card"])
def test_pending_or_unknown_card_is_looked_up_and_not_charged_again(
    left, request, clock, till, product, store, gateway
):
    order = request.getfixturevalue(left)
    gateway.charges.clear()
    relay_all()
    too_early = till.shown(order)["status"]

    clock.shift(RECONCILIATION_DELAY)
    relay_all()

    done = till.shown(order)
    assert too_early == "open"
    assert (done["status"], done["payments"][0]["status"]) == ("completed", "captured")
    assert (gateway.charges, len(gateway.look_ups)) == ([], 1)
    assert get_stock_level(product, store) == (8, 0)
    ensure_books_balance(product.tenant)


def test_order_completed_by_reconciliation_is_announced_as_a_sale(clock, order_with_unknown_card):
    clock.shift(RECONCILIATION_DELAY)

    relay_all()

    (event,) = list_events("order.completed")
    assert event.data["order"] == order_with_unknown_card["id"]
    assert event.relayed_at


def test_card_found_declined_releases_the_stock(
    clock, till, order_with_unknown_card, product, store, gateway
):
    gateway.found = [DECLINED]
    clock.shift(RECONCILIATION_DELAY)

    relay_all()

    assert till.shown(order_with_unknown_card)["payments"][0]["status"] == "declined"
    assert get_stock_level(product, store) == (10, 0)


@pytest.mark.slow
@pytest.mark.once
def test_look_ups_without_an_outcome_become_less_frequent_and_stop(
    clock, order_with_unknown_card, gateway
):
    gateway.found = [TIMED_OUT] * 200
    began, pauses = timezone.now(), []
    clock.shift(RECONCILIATION_DELAY)

    for _ in range(MAX_LOOK_UPS):
        relay_all()
        relay_all()
        pauses.append(load_payment().next_look_up_at - timezone.now())
        clock.move_to(load_payment().next_look_up_at)
    relay_all()

    assert (len(gateway.look_ups), load_payment().look_ups) == (MAX_LOOK_UPS, MAX_LOOK_UPS)
    assert pauses[:6] == sorted(pauses[:6])
    assert max(pauses) <= timedelta(hours=1.2)
    assert timedelta(days=2.4) < timezone.now() - began < timedelta(days=3.7)
    assert load_payment().status == "unknown", "after the last look-up a person must find out"


def test_gateway_time_out_ends_the_reconciliation_step(clock, till, make_product, gateway):
    gateway.answers, gateway.found = [TIMED_OUT] * 3, [TIMED_OUT]
    for _ in range(3):
        till.sold(line(make_product()), payments=[card("2.50")])
    clock.shift(RECONCILIATION_DELAY)

    relay_all()
    silent = len(gateway.look_ups)
    relay_all()

    assert (silent, len(gateway.look_ups)) == (1, 3)


def test_stock_movement_of_a_reconciled_order_names_its_cashier(
    clock, order_with_unknown_card, shop
):
    clock.shift(RECONCILIATION_DELAY)

    relay_all()

    with tenant_scope(shop):
        assert load_payment().order.movements.get().by_id == load_payment().order.cashier_id


def test_look_up_uses_the_currency_of_the_shop(
    clock, order_with_unknown_card, gateway, foreign, configure_shop
):
    with tenant_scope(foreign.tenant):
        foreign.tenant.currency = "USD"
        foreign.tenant.save_changes("currency")
        # Payments with a lower position come first, so both are due now.
        Payment.objects.update(position=0)
    clock.shift(RECONCILIATION_DELAY)

    relay_all()

    assert {charge.key: charge.currency for charge in gateway.look_ups} == {
        payment_id(order_with_unknown_card): "EUR",
        foreign.payment.pk: "USD",
    }


def payment_id(order):
    with across_tenants():
        return Payment.objects.get(order_id=order["id"]).pk


def test_settled_payment_is_not_looked_up(clock, till, product, gateway):
    till.sold(line(product), payments=[cash("2.50")])
    till.sold(line(product), payments=[card("2.50")])
    clock.shift(RECONCILIATION_DELAY)

    relay_all()

    assert gateway.look_ups == []


def test_payment_settled_during_the_look_up_stays_settled(
    clock, manager_client, till, order_with_unknown_card, gateway, shop
):
    def resolve_during_look_up(charge):
        gateway.found = [CAPTURED]
        assert manager_client.post(f"payments/{charge.key}/resolve/").status_code == 200
        return TIMED_OUT

    gateway.found = [resolve_during_look_up]
    clock.shift(RECONCILIATION_DELAY)

    relay_all()

    assert till.shown(order_with_unknown_card)["status"] == "completed"
    ensure_books_balance(shop)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_concurrent_relays_look_up_each_payment_once(cashier, store, make_product, gateway, shop):
    gateway.answers = [TIMED_OUT] * 6
    product = make_product(stock="10")
    register = RegisterFactory(tenant=shop, store=store, number=7)
    for _ in range(6):
        Till(cashier, register).sold(line(product), payments=[card("2.50")])
    with tenant_scope(shop):
        Payment.objects.update(created_at=timezone.now() - RECONCILIATION_DELAY)

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
