"""Properties of refunds: in any parts and order they add up to the sale."""

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orders.money import (
    CashRoundingRule,
    LineRefund,
    RefundablePayment,
    RoundingMode,
    SoldLine,
    allocate_refund,
    price_order,
    refund_quantity,
    refund_without_goods,
    round_to_coins,
)
from tests.orders.pricing.test_properties import sales

for_many_sales = settings(deadline=None, max_examples=60)
THOUSANDTH = Decimal("0.001")
COINS = st.sampled_from([None, 5, 10, 50])


@st.composite
def sold_lines(draw):
    """Draw the lines of an order without refunds, and its exponent."""
    lines, discounts, policy = draw(sales())
    priced = price_order(lines, discounts, policy)
    return [
        SoldLine(
            quantity=line.quantity,
            total=each.total,
            taxes=tuple(tax.amount for tax in each.taxes),
            bases=tuple(tax.taxable for tax in each.taxes),
            refunded_quantity=Decimal(0),
            refunded_total=Decimal(0),
            refunded_taxes=tuple(Decimal(0) for _ in each.taxes),
            refunded_bases=tuple(Decimal(0) for _ in each.taxes),
        )
        for line, each in zip(lines, priced.lines, strict=True)
        # What customers bring back is not refunded.
        if line.quantity > 0
    ], policy.exponent


def apply_refund(line: SoldLine, refund: LineRefund) -> SoldLine:
    """Return the line after a refund; assert that all values stay in range."""
    now = replace(
        line,
        refunded_quantity=line.refunded_quantity + refund.quantity,
        refunded_total=line.refunded_total + refund.total,
        refunded_taxes=tuple(map(Decimal.__add__, line.refunded_taxes, refund.taxes)),
        refunded_bases=tuple(map(Decimal.__add__, line.refunded_bases, refund.bases)),
    )
    assert min(refund.quantity, refund.total, *refund.taxes, *refund.bases) >= 0
    assert now.refunded_quantity <= line.quantity
    assert now.refunded_total <= line.total
    assert all(
        refunded_tax <= tax
        for refunded_tax, tax in zip(now.refunded_taxes, line.taxes, strict=True)
    )
    return now


def draw_part(data, line: SoldLine) -> Decimal:
    left = int((line.quantity - line.refunded_quantity) / THOUSANDTH)
    return data.draw(st.integers(1, left)) * THOUSANDTH if left else Decimal(0)


def draw_refund(data, lines, exponent):
    """Return the next refund: a part of some lines, or an amount."""
    left = int(sum(line.left for line in lines).scaleb(exponent)) if lines else 0
    if left and data.draw(st.booleans()):
        amount = Decimal(data.draw(st.integers(1, left))).scaleb(-exponent)
        refunds = refund_without_goods(lines, amount, exponent)
        assert sum(refund.total for refund in refunds) == amount
        return refunds
    parts = [draw_part(data, line) if data.draw(st.booleans()) else Decimal(0) for line in lines]
    return refund_parts(lines, parts, exponent)


def refund_parts(lines, parts, exponent):
    return [
        refund_quantity(line, part, exponent) if part else empty_refund(line)
        for line, part in zip(lines, parts, strict=True)
    ]


def empty_refund(line):
    no_taxes = (Decimal(0),) * len(line.taxes)
    return LineRefund(Decimal(0), Decimal(0), no_taxes, no_taxes)


def refund_all_left(lines, exponent):
    return refund_parts(lines, [line.quantity - line.refunded_quantity for line in lines], exponent)


def apply_refunds(lines, refunds):
    return [apply_refund(line, refund) for line, refund in zip(lines, refunds, strict=True)]


@pytest.mark.slow
@for_many_sales
@given(sold_lines(), st.data())
def test_refunds_add_up_to_the_sale(sale, data):
    lines, exponent = sale
    for _ in range(data.draw(st.integers(0, 4))):
        lines = apply_refunds(lines, draw_refund(data, lines, exponent))

    lines = apply_refunds(lines, refund_all_left(lines, exponent))

    for line in lines:
        assert line.refunded_quantity == line.quantity
        assert line.refunded_total == line.total
        assert line.refunded_taxes == line.taxes
        assert line.refunded_bases == line.bases


@pytest.mark.slow
@for_many_sales
@given(sold_lines(), st.randoms(use_true_random=False), st.data())
def test_refunded_amount_is_independent_of_the_order_of_refunds(sale, random, data):
    lines, exponent = sale
    for line in lines:
        cuts = sorted({Decimal(0), *(draw_part(data, line) for _ in range(3))})
        parts = [end - begin for begin, end in pairwise(cuts)]
        shuffled = random.sample(parts, len(parts))
        ends = []
        for portions in (parts, shuffled):
            now = line
            for part in portions:
                now = apply_refund(now, refund_quantity(now, part, exponent))
            ends.append(now)
        assert ends[0] == ends[1]


def draw_cash_rules(exponent):
    increments = COINS.map(lambda coin: coin and Decimal(coin).scaleb(-exponent))
    modes = st.sampled_from([RoundingMode.HALF_UP, RoundingMode.HALF_DOWN, RoundingMode.DOWN])
    return st.builds(CashRoundingRule, st.just(exponent), increments, modes)


@st.composite
def paid_sales(draw):
    """Draw an amount due and its payments; the last may be in cash, rounded to coins."""
    exponent = draw(st.sampled_from([0, 2, 3]))
    rule = draw(draw_cash_rules(exponent))
    parts = [Decimal(units).scaleb(-exponent) for units in draw(st.lists(st.integers(1, 400)))][:4]
    parts = parts or [Decimal(1).scaleb(-exponent)]
    in_cash = draw(st.lists(st.booleans(), min_size=len(parts), max_size=len(parts)))
    paid = list(parts)
    if in_cash[-1]:
        paid[-1] = rule.payable(paid[-1])
    return sum(parts), paid, in_cash, rule


@pytest.mark.slow
@for_many_sales
@given(paid_sales(), st.data())
def test_payouts_do_not_exceed_payments_and_finally_equal_them(sale, data):
    """Amounts refunded in cash but not paid in cash may differ by less than a coin."""
    total, paid, in_cash, rule = sale
    payments, left = [RefundablePayment(amount, Decimal(0)) for amount in paid], total
    while left:
        units = int(left.scaleb(rule.exponent))
        part = Decimal(data.draw(st.integers(1, units))).scaleb(-rule.exponent)
        shares = allocate_refund(part, payments, in_cash=in_cash, rule=rule, is_last=part == left)
        left -= part
        handed_over = sum((share.paid for share in shares if in_cash[share.position]), Decimal(0))
        assert rule.is_in_coins(handed_over)
        if shares:
            assert sum(share.amount for share in shares) == part
        for share in shares:
            before = payments[share.position]
            assert share.amount >= 0 <= share.paid <= before.left
            assert share.amount or share.paid
            payments[share.position] = RefundablePayment(
                before.amount, before.refunded + share.paid
            )

    elsewhere = [payment for payment, cash in zip(payments, in_cash, strict=True) if not cash]
    assert all(payment.left == 0 for payment in elsewhere)
    kept = sum(payment.left for payment in payments)
    assert not kept or kept < (rule.increment or 0)


@for_many_sales
@given(
    st.lists(st.tuples(st.integers(1, 2000), st.integers(0, 2000)), min_size=1), draw_cash_rules(2)
)
def test_declined_card_payouts_in_cash_are_in_coins_and_do_not_exceed_payments(parts, rule):
    amounts = [Decimal(units).scaleb(-2) for units, _ in parts]
    lefts = [Decimal(units + more).scaleb(-2) for units, more in parts]

    paid = round_to_coins(amounts, lefts, rule)

    assert all(0 <= each <= left for each, left in zip(paid, lefts, strict=True))
    assert rule.is_in_coins(sum(paid))
    assert abs(sum(paid) - sum(amounts)) < (rule.increment or Decimal("0.01"))
