"""The discount policy: size of a reduction, and the approval that it needs."""

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


def line(list_price="10.00", quantity="1", price=None, *discounts, key=0, **more):
    price = Decimal(price or list_price)
    applicable = price if more.get("open_price") else Decimal(list_price)
    is_deposit = more.get("is_deposit", False)
    return MeasuredLine(key, Decimal(quantity), price, applicable, discounts, is_deposit)


def find_action(lines, discounts=(), limits=CASHIER, **more):
    return find_required_action(measure_reduction(lines, discounts), limits, exponent=2, **more)


@pytest.mark.parametrize(
    ("lines", "discounts", "expected"),
    [
        ([line("2.50", "2", "2.00", percent("20"))], [], "1.80"),
        ([line("2.00", "2", None, percent("20"))], [], "0.80"),
        ([line()], [percent("50")], "5.00"),
        ([line("10.00", "1", None, amount("99"))], [amount("99")], "10.00"),
        # A higher price on one line does not offset a lower price on another.
        ([line("10.00", "1", "8.00"), line("10.00", "1", "15.00", key=1)], [], "2.00"),
        ([line("10.00", "1", "11.00", percent("10"))], [], "0.10"),
        ([line("50.00", "1", "10.00", percent("10"), open_price=True)], [], "1.00"),
        ([line("0.00", "3")], [percent("50")], "0.00"),
        ([line(), line("8.00", key=1, is_deposit=True)], [percent("50")], "5.00"),
        ([line(), line("8.00", key=1, is_deposit=True)], [amount("99")], "10.00"),
        ([line("1.99", "0.333", "1.00")], [], "0.33"),
        ([], [percent("50")], "0.00"),
    ],
)
def test_discount_and_override_are_measured_from_the_applicable_price(lines, discounts, expected):
    assert str(measure_reduction(lines, discounts).amount(2)) == expected


@pytest.mark.parametrize(
    ("lines", "discounts", "limits", "action"),
    [
        ([line("10.00", "1", None, percent("10"))], [], CASHIER, None),
        ([line("1.95", "1", None, percent("10"))], [], CASHIER, None),
        ([line("10.00", "1", None, percent("10.0001"))], [], CASHIER, "discount"),
        ([line()], [percent("10")], CASHIER, None),
        ([line()], [percent("10.0001")], CASHIER, "discount"),
        # A deposit is not reduced, and does not make the percentage of an amount smaller.
        ([line(), line("90.00", key=1, is_deposit=True)], [amount("1.01")], CASHIER, "discount"),
        ([line(), line("90.00", key=1, is_deposit=True)], [amount("1.00")], CASHIER, None),
        # Two discounts of 10 percent reduce the price by 19 percent.
        ([line("10.00", "1", None, percent("10"))], [percent("10")], CASHIER, "discount"),
        ([line("10.00", "1", None, percent("5"))], [percent("5")], CASHIER, None),
        # The highest limit of the kinds of reduction used applies to the total reduction.
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
        # Order discounts are also limited by themselves.
        (
            [line("10.00", "1", None, percent("1"))],
            [percent("11")],
            DiscountLimits(Decimal(50), Decimal(10), Decimal(0)),
            "discount",
        ),
        # A discount of zero is not a kind of reduction used.
        (
            [line("10.00", "1", None, percent("20"))],
            [percent("0")],
            DiscountLimits(Decimal(10), Decimal(50), Decimal(0)),
            "discount",
        ),
        # One line exceeds its limit although the order as a whole does not.
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
        # A price above the list price reduces nothing but is limited too.
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
def test_reduction_above_the_limits_needs_approval(lines, discounts, limits, action):
    assert find_action(lines, discounts, limits) == action


def test_approved_amount_applies_within_the_limits_of_the_approver():
    approved = ApprovedReduction(Decimal("5.00"), MANAGER)

    def need(*discounts, quantity="1", approved=approved):
        return find_action([line("10.00", quantity, None, *discounts)], approved=approved)

    assert need(percent("50")) is None
    assert need(percent("50"), quantity="2") == "discount"
    assert need(percent("25"), quantity="2") is None
    assert need(percent("50.01")) is None  # equal after rounding to cents
    assert need(percent("50.1")) == "discount"
    lower = ApprovedReduction(
        Decimal("5.00"), DiscountLimits(Decimal(40), Decimal(40), Decimal(40))
    )
    assert need(percent("50"), approved=lower) == "discount"
    # The approved amount does not add to the user's own limit.
    both = [line("10.00", "1", None, percent("50")), line("10.00", "1", None, percent("1"), key=1)]
    assert find_action(both, approved=approved) == "discount"
    # It does not cover raised prices either.
    assert find_action([line("10.00", "1", "10.01")], approved=approved) == "price_override"


def test_change_that_reduces_nothing_more_needs_no_approval():
    half, plain = line("10.00", "1", None, percent("50")), line("10.00", key=1)
    before = measure_reduction([half, plain], [])

    assert find_action([half], before=before) is None
    assert find_action([half, plain, line("4.00", key=2)], before=before) is None
    assert find_action([line("10.00", "2", None, percent("50"))], before=before) == "discount"
    assert (
        find_action([half, line("10.00", "1", None, percent("1"), key=1)], before=before)
        == "discount"
    )
    # The same discount on fewer goods is a larger percentage.
    fixed = measure_reduction([line(), line("90.00", key=1)], [amount("10.00")])
    assert find_action([line("20.00")], [amount("2.00")], before=fixed) is None
    assert find_action([line("20.00")], [amount("10.00")], before=fixed) == "discount"
    raised = measure_reduction([line("10.00", "1", "11.00")], [])
    assert find_action([line("10.00", "9", "11.00")], before=raised) is None
    assert find_action([line("10.00", "1", "11.01")], before=raised) == "price_override"


def test_lower_limits_of_two_users_apply():
    one = DiscountLimits(None, Decimal(10), Decimal(3))
    other = DiscountLimits(Decimal(5), None, Decimal(4))

    assert one.combine_lower(other) == DiscountLimits(Decimal(5), Decimal(10), Decimal(3))
    assert UNLIMITED.combine_lower(UNLIMITED) == UNLIMITED


# --- properties -----------------------------------------------------------------------------

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
def test_reduction_limits_agree_with_an_independent_implementation(lines, off, limits):
    """The rule is implemented a second time here, with fractions."""
    reduction = measure_reduction(lines, off)
    left = [before_order_discounts(each) for each in lines]
    whole = sum(left, Fraction(0))
    rest = price_after(whole, off)
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

    # An order without value cannot be reduced.
    assert reduction.is_within(limits) is bool(within)


@given(lines(), discounts, limits, limits)
def test_lower_limits_need_approval_wherever_higher_limits_do(lines, off, one, other):
    reduction = measure_reduction(lines, off)
    action = find_required_action(reduction, one.combine_lower(other), exponent=2)

    for each in (one, other):
        assert action or not find_required_action(reduction, each, exponent=2)


@given(lines(), discounts, limits)
def test_unchanged_reduction_needs_no_approval_and_is_at_most_the_value(lines, off, limits):
    reduction = measure_reduction(lines, off)

    assert find_required_action(reduction, limits, exponent=2, before=reduction) is None
    assert (
        0
        <= reduction.total
        <= sum((each.catalog_value for each in reduction.lines.values()), Fraction(0))
    )
    assert find_required_action(reduction, UNLIMITED, exponent=2) is None


@given(lines(), limits)
def test_list_prices_without_discounts_are_no_reduction(lines, limits):
    plain = [
        MeasuredLine(each.key, each.quantity, each.unit_price, each.unit_price) for each in lines
    ]

    assert measure_reduction(plain, []) == NO_REDUCTION
    assert find_required_action(measure_reduction(plain, []), limits, exponent=2) is None


def before_order_discounts(line):
    return price_after(Fraction(line.unit_price) * Fraction(line.quantity), line.discounts)


def price_after(price, discounts):
    for each in discounts:
        if each.type == DiscountType.PERCENT:
            price *= 1 - Fraction(each.value) / 100
    for each in discounts:
        if each.type == DiscountType.AMOUNT:
            price = max(price - Fraction(each.value), Fraction(0))
    return price
