"""Cash rounding: which amounts settle an order in cash."""

from decimal import Decimal

import pytest

from orders.money import CashOutcome, CashRoundingRule, RoundingMode, settle_cash

NO_COINS = ("", "half_up")
SEK = ("1.00", "half_up")


def build_rule(coins, exponent=2):
    increment, mode, *exact_up_to = coins
    smallest = Decimal(increment) if increment else None
    return CashRoundingRule(exponent, smallest, RoundingMode(mode), *map(Decimal, exact_up_to))


@pytest.mark.parametrize(
    ("left", "coins", "exponent", "payable"),
    [
        ("9.98", ("0.05", "half_up"), 2, "10.00"),
        ("9.97", ("0.05", "half_up"), 2, "9.95"),
        ("0.02", ("0.05", "half_up"), 2, "0.00"),
        ("0.03", ("0.05", "half_up"), 2, "0.05"),
        ("9.95", ("0.05", "half_up"), 2, "9.95"),
        ("9.95", ("0.10", "half_up"), 2, "10.00"),
        ("9.95", ("0.10", "half_down"), 2, "9.90"),
        ("9.96", ("0.10", "half_down"), 2, "10.00"),
        ("9.99", ("0.10", "down"), 2, "9.90"),
        ("7.60", SEK, 2, "8.00"),
        ("7.50", SEK, 2, "8.00"),
        ("7.50", ("1.00", "half_down"), 2, "7.00"),
        ("7.99", ("1.00", "down"), 2, "7.00"),
        ("12.25", ("0.50", "half_up"), 2, "12.50"),
        ("9.98", NO_COINS, 2, "9.98"),
        ("1.234", ("0.005", "half_up"), 3, "1.235"),
        ("1.232", ("0.005", "half_up"), 3, "1.230"),
        ("995", ("10", "half_up"), 0, "1000"),
        ("994", ("10", "half_up"), 0, "990"),
        # Belgium does not round small amounts.
        ("0.05", ("0.05", "half_up", "0.05"), 2, "0.05"),
        ("0.02", ("0.05", "half_up", "0.05"), 2, "0.02"),
        ("0.06", ("0.05", "half_up", "0.05"), 2, "0.05"),
        ("5.02", ("0.05", "half_up", "0.05"), 2, "5.00"),
    ],
)
def test_cash_amount_is_rounded_by_coin_and_mode_of_the_shop(left, coins, exponent, payable):
    rule = build_rule(coins, exponent)

    assert str(rule.payable(Decimal(left))) == payable
    assert rule.rounding(Decimal(left)) == Decimal(payable) - Decimal(left)


@pytest.mark.parametrize(
    ("total", "left", "coins", "payable"),
    [
        ("0.60", "0.49", SEK, "1.00"),
        ("7.60", "7.49", SEK, "8.00"),
        ("7.60", "6.60", SEK, "7.00"),
        ("7.40", "6.30", SEK, "6.00"),
        ("7.40", "6.40", SEK, "6.00"),
        ("7.40", "6.49", SEK, "7.00"),
        ("7.00", "6.49", SEK, "7.00"),
        ("7.00", "6.00", SEK, "6.00"),
        ("7.99", "6.99", ("1.00", "down"), "6.00"),
        ("7.50", "6.99", ("1.00", "down"), "7.00"),
        ("9.98", "0.02", ("0.05", "half_up"), "0.05"),
        ("9.97", "0.02", ("0.05", "half_up"), "0.00"),
        ("9.98", "0.02", ("0.05", "half_up", "0.05"), "0.02"),
        ("9.98", "9.97", NO_COINS, "9.97"),
    ],
)
def test_rounding_a_rest_takes_off_at_most_what_rounding_the_total_does(
    total, left, coins, payable
):
    rule = build_rule(coins)

    assert str(rule.payable(Decimal(left), Decimal(total))) == payable
    settlement = settle_cash(Decimal(left), None, rule, Decimal(total))
    assert (settlement.payable, settlement.amount) == (Decimal(payable), Decimal(payable))


def test_cash_payment_of_a_negative_rest_exceeds_the_due_amount():
    for amount in (None, Decimal("-0.40"), Decimal(0), Decimal(1)):
        settlement = settle_cash(Decimal("-0.40"), amount, build_rule(SEK), Decimal("7.60"))

        assert (settlement.outcome, settlement.payable) == (CashOutcome.EXCEEDS_DUE, 0)


S, P, N, X = CashOutcome.SETTLES, CashOutcome.PART, CashOutcome.NOT_PAYABLE, CashOutcome.EXCEEDS_DUE


@pytest.mark.parametrize(
    ("left", "amount", "coins", "outcome", "booked"),
    [
        ("7.60", "8.00", SEK, S, "8.00"),
        ("7.60", "7.60", SEK, S, "8.00"),
        ("7.60", None, SEK, S, "8.00"),
        ("7.60", "7.00", SEK, P, "7.00"),
        ("7.60", "7.11", SEK, N, "0"),
        ("7.60", "7.50", SEK, N, "0"),
        ("7.60", "7.90", SEK, N, "0"),
        ("7.60", "9.00", SEK, X, "0"),
        ("0.60", "0.11", SEK, N, "0"),
        ("0.60", "0.60", SEK, S, "1.00"),
        ("0.40", "0.40", SEK, S, "0.00"),
        ("0.40", "0.00", SEK, S, "0.00"),
        ("0.40", "0.20", SEK, N, "0"),
        ("0.60", "0.00", SEK, N, "0"),
        ("9.97", "9.97", ("0.05", "half_up"), S, "9.95"),
        ("9.97", "9.96", ("0.05", "half_up"), N, "0"),
        ("9.97", "10.00", ("0.05", "half_up"), X, "0"),
        ("9.98", "9.99", ("0.05", "half_up"), N, "0"),
        ("12.25", "12.00", ("0.50", "half_up"), P, "12.00"),
        ("12.25", "12.10", ("0.50", "half_up"), N, "0"),
        ("0.04", None, ("0.05", "half_up", "0.05"), S, "0.04"),
        ("0.04", "0.02", ("0.05", "half_up", "0.05"), N, "0"),
        ("9.98", "9.98", NO_COINS, S, "9.98"),
        ("9.98", "9.97", NO_COINS, P, "9.97"),
        ("9.98", "9.99", NO_COINS, X, "0"),
        ("0.00", "0.00", NO_COINS, S, "0.00"),
        ("0.00", None, SEK, S, "0.00"),
    ],
)
def test_cash_amount_settles_only_the_rounded_or_the_exact_rest(
    left, amount, coins, outcome, booked
):
    rule, owed = build_rule(coins), Decimal(left)

    settlement = settle_cash(owed, amount and Decimal(amount), rule)

    assert (settlement.outcome, settlement.payable) == (outcome, rule.payable(owed))
    rounding = rule.rounding(owed) if outcome == S else 0
    assert (settlement.amount, settlement.rounding) == (Decimal(booked), rounding)


@pytest.mark.parametrize(
    ("payable", "tendered", "coins", "fits"),
    [
        ("8.00", "10.00", SEK, True),
        ("8.00", "10.50", SEK, False),
        ("9.95", "9.97", ("0.05", "half_up"), False),
        ("9.95", "20.00", ("0.05", "half_up"), True),
        ("0.04", "0.10", ("0.05", "half_up", "0.05"), True),
        ("0.04", "0.04", ("0.05", "half_up", "0.05"), True),
        ("9.97", "9.98", NO_COINS, True),
    ],
)
def test_tendered_cash_must_be_in_coins(payable, tendered, coins, fits):
    assert build_rule(coins).can_be_tendered(Decimal(payable), Decimal(tendered)) is fits
