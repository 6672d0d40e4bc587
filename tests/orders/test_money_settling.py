"""What cash settles for want of small coins."""

from decimal import Decimal

import pytest

from orders.money import CashSettlement, cash_rounding, settle_cash


@pytest.mark.parametrize(
    ("left", "increment", "exponent", "expected"),
    [
        ("9.98", "0.05", 2, "0.02"),
        ("9.97", "0.05", 2, "-0.02"),
        ("0.02", "0.05", 2, "-0.02"),
        ("0.03", "0.05", 2, "0.02"),
        ("9.95", "0.05", 2, "0.00"),
        ("9.95", "0.10", 2, "0.05"),
        ("9.98", None, 2, "0.00"),
        ("1.234", "0.005", 3, "0.001"),
        ("1.232", "0.005", 3, "-0.002"),
        ("995", "10", 0, "5"),
        ("994", "10", 0, "-4"),
    ],
)
def test_cash_rounds_half_up_to_the_smallest_coin(left, increment, exponent, expected):
    coin = increment and Decimal(increment)

    assert str(cash_rounding(Decimal(left), coin, exponent)) == expected


@pytest.mark.parametrize(
    ("left", "paid", "coin", "settles", "rounding"),
    [
        ("9.98", "10.00", "0.05", True, "0.02"),
        ("9.97", "9.95", "0.05", True, "-0.02"),
        ("0.02", "0.00", "0.05", True, "-0.02"),
        ("9.98", "9.98", "0.05", True, "0.00"),
        ("9.98", "9.99", "0.05", True, "0.01"),
        ("9.98", "9.96", "0.05", True, "-0.02"),
        ("9.98", "9.95", "0.05", False, "0.00"),
        ("9.98", "5.00", "0.05", False, "0.00"),
        ("9.95", "10.00", "0.10", True, "0.05"),
        ("9.95", "9.91", "0.10", True, "-0.04"),
        ("9.95", "9.90", "0.10", False, "0.00"),
    ],
)
def test_cash_settles_an_order_once_no_coin_is_owed(left, paid, coin, settles, rounding):
    settlement = settle_cash(Decimal(left), Decimal(paid), Decimal(coin), 2)

    assert settlement == CashSettlement(settles, Decimal(rounding))


def test_without_small_coins_to_want_for_cash_settles_only_the_exact_amount():
    assert settle_cash(Decimal("9.98"), Decimal("9.98"), None, 2).settles
    assert not settle_cash(Decimal("9.98"), Decimal("9.97"), None, 2).settles


@pytest.mark.parametrize(
    ("paid", "increment"), [("9.97", "0.05"), ("10.00", "0.05"), ("9.98", None)]
)
def test_more_cash_than_there_is_to_pay_is_refused(paid, increment):
    with pytest.raises(ValueError, match="to pay"):
        settle_cash(Decimal("9.97"), Decimal(paid), increment and Decimal(increment), 2)
