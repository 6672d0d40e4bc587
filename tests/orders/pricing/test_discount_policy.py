"""How much is given away on an order, and by whom alone: the one policy, without a shop."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.money import Discount, DiscountType
from orders.services.pricing.discount_policy import (
    NO_REDUCTION,
    ApprovedReduction,
    DiscountLimits,
    MeasuredLine,
    find_required_action,
    measure_reduction,
)

CASHIER = DiscountLimits(Decimal(10), Decimal(10), Decimal(0))
MANAGER = DiscountLimits(Decimal(100), Decimal(100), Decimal(100))
UNLIMITED = DiscountLimits(None, None, None)


def percent(value):
    return Discount(DiscountType.PERCENT, Decimal(value))


def amount(value):
    return Discount(DiscountType.AMOUNT, Decimal(value))


def line(list_price="10.00", quantity="1", price=None, *discounts, key=0, open_price=False):
    price = Decimal(price or list_price)
    applicable = price if open_price else Decimal(list_price)
    return MeasuredLine(key, Decimal(quantity), price, applicable, discounts)


def needed(lines, discounts=(), limits=CASHIER, **more):
    return find_required_action(measure_reduction(lines, discounts), limits, exponent=2, **more)


@pytest.mark.parametrize(
    ("lines", "discounts", "expected"),
    [
        ([line("2.50", "2", "2.00", percent("20"))], [], "1.80"),
        ([line("2.00", "2", None, percent("20"))], [], "0.80"),
        ([line()], [percent("50")], "5.00"),
        ([line("10.00", "1", None, amount("99"))], [amount("99")], "10.00"),
        # A dearer line does not make up for a cheaper one.
        ([line("10.00", "1", "8.00"), line("10.00", "1", "15.00", key=1)], [], "2.00"),
        ([line("10.00", "1", "11.00", percent("10"))], [], "0.10"),
        ([line("50.00", "1", "10.00", percent("10"), open_price=True)], [], "1.00"),
        ([line("0.00", "3")], [percent("50")], "0.00"),
        ([line("1.99", "0.333", "1.00")], [], "0.33"),
        ([], [percent("50")], "0.00"),
    ],
)
def test_the_gift_is_measured_from_the_applicable_price(lines, discounts, expected):
    assert str(measure_reduction(lines, discounts).amount(2)) == expected


@pytest.mark.parametrize(
    ("lines", "discounts", "limits", "action"),
    [
        ([line("10.00", "1", None, percent("10"))], [], CASHIER, None),
        ([line("1.95", "1", None, percent("10"))], [], CASHIER, None),
        ([line("10.00", "1", None, percent("10.0001"))], [], CASHIER, "discount"),
        ([line()], [percent("10")], CASHIER, None),
        ([line()], [percent("10.0001")], CASHIER, "discount"),
        # 19 percent by two means of 10 percent each.
        ([line("10.00", "1", None, percent("10"))], [percent("10")], CASHIER, "discount"),
        ([line("10.00", "1", None, percent("5"))], [percent("5")], CASHIER, None),
        # The largest limit of the means that were used counts for both together.
        (
            [line("10.00", "1", None, percent("5"))],
            [percent("20")],
            DiscountLimits(Decimal(5), Decimal(25), Decimal(0)),
            None,
        ),
        (
            [line("10.00", "1", None, percent("10"))],
            [percent("20")],
            DiscountLimits(Decimal(10), Decimal(25), Decimal(0)),
            "discount",
        ),
        # Order discounts alone keep to their own limit.
        (
            [line("10.00", "1", None, percent("1"))],
            [percent("11")],
            DiscountLimits(Decimal(50), Decimal(10), Decimal(0)),
            "discount",
        ),
        # A discount that takes nothing is no means.
        (
            [line("10.00", "1", None, percent("20"))],
            [percent("0")],
            DiscountLimits(Decimal(10), Decimal(50), Decimal(0)),
            "discount",
        ),
        # One line beyond its limit, though the order as a whole is not.
        (
            [line("10.00", "1", None, percent("11")), line("90.00", key=1)],
            [],
            CASHIER,
            "discount",
        ),
        ([line("10.00", "1", "9.99")], [], CASHIER, "price_override"),
        ([line("10.00", "1", "8.00")], [], DiscountLimits(None, None, Decimal(20)), None),
        (
            [line("10.00", "1", "7.99")],
            [],
            DiscountLimits(None, None, Decimal(20)),
            "price_override",
        ),
        (
            [line("10.00", "1", "8.00", percent("10"))],
            [],
            DiscountLimits(Decimal(10), Decimal(10), Decimal(20)),
            "price_override",
        ),
        # Above the list price: no gift, and limited all the same.
        ([line("10.00", "1", "10.01")], [], CASHIER, "price_override"),
        ([line("10.00", "1", "12.00")], [], DiscountLimits(None, None, Decimal(20)), None),
        (
            [line("10.00", "1", "12.01")],
            [],
            DiscountLimits(None, None, Decimal(20)),
            "price_override",
        ),
        ([line("10.00", "1", "12.00", percent("50"))], [], CASHIER, "price_override"),
        (
            [line("0.00", "1", "1.00")],
            [],
            DiscountLimits(None, None, Decimal("99.9")),
            "price_override",
        ),
        ([line("0.00", "1", "1.00")], [], MANAGER, None),
        ([line("10.00", "1", "20.01")], [], MANAGER, "price_override"),
        ([line("10.00", "1", "99.00", percent("100"))], [percent("100")], UNLIMITED, None),
        ([line("50.00", "1", "10.00", open_price=True)], [], CASHIER, None),
    ],
)
def test_who_may_give_it_alone(lines, discounts, limits, action):
    assert needed(lines, discounts, limits) == action


def test_what_was_approved_is_money_and_holds_within_the_approvers_limits():
    approved = ApprovedReduction(Decimal("5.00"), MANAGER)

    def need(*discounts, quantity="1", approved=approved):
        return needed([line("10.00", quantity, None, *discounts)], approved=approved)

    assert need(percent("50")) is None
    assert need(percent("50"), quantity="2") == "discount"
    assert need(percent("25"), quantity="2") is None
    assert need(percent("50.01")) is None  # to the cent it is the same
    assert need(percent("50.1")) == "discount"
    lower = ApprovedReduction(
        Decimal("5.00"), DiscountLimits(Decimal(40), Decimal(40), Decimal(40))
    )
    assert need(percent("50"), approved=lower) == "discount"
    # What was approved does not add to what one may give alone.
    both = [line("10.00", "1", None, percent("50")), line("10.00", "1", None, percent("1"), key=1)]
    assert needed(both, approved=approved) == "discount"
    # Nor does it pay for dearer prices.
    assert needed([line("10.00", "1", "10.01")], approved=approved) == "price_override"


def test_a_change_that_gives_nothing_more_needs_no_approval():
    half, plain = line("10.00", "1", None, percent("50")), line("10.00", key=1)
    before = measure_reduction([half, plain], [])

    assert needed([half], before=before) is None
    assert needed([half, plain, line("4.00", key=2)], before=before) is None
    assert needed([line("10.00", "2", None, percent("50"))], before=before) == "discount"
    assert (
        needed([half, line("10.00", "1", None, percent("1"), key=1)], before=before) == "discount"
    )
    # The same money on less is a larger part of it.
    fixed = measure_reduction([line(), line("90.00", key=1)], [amount("10.00")])
    assert needed([line("20.00")], [amount("2.00")], before=fixed) is None
    assert needed([line("20.00")], [amount("10.00")], before=fixed) == "discount"
    raised = measure_reduction([line("10.00", "1", "11.00")], [])
    assert needed([line("10.00", "9", "11.00")], before=raised) is None
    assert needed([line("10.00", "1", "11.01")], before=raised) == "price_override"


def test_of_two_people_the_lower_limits_count():
    one = DiscountLimits(None, Decimal(10), Decimal(3))
    other = DiscountLimits(Decimal(5), None, Decimal(4))

    assert one.combine_lower(other) == DiscountLimits(Decimal(5), Decimal(10), Decimal(3))
    assert UNLIMITED.combine_lower(UNLIMITED) == UNLIMITED


# --- for any order --------------------------------------------------------------------------

cents = st.integers(0, 100_000).map(lambda units: Decimal(units).scaleb(-2))
percents = st.decimals(0, 100, places=4).map(lambda value: Discount(DiscountType.PERCENT, value))
discounts = st.lists(
    percents | cents.map(lambda value: Discount(DiscountType.AMOUNT, value)), max_size=3
)
quantities = st.integers(1, 9_999).map(lambda units: Decimal(units).scaleb(-3))
limits = st.builds(DiscountLimits, *[st.none() | st.decimals(0, 100, places=2)] * 3)


@st.composite
def lines(draw):
    return [
        MeasuredLine(key, draw(quantities), draw(cents), draw(cents), tuple(draw(discounts)))
        for key in range(draw(st.integers(0, 4)))
    ]


@given(lines(), discounts, limits)
def test_what_passes_keeps_to_the_rule_as_it_is_written(lines, off, limits):
    """The rule in plain words, written a second time."""
    gift = measure_reduction(lines, off)
    left = [before_order_discounts(each) for each in lines]
    whole = sum(left, Fraction(0))
    rest = after(whole, off)
    within = whole == 0 or limits.order_discount is None
    within = within or (whole - rest) * 100 <= whole * Fraction(limits.order_discount)
    for each, before in zip(lines, left, strict=True):
        net = before * rest / whole if whole else before
        worth = Fraction(each.applicable_price) * Fraction(each.quantity)
        gross = Fraction(each.unit_price) * Fraction(each.quantity)
        used = [limits.line_discount] * (before < gross)
        used += [limits.order_discount] * (net < before)
        used += [limits.price_override] * (each.unit_price != each.applicable_price)
        if used and None not in used:
            within = within and (worth - net) * 100 <= worth * max(map(Fraction, used))

    # Without a worth nothing can be given away.
    assert gift.is_within(limits) is bool(within)


@given(lines(), discounts, limits, limits)
def test_whoever_has_lower_limits_needs_an_approval_wherever_another_does(lines, off, one, other):
    gift = measure_reduction(lines, off)
    action = find_required_action(gift, one.combine_lower(other), exponent=2)

    for each in (one, other):
        assert action or not find_required_action(gift, each, exponent=2)


@given(lines(), discounts, limits)
def test_nothing_changed_needs_no_approval_and_all_is_at_most_the_worth(lines, off, limits):
    gift = measure_reduction(lines, off)

    assert find_required_action(gift, limits, exponent=2, before=gift) is None
    assert 0 <= gift.total <= sum((each.catalog_value for each in gift.lines.values()), Fraction(0))
    assert find_required_action(gift, UNLIMITED, exponent=2) is None


@given(lines(), limits)
def test_at_list_prices_without_discounts_nothing_is_given_away(lines, limits):
    plain = [
        MeasuredLine(each.key, each.quantity, each.unit_price, each.unit_price) for each in lines
    ]

    assert measure_reduction(plain, []) == NO_REDUCTION
    assert find_required_action(measure_reduction(plain, []), limits, exponent=2) is None


def before_order_discounts(line):
    return after(Fraction(line.unit_price) * Fraction(line.quantity), line.discounts)


def after(price, discounts):
    for each in discounts:
        if each.type == DiscountType.PERCENT:
            price *= 1 - Fraction(each.value) / 100
    for each in discounts:
        if each.type == DiscountType.AMOUNT:
            price = max(price - Fraction(each.value), Fraction(0))
    return price
