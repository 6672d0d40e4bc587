"""Unit prices on labels, by a table."""

from decimal import Decimal

import pytest

from orders.money import ContentUnit, compute_unit_price

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("price", "content", "unit", "exponent", "amount", "priced"),
    [
        # By weight: 1.99 for 150 g are 13.2666... for 1 kg.
        ("1.99", "150", "g", 2, "13.27", "kg"),
        ("1.99", "1000", "g", 2, "1.99", "kg"),
        ("1.99", "0.150", "kg", 2, "13.27", "kg"),
        ("2.50", "2.5", "kg", 2, "1.00", "kg"),
        # By volume.
        ("0.89", "330", "ml", 2, "2.70", "l"),
        ("0.89", "1.5", "l", 2, "0.59", "l"),
        ("4.49", "0.75", "l", 2, "5.99", "l"),
        # By length, area and number.
        ("12.00", "2.5", "m", 2, "4.80", "m"),
        ("29.95", "1.8", "m2", 2, "16.64", "m2"),
        ("3.99", "12", "piece", 2, "0.33", "piece"),
        # Half up, exactly at the half.
        ("0.01", "2", "piece", 2, "0.01", "piece"),
        ("1.00", "8", "piece", 2, "0.13", "piece"),
        ("0.03", "8", "piece", 2, "0.00", "piece"),
        # In other currencies.
        ("198", "150", "g", 0, "1320", "kg"),
        ("1.250", "330", "ml", 3, "3.788", "l"),
        ("0", "150", "g", 2, "0.00", "kg"),
        ("99999999.999", "0.001", "g", 3, "99999999999000.000", "kg"),
    ],
)
def test_unit_price(price, content, unit, exponent, amount, priced):
    found = compute_unit_price(Decimal(price), Decimal(content), unit, exponent)

    assert (f"{found.amount:f}", found.unit) == (amount, priced)


@pytest.mark.parametrize(("content", "unit"), [("0", "g"), ("-1", "g"), ("1", "oz")])
def test_content_that_is_none_has_no_unit_price(content, unit):
    with pytest.raises(ValueError, match=content if unit == "g" else unit):
        compute_unit_price(Decimal("1.99"), Decimal(content), unit, 2)


def test_units_are_those_of_the_directive():
    assert [unit.value for unit in ContentUnit] == ["g", "kg", "ml", "l", "m", "m2", "piece"]
