"""Explain how a line came to its total; separate, so that a sale does not pay for it."""

import math
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from orders.money.bill import DiscountType, LineInput, PricedLine, PricingPolicy
from orders.money.discounts import get_application_order
from orders.money.rounding import format_plain, round_to, to_decimal
from orders.money.taxes import compute_tax_parts

_EXTRA_DECIMALS = 6  # decimals below the minor unit at which an exact figure is cut off


def build_price_trace(
    line: LineInput, priced: PricedLine, policy: PricingPolicy
) -> list[dict[str, str]]:
    """Return the steps in order of computation; exact figures are cut, not rounded."""
    unit_price = _format_money(line.modified_price, policy.exponent)
    gross = {"quantity": format_plain(line.quantity), "unit_price": unit_price}
    if line.fixed_gross is not None:
        gross |= {"fixed_gross": _format_money(line.fixed_gross, policy.exponent)}
    return [
        {"step": "gross", **gross, "amount": str(priced.gross)},
        *_build_discount_steps(line, priced, policy.exponent),
        {"step": "net", "amount": str(priced.net)},
        *_build_tax_steps(priced, policy.exponent + _EXTRA_DECIMALS),
        {"step": "total", "amount": str(priced.total)},
    ]


def _build_discount_steps(
    line: LineInput, priced: PricedLine, exponent: int
) -> Iterator[dict[str, str]]:
    for at in get_application_order(line.discounts):
        discount, amount = line.discounts[at], str(priced.line_discounts[at])
        is_percent = discount.type == DiscountType.PERCENT
        value = (
            format_plain(discount.value) if is_percent else _format_money(discount.value, exponent)
        )
        yield {"step": "discount", "type": str(discount.type), "value": value, "amount": amount}
    if priced.order_discount:
        yield {"step": "order_discount", "amount": str(priced.order_discount)}


def _build_tax_steps(priced: PricedLine, places: int) -> Iterator[dict[str, str]]:
    """Yield each tax with its base, which for a compound tax includes earlier taxes."""
    parts = compute_tax_parts(tuple(tax.rate for tax in priced.taxes))
    net = Fraction(priced.net)
    for at, tax in enumerate(priced.taxes):
        yield {
            "step": "tax",
            "name": tax.rate.name,
            "percent": format_plain(tax.rate.percent),
            "base": _format_cut(net * parts.bases[at] / parts.divisor, places),
            "exact": _format_cut(net * parts.taxes[at] / parts.divisor, places),
            "amount": str(tax.amount),
        }


def _format_cut(value: Fraction, places: int) -> str:
    return f"{to_decimal(math.trunc(value * 10**places), places):f}"


def _format_money(value: Decimal, exponent: int) -> str:
    """Return an amount in the currency; a finer price keeps its decimals."""
    amount = round_to(value, exponent)
    return str(amount) if amount == value else format_plain(value)
