"""Properties of priced orders, compared with exact fractions."""

import math
import operator
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orders.money import (
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

for_many_orders = settings(deadline=None, max_examples=50)

policies = st.builds(
    PricingPolicy,
    exponent=st.sampled_from([0, 2, 3]),
    level=st.sampled_from(RoundingLevel),
    mode=st.sampled_from(RoundingMode),
)
# Round values are common, so that halves, ties and equal rates on several lines occur.
percents = st.sampled_from(["0", "2.5", "5", "8", "10", "12.5", "20", "50", "100"]).map(
    Decimal
) | st.integers(0, 10**6).map(lambda parts: Decimal(parts).scaleb(-4))
rates = st.builds(TaxRate, st.sampled_from("ab"), percents, st.booleans(), st.booleans())
quantities = st.integers(1, 12).map(Decimal) | st.integers(1, 20_000).map(
    lambda grams: Decimal(grams).scaleb(-3)
)


def amounts(exponent, max_units=3000):
    return st.integers(0, max_units).map(lambda units: Decimal(units).scaleb(-exponent))


def discounts(exponent):
    percent = st.builds(Discount, st.just(DiscountType.PERCENT), percents)
    amount = st.builds(Discount, st.just(DiscountType.AMOUNT), amounts(exponent, 900))
    return st.lists(percent | amount, max_size=3).map(tuple)


@st.composite
def sales(draw, line_discounts=True):
    """Draw lines, order discounts and a policy."""
    policy = draw(policies)
    on_line = discounts(policy.exponent) if line_discounts else st.just(())
    price = amounts(policy.exponent)
    shop_rates = st.sampled_from(draw(st.lists(rates, min_size=1, max_size=3)))
    tax_classes = st.lists(shop_rates, max_size=3, unique_by=lambda rate: rate.key).map(tuple)
    fixed = st.none() | price
    is_deposit = st.booleans()
    chosen = st.lists(st.builds(ModifierInput, price, st.integers(1, 3)), max_size=3).map(tuple)
    sold = st.builds(LineInput, quantities, price, tax_classes, on_line, fixed, is_deposit, chosen)
    returned = st.builds(LineInput, quantities.map(operator.neg), price, tax_classes)
    return draw(st.lists(sold | returned, max_size=6)), draw(discounts(policy.exponent)), policy


def units(amount, policy):
    """Return the amount in minor units; assert that it has the decimals of the currency."""
    assert amount.as_tuple().exponent == -policy.exponent
    return int(amount.scaleb(policy.exponent))


def rounded(value, mode):
    if value < 0:
        return -rounded(-value, mode)
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
    """Return the exact taxes of a net amount."""
    factors: list[Fraction] = []
    for rate in line.taxes:
        earlier = sum(factors) if rate.compound else 0
        factors.append(Fraction(rate.percent) / 100 * (1 + earlier))
    included = sum(f for f, rate in zip(factors, line.taxes, strict=True) if rate.included)
    return [factor * net / (1 + included) for factor in factors]


def exact_bases(line, net):
    """Return the exact bases of the rates of a net amount."""
    taxes = exact_taxes(line, net)
    included = sum(tax for tax, rate in zip(taxes, line.taxes, strict=True) if rate.included)
    plain = net - included
    return [
        plain + sum(taxes[:at]) if rate.compound else plain for at, rate in enumerate(line.taxes)
    ]


def is_discounted(line):
    """Return whether order discounts are apportioned to the line."""
    return line.quantity > 0 and not line.is_deposit


def apply_discounts(given_discounts, left, policy):
    """Return the amount after its discounts, percents first."""
    for discount in given_discounts:
        if discount.type == DiscountType.PERCENT:
            part = left * Fraction(discount.value) / 100
            left -= rounded(part, RoundingMode.HALF_UP)
    for discount in given_discounts:
        if discount.type == DiscountType.AMOUNT:
            left -= min(units(discount.value, policy), left)
    return left


def assert_largest_remainder(shares, exact):
    """Assert that remaining units went to the largest fractions, then to earlier lines."""
    extra = [share - math.floor(part) for share, part in zip(shares, exact, strict=True)]
    order = sorted(range(len(exact)), key=lambda at: (math.floor(exact[at]) - exact[at], at))
    assert [extra[at] for at in order] == [1] * sum(extra) + [0] * (len(extra) - sum(extra))


@for_many_orders
@given(sales())
def test_order_totals_are_the_sums_of_the_lines(sale):
    order = price_order(*sale)

    assert order.subtotal == sum(line.gross for line in order.lines)
    assert order.discount_total == sum(line.discount_total for line in order.lines)
    assert order.tax_total == sum(line.tax_total for line in order.lines)
    assert order.total == sum(line.total for line in order.lines)


@for_many_orders
@given(sales())
def test_line_amounts_add_up(sale):
    for line in price_order(*sale).lines:
        added = sum(tax.amount for tax in line.taxes if not tax.rate.included)

        assert line.discount_total == sum(line.line_discounts) + line.order_discount
        assert line.net == line.gross - line.discount_total
        assert line.tax_total == sum(tax.amount for tax in line.taxes)
        assert line.total == line.net + added


@pytest.mark.slow
@for_many_orders
@given(sales())
def test_gross_and_line_discounts_equal_exact_calculation_with_fractions(sale):
    lines, _, policy = sale

    for line, priced in zip(lines, price_order(*sale).lines, strict=True):
        modifiers = sum(each.quantity * Fraction(each.price) for each in line.modifiers)
        price = Fraction(line.quantity) * (Fraction(line.unit_price) + modifiers)
        exact = Fraction(price if line.fixed_gross is None else line.fixed_gross)
        exact *= 10**policy.exponent
        gross = rounded(exact, RoundingMode.HALF_UP)
        left = apply_discounts(line.discounts, gross, policy)

        assert units(priced.gross, policy) == gross
        assert units(priced.net + priced.order_discount, policy) == left


@pytest.mark.slow
@for_many_orders
@given(sales())
def test_order_discount_shares_sum_to_the_order_discounts(sale):
    lines, given_discounts, policy = sale

    order = price_order(*sale)

    shares = [line.order_discount for line in order.lines]
    before = sum(
        units(priced.net + priced.order_discount, policy)
        for line, priced in zip(lines, order.lines, strict=True)
        if is_discounted(line)
    )
    left = apply_discounts(given_discounts, before, policy)
    assert sum(order.discounts) == sum(shares)
    assert units(sum(shares, order.subtotal * 0), policy) == before - left


@for_many_orders
@given(sales())
def test_order_discount_is_apportioned_by_largest_remainder(sale):
    lines, given_discounts, policy = sale

    order = price_order(lines, given_discounts[:1], policy)

    shares = [units(line.order_discount, policy) for line in order.lines]
    weights = [
        units(priced.net, policy) + share if is_discounted(line) else 0
        for line, priced, share in zip(lines, order.lines, shares, strict=True)
    ]
    if sum(weights):
        exact = [Fraction(sum(shares) * weight, sum(weights)) for weight in weights]
        assert_largest_remainder(shares, exact)


@pytest.mark.parametrize(("field", "exactly"), [("amount", exact_taxes), ("taxable", exact_bases)])
@for_many_orders
@given(sale=sales())
def test_taxes_and_bases_agree_with_fractions_at_either_level(sale, field, exactly):
    lines, _, policy = sale
    order = price_order(*sale)
    by_rate: dict[str, list[tuple[int, Fraction]]] = {}
    for line, priced in zip(lines, order.lines, strict=True):
        exact = exactly(line, units(priced.net, policy))
        for tax, part in zip(priced.taxes, exact, strict=True):
            rounded_part = units(getattr(tax, field), policy)
            by_rate.setdefault(tax.rate.key, []).append((rounded_part, part))

    for parts in by_rate.values():
        shares, exact = zip(*parts, strict=True)

        if policy.level == RoundingLevel.LINE:
            assert list(shares) == [rounded(part, policy.mode) for part in exact]
        else:
            assert sum(shares) == rounded(sum(exact), policy.mode)
            assert_largest_remainder(shares, exact)


@pytest.mark.slow
@for_many_orders
@given(sales())
def test_order_taxes_are_the_sums_of_line_taxes_in_order_of_appearance(sale):
    order = price_order(*sale)

    taxes = [(line, tax) for line in order.lines for tax in line.taxes]
    assert [t.rate.key for t in order.taxes] == list(dict.fromkeys(t.rate.key for _, t in taxes))
    for bucket in order.taxes:
        mine = [(line, tax) for line, tax in taxes if tax.rate.key == bucket.rate.key]
        assert bucket.amount == sum(tax.amount for _, tax in mine)
        assert bucket.taxable == sum(tax.taxable for _, tax in mine)


@pytest.mark.slow
@for_many_orders
@given(sales())
def test_deposits_and_returns_do_not_change_what_order_discounts_take_off_the_goods(sale):
    lines, given_discounts, policy = sale
    goods = [line for line in lines if is_discounted(line)]

    order, without = price_order(*sale), price_order(goods, given_discounts, policy)

    priced = list(zip(lines, order.lines, strict=True))
    assert [each.net for line, each in priced if is_discounted(line)] == [
        each.net for each in without.lines
    ]
    assert all(not each.order_discount for line, each in priced if not is_discounted(line))
    assert order.discounts == without.discounts


@pytest.mark.slow
@for_many_orders
@given(sales())
def test_only_amounts_of_returned_lines_are_negative(sale):
    lines, _, _ = sale

    order = price_order(*sale)

    for given_line, line in zip(lines, order.lines, strict=True):
        sign = -1 if given_line.quantity < 0 else 1
        taxes = [part for tax in line.taxes for part in (tax.amount, tax.taxable)]
        assert min(sign * each for each in (line.gross, line.net, line.total, *taxes)) >= 0
        assert min(line.order_discount, line.discount_total, *line.line_discounts) >= 0
    assert min([*order.discounts, order.discount_total]) >= 0
    returned = sum(line.total for line in order.lines if line.total < 0)
    assert order.total >= returned


@pytest.mark.slow
@for_many_orders
@given(sales(line_discounts=False))
def test_what_is_sold_and_returned_costs_nothing_at_line_level(sale):
    lines, _, policy = sale
    policy = PricingPolicy(policy.exponent, RoundingLevel.LINE, policy.mode)
    sold = [LineInput(abs(line.quantity), line.unit_price, line.taxes) for line in lines]
    back = [LineInput(-line.quantity, line.unit_price, line.taxes) for line in sold]

    order = price_order([*sold, *back], (), policy)

    assert (order.total, order.tax_total, order.subtotal) == (0, 0, 0)
    assert all(tax.amount == tax.taxable == 0 for tax in order.taxes)


@pytest.mark.slow
@for_many_orders
@given(sales())
def test_modifiers_cost_the_same_as_a_higher_unit_price(sale):
    lines, given_discounts, policy = sale
    without = [replace(line, unit_price=line.modified_price, modifiers=()) for line in lines]

    assert price_order(*sale) == price_order(without, given_discounts, policy)


@pytest.mark.slow
@for_many_orders
@given(sales())
def test_the_order_of_modifiers_changes_nothing(sale):
    lines, given_discounts, policy = sale
    reordered = [replace(line, modifiers=line.modifiers[::-1]) for line in lines]

    assert price_order(*sale) == price_order(reordered, given_discounts, policy)


@pytest.mark.slow
@for_many_orders
@given(sales())
def test_amount_discounts_apply_after_percent_discounts(sale):
    lines, given_discounts, policy = sale
    amounts_last = sorted(given_discounts, key=lambda given: given.type == DiscountType.AMOUNT)

    assert price_order(lines, given_discounts, policy).lines == (
        price_order(lines, amounts_last, policy).lines
    )


@for_many_orders
@given(sales(line_discounts=False), st.integers(1, 20), st.integers(1, 20))
def test_order_level_tax_is_independent_of_splitting_lines(sale, some, more):
    lines, _, policy = sale
    policy = PricingPolicy(policy.exponent, RoundingLevel.ORDER, policy.mode)
    price, taxes = (lines[0].unit_price, lines[0].taxes) if lines else (Decimal(7), ())
    apart = [LineInput(Decimal(quantity), price, taxes) for quantity in (some, more)]
    together = [LineInput(Decimal(some + more), price, taxes)]

    first, second = (
        price_order([*lines, *split_lines], (), policy) for split_lines in (apart, together)
    )

    assert first.total == second.total
    assert [(t.rate, t.amount) for t in first.taxes] == [(t.rate, t.amount) for t in second.taxes]


@for_many_orders
@given(st.integers(0, 10**6), st.lists(st.integers(0, 5000), max_size=8))
def test_apportion_loses_no_units(amount, weights):
    amount = amount if sum(weights) else 0

    shares = apportion(amount, weights)

    assert sum(shares) == amount
    assert_largest_remainder(
        shares, [Fraction(amount * weight, sum(weights) or 1) for weight in weights]
    )
