"""Price an existing order again, from its stored prices, taxes and rounding rules only."""

from collections.abc import Sequence

from orders.exceptions import AmountTooLarge
from orders.models import Order, OrderLine
from orders.models.columns import MAX_AMOUNT
from orders.money import PricingPolicy, RoundingLevel, RoundingMode, price_order
from orders.services.pricing.lines import (
    add_amounts,
    apply_price,
    build_line_input,
    build_tax_snapshot,
    parse_discounts,
)
from tenants.scope import current_tenant

PRICED_LINE_FIELDS = ("discounts", "taxes", "gross", "discount_total", "net", "tax_total", "total")
PRICED_ORDER_FIELDS = ("discounts", "taxes", "subtotal", "discount_total", "tax_total", "total")


def reprice(order: Order, lines: Sequence[OrderLine]) -> None:
    """Set every amount of the order and its lines; saves nothing. Raises `AmountTooLarge`."""
    inputs = [build_line_input(line) for line in lines]
    if any(each.quantity * each.unit_price >= MAX_AMOUNT for each in inputs):
        raise AmountTooLarge
    priced = price_order(inputs, parse_discounts(order.discounts), parse_pricing_policy(order))
    if max(priced.subtotal, priced.total) >= MAX_AMOUNT:
        raise AmountTooLarge
    for line, bill in zip(lines, priced.lines, strict=True):
        apply_price(line, bill)
    order.discounts = add_amounts(order.discounts, priced.discounts)
    order.taxes = [build_tax_snapshot(total) for total in priced.taxes]
    order.subtotal = priced.subtotal
    order.discount_total = priced.discount_total
    order.tax_total = priced.tax_total
    order.total = priced.total


def parse_pricing_policy(order: Order) -> PricingPolicy:
    return PricingPolicy(
        exponent=current_tenant().currency_exponent,
        level=RoundingLevel(order.tax_rounding_level),
        mode=RoundingMode(order.tax_rounding_mode),
    )
