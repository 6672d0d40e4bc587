"""Lines with a price of zero beside paid lines: sale, discounts, refunds."""

import pytest

from tests.support.refunds import create_refund, ensure_refunds_consistent, request_refund
from tests.support.till import amount, cash, get_stock_level, line, percent


@pytest.fixture
def products(make_product):
    """Return a paid product and a free one."""
    return make_product("11.90"), make_product("0.00", name="Sample")


@pytest.fixture
def basket(products):
    paid, free = products
    return [line(free, "2"), line(paid)]


@pytest.fixture
def sold(managers_till, basket):
    return managers_till.sold(*basket, payments=[cash("11.90")])


def figures(order):
    return [
        (each["discount_total"], each["tax_total"], each["total"], refund_totals(each))
        for each in order["lines"]
    ]


def refund_totals(each):
    return each["refunded_quantity"], each["refunded_total"]


def test_free_line_is_sold_and_deducted_from_stock(sold, products, store):
    assert (sold["status"], sold["total"], sold["tax_total"]) == ("completed", "11.90", "1.90")
    assert figures(sold) == [
        ("0.00", "0.00", "0.00", ("0", "0.00")),
        ("0.00", "1.90", "11.90", ("0", "0.00")),
    ]
    (tax,) = sold["taxes"]
    assert (tax["amount"], tax["taxable"]) == ("1.90", "10.00")
    assert [get_stock_level(each, store) for each in products] == [(9, 0), (8, 0)]


@pytest.mark.parametrize(
    ("discounts", "taken", "total"),
    [
        ([percent("10")], "1.19", "10.71"),
        ([amount("1.90")], "1.90", "10.00"),
        ([amount("0.01")], "0.01", "11.89"),
        ([percent("33.33"), amount("1.00")], "4.97", "6.93"),
    ],
)
def test_order_discount_is_taken_from_paid_lines_only(
    discounts, taken, total, managers_till, basket
):
    order = managers_till.sold(*basket, discounts=discounts)

    assert (order["discount_total"], order["total"]) == (taken, total)
    free, paid = order["lines"]
    assert (free["discount_total"], free["tax_total"], free["total"]) == ("0.00",) * 3
    assert (paid["discount_total"], paid["total"]) == (taken, total)


def test_order_discount_skips_a_line_that_a_discount_made_free(managers_till, make_product):
    given, paid = make_product("5.00"), make_product("10.00")
    lines = [line(given, discounts=[percent("100")]), line(paid)]

    order = managers_till.sold(*lines, discounts=[percent("10")])

    assert [each["total"] for each in order["lines"]] == ["0.00", "9.00"]
    assert [each["tax_total"] for each in order["lines"]] == ["0.00", "1.44"]
    assert (order["subtotal"], order["discount_total"], order["total"]) == ("15.00", "6.00", "9.00")


def refund_line(order, place, quantity="1"):
    return [{"line": order["lines"][place]["id"], "quantity": quantity}]


def test_refund_of_free_goods_has_no_payout(managers_till, sold, products, store, shop):
    done = create_refund(managers_till, sold, lines=refund_line(sold, 0, "2"))

    assert (done["status"], done["total"], done["payouts"]) == ("done", "0.00", [])
    order = managers_till.shown(sold)
    assert (order["status"], order["refunded_total"]) == ("partially_refunded", "0.00")
    assert refund_totals(order["lines"][0]) == ("2", "0.00")
    assert get_stock_level(products[1], store) == (10, 0)
    ensure_refunds_consistent(shop)


def test_order_is_refunded_when_all_money_and_free_goods_are_returned(
    managers_till, sold, products, store, shop, problem
):
    create_refund(managers_till, sold, lines=refund_line(sold, 1))
    after_money = managers_till.shown(sold)
    create_refund(managers_till, sold, lines=refund_line(sold, 0))
    after_one = managers_till.shown(sold)
    create_refund(managers_till, sold, lines=refund_line(sold, 0))
    after_all = managers_till.shown(sold)

    assert [
        (each["status"], each["refunded_total"]) for each in (after_money, after_one, after_all)
    ] == [
        ("partially_refunded", "11.90"),
        ("partially_refunded", "11.90"),
        ("refunded", "11.90"),
    ]
    assert [get_stock_level(each, store) for each in products] == [(10, 0), (10, 0)]
    nothing_left = request_refund(managers_till, sold)
    problem(nothing_left, 409, "illegal_transition")
    ensure_refunds_consistent(shop)


def test_refund_of_the_whole_order_includes_free_goods(managers_till, sold, products, store, shop):
    done = create_refund(managers_till, sold)

    assert (done["total"], [each["amount"] for each in done["payouts"]]) == ("11.90", ["11.90"])
    assert managers_till.shown(sold)["status"] == "refunded"
    assert [get_stock_level(each, store) for each in products] == [(10, 0), (10, 0)]
    ensure_refunds_consistent(shop)


def test_refund_without_goods_is_taken_from_paid_lines(managers_till, sold, products, store, shop):
    done = create_refund(managers_till, sold, amount="11.90")

    (of_line,) = done["lines"]
    assert (of_line["line"], of_line["total"]) == (sold["lines"][1]["id"], "11.90")
    order = managers_till.shown(sold)
    assert (order["status"], order["refunded_total"]) == ("partially_refunded", "11.90")
    assert [get_stock_level(each, store) for each in products] == [(9, 0), (8, 0)]
    ensure_refunds_consistent(shop)


def test_free_goods_cannot_be_refunded_twice(managers_till, sold, shop, problem):
    create_refund(managers_till, sold, lines=refund_line(sold, 0, "2"))

    again = request_refund(managers_till, sold, lines=refund_line(sold, 0))

    problem(again, 400, "invalid", {"lines[0].quantity": "too_much"})
    ensure_refunds_consistent(shop)
