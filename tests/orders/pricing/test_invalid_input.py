"""Invalid arguments of the pricing engine raise ValueError."""

from decimal import Decimal, Inexact

import pytest

from orders.money import (
    CashRoundingRule,
    Discount,
    DiscountType,
    LineInput,
    ModifierInput,
    PricingPolicy,
    RoundingLevel,
    RoundingMode,
    TaxRate,
    apportion,
    price_order,
)

EURO = PricingPolicy(2, RoundingLevel.LINE, RoundingMode.HALF_UP)


def line(unit_price="1.00", quantity="1"):
    return LineInput(Decimal(quantity), Decimal(unit_price), ())


def amount(value):
    return Discount(DiscountType.AMOUNT, Decimal(value))


@pytest.mark.parametrize("value", ["-0.01", "NaN", "sNaN", "Infinity"])
def test_numbers_out_of_range_are_refused(value):
    with pytest.raises(ValueError, match="out of range"):
        line(value)
    with pytest.raises(ValueError, match="out of range"):
        amount(value)


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_quantities_and_rests_that_are_no_numbers_are_refused(value):
    with pytest.raises(ValueError, match="out of range"):
        line(quantity=value)
    with pytest.raises(ValueError, match="out of range"):
        CashRoundingRule(2).payable(Decimal(value))


@pytest.mark.parametrize(("price", "quantity"), [("-0.01", 1), ("NaN", 1), ("1.00", -1)])
def test_modifier_with_negative_price_or_quantity_is_refused(price, quantity):
    with pytest.raises(ValueError, match="out of range"):
        ModifierInput(Decimal(price), quantity)


def test_returned_line_with_discount_label_or_modifiers_is_refused():
    for more in (
        {"discounts": (amount("0.10"),)},
        {"fixed_gross": Decimal(1)},
        {"modifiers": (ModifierInput(Decimal(1)),)},
    ):
        with pytest.raises(ValueError, match="negative quantity"):
            LineInput(Decimal(-1), Decimal(1), (), **more)


@pytest.mark.parametrize("value", ["-1", "100.0001", "NaN"])
def test_percentage_out_of_range_is_refused(value):
    with pytest.raises(ValueError, match="out of range"):
        Discount(DiscountType.PERCENT, Decimal(value))
    with pytest.raises(ValueError, match="out of range"):
        TaxRate("tax", Decimal(value), included=False, compound=False)


def test_amount_with_too_many_decimals_is_refused():
    with pytest.raises(ValueError, match="decimals"):
        price_order((line(),), (amount("0.001"),), EURO)
    with pytest.raises(ValueError, match="decimals"):
        CashRoundingRule(2, Decimal("0.005")).payable(Decimal("9.98"))


def test_amount_too_long_to_be_exact_is_refused():
    with pytest.raises(Inexact):
        price_order((line("1" * 250),), (), EURO)


@pytest.mark.parametrize("unknown", ["gift", "", "PERCENT"])
def test_unknown_enumeration_value_is_refused(unknown):
    with pytest.raises(ValueError, match="DiscountType"):
        Discount(unknown, Decimal(1))
    with pytest.raises(ValueError, match="RoundingMode"):
        PricingPolicy(2, RoundingLevel.LINE, unknown)
    with pytest.raises(ValueError, match="RoundingLevel"):
        PricingPolicy(2, unknown, RoundingMode.UP)


def test_negative_exponent_is_refused():
    with pytest.raises(ValueError, match="decimals"):
        PricingPolicy(-1, RoundingLevel.LINE, RoundingMode.UP)


@pytest.mark.parametrize(("units", "weights"), [(1, [0, 0]), (1, []), (-1, [1]), (1, [2, -1])])
def test_apportion_refuses_invalid_weights(units, weights):
    with pytest.raises(ValueError, match="cannot split"):
        apportion(units, weights)
