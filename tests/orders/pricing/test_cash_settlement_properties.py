"""Properties of rounding and of cash payments, for generated amounts."""

from decimal import ROUND_DOWN, ROUND_HALF_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from orders.money import CashOutcome, CashRoundingRule, RoundingMode, round_to, settle_cash

DECIMAL_ROUNDING = {
    RoundingMode.HALF_UP: ROUND_HALF_UP,
    RoundingMode.HALF_EVEN: ROUND_HALF_EVEN,
    RoundingMode.HALF_DOWN: ROUND_HALF_DOWN,
    RoundingMode.UP: ROUND_UP,
    RoundingMode.DOWN: ROUND_DOWN,
}
for_many_amounts = settings(deadline=None, max_examples=100)


@for_many_amounts
@given(st.decimals(-1000, 1000, places=5), st.integers(0, 4), st.sampled_from(RoundingMode))
def test_round_to_agrees_with_the_decimal_module(value, exponent, mode):
    quantum = Decimal(1).scaleb(-exponent)

    assert round_to(value, exponent, mode) == value.quantize(quantum, DECIMAL_ROUNDING[mode])


MODES = st.sampled_from([RoundingMode.HALF_UP, RoundingMode.HALF_DOWN, RoundingMode.DOWN])
INCREMENTS = st.sampled_from([None, 1, 5, 10, 25, 50, 100]).map(
    lambda coin: coin and Decimal(coin).scaleb(-2)
)
EXACT_UP_TO = st.sampled_from([Decimal(0), Decimal("0.05")])
RULES = st.builds(CashRoundingRule, st.just(2), INCREMENTS, MODES, EXACT_UP_TO)
CENTS = st.integers(0, 5000).map(lambda units: Decimal(units).scaleb(-2))


@for_many_amounts
@given(CENTS, RULES)
def test_cash_rounding_is_less_than_a_coin(left, rule):
    rounding = rule.rounding(left)

    assert abs(rounding) < (rule.increment or Decimal("0.01"))
    if left > rule.exact_up_to:
        assert rule.is_in_coins(left + rounding)
    if rule.mode != RoundingMode.DOWN:
        assert 2 * abs(rounding) <= (rule.increment or 0)


@for_many_amounts
@given(CENTS, st.none() | CENTS, RULES)
def test_cash_payment_settles_or_leaves_an_amount_that_coins_can_pay(left, amount, rule):
    settlement = settle_cash(left, amount, rule)

    payable = rule.payable(left)
    assert settlement.payable == payable
    assert (settlement.outcome == CashOutcome.SETTLES) == (amount in (None, left, payable))
    if settlement.outcome == CashOutcome.SETTLES:
        assert settlement.amount == left + settlement.rounding == payable
    elif settlement.outcome == CashOutcome.PART:
        assert settlement.amount == amount
        assert settlement.rounding == 0
        assert rule.is_in_coins(amount)
        assert rule.payable(left - amount) > 0
    else:
        assert (settlement.amount, settlement.rounding) == (0, 0)
        assert settlement.outcome == CashOutcome.EXCEEDS_DUE or amount < max(left, payable)


@for_many_amounts
@given(CENTS, st.none() | CENTS, RULES)
def test_negative_total_is_paid_out_as_a_whole(total, amount, rule):
    """The customer gets what they would have paid for the same goods."""
    due, amount = -total, None if amount is None else -amount

    settlement = settle_cash(due, amount, rule, due)

    assert settlement.payable == -rule.payable(total)
    if amount in (None, due, settlement.payable):
        assert settlement.outcome == CashOutcome.SETTLES
        assert settlement.amount == due + settlement.rounding == settlement.payable
    else:
        assert settlement.outcome in {CashOutcome.EXCEEDS_DUE, CashOutcome.NOT_PAYABLE}
        assert (settlement.amount, settlement.rounding) == (0, 0)


@for_many_amounts
@given(CENTS, st.lists(CENTS, max_size=8), RULES)
def test_cash_payments_add_up_to_the_rounded_total(total, amounts, rule):
    """Any amounts may be tried before the rest is paid."""
    left, paid, rounding = total, Decimal(0), Decimal(0)
    for amount in [*amounts, None]:
        settlement = settle_cash(left, amount, rule)
        paid += settlement.amount
        rounding += settlement.rounding
        left = total + rounding - paid
        assert (left == 0) or settlement.outcome != CashOutcome.SETTLES
        if settlement.outcome == CashOutcome.SETTLES:
            break

    assert (left, paid) == (0, total + rounding)
    assert abs(rounding) < (rule.increment or Decimal("0.01"))
    if not rule.exact_up_to:
        assert paid == rule.payable(total)


@for_many_amounts
@given(CENTS, CENTS, st.lists(CENTS, max_size=4), RULES)
def test_split_payment_does_not_cost_less_than_cash_rounding_of_the_total(
    total, other, parts, rule
):
    """An order is paid with less than its total only by rounding the whole total."""
    other = min(total, other)
    paid, rounding = other, Decimal(0)
    for amount in [*parts, None]:
        left = total + rounding - paid
        settlement = settle_cash(left, amount, rule, total)
        paid += settlement.amount
        rounding += settlement.rounding
        if settlement.outcome == CashOutcome.SETTLES:
            break

    assert paid == total + rounding
    assert paid >= min(rule.payable(total), total)
    assert abs(rounding) < (rule.increment or Decimal("0.01"))
