"""The pricing engine of the browser register computes the same amounts as `orders.money`."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orders.money import (
    CashRoundingRule,
    RefundablePayment,
    RoundingMode,
    SoldLine,
    allocate_refund,
    choose_price,
    compute_labeled_quantity,
    price_order,
    refund_quantity,
    settle_cash,
)
from orders.services.pricing.discount_policy import (
    DiscountLimits,
    MeasuredLine,
    find_required_action,
    measure_reduction,
)
from tests.orders.pricing.test_price_list_properties import BASE, catalogs, sold
from tests.orders.pricing.test_properties import amounts, sales
from tests.orders.pricing.test_vectors import CASH_CASES, VECTORS, order_amounts
from tests.support.javascript import JavaScriptError, Module

FOLDER = Path(__file__).parents[2] / "vectors"
# What a vector may contain. The engine ignores other fields, and so would this test.
KNOWN_FIELDS = {
    "vector": {
        "name", "currency", "exponent", "tax_rounding", "lines", "discounts", "cash_rounding",
        "cash", "expected", "store", "at", "customer_group",
    },
    "line": {
        "quantity", "unit_price", "taxes", "discounts", "fixed_gross", "is_deposit", "modifiers",
        "base_price", "list_prices",
    },
    "list_price": {
        "amount", "priority", "min_quantity", "valid_from", "valid_to", "stores",
        "customer_group",
    },
    "modifier": {"price", "quantity"},
    "tax": {"id", "percent", "included", "compound"},
    "discount": {"type", "value"},
    "tax_rounding": {"level", "mode"},
    "cash_rounding": {"increment", "mode", "country"},
    "cash": {"paid", "amount", "expected"},
}  # fmt: skip
KINDS = ("line_discount", "order_discount", "price_override")
for_random_baskets = settings(deadline=None, max_examples=150)


@pytest.fixture(scope="module")
def engine():
    return Module("money/engine.js")


def build_rule(vector):
    coins = vector["cash_rounding"]
    exact_up_to = "0.05" if coins["country"] == "BE" else "0"
    return {
        "exponent": vector["exponent"],
        "increment": coins["increment"],
        "mode": coins["mode"],
        "exact_up_to": exact_up_to,
    }


def find_list_price(engine, vector, line):
    return engine.call(
        "choosePrice",
        line["base_price"],
        line["list_prices"],
        line["quantity"],
        vector["store"],
        vector["at"],
        vector.get("customer_group"),
    )


def build_line(engine, vector, line):
    rates = [
        {
            "name": tax["id"],
            "percent": tax["percent"],
            "included": tax["included"],
            "compound": tax["compound"],
        }
        for tax in line["taxes"]
    ]
    if "unit_price" not in line:
        line = line | {"unit_price": find_list_price(engine, vector, line)}
    return line | {"taxes": rates}


def price_vector(engine, vector):
    return engine.call(
        "priceOrder",
        [build_line(engine, vector, line) for line in vector["lines"]],
        vector.get("discounts", []),
        {"exponent": vector["exponent"], **vector["tax_rounding"]},
    )


def rename_taxes(taxes):
    return [
        {"id": tax["rate"]["name"], "base": tax["taxable"], "amount": tax["amount"]}
        for tax in taxes
    ]


def select_amounts(order):
    """Return the amounts of an order in the form of a vector."""
    return {
        "lines": [
            {name: line[name] for name in ("gross", "discount_total", "net", "total")}
            | {"taxes": rename_taxes(line["taxes"])}
            for line in order["lines"]
        ],
        "taxes": rename_taxes(order["taxes"]),
        **{name: order[name] for name in ("subtotal", "discount_total", "tax_total", "total")},
    }


def list_unknown_fields(vector):
    parts = {
        "vector": [vector],
        "line": vector["lines"],
        "tax": [tax for line in vector["lines"] for tax in line["taxes"]],
        "discount": [
            discount
            for holder in (vector, *vector["lines"])
            for discount in holder.get("discounts", ())
        ],
        "modifier": [each for line in vector["lines"] for each in line.get("modifiers", ())],
        "list_price": [each for line in vector["lines"] for each in line.get("list_prices", ())],
        "tax_rounding": [vector["tax_rounding"]],
        "cash_rounding": [vector["cash_rounding"]] if "cash_rounding" in vector else [],
        "cash": vector.get("cash", []),
    }
    return {
        f"{kind}.{name}"
        for kind, holders in parts.items()
        for holder in holders
        for name in holder
        if name not in KNOWN_FIELDS[kind]
    }


def test_every_file_of_vectors_runs_here_too():
    assert {path.name for path in FOLDER.glob("*.json")} == {"codes.json", "pricing.json"}


def test_every_field_of_the_vectors_is_known_to_the_javascript_engine():
    assert set().union(*map(list_unknown_fields, VECTORS)) == set()


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_javascript_engine_matches_the_vector(engine, vector):
    amounts = select_amounts(price_vector(engine, vector))
    for given_line, line in zip(vector["lines"], amounts["lines"], strict=True):
        if "list_prices" in given_line:
            line["list_price"] = find_list_price(engine, vector, given_line)
    assert amounts == vector["expected"]


@pytest.mark.parametrize(("vector", "given"), CASH_CASES)
def test_javascript_engine_settles_cash_like_the_vector(engine, vector, given):
    total = price_vector(engine, vector)["total"]
    left = engine.call("subtract", total, given["paid"], vector["exponent"])

    settled = engine.call("settleCash", left, given["amount"], build_rule(vector), total)

    expected = given["expected"]
    settled["cash_rounding"] = settled.pop("rounding")
    assert {name: settled[name] for name in expected} == expected


def write_discounts(discounts):
    return [{"type": each.type.value, "value": str(each.value)} for each in discounts]


def write_line(line):
    return {
        "quantity": str(line.quantity),
        "unit_price": str(line.unit_price),
        "taxes": [
            {
                "name": rate.name,
                "percent": str(rate.percent),
                "included": rate.included,
                "compound": rate.compound,
            }
            for rate in line.taxes
        ],
        "discounts": write_discounts(line.discounts),
        "fixed_gross": None if line.fixed_gross is None else str(line.fixed_gross),
        "is_deposit": line.is_deposit,
        "modifiers": [
            {"price": str(each.price), "quantity": each.quantity} for each in line.modifiers
        ],
    }


@given(sale=sales())
@for_random_baskets
def test_both_engines_price_random_baskets_alike(engine, sale):
    lines, discounts, policy = sale

    order = engine.call(
        "priceOrder",
        [write_line(line) for line in lines],
        write_discounts(discounts),
        {"exponent": policy.exponent, "level": policy.level.value, "mode": policy.mode.value},
    )

    priced = price_order(lines, discounts, policy)
    assert select_amounts(order) == order_amounts(priced)
    assert order["discounts"] == [str(each) for each in priced.discounts]
    for line, expected in zip(order["lines"], priced.lines, strict=True):
        assert line["line_discounts"] == [str(each) for each in expected.line_discounts]
        assert line["order_discount"] == str(expected.order_discount)
        assert line["tax_total"] == str(expected.tax_total)


@st.composite
def cash_payments(draw):
    """Draw a rule of cash rounding, a total, what was paid before, and a cash amount or none."""
    exponent = draw(st.sampled_from([0, 2, 3]))
    price = amounts(exponent, 200)
    coin = draw(st.none() | st.sampled_from([1, 5, 10, 100]))
    increment = None if coin is None else Decimal(coin).scaleb(-exponent)
    mode = draw(st.sampled_from([RoundingMode.HALF_UP, RoundingMode.HALF_DOWN, RoundingMode.DOWN]))
    exact_up_to = Decimal(draw(st.sampled_from([0, 5]))).scaleb(-exponent)
    total = draw(price)
    if draw(st.integers(0, 4)) == 0:
        total = -total
    paid = min(draw(price), total) if total > 0 else Decimal(0).scaleb(-exponent)
    rule = CashRoundingRule(exponent, increment, mode, exact_up_to)
    return rule, total, total - paid, draw(st.none() | price)


def write_rule(rule):
    return {
        "exponent": rule.exponent,
        "increment": None if rule.increment is None else str(rule.increment),
        "mode": rule.mode.value,
        "exact_up_to": str(rule.exact_up_to),
    }


@given(payment=cash_payments())
@for_random_baskets
def test_both_engines_settle_cash_alike(engine, payment):
    rule, total, left, amount = payment

    settled = engine.call(
        "settleCash",
        str(left),
        None if amount is None else str(amount),
        write_rule(rule),
        str(total),
    )

    expected = settle_cash(left, amount, rule, total)
    assert settled["outcome"] == expected.outcome.value
    for name in ("payable", "amount", "rounding"):
        assert Decimal(settled[name]) == getattr(expected, name), name


@given(
    total=amounts(2),
    quantity=st.integers(1, 5000).map(lambda grams: Decimal(grams).scaleb(-3)),
    parts=st.tuples(st.integers(1, 5000), st.integers(1, 5000)),
)
@for_random_baskets
def test_both_engines_refund_parts_of_a_line_alike(engine, total, quantity, parts):
    first, second = (min(Decimal(part).scaleb(-3), quantity) for part in parts)
    line = SoldLine(quantity, total, (), (), Decimal(0), Decimal(0), (), ())
    before = refund_quantity(line, first, 2).total
    sold = {
        "quantity": str(quantity),
        "total": str(total),
        "refunded_quantity": str(first),
        "refunded_total": str(before),
    }

    if first + second > quantity:
        with pytest.raises(JavaScriptError, match="cannot take back"):
            engine.call("refundQuantity", sold, str(second), 2)
        return

    line = SoldLine(quantity, total, (), (), first, before, (), ())
    refund = refund_quantity(line, second, 2)
    assert engine.call("refundQuantity", sold, str(second), 2) == str(refund.total)


@st.composite
def refunds(draw):
    """Draw a rule of cash rounding, payments partly refunded, which are cash, and a total."""
    rule = draw(cash_payments())[0]
    price = amounts(rule.exponent, 200)
    payments = []
    for amount, refunded in draw(st.lists(st.tuples(price, price), max_size=4)):
        payments.append(RefundablePayment(amount, min(amount, refunded)))
    in_cash = draw(st.lists(st.booleans(), min_size=len(payments), max_size=len(payments)))
    return rule, payments, in_cash, draw(price), draw(st.booleans())


@pytest.mark.slow
@given(refund=refunds())
@for_random_baskets
def test_both_engines_allocate_a_refund_alike(engine, refund):
    rule, payments, in_cash, total, is_last = refund

    shares = engine.call(
        "allocateRefund",
        str(total),
        [{"amount": str(each.amount), "refunded": str(each.refunded)} for each in payments],
        in_cash,
        write_rule(rule),
        is_last,
    )

    expected = allocate_refund(total, payments, in_cash=in_cash, rule=rule, is_last=is_last)
    assert shares == [
        {"position": each.position, "amount": str(each.amount), "paid": str(each.paid)}
        for each in expected
    ]


percents = st.none() | st.sampled_from(["0", "10", "12.5", "100"]).map(Decimal)


@st.composite
def measured_orders(draw):
    """Draw lines with their applicable prices, order discounts, and the limits of a person."""
    lines, discounts, policy = draw(sales())
    measured = []
    for key, line in enumerate(lines):
        other = draw(st.none() | amounts(policy.exponent, 200))
        applicable = line.unit_price if other is None else other
        measured.append(
            MeasuredLine(
                key,
                line.quantity,
                line.unit_price,
                applicable,
                line.discounts,
                is_deposit=line.is_deposit,
            )
        )
    return measured, discounts, DiscountLimits(*(draw(percents) for _ in range(3))), policy.exponent


@pytest.mark.slow
@given(order=measured_orders())
@for_random_baskets
def test_both_engines_find_discounts_over_the_limit_alike(engine, order):
    lines, discounts, limits, exponent = order

    found = engine.call(
        "findOverLimit",
        [
            {
                "quantity": str(each.quantity),
                "unit_price": str(each.unit_price),
                "applicable_price": str(each.applicable_price),
                "discounts": write_discounts(each.discounts),
                "is_deposit": each.is_deposit,
            }
            for each in lines
        ],
        write_discounts(discounts),
        {name: None if (value := getattr(limits, name)) is None else str(value) for name in KINDS},
        exponent,
    )

    reduction = measure_reduction(lines, discounts)
    action = find_required_action(reduction, limits, exponent=exponent)
    amount = str(reduction.amount(exponent))
    assert found == (action and {"action": action, "amount": amount})


@given(price=amounts(2), gross=amounts(2))
@for_random_baskets
def test_both_engines_compute_the_quantity_of_a_label_alike(engine, price, gross):
    quantity = engine.call("computeLabeledQuantity", str(gross), str(price))

    assert Decimal(quantity) == compute_labeled_quantity(gross, price)


@pytest.mark.slow
@given(catalog=catalogs, sale=sold)
@for_random_baskets
def test_both_engines_choose_the_same_price_of_price_lists(engine, catalog, sale):
    quantity, store, at, group = sale
    prices = [
        {
            "amount": str(each.amount),
            "priority": each.priority,
            "min_quantity": str(each.min_quantity),
            "valid_from": each.valid_from and each.valid_from.isoformat(),
            "valid_to": each.valid_to and each.valid_to.isoformat(),
            "stores": sorted(each.stores),
            "customer_group": each.customer_group,
        }
        for each in catalog
    ]

    chosen = engine.call(
        "choosePrice", str(BASE), prices, str(quantity), store, at.isoformat(), group
    )

    assert chosen == str(choose_price(BASE, catalog, *sale))


POLICY = {"exponent": 2, "level": "line", "mode": "half_up"}
LINE = {"quantity": "1", "unit_price": "1.00", "taxes": []}


@pytest.mark.parametrize(
    ("line", "discounts", "policy", "message"),
    [
        ({"quantity": "1e3"}, [], {}, "quantity is not a decimal number: 1e3"),
        ({"unit_price": "-1.00"}, [], {}, "unit price is out of range: -1.00"),
        ({"fixed_gross": "1.001"}, [], {}, "fixed gross has more than 2 decimals: 1.001"),
        ({}, [{"type": "percent", "value": "101"}], {}, "discount is out of range: 101"),
        ({}, [{"type": "gift", "value": "1"}], {}, "unknown type of discount: gift"),
        (
            {"modifiers": [{"price": "1.00", "quantity": 0.5}]},
            [],
            {},
            "modifier quantity is out of",
        ),
        ({}, [], {"mode": "odd"}, "unknown rounding mode: odd"),
        ({}, [], {"level": "shop"}, "unknown level: shop"),
        ({}, [], {"exponent": -1}, "a currency cannot have -1 decimals"),
        (
            {"quantity": "-1", "discounts": [{"type": "percent", "value": "1"}]},
            [],
            {},
            "only quantity, price and taxes",
        ),
    ],
)
def test_javascript_engine_rejects_invalid_input(engine, line, discounts, policy, message):
    with pytest.raises(JavaScriptError, match=message):
        engine.call("priceOrder", [LINE | line], discounts, POLICY | policy)


def test_javascript_engine_compares_and_sums_amounts_exactly(engine):
    assert engine.call("sumAmounts", ["0.10", "0.20", "-0.30", "90071992547409.93"], 2) == (
        "90071992547409.93"
    )
    assert engine.call("compareAmounts", "0.30", "0.3") == 0
    assert engine.call("compareAmounts", "9.99", "10.00") == -1
    assert engine.call("compareAmounts", "0.01", "-0.01") == 1
    assert engine.call("isInCoins", "1.05", {"exponent": 2, "increment": "0.05"}) is True
    assert engine.call("isInCoins", "1.06", {"exponent": 2, "increment": "0.05"}) is False
