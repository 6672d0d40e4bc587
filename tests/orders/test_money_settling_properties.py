"""What holds for every rounding and cash payment."""

from decimal import ROUND_DOWN, ROUND_HALF_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_UP, Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from orders.money import RoundingMode, cash_rounding, round_to, settle_cash

DECIMAL_ROUNDING = {
    RoundingMode.HALF_UP: ROUND_HALF_UP,
    RoundingMode.HALF_EVEN: ROUND_HALF_EVEN,
    RoundingMode.HALF_DOWN: ROUND_HALF_DOWN,
    RoundingMode.UP: ROUND_UP,
    RoundingMode.DOWN: ROUND_DOWN,
}
any_amount = settings(deadline=None, max_examples=100)


@any_amount
@given(st.decimals(-1000, 1000, places=5), st.integers(0, 4), st.sampled_from(RoundingMode))
def test_rounding_agrees_with_the_decimal_module(value, exponent, mode):
    quantum = Decimal(1).scaleb(-exponent)

    assert round_to(value, exponent, mode) == value.quantize(quantum, DECIMAL_ROUNDING[mode])


@any_amount
@given(st.integers(0, 10**5), st.sampled_from([1, 5, 10, 25, 50, 100]))
def test_cash_goes_to_the_nearest_coin_and_half_a_coin_up(left, coin):
    amount, increment = Decimal(left).scaleb(-2), Decimal(coin).scaleb(-2)

    rounding = cash_rounding(amount, increment, 2)

    assert (amount + rounding) % increment == 0
    assert -increment < 2 * rounding <= increment


@any_amount
@given(st.integers(0, 5000), st.sampled_from([None, 1, 5, 10, 100]), st.data())
def test_cash_payments_and_the_rounding_they_bring_sum_to_the_order(left, coin, data):
    owed, increment = Decimal(left).scaleb(-2), coin and Decimal(coin).scaleb(-2)
    payable = owed + cash_rounding(owed, increment, 2)
    paid = data.draw(st.integers(0, int(payable * 100)).map(lambda cents: Decimal(cents) / 100))

    first = settle_cash(owed, paid, increment, 2)

    if first.settles:
        assert owed + first.rounding == paid
    else:
        rest = owed - paid
        still_payable = rest + cash_rounding(rest, increment, 2)
        assert first.rounding == 0
        assert still_payable > 0
        assert settle_cash(rest, still_payable, increment, 2).settles
