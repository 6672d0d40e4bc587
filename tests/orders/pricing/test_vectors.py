"""The shared test vectors `tests/vectors/pricing.json`, which terminals can use too."""

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orders.money import (
    CashOutcome,
    CashRoundingRule,
    Discount,
    DiscountType,
    LineInput,
    ListPrice,
    ModifierInput,
    PricedLine,
    PricedOrder,
    PricedTax,
    PricingPolicy,
    RoundingLevel,
    RoundingMode,
    TaxRate,
    TaxTotal,
    choose_price,
    price_order,
    round_to,
    settle_cash,
)

VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "vectors" / "pricing.json").read_text(encoding="utf-8")
)


def build_discounts(holder: Mapping[str, Any]) -> tuple[Discount, ...]:
    return tuple(
        Discount(DiscountType(given["type"]), Decimal(given["value"]))
        for given in holder.get("discounts", ())
    )


def build_list_price(given: Mapping[str, Any]) -> ListPrice:
    """Return a price of a list: what is left out applies always and everywhere."""
    times = {
        name: datetime.fromisoformat(given[name])
        for name in ("valid_from", "valid_to")
        if name in given
    }
    group = given.get("customer_group")
    min_quantity, stores = Decimal(given.get("min_quantity", "0")), given.get("stores", ())
    return ListPrice(
        Decimal(given["amount"]),
        given["priority"],
        min_quantity,
        stores=frozenset(stores),
        customer_group=group,
        **times,
    )


def find_list_price(vector: Mapping[str, Any], given: Mapping[str, Any]) -> Decimal:
    prices = [build_list_price(each) for each in given["list_prices"]]
    at = datetime.fromisoformat(vector["at"])
    base, quantity = Decimal(given["base_price"]), Decimal(given["quantity"])
    group = vector.get("customer_group")
    return choose_price(base, prices, quantity, vector["store"], at, group)


def build_line(vector: Mapping[str, Any], given: Mapping[str, Any]) -> LineInput:
    taxes = tuple(
        TaxRate(tax["id"], Decimal(tax["percent"]), tax["included"], tax["compound"])
        for tax in given["taxes"]
    )
    typed, quantity = given.get("unit_price"), Decimal(given["quantity"])
    unit_price = find_list_price(vector, given) if typed is None else Decimal(typed)
    fixed_gross = Decimal(given["fixed_gross"]) if "fixed_gross" in given else None
    is_deposit = given.get("is_deposit", False)
    modifiers = tuple(
        ModifierInput(Decimal(each["price"]), each["quantity"])
        for each in given.get("modifiers", ())
    )
    discounts = build_discounts(given)
    return LineInput(quantity, unit_price, taxes, discounts, fixed_gross, is_deposit, modifiers)


def price_vector(vector: Mapping[str, Any]) -> PricedOrder:
    rounding = vector["tax_rounding"]
    level, mode = RoundingLevel(rounding["level"]), RoundingMode(rounding["mode"])
    lines = [build_line(vector, given) for given in vector["lines"]]
    return price_order(
        lines, build_discounts(vector), PricingPolicy(vector["exponent"], level, mode)
    )


def tax_amounts(taxes: Iterable[PricedTax | TaxTotal]) -> list[dict[str, str]]:
    return [
        {"id": tax.rate.name, "base": str(tax.taxable), "amount": str(tax.amount)} for tax in taxes
    ]


def line_amounts(line: PricedLine) -> dict[str, Any]:
    return {
        "gross": str(line.gross),
        "discount_total": str(line.discount_total),
        "net": str(line.net),
        "taxes": tax_amounts(line.taxes),
        "total": str(line.total),
    }


def order_amounts(order: PricedOrder) -> dict[str, Any]:
    return {
        "lines": [line_amounts(line) for line in order.lines],
        "taxes": tax_amounts(order.taxes),
        "subtotal": str(order.subtotal),
        "discount_total": str(order.discount_total),
        "tax_total": str(order.tax_total),
        "total": str(order.total),
    }


def test_vectors_are_complete_and_have_unique_names():
    assert len({vector["name"] for vector in VECTORS}) == len(VECTORS) == 138


def settle_vector(vector: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, str]:
    coins = vector["cash_rounding"]
    is_belgian = coins["country"] == "BE"
    rule = CashRoundingRule(
        vector["exponent"],
        coins["increment"] and Decimal(coins["increment"]),
        RoundingMode(coins["mode"]),
        Decimal("0.05" if is_belgian else "0"),
    )
    left = price_vector(vector).total - Decimal(given["paid"])
    settlement = settle_cash(
        left, given["amount"] and Decimal(given["amount"]), rule, price_vector(vector).total
    )
    is_booked = settlement.outcome in {CashOutcome.SETTLES, CashOutcome.PART}
    booked = {"amount": settlement.amount, "cash_rounding": settlement.rounding}
    return {
        "payable": str(settlement.payable),
        "outcome": settlement.outcome.value,
        **(
            {name: str(round_to(each, rule.exponent)) for name, each in booked.items()}
            if is_booked
            else {}
        ),
    }


CASH_CASES = [
    pytest.param(vector, given, id=f"{vector['name']}: {given['amount']} after {given['paid']}")
    for vector in VECTORS
    for given in vector.get("cash", ())
]


@pytest.mark.parametrize(("vector", "given"), CASH_CASES)
def test_cash_settlement_matches_the_vector(vector, given):
    assert settle_vector(vector, given) == given["expected"]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_pricing_matches_the_vector(vector):
    order = price_vector(vector)

    amounts = order_amounts(order)
    for given, line in zip(vector["lines"], amounts["lines"], strict=True):
        if "list_prices" in given:
            line["list_price"] = str(find_list_price(vector, given))
    assert amounts == vector["expected"]
