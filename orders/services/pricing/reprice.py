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
    Policy,
    PricedLine,
    PricedTax,
    RoundingLevel,
    RoundingMode,
    TaxRate,
    TaxTotal,
    price_order,
)
from tenants.scope import current_tenant

Frozen = Mapping[str, Any]
BILLED = ("discounts", "taxes", "gross", "discount_total", "net", "tax_total", "total")
SUMMED = ("discounts", "taxes", "subtotal", "discount_total", "tax_total", "total")


def reprice(order: Order, lines: Sequence[OrderLine]) -> None:
    """Compute every figure of the order and its lines, and set them; saves nothing."""
    inputs = [line_input(line) for line in lines]
    if any(each.quantity * each.unit_price >= MAX_AMOUNT for each in inputs):
        raise AmountTooLarge
    priced = price_order(inputs, discounts_of(order.discounts), policy_frozen_in(order))
    if max(priced.subtotal, priced.total) >= MAX_AMOUNT:
        raise AmountTooLarge
    for line, bill in zip(lines, priced.lines, strict=True):
        _write_line(line, bill)
    order.discounts = with_amounts(order.discounts, priced.discounts)
    order.taxes = frozen_totals(priced.taxes)
    order.subtotal = priced.subtotal
    order.discount_total = priced.discount_total
    order.tax_total = priced.tax_total
    order.total = priced.total


def line_input(line: OrderLine) -> LineInput:
    return LineInput(
        quantity=line.quantity,
        unit_price=line.unit_price,
        taxes=tuple(rate_of(tax) for tax in line.taxes),
        discounts=discounts_of(line.discounts),
    )


def policy_frozen_in(order: Order) -> Policy:
    return Policy(
        exponent=current_tenant().currency_exponent,
        level=RoundingLevel(order.tax_rounding_level),
        mode=RoundingMode(order.tax_rounding_mode),
    )


def discounts_of(frozen: Iterable[Frozen]) -> tuple[Discount, ...]:
    return tuple(Discount(DiscountType(each["type"]), Decimal(each["value"])) for each in frozen)


def rate_of(frozen: Frozen) -> TaxRate:
    return TaxRate(
        name=frozen["name"],
        percent=Decimal(frozen["percent"]),
        included=frozen["included"],
        compound=frozen["compound"],
    )


def frozen_rate(rate: TaxRate) -> dict[str, Any]:
    return {
        "name": rate.name,
        "percent": str(rate.percent),
        "included": rate.included,
        "compound": rate.compound,
    }


def frozen_tax(tax: PricedTax) -> dict[str, Any]:
    return frozen_rate(tax.rate) | {"taxable": str(tax.taxable), "amount": str(tax.amount)}


def frozen_totals(totals: Iterable[TaxTotal]) -> list[dict[str, Any]]:
    return [
        frozen_rate(total.rate) | {"taxable": str(total.taxable), "amount": str(total.amount)}
        for total in totals
    ]


def with_amounts(discounts: Sequence[Frozen], taken: Sequence[Decimal]) -> list[dict[str, Any]]:
    """Each discount with the amount that it really takes."""
    return [{**each, "amount": str(amount)} for each, amount in zip(discounts, taken, strict=True)]


def _write_line(line: OrderLine, bill: PricedLine) -> None:
    line.discounts = with_amounts(line.discounts, bill.line_discounts)
    line.taxes = [frozen_tax(tax) for tax in bill.taxes]
    line.gross, line.discount_total, line.net = bill.gross, bill.discount_total, bill.net
    line.tax_total, line.total = bill.tax_total, bill.total
