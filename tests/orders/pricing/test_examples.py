"""Worked examples of pricing: discounts, taxes, currencies."""

from decimal import Decimal

import pytest

from orders.money import (
    Discount,
    DiscountType,
    LineInput,
    PricingPolicy,
    RoundingLevel,
    RoundingMode,
    TaxRate,
    TaxTotal,
    apportion,
    price_order,
    round_to,
)

EURO = PricingPolicy(2, RoundingLevel.LINE, RoundingMode.HALF_UP)
VAT = TaxRate("VAT", Decimal("20"), included=True, compound=False)


def percent(value):
    return Discount(DiscountType.PERCENT, Decimal(value))


def amount(value):
    return Discount(DiscountType.AMOUNT, Decimal(value))


def line(unit_price, *taxes, quantity="1", discounts=()):
    return LineInput(Decimal(quantity), Decimal(unit_price), taxes, discounts)


def added(name, rate, *, compound=False):
    return TaxRate(name, Decimal(rate), included=False, compound=compound)


def included(name, rate, *, compound=False):
    return TaxRate(name, Decimal(rate), included=True, compound=compound)


def line_and_total_taxes(lines, level, mode, exponent=2):
    """Return the first tax of every line and of the order."""
    order = price_order(lines, (), PricingPolicy(exponent, level, mode))
    return [str(priced.taxes[0].amount) for priced in order.lines], str(order.taxes[0].amount)


def test_order_without_lines_costs_nothing():
    order = price_order((), (percent("10"), amount("5.00")), EURO)

    assert (str(order.subtotal), str(order.tax_total), str(order.total)) == ("0.00",) * 3
    assert [str(taken) for taken in order.discounts] == ["0.00", "0.00"]
    assert not order.lines
    assert not order.taxes


def test_line_discounts_are_reported_in_request_order():
    discounts = (amount("3.00"), percent("10"), percent("50"), amount("99.00"))

    priced = price_order((line("20.00", discounts=discounts),), (), EURO).lines[0]

    assert [str(taken) for taken in priced.line_discounts] == ["3.00", "2.00", "9.00", "6.00"]
    assert (str(priced.discount_total), str(priced.net)) == ("20.00", "0.00")


def test_order_discounts_apply_to_the_rest_after_line_discounts():
    lines = (line("10.00", discounts=(amount("4.00"),)), line("14.00"))

    order = price_order(lines, (amount("6.00"), percent("10")), EURO)

    assert [str(taken) for taken in order.discounts] == ["6.00", "2.00"]
    assert [str(priced.order_discount) for priced in order.lines] == ["2.40", "5.60"]
    assert [str(priced.net) for priced in order.lines] == ["3.60", "8.40"]
    assert (str(order.discount_total), str(order.total)) == ("12.00", "12.00")


def test_discounts_round_half_up_whatever_the_tax_rounding():
    policy = PricingPolicy(2, RoundingLevel.LINE, RoundingMode.DOWN)

    order = price_order((line("0.50", discounts=(percent("5"),)),), (percent("12.5"),), policy)

    assert str(order.lines[0].line_discounts[0]) == "0.03"
    assert str(order.discounts[0]) == "0.06"


def test_discount_above_the_order_total_takes_the_whole_total():
    order = price_order((line("3.00", VAT), line("2.00")), (amount("9.00"), amount("1.00")), EURO)

    assert [str(taken) for taken in order.discounts] == ["5.00", "0.00"]
    assert (str(order.total), str(order.tax_total)) == ("0.00", "0.00")


def test_second_order_discount_is_shared_by_the_rest_after_the_first():
    lines = (line("0.01"), line("0.01"), line("0.02"))

    order = price_order(lines, (percent("25"), amount("0.02")), EURO)

    assert [str(priced.order_discount) for priced in order.lines] == ["0.01", "0.01", "0.01"]
    assert [str(priced.net) for priced in order.lines] == ["0.00", "0.00", "0.01"]


def test_apportion_gives_remaining_units_to_the_largest_fractions_then_earlier_lines():
    assert apportion(10, [1, 1, 1]) == [4, 3, 3]
    assert apportion(2, [1, 1, 1]) == [1, 1, 0]
    assert apportion(10, [10, 20, 31]) == [2, 3, 5]
    assert apportion(0, [0, 0]) == [0, 0]
    assert apportion(0, []) == []


def test_included_tax_is_calculated_from_the_discounted_price():
    order = price_order((line("1000.00", VAT),), (percent("10"),), EURO)

    assert order.taxes == (TaxTotal(VAT, Decimal("750.00"), Decimal("150.00")),)
    assert str(order.total) == "900.00"


def test_compound_tax_also_taxes_the_earlier_tax():
    rates = (added("GST", "5"), added("QST", "9.5", compound=True))

    order = price_order((line("100.00", *rates),), (), EURO)

    assert [str(tax.amount) for tax in order.lines[0].taxes] == ["5.00", "9.98"]
    assert [str(bucket.taxable) for bucket in order.taxes] == ["100.00", "105.00"]
    assert [str(tax.taxable) for tax in order.lines[0].taxes] == ["100.00", "105.00"]
    assert str(order.total) == "114.98"


def test_included_compound_tax_has_a_base_with_the_earlier_tax():
    rates = (included("first", "10"), included("second", "7", compound=True))

    order = price_order((line("117.70", *rates),), (), EURO)

    figures = [(str(bucket.taxable), str(bucket.amount)) for bucket in order.taxes]
    assert figures == [("100.00", "10.00"), ("110.00", "7.70")]


def test_added_tax_has_a_base_without_the_included_tax():
    rates = (included("deposit", "25"), added("city", "10"))

    priced = price_order((line("12.50", *rates),), (), EURO).lines[0]

    assert [str(tax.amount) for tax in priced.taxes] == ["2.50", "1.00"]
    assert (str(priced.tax_total), str(priced.total)) == ("3.50", "13.50")


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        (RoundingMode.HALF_UP, ["0.13", "0.14", "0.02"]),
        (RoundingMode.HALF_EVEN, ["0.12", "0.14", "0.02"]),
        (RoundingMode.HALF_DOWN, ["0.12", "0.13", "0.02"]),
        (RoundingMode.UP, ["0.13", "0.14", "0.02"]),
        (RoundingMode.DOWN, ["0.12", "0.13", "0.01"]),
    ],
)
def test_line_tax_is_rounded_by_mode(mode, expected):
    lines = [line(price, added("tax", "10")) for price in ("1.25", "1.35", "0.16")]

    taxes, _ = line_and_total_taxes(lines, RoundingLevel.LINE, mode)

    assert taxes == expected


@pytest.mark.parametrize(
    ("mode", "expected", "whole"),
    [
        (RoundingMode.HALF_UP, ["1", "1", "0"], "2"),
        (RoundingMode.HALF_EVEN, ["1", "1", "0"], "2"),
        (RoundingMode.HALF_DOWN, ["1", "0", "0"], "1"),
        (RoundingMode.UP, ["1", "1", "0"], "2"),
        (RoundingMode.DOWN, ["1", "0", "0"], "1"),
    ],
)
def test_order_tax_is_apportioned_to_earlier_lines_first(mode, expected, whole):
    lines = [line("5", added("tax", "10"))] * 3

    assert line_and_total_taxes(lines, RoundingLevel.ORDER, mode, exponent=0) == (expected, whole)


def test_rate_is_summed_over_lines_with_other_rates():
    policy = PricingPolicy(0, RoundingLevel.ORDER, RoundingMode.HALF_UP)
    sales_tax, deposit = added("tax", "10"), included("deposit", "25")

    order = price_order((line("4", sales_tax), line("10", deposit, sales_tax)), (), policy)

    assert [str(bucket.amount) for bucket in order.taxes] == ["1", "2"]
    assert [str(priced.total) for priced in order.lines] == ["4", "11"]


def test_each_different_rate_has_its_own_total():
    rates = [
        added("tax", "8"),
        added("tax", "10"),
        included("tax", "8"),
        added("tax", "8", compound=True),
        added("levy", "8"),
        added("tax", "8.0000"),
    ]

    order = price_order([line("1.00", rate) for rate in rates], (), EURO)

    assert [bucket.rate for bucket in order.taxes] == rates[:5]
    assert str(order.taxes[0].taxable) == "2.00"
    assert rates[0].key == rates[5].key == "tax:8:added:simple"
    assert len({rate.key for rate in rates}) == 5


def test_rate_named_twice_by_a_line_is_charged_twice():
    rate = added("tax", "10")

    order = price_order((line("1.00", rate, rate),), (), EURO)

    assert order.taxes == (TaxTotal(rate, Decimal("2.00"), Decimal("0.20")),)


def test_included_taxes_rounded_up_may_exceed_a_price_of_one_cent():
    policy = PricingPolicy(2, RoundingLevel.LINE, RoundingMode.UP)

    order = price_order((line("0.01", included("a", "5"), included("b", "5")),), (), policy)

    assert (str(order.tax_total), str(order.total)) == ("0.02", "0.01")
    assert str(order.taxes[0].taxable) == "0.01"


def test_yen_have_no_decimals():
    policy = PricingPolicy(0, RoundingLevel.ORDER, RoundingMode.DOWN)
    lines = [line("107", added("reduced", "8")), line("53", added("reduced", "8"))]

    order = price_order(lines, (percent("5"),), policy)

    assert (str(order.subtotal), str(order.discount_total)) == ("160", "8")
    assert [str(priced.total) for priced in order.lines] == ["110", "54"]
    assert (str(order.tax_total), str(order.total)) == ("12", "164")


def test_dinars_have_three_decimals():
    policy = PricingPolicy(3, RoundingLevel.LINE, RoundingMode.HALF_UP)

    order = price_order((line("1.235", added("VAT", "10"), quantity="0.5"),), (), policy)

    assert (str(order.subtotal), str(order.tax_total), str(order.total)) == (
        "0.618",
        "0.062",
        "0.680",
    )


def test_large_amounts_are_exact():
    unit_price = "123456789012345678901234567890.12"

    order = price_order((line(unit_price, quantity="3"), line("0.01")), (), EURO)

    assert str(order.total) == "370370367037037036703703703670.37"


@pytest.mark.parametrize(
    ("value", "mode", "expected"),
    [
        ("2.345", RoundingMode.HALF_UP, "2.35"),
        ("2.345", RoundingMode.HALF_EVEN, "2.34"),
        ("2.345", RoundingMode.HALF_DOWN, "2.34"),
        ("-2.345", RoundingMode.HALF_UP, "-2.35"),
        ("-2.341", RoundingMode.UP, "-2.35"),
        ("-2.349", RoundingMode.DOWN, "-2.34"),
        ("7", RoundingMode.UP, "7.00"),
    ],
)
def test_values_are_rounded_to_the_minor_unit(value, mode, expected):
    assert str(round_to(Decimal(value), 2, mode)) == expected
