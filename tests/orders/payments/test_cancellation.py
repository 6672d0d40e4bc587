"""Letting go of payments before their order is a sale: the money is there or it is gone."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from orders.services.reconciliation import PaymentReconciliation
from tests.support.api import Person
from tests.support.approvals import grant_approval, request_approval
from tests.support.gateway import CAPTURED, DECLINED, TIMED_OUT
from tests.support.order_approvals import get_approval_state
from tests.support.order_relay import relay_all
from tests.support.refunds import (
    create_refund,
    credit_payment,
    ensure_refunds_consistent,
    get_store_credit_code,
    snapshot_refund_rows,
)
from tests.support.shifts import cancel_payment, close_shift, fetch_shift_report, open_shift
from tests.support.till import card, cash, get_stock_level, line


@pytest.fixture
def half_paid(till, make_product, gateway):
    """An order of 10.00 of which a card has paid 4.00."""
    return till.sold(line(make_product("10.00", stock="1")), payments=[card("4.00")])


def test_while_a_card_is_let_go_of_nobody_sells_for_it(
    till, manager_client, half_paid, gateway, shop
):
    """The rest is paid in cash at that very moment: the order waits for what the gateway says."""
    meanwhile = []

    def pay_the_rest(charge):
        meanwhile.append(till.pay(half_paid, cash("6.00")).json())
        return DECLINED

    gateway.answers = [pay_the_rest]

    canceled = cancel_payment(manager_client, half_paid).json()

    assert (meanwhile[0]["status"], meanwhile[0]["payments"][0]["status"]) == ("open", "unknown")
    assert (canceled["status"], canceled["due"], canceled["paid_total"]) == ("open", "4.00", "6.00")
    assert [each["status"] for each in canceled["payments"]] == ["canceled", "captured"]
    ensure_refunds_consistent(shop)


def test_where_it_is_too_late_to_let_go_the_money_is_there_and_the_order_sold(
    till, manager_client, half_paid, gateway, shop, problem
):
    gateway.answers = [lambda charge: till.pay(half_paid, cash("6.00")) and CAPTURED]

    told = problem(cancel_payment(manager_client, half_paid), 409, "payment_settled")

    assert told["payment_status"] == "captured"
    assert till.shown(half_paid)["status"] == "completed"
    ensure_refunds_consistent(shop)


@pytest.mark.parametrize("found", [CAPTURED, DECLINED])
def test_a_gateway_that_is_silent_when_asked_to_let_go_is_looked_up(
    found, till, manager_client, half_paid, gateway, shop, make_product
):
    """Also where the goods have gone meanwhile: giving money back needs none."""
    shift = open_shift(till, "0.00")
    till.sold(line_of(half_paid), payments=[cash("10.00")])
    gateway.answers, gateway.found = [TIMED_OUT], [found]
    silent = cancel_payment(manager_client, half_paid).json()
    assert (silent["payments"][0]["status"], silent["paid_total"]) == ("unknown", "0.00")

    with time_machine.travel(timezone.now() + timedelta(minutes=3), tick=False):
        relay_all()

    now = till.shown(half_paid)
    assert (now["payments"][0]["status"], now["due"]) == {
        CAPTURED: ("captured", "6.00"),
        DECLINED: ("canceled", "10.00"),
    }[found]
    back = {
        each["method"]: each["canceled"]
        for each in fetch_shift_report(manager_client, shift)["payments"]
    }
    assert back.get("card", "0.00") == ("0.00" if found == CAPTURED else "4.00")
    ensure_refunds_consistent(shop)


def line_of(order):
    return {"product": order["lines"][0]["product"], "quantity": 1}


def test_a_cashier_lets_go_of_money_that_is_there_with_leave_alone(
    till, manager_client, half_paid, gateway, shop, problem
):
    gateway.answers = [DECLINED]
    before = snapshot_refund_rows(shop)
    told = problem(cancel_payment(till, half_paid), 403, "approval_required")
    other = grant_approval(
        manager_client, request_approval(till, "void", object={"order": till.order()["id"]})
    )["id"]
    problem(cancel_payment(till, half_paid, approval=other), 403, "approval_not_valid")
    assert everything_but_leave(snapshot_refund_rows(shop)) == everything_but_leave(before)

    leave = grant_approval(
        manager_client, request_approval(till, told["action"], object=told["object"], amount=None)
    )["id"]
    canceled = cancel_payment(till, half_paid, approval=leave).json()

    assert (canceled["payments"][0]["status"], get_approval_state(leave)) == ("canceled", "used")
    problem(cancel_payment(till, half_paid, approval=leave), 409, "payment_settled")
    ensure_refunds_consistent(shop)


def everything_but_leave(rows):
    """Asking for it and giving it is written down, and is meant to be."""
    return {name: each for name, each in rows.items() if name != "AuditEvent"}


def test_a_payment_of_a_sale_is_not_canceled_but_refunded(
    till, manager_client, make_product, shop, problem
):
    order = till.sold(line(make_product("2.50")), payments=[cash("2.50")])
    before = snapshot_refund_rows(shop)

    problem(cancel_payment(manager_client, order), 409, "illegal_transition")

    assert snapshot_refund_rows(shop) == before


def test_store_credit_that_is_canceled_is_on_its_code_again(
    till, manager_client, make_product, shop, store
):
    product = make_product("5.00")
    sold = till.sold(line(product), payments=[cash("5.00")])
    code = get_store_credit_code(create_refund(manager_client, sold, method="store_credit"))
    order = till.sold(line(product), payments=[credit_payment("3.00", code)])

    cancel_payment(manager_client, order)

    (credit,) = manager_client.get("store-credits/", {"code": code}).json()["results"]
    entries = manager_client.get(f"store-credits/{credit['id']}/entries/").json()["results"]
    assert credit["balance"] == "5.00"
    assert [each["amount"] for each in entries] == ["3.00", "-3.00", "5.00"]
    assert get_stock_level(product, store) == (10, 0)
    ensure_refunds_consistent(shop)


def test_a_card_of_a_shift_that_was_counted_is_canceled_in_todays(
    till, manager_client, half_paid, gateway, shop
):
    """And where it is too late for that, the order is sold in today's."""
    first = open_shift(till, "0.00")
    order = till.sold(line_of(half_paid), payments=[card("1.00")])
    assert close_shift(manager_client, first, "0.00").status_code == 200
    today = open_shift(till, "0.00")
    gateway.answers = [lambda charge: till.pay(order, cash("9.00")) and CAPTURED]

    cancel_payment(manager_client, order)

    now = till.shown(order)
    assert (now["status"], now["shift"]) == ("completed", today["id"])
    assert close_shift(manager_client, today, "9.00").status_code == 200
    ensure_refunds_consistent(shop)


def test_the_change_of_a_canceled_payment_goes_back_with_it(
    till, manager_client, make_product, shop
):
    order = till.sold(line(make_product("10.00")), payments=[cash("4.00", tendered="5.50")])
    assert (order["paid_total"], order["change_total"]) == ("4.00", "1.50")

    canceled = cancel_payment(manager_client, order).json()

    assert (canceled["paid_total"], canceled["change_total"]) == ("0.00", "0.00")
    ensure_refunds_consistent(shop)


def test_a_card_of_which_nobody_knew_and_that_was_captured_makes_the_sale(
    till, manager_client, make_product, gateway, shop
):
    """It was not there when it was to be canceled: that it is now answers the request."""
    gateway.answers = [TIMED_OUT, CAPTURED]
    order = till.sold(line(make_product("4.00")), payments=[card("4.00")])

    answer = cancel_payment(manager_client, order)

    assert (answer.status_code, answer.json()["status"]) == (200, "completed")
    assert answer.json()["payments"][0]["status"] == "captured"
    ensure_refunds_consistent(shop)


def test_the_relay_looks_up_no_card_that_is_being_canceled(
    till, manager_client, half_paid, gateway, shop
):
    """It was taken long ago, and would be looked up at once: the gateway says that it is there."""
    looked_up = []

    def meanwhile(charge):
        looked_up.append(PaymentReconciliation().step())
        return DECLINED

    gateway.answers = [meanwhile]
    with time_machine.travel(timezone.now() + timedelta(minutes=10), tick=False):
        canceled = cancel_payment(Person(manager_client.user), half_paid).json()

    assert (looked_up, gateway.look_ups) == ([False], [])
    assert (canceled["payments"][0]["status"], canceled["paid_total"]) == ("canceled", "0.00")
    ensure_refunds_consistent(shop)
