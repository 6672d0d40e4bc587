"""Pricing an order again from what is frozen in it: today's catalog and rules have no say."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from orders.exceptions import AmountTooLarge
from orders.models import Order, OrderLine
from orders.models.columns import MAX_AMOUNT
from orders.money import (
    Discount,
    DiscountType,
    LineInput,
    PricedLine,
    PricedTax,
    PricingPolicy,
    RoundingLevel,
    RoundingMode,
    TaxRate,
    TaxTotal,
    price_order,
)
from tenants.scope import current_tenant

Snapshot = Mapping[str, Any]
PRICED_LINE_FIELDS = ("discounts", "taxes", "gross", "discount_total", "net", "tax_total", "total")
PRICED_ORDER_FIELDS = ("discounts", "taxes", "subtotal", "discount_total", "tax_total", "total")


def reprice(order: Order, lines: Sequence[OrderLine]) -> None:
    """Compute every figure of the order and its lines, and set them; saves nothing."""
    inputs = [build_line_input(line) for line in lines]
    if any(each.quantity * each.unit_price >= MAX_AMOUNT for each in inputs):
        raise AmountTooLarge
    priced = price_order(inputs, parse_discounts(order.discounts), parse_pricing_policy(order))
    if max(priced.subtotal, priced.total) >= MAX_AMOUNT:
        raise AmountTooLarge
    for line, bill in zip(lines, priced.lines, strict=True):
        _update_line(line, bill)
    order.discounts = add_amounts(order.discounts, priced.discounts)
    order.taxes = build_tax_total_snapshots(priced.taxes)
    order.subtotal = priced.subtotal
    order.discount_total = priced.discount_total
    order.tax_total = priced.tax_total
    order.total = priced.total


def build_line_input(line: OrderLine) -> LineInput:
    return LineInput(
        quantity=line.quantity,
        unit_price=line.unit_price,
        taxes=tuple(parse_tax_rate(tax) for tax in line.taxes),
        discounts=parse_discounts(line.discounts),
    )


def parse_pricing_policy(order: Order) -> PricingPolicy:
    return PricingPolicy(
        exponent=current_tenant().currency_exponent,
        level=RoundingLevel(order.tax_rounding_level),
        mode=RoundingMode(order.tax_rounding_mode),
    )


def parse_discounts(frozen: Iterable[Snapshot]) -> tuple[Discount, ...]:
    return tuple(Discount(DiscountType(each["type"]), Decimal(each["value"])) for each in frozen)


def parse_tax_rate(frozen: Snapshot) -> TaxRate:
    return TaxRate(
        name=frozen["name"],
        percent=Decimal(frozen["percent"]),
        included=frozen["included"],
        compound=frozen["compound"],
    )


def build_rate_snapshot(rate: TaxRate) -> dict[str, Any]:
    return {
        "name": rate.name,
        "percent": str(rate.percent),
        "included": rate.included,
        "compound": rate.compound,
    }


def build_tax_snapshot(tax: PricedTax) -> dict[str, Any]:
    return build_rate_snapshot(tax.rate) | {"taxable": str(tax.taxable), "amount": str(tax.amount)}


def build_tax_total_snapshots(totals: Iterable[TaxTotal]) -> list[dict[str, Any]]:
    return [
        build_rate_snapshot(total.rate)
        | {"taxable": str(total.taxable), "amount": str(total.amount)}
        for total in totals
    ]


def add_amounts(discounts: Sequence[Snapshot], taken: Sequence[Decimal]) -> list[dict[str, Any]]:
    """Each discount with the amount that it really takes."""
    return [{**each, "amount": str(amount)} for each, amount in zip(discounts, taken, strict=True)]


def _update_line(line: OrderLine, bill: PricedLine) -> None:
    line.discounts = add_amounts(line.discounts, bill.line_discounts)
    line.taxes = [build_tax_snapshot(tax) for tax in bill.taxes]
    line.gross, line.discount_total, line.net = bill.gross, bill.discount_total, bill.net
    line.tax_total, line.total = bill.tax_total, bill.total
