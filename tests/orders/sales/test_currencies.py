"""Sales in currencies with and without cash rounding, and orders of zero."""

from decimal import Decimal

import pytest

from tests.factories.orders import TaxClassFactory
from tests.support.till import amount, card, cash, line, list_receipt_numbers


@pytest.fixture
def five_cents(configure_shop):
    return configure_shop("EUR", cash_rounding_increment=Decimal("0.05"))


# --- cash rounding -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("price", "paid", "rounding"),
    [
        ("9.99", "10.00", "0.01"),
        ("10.02", "10.00", "-0.02"),
        ("10.03", "10.05", "0.02"),
        ("0.03", "0.05", "0.02"),
        ("10.00", "10.00", "0.00"),
    ],
)
def test_cash_payment_is_rounded_to_the_smallest_coin(
    till, five_cents, make_product, price, paid, rounding
):
    order = till.sold(line(make_product(price)), payments=[cash(paid, tendered="20.00")])

    assert (order["status"], order["due"], order["total"]) == ("completed", "0.00", price)
    assert (order["cash_rounding"], order["paid_total"]) == (rounding, paid)
    assert order["change_total"] == str(Decimal("20.00") - Decimal(paid))


def test_total_below_half_a_coin_is_paid_with_zero_cash(till, five_cents, make_product):
    order = till.sold(line(make_product("0.02")), payments=[cash("0.00")])

    assert (order["status"], order["cash_rounding"]) == ("completed", "-0.02")
    assert (order["paid_total"], order["total"]) == ("0.00", "0.02")


def test_total_below_half_a_coin_stays_due_without_payment(till, five_cents, make_product):
    order = till.sold(line(make_product("0.02")))

    assert (order["status"], order["due"]) == ("open", "0.02")


def test_card_payments_are_not_rounded(till, five_cents, make_product, problem):
    order = till.sold(line(make_product("10.02")), payments=[card("10.02")])

    assert (order["status"], order["cash_rounding"]) == ("completed", "0.00")
    response = till.sell(line(make_product("10.03")), payments=[card("10.05")])
    problem(response, 409, "payment_exceeds_due")


def test_only_the_cash_part_is_rounded(till, five_cents, make_product):
    order = till.sold(line(make_product("10.02")), payments=[card("5.01"), cash("5.00")])

    assert (order["status"], order["cash_rounding"]) == ("completed", "-0.01")
    assert (order["paid_total"], order["due"]) == ("10.01", "0.00")


def test_partial_cash_payment_is_not_rounded(till, five_cents, make_product):
    order = till.sold(line(make_product("10.02")), payments=[cash("5.00")])

    assert (order["cash_rounding"], order["due"], order["status"]) == ("0.00", "5.02", "open")

    done = till.pay(order, card("5.02")).json()
    assert (done["cash_rounding"], done["status"]) == ("0.00", "completed")


def test_cash_above_the_rounded_total_is_refused(till, five_cents, make_product, problem):
    response = till.sell(line(make_product("10.02")), payments=[cash("10.05")])

    assert problem(response, 409, "payment_exceeds_due")["due"] == "10.00"


def test_cash_parts_settle_the_rounded_total(till, five_cents, make_product):
    order = till.sold(line(make_product("10.02")), payments=[cash("9.95"), cash("0.05")])

    assert (order["status"], order["cash_rounding"]) == ("completed", "-0.02")


# --- orders of zero ------------------------------------------------------------------------------


def test_order_of_zero_is_completed_without_payment(till, make_product, store, register):
    order = till.sold(line(make_product("0.00")))

    assert (order["status"], order["total"], order["payments"]) == ("completed", "0.00", [])
    assert order["receipt_number"] == 1
    assert list_receipt_numbers(register) == [1]


def test_order_of_zero_accepts_a_zero_cash_payment_with_change(till, make_product):
    order = till.sold(line(make_product("0.00")), payments=[cash("0.00", tendered="5.00")])

    assert (order["status"], order["change_total"]) == ("completed", "5.00")


def test_fully_discounted_order_is_completed(managers_till, make_product):
    order = managers_till.sold(line(make_product("5.00")), discounts=[amount("5.00")])

    assert (order["status"], order["total"]) == ("completed", "0.00")


# --- other currencies ----------------------------------------------------------------------------


def test_sale_in_yen_has_no_decimals(till, configure_shop, shop, make_product, problem):
    configure_shop("JPY")
    rates = [{"name": "JCT", "percent": "10", "included": False, "compound": False}]
    product = make_product("198", tax_class=TaxClassFactory(tenant=shop, rates=rates))

    problem(
        till.sell(line(product), payments=[cash("217.8")]),
        400,
        "invalid",
        {"payments[0].amount": "max_decimal_places"},
    )
    order = till.sold(line(product), payments=[cash(218, tendered="1000")])

    assert (order["subtotal"], order["tax_total"], order["total"]) == ("198", "20", "218")
    assert (order["change_total"], order["due"], order["cash_rounding"]) == ("782", "0", "0")
    assert order["lines"][0]["taxes"][0]["amount"] == "20"
    assert till.shown(order) == order


def test_sale_in_dinars_has_three_decimals(till, configure_shop, make_product):
    configure_shop("KWD", cash_rounding_increment=Decimal("0.005"))

    order = till.sold(line(make_product("1.234"), "3"), payments=[cash("3.700", tendered="4")])

    assert (order["total"], order["cash_rounding"], order["paid_total"]) == (
        "3.702",
        "-0.002",
        "3.700",
    )
    assert (order["change_total"], order["status"]) == ("0.300", "completed")
    assert till.shown(order) == order


@pytest.mark.parametrize(
    ("currency", "price", "total"),
    [("JPY", "7", "7"), ("EUR", "7.1", "7.10"), ("KWD", "7.1", "7.100")],
)
def test_response_amounts_have_the_decimals_of_the_currency(
    till, configure_shop, make_product, currency, price, total
):
    configure_shop(currency)

    order = till.sold(line(make_product(price)), payments=[cash(price)])

    money = [order["total"], order["paid_total"], order["payments"][0]["amount"]]
    assert money == [total] * 3
