"""Cards: charged between two transactions, so that whatever happens the order can be found."""

from decimal import Decimal

import pytest

from orders.gateways import Answer, Outcome
from orders.models import Payment
from orders.services.payments.capture import record_gateway_answer
from tenants.scope import tenant_context, tenant_scope
from tests.support.gateway import CAPTURED, DECLINED, TIMED_OUT
from tests.support.till import (
    card,
    cash,
    ensure_books_balance,
    get_stock_level,
    line,
    list_receipt_numbers,
    resolve_payment,
)


def payment_of(shop):
    with tenant_scope(shop):
        return Payment.objects.get()


# --- what a gateway may say ----------------------------------------------------------------------


def test_a_captured_card_completes_the_order(till, product, store, gateway, shop):
    order = till.sold(line(product, "2"), payments=[card("5.00", reference="terminal 4")])

    assert (order["status"], order["receipt_number"], order["version"]) == ("completed", 1, 2)
    (payment,) = order["payments"]
    assert (payment["status"], payment["tendered"], payment["change"]) == ("captured", None, "0.00")
    assert (payment["reference"], payment["gateway_reference"]) == ("terminal 4", "gw-1")
    assert get_stock_level(product, store) == (8, 0)
    ensure_books_balance(shop)


def test_the_gateway_is_asked_for_the_money_under_the_payments_own_id(till, product, gateway):
    order = till.sold(line(product, "2"), payments=[card("5.00")])

    (charge,) = gateway.charges
    assert str(charge.key) == order["payments"][0]["id"]
    assert (charge.amount, charge.currency, charge.exponent) == (Decimal("5.00"), "EUR", 2)


def test_a_declined_card_leaves_the_order_open_and_the_goods_free(
    till, product, store, gateway, register
):
    gateway.answers = [DECLINED]

    order = till.sold(line(product, "2"), payments=[card("5.00")])

    assert (order["status"], order["due"], order["paid_total"]) == ("open", "5.00", "0.00")
    (payment,) = order["payments"]
    assert (payment["status"], payment["reason"]) == ("declined", "No money.")
    assert get_stock_level(product, store) == (10, 0)
    assert list_receipt_numbers(register) == []


def test_a_card_that_timed_out_keeps_the_goods_for_its_customer(till, make_product, store, gateway):
    product = make_product(stock="2")
    gateway.answers = [TIMED_OUT]

    order = till.sold(line(product, "2"), payments=[card("5.00")])

    assert (order["status"], order["payments"][0]["status"]) == ("open", "unknown")
    assert get_stock_level(product, store) == (2, 2)
    rival = till.sell(line(product), payments=[cash("2.50")])
    assert (rival.status_code, rival.json()["short"][0]["available"]) == (409, "0")


@pytest.mark.parametrize(
    ("answer", "status", "left"), [(CAPTURED, "completed", 8), (DECLINED, "open", 10)]
)
def test_a_late_answer_settles_what_was_unknown_once(till, product, gateway, answer, status, left):
    gateway.answers = [TIMED_OUT]
    order = till.sold(line(product, "2"), payments=[card("5.00")])
    shop, store = product.tenant, till.register.store

    with tenant_context(shop):
        record_gateway_answer(payment_of(shop), answer, by=till.user)
        record_gateway_answer(
            payment_of(shop), DECLINED if answer is CAPTURED else CAPTURED, by=till.user
        )

    shown = till.shown(order)
    assert (shown["status"], shown["payments"][0]["status"]) == (status, answer.outcome)
    assert get_stock_level(product, store) == (left, 0)
    ensure_books_balance(shop)


# --- several payments ----------------------------------------------------------------------------


def test_cash_beside_a_declined_card_is_counted(till, make_product, store, gateway):
    product = make_product("10.00")
    gateway.answers = [DECLINED]

    order = till.sold(line(product), payments=[cash("4.00"), card("6.00")])

    assert (order["status"], order["paid_total"], order["due"]) == ("open", "4.00", "6.00")
    assert get_stock_level(product, store) == (10, 0)

    done = till.pay(order, card("6.00"))
    assert (done.status_code, done.json()["status"]) == (201, "completed")
    assert get_stock_level(product, store) == (9, 0)


def test_while_a_card_is_unknown_the_rest_may_be_paid_and_no_more(
    till, make_product, store, gateway, problem, manager_client
):
    product = make_product("10.00")
    gateway.answers = [TIMED_OUT]
    order = till.sold(line(product), payments=[card("6.00")])

    too_much = problem(till.pay(order, cash("4.01")), 409, "payment_exceeds_due")
    assert too_much["due"] == "4.00"
    waiting = till.pay(order, cash("4.00", tendered="5.00")).json()
    assert (waiting["status"], waiting["due"], waiting["change_total"]) == ("open", "6.00", "1.00")
    assert get_stock_level(product, store) == (10, 1)

    done = resolve_payment(manager_client, order)
    assert (done.status_code, done.json()["status"]) == (200, "completed")
    assert get_stock_level(product, store) == (9, 0)


def test_of_two_cards_one_may_be_declined(till, make_product, store, gateway):
    product = make_product("10.00")
    gateway.answers = [DECLINED, CAPTURED]

    order = till.sold(line(product), payments=[card("6.00"), card("4.00")])

    assert [payment["status"] for payment in order["payments"]] == ["declined", "captured"]
    assert (order["status"], order["due"]) == ("open", "6.00")
    assert get_stock_level(product, store) == (10, 0)


def test_goods_sold_to_another_meanwhile_cannot_be_paid_for(
    till, make_product, store, gateway, problem
):
    product = make_product("10.00", stock="1")
    gateway.answers = [DECLINED]
    order = till.sold(line(product), payments=[card("10.00")])
    till.sold(line(product), payments=[cash("10.00")])

    for payment in (cash("10.00"), card("10.00")):
        problem(till.pay(order, payment), 409, "insufficient_stock")

    assert till.shown(order) == order
    assert len(gateway.charges) == 1
    assert get_stock_level(product, store) == (0, 0)


def test_a_complete_order_takes_no_more_money(till, product, gateway, problem):
    order = till.sold(line(product), payments=[card("2.50")])

    refused = problem(till.pay(order, cash("2.50")), 409, "order_not_open")

    assert refused["order_status"] == "completed"
    assert till.shown(order) == order


def test_a_payment_may_name_the_version_that_it_pays(till, product, problem):
    order = till.sold(line(product, "2"))
    payment = cash("1.00")

    assert till.pay(order, payment, If_Match='"1"').json()["version"] == 2
    problem(till.pay(order, cash("1.00"), If_Match='"1"'), 412, "version_conflict")
    assert till.shown(order)["paid_total"] == "1.00"
    # Sent again it is still the payment that was taken.
    assert till.pay(order, payment, If_Match='"1"').status_code == 200


def test_the_order_of_another_shop_cannot_be_paid(till, foreign, problem, manager_client):
    problem(till.pay({"id": foreign.order.pk}, cash("1.00")), 404, "not_found")
    problem(manager_client.post(f"payments/{foreign.payment.pk}/resolve/"), 404, "not_found")


def test_cash_is_rounded_once_though_a_card_was_declined_after_it(
    till, make_product, gateway, configure_shop
):
    configure_shop("EUR", cash_rounding_increment=Decimal("0.05"))
    gateway.answers = [DECLINED]

    order = till.sold(line(make_product("10.02")), payments=[card("4.99"), cash("5.05")])
    assert (order["cash_rounding"], order["due"], order["cash_due"]) == ("0.00", "4.97", "4.95")

    paid = till.pay(order, cash("4.95")).json()
    assert (paid["status"], paid["paid_total"], paid["cash_rounding"]) == (
        "completed",
        "10.00",
        "-0.02",
    )


def test_what_the_gateway_called_a_charge_stays_known_when_it_says_no_more(
    till, product, gateway, manager_client, shop
):
    gateway.answers = [Answer(Outcome.UNKNOWN, reference="gw-7")]
    gateway.found = [Answer(Outcome.CAPTURED)]
    order = till.sold(line(product), payments=[card("2.50")])

    resolved = resolve_payment(manager_client, order).json()

    (payment,) = resolved["payments"]
    assert (payment["status"], payment["gateway_reference"]) == ("captured", "gw-7")


def test_whoever_takes_a_payment_is_remembered_with_it(till, managers_till, make_product, shop):
    """Also where somebody else had rung the order up."""
    order = till.sold(line(make_product("5.00")), payments=[cash("2.00")])

    managers_till.pay(order, cash("3.00"))

    with tenant_scope(shop):
        takers = Payment.objects.order_by("position").values_list("taken_by", flat=True)
        assert list(takers) == [till.user.pk, managers_till.user.pk]
