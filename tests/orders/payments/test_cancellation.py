"""Letting go of payments before their order is a sale: the money is there or it is gone."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from orders.services.reconciliation import LeftBehindPayments
from tests.support.api import Person
from tests.support.approvals import asked, given
from tests.support.gateway import CAPTURED, DECLINED, TIMED_OUT
from tests.support.order_approvals import state
from tests.support.order_relay import relay_all
from tests.support.refunds import code_of, credit_payment, ensure_sound, everything, refunded
from tests.support.shifts import cancel, close, opened, report
from tests.support.till import card, cash, line, shelf


@pytest.fixture
def half_paid(till, goods, gateway):
    """An order of 10.00 of which a card has paid 4.00."""
    return till.sold(line(goods("10.00", stock="1")), payments=[card("4.00")])


def test_while_a_card_is_let_go_of_nobody_sells_for_it(till, chief, half_paid, gateway, shop):
    """The rest is paid in cash at that very moment: the order waits for what the gateway says."""
    meanwhile = []

    def pay_the_rest(charge):
        meanwhile.append(till.pay(half_paid, cash("6.00")).json())
        return DECLINED

    gateway.answers = [pay_the_rest]

    canceled = cancel(chief, half_paid).json()

    assert (meanwhile[0]["status"], meanwhile[0]["payments"][0]["status"]) == ("open", "unknown")
    assert (canceled["status"], canceled["due"], canceled["paid_total"]) == ("open", "4.00", "6.00")
    assert [each["status"] for each in canceled["payments"]] == ["canceled", "captured"]
    ensure_sound(shop)


def test_where_it_is_too_late_to_let_go_the_money_is_there_and_the_order_sold(
    till, chief, half_paid, gateway, shop, problem
):
    gateway.answers = [lambda charge: till.pay(half_paid, cash("6.00")) and CAPTURED]

    told = problem(cancel(chief, half_paid), 409, "payment_settled")

    assert told["payment_status"] == "captured"
    assert till.shown(half_paid)["status"] == "completed"
    ensure_sound(shop)


@pytest.mark.parametrize("found", [CAPTURED, DECLINED])
def test_a_gateway_that_is_silent_when_asked_to_let_go_is_looked_up(
    found, till, chief, half_paid, gateway, shop, goods
):
    """Also where the goods have gone meanwhile: giving money back needs none."""
    shift = opened(till, "0.00")
    till.sold(line_of(half_paid), payments=[cash("10.00")])
    gateway.answers, gateway.found = [TIMED_OUT], [found]
    silent = cancel(chief, half_paid).json()
    assert (silent["payments"][0]["status"], silent["paid_total"]) == ("unknown", "0.00")

    with time_machine.travel(timezone.now() + timedelta(minutes=3), tick=False):
        relay_all()

    now = till.shown(half_paid)
    assert (now["payments"][0]["status"], now["due"]) == {
        CAPTURED: ("captured", "6.00"),
        DECLINED: ("canceled", "10.00"),
    }[found]
    back = {each["method"]: each["canceled"] for each in report(chief, shift)["payments"]}
    assert back.get("card", "0.00") == ("0.00" if found == CAPTURED else "4.00")
    ensure_sound(shop)


def line_of(order):
    return {"product": order["lines"][0]["product"], "quantity": 1}


def test_a_cashier_lets_go_of_money_that_is_there_with_leave_alone(
    till, chief, half_paid, gateway, shop, problem
):
    gateway.answers = [DECLINED]
    before = everything(shop)
    told = problem(cancel(till, half_paid), 403, "approval_required")
    other = given(chief, asked(till, "void", object={"order": till.order()["id"]}))["id"]
    problem(cancel(till, half_paid, approval=other), 403, "approval_not_valid")
    assert everything_but_leave(everything(shop)) == everything_but_leave(before)

    leave = given(chief, asked(till, told["action"], object=told["object"], amount=None))["id"]
    canceled = cancel(till, half_paid, approval=leave).json()

    assert (canceled["payments"][0]["status"], state(leave)) == ("canceled", "used")
    problem(cancel(till, half_paid, approval=leave), 409, "payment_settled")
    ensure_sound(shop)


def everything_but_leave(rows):
    """Asking for it and giving it is written down, and is meant to be."""
    return {name: each for name, each in rows.items() if name != "AuditEvent"}


def test_a_payment_of_a_sale_is_not_canceled_but_refunded(till, chief, goods, shop, problem):
    order = till.sold(line(goods("2.50")), payments=[cash("2.50")])
    before = everything(shop)

    problem(cancel(chief, order), 409, "illegal_transition")

    assert everything(shop) == before


def test_store_credit_that_is_canceled_is_on_its_code_again(till, chief, goods, shop, store):
    product = goods("5.00")
    sold = till.sold(line(product), payments=[cash("5.00")])
    code = code_of(refunded(chief, sold, method="store_credit"))
    order = till.sold(line(product), payments=[credit_payment("3.00", code)])

    cancel(chief, order)

    (credit,) = chief.get("store-credits/", {"code": code}).json()["results"]
    entries = chief.get(f"store-credits/{credit['id']}/entries/").json()["results"]
    assert credit["balance"] == "5.00"
    assert [each["amount"] for each in entries] == ["3.00", "-3.00", "5.00"]
    assert shelf(product, store) == (10, 0)
    ensure_sound(shop)


def test_a_card_of_a_shift_that_was_counted_is_canceled_in_todays(
    till, chief, half_paid, gateway, shop
):
    """And where it is too late for that, the order is sold in today's."""
    first = opened(till, "0.00")
    order = till.sold(line_of(half_paid), payments=[card("1.00")])
    assert close(chief, first, "0.00").status_code == 200
    today = opened(till, "0.00")
    gateway.answers = [lambda charge: till.pay(order, cash("9.00")) and CAPTURED]

    cancel(chief, order)

    now = till.shown(order)
    assert (now["status"], now["shift"]) == ("completed", today["id"])
    assert close(chief, today, "9.00").status_code == 200
    ensure_sound(shop)


def test_the_change_of_a_canceled_payment_goes_back_with_it(till, chief, goods, shop):
    order = till.sold(line(goods("10.00")), payments=[cash("4.00", tendered="5.50")])
    assert (order["paid_total"], order["change_total"]) == ("4.00", "1.50")

    canceled = cancel(chief, order).json()

    assert (canceled["paid_total"], canceled["change_total"]) == ("0.00", "0.00")
    ensure_sound(shop)


def test_a_card_of_which_nobody_knew_and_that_was_captured_makes_the_sale(
    till, chief, goods, gateway, shop
):
    """It was not there when it was to be canceled: that it is now answers the request."""
    gateway.answers = [TIMED_OUT, CAPTURED]
    order = till.sold(line(goods("4.00")), payments=[card("4.00")])

    answer = cancel(chief, order)

    assert (answer.status_code, answer.json()["status"]) == (200, "completed")
    assert answer.json()["payments"][0]["status"] == "captured"
    ensure_sound(shop)


def test_the_relay_looks_up_no_card_that_is_being_canceled(till, chief, half_paid, gateway, shop):
    """It was taken long ago, and would be looked up at once: the gateway says that it is there."""
    looked_up = []

    def meanwhile(charge):
        looked_up.append(LeftBehindPayments().step())
        return DECLINED

    gateway.answers = [meanwhile]
    with time_machine.travel(timezone.now() + timedelta(minutes=10), tick=False):
        canceled = cancel(Person(chief.user), half_paid).json()

    assert (looked_up, gateway.look_ups) == ([False], [])
    assert (canceled["payments"][0]["status"], canceled["paid_total"]) == ("canceled", "0.00")
    ensure_sound(shop)
