"""Cash rounding of payments, parts, refunds and offline sales."""

from decimal import Decimal

import pytest

from tests.support.gateway import DECLINED, TIMED_OUT
from tests.support.shifts import cancel_first_payment
from tests.support.till import card, cash, cash_rest, line, new_id, resolve_payment

CODE = "not_payable_in_cash"


def figures(order):
    return tuple(order[name] for name in ("status", "paid_total", "cash_rounding", "due"))


SETTLEMENTS = [
    ("SEK", "1.00", "half_up", "7.60", "8.00", "0.40"),
    ("SEK", "1.00", "half_down", "7.50", "7.00", "-0.50"),
    ("SEK", "1.00", "down", "7.99", "7.00", "-0.99"),
    ("CHF", "0.05", "half_up", "9.97", "9.95", "-0.02"),
    ("DKK", "0.50", "half_up", "12.25", "12.50", "0.25"),
    ("JPY", "10", "half_up", "995", "1000", "5"),
    ("KWD", "0.005", "half_up", "1.234", "1.235", "0.001"),
    ("EUR", None, "half_up", "9.98", "9.98", "0.00"),
]


@pytest.mark.parametrize(("currency", "coin", "mode", "price", "payable", "rounding"), SETTLEMENTS)
@pytest.mark.parametrize("amount_is", ["payable", "left", "rest"])
def test_cash_payment_settles_with_the_rounded_amount(  # noqa: PLR0913, PLR0917
    till, make_product, set_smallest_coin, currency, coin, mode, price, payable, rounding, amount_is
):
    set_smallest_coin(coin, currency, mode)
    payment = {"payable": cash(payable), "left": cash(price), "rest": cash_rest()}[amount_is]

    order = till.sold(line(make_product(price)), payments=[payment])

    zero = str(Decimal(price) * 0)
    assert figures(order) == ("completed", payable, rounding, zero)
    assert (order["payments"][0]["amount"], order["payments"][0]["tendered"]) == (payable, payable)
    calculated = till.post("orders/calculate/", {"lines": [line(make_product(price))]}).json()
    assert calculated["cash_total"] == payable


@pytest.mark.parametrize(
    ("price", "payment", "payable"),
    [
        ("7.60", cash("7.11", "8.00"), "8.00"),
        ("7.60", cash("7.50"), "8.00"),
        ("7.60", cash("7.90"), "8.00"),
        ("0.60", cash("0.11"), "1.00"),
        ("7.60", cash("8.00", "8.50"), "8.00"),
        ("7.60", cash("7.60", "7.60"), "8.00"),
        ("7.60", cash("5.00", "5.50"), "8.00"),
        ("7.60", cash_rest(tendered="10.01"), "8.00"),
        ("0.40", cash("0.20"), "0.00"),
    ],
)
def test_cash_amount_that_coins_cannot_pay_is_refused(
    till, make_product, set_smallest_coin, refused, price, payment, payable
):
    set_smallest_coin("1.00", "SEK")
    product = make_product(price)
    order = till.sold(line(product))

    for call in (
        lambda: till.pay(order, payment),
        lambda: till.sell(line(product), payments=[payment]),
    ):
        assert refused(call, 409, CODE)["payable"] == payable


def test_partial_cash_is_in_whole_coins_and_the_rest_is_rounded_once(
    till, make_product, set_smallest_coin, refused
):
    set_smallest_coin("1.00", "SEK")
    order = till.sold(line(make_product("7.60")), payments=[cash("3.00")])

    assert figures(order) == ("open", "3.00", "0.00", "4.60")
    assert order["cash_due"] == "5.00"
    assert refused(lambda: till.pay(order, cash("4.50")), 409, CODE)["payable"] == "5.00"
    more = till.pay(order, cash("2.00")).json()
    assert figures(more) == ("open", "5.00", "0.00", "2.60")

    done = till.pay(order, cash_rest(tendered="20.00")).json()
    assert figures(done) == ("completed", "8.00", "0.40", "0.00")
    assert done["change_total"] == "17.00"


def test_rest_after_other_methods_is_rounded_only_for_cash(till, make_product, set_smallest_coin):
    set_smallest_coin("1.00", "SEK")
    product = make_product("7.60")
    voucher = {"id": new_id(), "method": "voucher", "amount": "0.30"}

    order = till.sold(line(product), payments=[card("2.75"), voucher, cash_rest()])
    assert figures(order) == ("completed", "8.05", "0.45", "0.00")

    less = till.sold(line(make_product("7.40")), payments=[card("7.00"), cash_rest()])
    assert figures(less) == ("completed", "7.00", "-0.40", "0.00")


def other_payment(amount):
    return {"id": new_id(), "method": "other", "amount": amount}


@pytest.mark.parametrize(
    ("price", "part", "paid", "rounding"),
    [
        ("0.60", other_payment("0.11"), "1.11", "0.51"),
        ("7.60", card("0.11"), "8.11", "0.51"),
        ("7.60", card("7.20"), "8.20", "0.60"),
        ("7.40", other_payment("0.91"), "7.91", "0.51"),
        ("7.40", card("0.10"), "7.10", "-0.30"),
    ],
)
def test_partial_payment_by_another_method_does_not_lower_the_cash_total(  # noqa: PLR0913, PLR0917
    till, make_product, set_smallest_coin, refused, price, part, paid, rounding
):
    """Rounding takes off at most what it would for the whole order in cash."""
    set_smallest_coin("1.00", "SEK")

    order = till.sold(line(make_product(price)), payments=[part, cash_rest()])
    assert figures(order) == ("completed", paid, rounding, "0.00")

    parted = till.sold(line(make_product(price)), payments=[part | {"id": new_id()}])
    rest_in_cash = str(Decimal(paid) - Decimal(part["amount"]))
    assert parted["cash_due"] == rest_in_cash
    assert refused(lambda: till.pay(parted, cash("0.30")), 409, CODE)["payable"] == rest_in_cash
    assert figures(till.pay(parted, cash_rest()).json()) == ("completed", paid, rounding, "0.00")


def test_declined_card_leaves_the_whole_total_to_cash_rounding(
    till, make_product, set_smallest_coin, gateway
):
    set_smallest_coin("1.00", "SEK")
    gateway.answers = [DECLINED]

    order = till.sold(line(make_product("7.60")), payments=[card("0.11"), cash_rest()])

    assert figures(order) == ("completed", "8.00", "0.40", "0.00")


def test_only_cash_may_omit_its_amount(till, make_product, set_smallest_coin, problem):
    set_smallest_coin("1.00", "SEK")
    payment = {"id": new_id(), "method": "card"}

    response = till.sell(line(make_product("7.60")), payments=[payment])

    problem(response, 400, "invalid", {"payments[0].amount": "required"})


@pytest.mark.parametrize(
    "payment", [cash_rest(), cash("0.00"), cash("1.00")], ids=["rest", "zero", "amount"]
)
def test_order_without_lines_cannot_be_paid(till, refused, payment):
    order = till.sold()

    refused(lambda: till.pay(order, payment), 409, "order_empty")


def test_rest_after_a_declined_card_is_rounded_again(
    till, make_product, set_smallest_coin, gateway
):
    set_smallest_coin("1.00", "SEK")
    gateway.answers = [DECLINED]

    order = till.sold(line(make_product("17.60")), payments=[card("10.00"), cash_rest()])

    assert figures(order) == ("open", "8.00", "0.00", "9.60")
    done = till.pay(order, cash("10.00")).json()
    assert figures(done) == ("completed", "18.00", "0.40", "0.00")


def test_unknown_card_completes_the_order_with_the_rounding_of_its_cash(
    till, make_product, set_smallest_coin, gateway, manager_client
):
    set_smallest_coin("1.00", "SEK")
    gateway.answers = [TIMED_OUT]
    order = till.sold(line(make_product("17.60")), payments=[card("10.00"), cash_rest()])
    assert figures(order)[1:] == ("8.00", "0.40", "10.00")

    done = resolve_payment(manager_client, order).json()

    assert figures(done) == ("completed", "18.00", "0.40", "0.00")


def test_line_added_after_a_partial_payment_changes_the_rest(till, make_product, set_smallest_coin):
    set_smallest_coin("1.00", "SEK")
    product = make_product("7.60")
    order = till.sold(line(product), payments=[cash("5.00")])

    more = till.post(f"orders/{order['id']}/lines/", line(product)).json()
    assert figures(more) == ("open", "5.00", "0.00", "10.20")

    done = till.pay(order, cash_rest()).json()
    assert figures(done) == ("completed", "15.00", "-0.20", "0.00")


def test_canceled_partial_payment_leaves_no_rounding(
    till, make_product, set_smallest_coin, manager_client
):
    set_smallest_coin("1.00", "SEK")
    order = till.sold(line(make_product("7.60")), payments=[cash("5.00")])

    cancel_first_payment(manager_client, order)

    assert figures(till.shown(order)) == ("open", "0.00", "0.00", "7.60")
    assert figures(till.pay(order, cash_rest()).json()) == ("completed", "8.00", "0.40", "0.00")


@pytest.mark.parametrize(
    "payment", [cash_rest(), cash("7.60"), cash("8.00")], ids=["rest", "left", "payable"]
)
def test_repeated_cash_payment_with_another_amount_is_a_conflict(
    till, make_product, set_smallest_coin, refused, payment
):
    set_smallest_coin("1.00", "SEK")
    order = till.sold(line(make_product("7.60")))

    first, calculated = till.pay(order, payment), till.pay(order, payment)

    assert (first.status_code, calculated.status_code) == (201, 200)
    assert first.content == calculated.content
    for other_payment in ("5.00", "7.11"):
        refused(
            lambda other_payment=other_payment: till.pay(
                order, payment | {"amount": other_payment}
            ),
            409,
            "id_conflict",
        )


@pytest.mark.parametrize(
    ("price", "payments", "expected"),
    [
        ("0.04", [cash_rest()], ("completed", "0.04", "0.00", "0.00")),
        ("0.04", [cash("0.04", "0.05")], ("completed", "0.04", "0.00", "0.00")),
        ("0.07", [cash_rest()], ("completed", "0.05", "-0.02", "0.00")),
        ("9.98", [card("9.95"), cash_rest()], ("completed", "9.98", "0.00", "0.00")),
        ("9.98", [cash_rest()], ("completed", "10.00", "0.02", "0.00")),
    ],
)
def test_belgium_does_not_round_small_amounts(
    till, make_product, set_smallest_coin, price, payments, expected
):
    set_smallest_coin("0.05", country="BE")

    assert figures(till.sold(line(make_product(price)), payments=payments)) == expected


def test_belgium_rounds_other_currencies_as_usual(till, make_product, set_smallest_coin):
    set_smallest_coin("10", "JPY", country="BE")

    assert figures(till.sold(line(make_product("995")), payments=[cash_rest()]))[1:3] == (
        "1000",
        "5",
    )
