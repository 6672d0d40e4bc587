"""Price an existing order again, from its stored prices, taxes and rounding rules only."""

from collections.abc import Sequence

from orders.models import Order, OrderLine
from orders.money import PricingPolicy, RoundingLevel, RoundingMode
from orders.services.pricing.basket import price_within_limits
from orders.services.pricing.lines import (
    apply_order_price,
    apply_price,
    build_line_input,
    parse_discounts,
)
from tenants.scope import current_tenant

PRICED_LINE_FIELDS = ("discounts", "taxes", "gross", "discount_total", "net", "tax_total", "total")
PRICED_ORDER_FIELDS = (
    *("discounts", "taxes", "subtotal", "discount_total", "tax_total", "total"),
    "deposit_return_total",
)


def reprice(order: Order, lines: Sequence[OrderLine]) -> None:
    """Set every amount of the order and its lines; saves nothing. Raises `AmountTooLarge`."""
    inputs = [build_line_input(line) for line in lines]
    discounts = parse_discounts(order.discounts)
    priced = price_within_limits(inputs, discounts, parse_pricing_policy(order))
    for line, bill in zip(lines, priced.lines, strict=True):
        apply_price(line, bill)
    apply_order_price(order, priced)


def parse_pricing_policy(order: Order) -> PricingPolicy:
    return PricingPolicy(
        exponent=current_tenant().currency_exponent,
        level=RoundingLevel(order.tax_rounding_level),
        mode=RoundingMode(order.tax_rounding_mode),
    )
