"""Card payments: charged between two transactions, so that the order is always stored."""

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


def load_payment(shop):
    with tenant_scope(shop):
        return Payment.objects.get()


# --- gateway outcomes ----------------------------------------------------------------------------


def test_captured_card_completes_the_order(till, product, store, gateway, shop):
    order = till.sold(line(product, "2"), payments=[card("5.00", reference="terminal 4")])

    assert (order["status"], order["receipt_number"], order["version"]) == ("completed", 1, 2)
    (payment,) = order["payments"]
    assert (payment["status"], payment["tendered"], payment["change"]) == ("captured", None, "0.00")
    assert (payment["reference"], payment["gateway_reference"]) == ("terminal 4", "gw-1")
    assert get_stock_level(product, store) == (8, 0)
    ensure_books_balance(shop)


def test_charge_has_the_payment_id_as_its_key(till, product, gateway):
    order = till.sold(line(product, "2"), payments=[card("5.00")])

    (charge,) = gateway.charges
    assert str(charge.key) == order["payments"][0]["id"]
    assert (charge.amount, charge.currency, charge.exponent) == (Decimal("5.00"), "EUR", 2)


def test_declined_card_leaves_the_order_open_and_releases_the_stock(
    till, product, store, gateway, register
):
    gateway.answers = [DECLINED]

    order = till.sold(line(product, "2"), payments=[card("5.00")])

    assert (order["status"], order["due"], order["paid_total"]) == ("open", "5.00", "0.00")
    (payment,) = order["payments"]
    assert (payment["status"], payment["reason"]) == ("declined", "No money.")
    assert get_stock_level(product, store) == (10, 0)
    assert list_receipt_numbers(register) == []


def test_timed_out_card_keeps_the_stock_reserved(till, make_product, store, gateway):
    product = make_product(stock="2")
    gateway.answers = [TIMED_OUT]

    order = till.sold(line(product, "2"), payments=[card("5.00")])

    assert (order["status"], order["payments"][0]["status"]) == ("open", "unknown")
    assert get_stock_level(product, store) == (2, 2)
    other_sale = till.sell(line(product), payments=[cash("2.50")])
    assert (other_sale.status_code, other_sale.json()["short"][0]["available"]) == (409, "0")


@pytest.mark.parametrize(
    ("answer", "status", "left"), [(CAPTURED, "completed", 8), (DECLINED, "open", 10)]
)
def test_late_gateway_answer_settles_an_unknown_payment_once(
    till, product, gateway, answer, status, left
):
    gateway.answers = [TIMED_OUT]
    order = till.sold(line(product, "2"), payments=[card("5.00")])
    shop, store = product.tenant, till.register.store

    with tenant_context(shop):
        record_gateway_answer(load_payment(shop), answer, by=till.user)
        record_gateway_answer(
            load_payment(shop), DECLINED if answer is CAPTURED else CAPTURED, by=till.user
        )

    shown = till.shown(order)
    assert (shown["status"], shown["payments"][0]["status"]) == (status, answer.outcome)
    assert get_stock_level(product, store) == (left, 0)
    ensure_books_balance(shop)


# --- several payments ----------------------------------------------------------------------------


def test_cash_beside_a_declined_card_counts_as_paid(till, make_product, store, gateway):
    product = make_product("10.00")
    gateway.answers = [DECLINED]

    order = till.sold(line(product), payments=[cash("4.00"), card("6.00")])

    assert (order["status"], order["paid_total"], order["due"]) == ("open", "4.00", "6.00")
    assert get_stock_level(product, store) == (10, 0)

    done = till.pay(order, card("6.00"))
    assert (done.status_code, done.json()["status"]) == (201, "completed")
    assert get_stock_level(product, store) == (9, 0)


def test_order_with_an_unknown_card_accepts_only_the_remaining_amount(
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


def test_one_of_two_cards_may_be_declined(till, make_product, store, gateway):
    product = make_product("10.00")
    gateway.answers = [DECLINED, CAPTURED]

    order = till.sold(line(product), payments=[card("6.00"), card("4.00")])

    assert [payment["status"] for payment in order["payments"]] == ["declined", "captured"]
    assert (order["status"], order["due"]) == ("open", "6.00")
    assert get_stock_level(product, store) == (10, 0)


def test_order_with_goods_sold_meanwhile_cannot_be_paid(
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


def test_completed_order_accepts_no_payment(till, product, gateway, problem):
    order = till.sold(line(product), payments=[card("2.50")])

    refused = problem(till.pay(order, cash("2.50")), 409, "order_not_open")

    assert refused["order_status"] == "completed"
    assert till.shown(order) == order


def test_payment_with_if_match_needs_the_current_order_version(till, product, problem):
    order = till.sold(line(product, "2"))
    payment = cash("1.00")

    assert till.pay(order, payment, If_Match='"1"').json()["version"] == 2
    problem(till.pay(order, cash("1.00"), If_Match='"1"'), 412, "version_conflict")
    assert till.shown(order)["paid_total"] == "1.00"
    # The repeated request returns the payment although the version has changed.
    assert till.pay(order, payment, If_Match='"1"').status_code == 200


def test_order_and_payment_of_another_shop_are_not_found(till, foreign, problem, manager_client):
    problem(till.pay({"id": foreign.order.pk}, cash("1.00")), 404, "not_found")
    problem(manager_client.post(f"payments/{foreign.payment.pk}/resolve/"), 404, "not_found")


def test_cash_before_a_declined_card_is_rounded_once(till, make_product, gateway, configure_shop):
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


def test_gateway_reference_is_kept_if_the_look_up_has_none(
    till, product, gateway, manager_client, shop
):
    gateway.answers = [Answer(Outcome.UNKNOWN, reference="gw-7")]
    gateway.found = [Answer(Outcome.CAPTURED)]
    order = till.sold(line(product), payments=[card("2.50")])

    resolved = resolve_payment(manager_client, order).json()

    (payment,) = resolved["payments"]
    assert (payment["status"], payment["gateway_reference"]) == ("captured", "gw-7")


def test_payment_stores_the_user_who_took_it(till, managers_till, make_product, shop):
    """The second payment is taken by another user than the order's cashier."""
    order = till.sold(line(make_product("5.00")), payments=[cash("2.00")])

    managers_till.pay(order, cash("3.00"))

    with tenant_scope(shop):
        takers = Payment.objects.order_by("position").values_list("taken_by", flat=True)
        assert list(takers) == [till.user.pk, managers_till.user.pk]
