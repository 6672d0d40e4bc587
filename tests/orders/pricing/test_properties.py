"""What holds for every bill, checked against fractions that know nothing of minor units."""

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orders.money import (
    Discount,
    DiscountType,
    LineInput,
    PricingPolicy,
    RoundingLevel,
    RoundingMode,
    TaxRate,
    apportion,
    price_order,
)

any_bill = settings(deadline=None, max_examples=50)

policies = st.builds(
    PricingPolicy,
    exponent=st.sampled_from([0, 2, 3]),
    level=st.sampled_from(RoundingLevel),
    mode=st.sampled_from(RoundingMode),
)
# Few and round, so that halves, ties and equal rates on several lines are common.
percents = st.sampled_from(["0", "2.5", "5", "8", "10", "12.5", "20", "50", "100"]).map(
    Decimal
) | st.integers(0, 10**6).map(lambda parts: Decimal(parts).scaleb(-4))
rates = st.builds(TaxRate, st.sampled_from("ab"), percents, st.booleans(), st.booleans())
quantities = st.integers(1, 12).map(Decimal) | st.integers(1, 20_000).map(
    lambda grams: Decimal(grams).scaleb(-3)
)


def amounts(exponent, most=3000):
    return st.integers(0, most).map(lambda units: Decimal(units).scaleb(-exponent))


def discounts(exponent):
    percent = st.builds(Discount, st.just(DiscountType.PERCENT), percents)
    amount = st.builds(Discount, st.just(DiscountType.AMOUNT), amounts(exponent, 900))
    return st.lists(percent | amount, max_size=3).map(tuple)


@st.composite
def sales(draw, line_discounts=True):
    """The lines, order discounts and policy of some order."""
    policy = draw(policies)
    on_line = discounts(policy.exponent) if line_discounts else st.just(())
    price = amounts(policy.exponent)
    of_shop = st.sampled_from(draw(st.lists(rates, min_size=1, max_size=3)))
    tax_classes = st.lists(of_shop, max_size=3, unique_by=lambda rate: rate.key).map(tuple)
    line = st.builds(LineInput, quantities, price, tax_classes, on_line)
    return draw(st.lists(line, max_size=6)), draw(discounts(policy.exponent)), policy


def units(amount, policy):
    """An amount in minor units; it has exactly the decimals of the currency."""
    assert amount.as_tuple().exponent == -policy.exponent
    return int(amount.scaleb(policy.exponent))


def rounded(value, mode):
    below = math.floor(value)
    rest = value - below
    half = Fraction(1, 2)
    goes_up = {
        RoundingMode.HALF_UP: rest >= half,
        RoundingMode.HALF_EVEN: rest > half or (rest == half and below % 2 == 1),
        RoundingMode.HALF_DOWN: rest > half,
        RoundingMode.UP: rest > 0,
        RoundingMode.DOWN: False,
    }[mode]
    return below + goes_up


def exact_taxes(line, net):
    """Each tax of a net, to the last digit."""
    factors: list[Fraction] = []
    for rate in line.taxes:
        earlier = sum(factors) if rate.compound else 0
        factors.append(Fraction(rate.percent) / 100 * (1 + earlier))
    included = sum(f for f, rate in zip(factors, line.taxes, strict=True) if rate.included)
    return [factor * net / (1 + included) for factor in factors]


def exact_bases(line, net):
    """What each rate of a net is applied to, to the last digit."""
    taxes = exact_taxes(line, net)
    included = sum(tax for tax, rate in zip(taxes, line.taxes, strict=True) if rate.included)
    plain = net - included
    return [
        plain + sum(taxes[:at]) if rate.compound else plain for at, rate in enumerate(line.taxes)
    ]


def what_is_left(given_discounts, left, policy):
    """An amount after its discounts, percents first."""
    for discount in given_discounts:
        if discount.type == DiscountType.PERCENT:
            part = left * Fraction(discount.value) / 100
            left -= rounded(part, RoundingMode.HALF_UP)
    for discount in given_discounts:
        if discount.type == DiscountType.AMOUNT:
            left -= min(units(discount.value, policy), left)
    return left


def assert_largest_remainder(shares, exact):
    """Nothing but the cut shares and one more for the largest fractions, earlier ones first."""
    extra = [share - math.floor(part) for share, part in zip(shares, exact, strict=True)]
    order = sorted(range(len(exact)), key=lambda at: (math.floor(exact[at]) - exact[at], at))
    assert [extra[at] for at in order] == [1] * sum(extra) + [0] * (len(extra) - sum(extra))


@any_bill
@given(sales())
def test_the_lines_sum_to_the_order(sale):
    order = price_order(*sale)

    assert order.subtotal == sum(line.gross for line in order.lines)
    assert order.discount_total == sum(line.discount_total for line in order.lines)
    assert order.tax_total == sum(line.tax_total for line in order.lines)
    assert order.total == sum(line.total for line in order.lines)


@any_bill
@given(sales())
def test_every_line_adds_up(sale):
    for line in price_order(*sale).lines:
        added = sum(tax.amount for tax in line.taxes if not tax.rate.included)

        assert line.discount_total == sum(line.line_discounts) + line.order_discount
        assert line.net == line.gross - line.discount_total
        assert line.tax_total == sum(tax.amount for tax in line.taxes)
        assert line.total == line.net + added


@any_bill
@given(sales())
def test_gross_and_line_discounts_are_what_fractions_say(sale):
    lines, _, policy = sale

    for line, priced in zip(lines, price_order(*sale).lines, strict=True):
        exact = Fraction(line.quantity) * Fraction(line.unit_price) * 10**policy.exponent
        gross = rounded(exact, RoundingMode.HALF_UP)
        left = what_is_left(line.discounts, gross, policy)

        assert units(priced.gross, policy) == gross
        assert units(priced.net + priced.order_discount, policy) == left


@any_bill
@given(sales())
def test_order_discounts_sum_to_what_was_given(sale):
    _, given_discounts, policy = sale

    order = price_order(*sale)

    shares = [line.order_discount for line in order.lines]
    before = sum(units(line.net + line.order_discount, policy) for line in order.lines)
    left = what_is_left(given_discounts, before, policy)
    assert sum(order.discounts) == sum(shares)
    assert units(sum(shares, order.subtotal * 0), policy) == before - left


@any_bill
@given(sales())
def test_one_order_discount_is_shared_by_largest_remainder(sale):
    lines, given_discounts, policy = sale

    order = price_order(lines, given_discounts[:1], policy)

    shares = [units(line.order_discount, policy) for line in order.lines]
    weights = [
        units(line.net, policy) + share for line, share in zip(order.lines, shares, strict=True)
    ]
    if sum(weights):
        exact = [Fraction(sum(shares) * weight, sum(weights)) for weight in weights]
        assert_largest_remainder(shares, exact)


@pytest.mark.parametrize(("figure", "exactly"), [("amount", exact_taxes), ("taxable", exact_bases)])
@any_bill
@given(sale=sales())
def test_taxes_and_their_bases_are_what_fractions_say_at_either_level(sale, figure, exactly):
    lines, _, policy = sale
    order = price_order(*sale)
    by_rate: dict[str, list[tuple[int, Fraction]]] = {}
    for line, priced in zip(lines, order.lines, strict=True):
        exact = exactly(line, units(priced.net, policy))
        for tax, part in zip(priced.taxes, exact, strict=True):
            rounded_part = units(getattr(tax, figure), policy)
            by_rate.setdefault(tax.rate.key, []).append((rounded_part, part))

    for parts in by_rate.values():
        shares, exact = zip(*parts, strict=True)

        if policy.level == RoundingLevel.LINE:
            assert list(shares) == [rounded(part, policy.mode) for part in exact]
        else:
            assert sum(shares) == rounded(sum(exact), policy.mode)
            assert_largest_remainder(shares, exact)


@any_bill
@given(sales())
def test_taxes_sum_to_their_buckets_in_order_of_first_appearance(sale):
    order = price_order(*sale)

    taxes = [(line, tax) for line in order.lines for tax in line.taxes]
    assert [t.rate.key for t in order.taxes] == list(dict.fromkeys(t.rate.key for _, t in taxes))
    for bucket in order.taxes:
        mine = [(line, tax) for line, tax in taxes if tax.rate.key == bucket.rate.key]
        assert bucket.amount == sum(tax.amount for _, tax in mine)
        assert bucket.taxable == sum(tax.taxable for _, tax in mine)


@any_bill
@given(sales())
def test_nothing_on_a_bill_is_negative(sale):
    order = price_order(*sale)

    for line in order.lines:
        parts = (*line.line_discounts, *(tax.amount for tax in line.taxes))
        assert min(line.gross, line.order_discount, line.net, line.total, *parts) >= 0
    assert min(order.total, order.tax_total, *order.discounts) >= 0


@any_bill
@given(sales())
def test_amounts_given_among_percents_apply_after_them(sale):
    lines, given_discounts, policy = sale
    amounts_last = sorted(given_discounts, key=lambda given: given.type == DiscountType.AMOUNT)

    assert price_order(lines, given_discounts, policy).lines == (
        price_order(lines, amounts_last, policy).lines
    )


@any_bill
@given(sales(line_discounts=False), st.integers(1, 20), st.integers(1, 20))
def test_a_tax_rounded_once_is_the_same_however_goods_are_split_over_lines(sale, some, more):
    lines, _, policy = sale
    policy = PricingPolicy(policy.exponent, RoundingLevel.ORDER, policy.mode)
    price, taxes = (lines[0].unit_price, lines[0].taxes) if lines else (Decimal(7), ())
    apart = [LineInput(Decimal(quantity), price, taxes) for quantity in (some, more)]
    together = [LineInput(Decimal(some + more), price, taxes)]

    first, second = (
        price_order([*lines, *make_product], (), policy) for make_product in (apart, together)
    )

    assert first.total == second.total
    assert [(t.rate, t.amount) for t in first.taxes] == [(t.rate, t.amount) for t in second.taxes]


@any_bill
@given(st.integers(0, 10**6), st.lists(st.integers(0, 5000), max_size=8))
def test_nothing_is_lost_when_an_amount_is_split(amount, weights):
    amount = amount if sum(weights) else 0

    shares = apportion(amount, weights)

    assert sum(shares) == amount
    assert_largest_remainder(
        shares, [Fraction(amount * weight, sum(weights) or 1) for weight in weights]
    )
