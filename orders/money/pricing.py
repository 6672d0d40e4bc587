"""Price an order, in minor units from the first product to the last sum."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction

from orders.money.bill import (
    Discount,
    LineInput,
    PricedLine,
    PricedOrder,
    PricedTax,
    PricingPolicy,
    TaxRate,
    TaxTotal,
)
from orders.money.discounts import allocate_discounts, compute_discounts
from orders.money.rounding import divide_signed, round_to, to_decimal, to_decimals, to_units
from orders.money.taxes import LineTaxes, compute_taxes

QUANTITY_EXPONENT = 3
MIN_QUANTITY = Decimal("0.001")


@dataclass(slots=True)
class _Draft:
    """A line in minor units while it is priced."""

    line: LineInput
    gross: int
    taken: list[int]
    net: int
    taxes: list[int] = field(default_factory=list)
    bases: list[int] = field(default_factory=list)
    total: int = 0

    def finish(self, net: int, taxes: LineTaxes) -> None:
        self.net, self.taxes, self.bases = net, taxes.amounts, taxes.bases
        rated = zip(self.line.taxes, self.taxes, strict=True)
        self.total = net + sum([units for rate, units in rated if not rate.included])


def price_order(
    lines: Sequence[LineInput], discounts: Sequence[Discount], policy: PricingPolicy
) -> PricedOrder:
    """Return the priced order."""
    exponent = policy.exponent
    drafts = [_start_draft(line, exponent) for line in lines]
    left = [draft.net if draft.line.has_order_discounts else 0 for draft in drafts]
    taken = compute_discounts(discounts, sum(left), exponent)
    discounted = allocate_discounts(discounts, taken, left)
    nets = [
        net if draft.line.has_order_discounts else draft.net
        for draft, net in zip(drafts, discounted, strict=True)
    ]
    for draft, net, taxes in zip(drafts, nets, compute_taxes(lines, nets, policy), strict=True):
        draft.finish(net, taxes)
    return _build_bill(drafts, taken, exponent)


def _start_draft(line: LineInput, exponent: int) -> _Draft:
    gross = _compute_gross(line, exponent)
    taken = compute_discounts(line.discounts, gross, exponent)
    return _Draft(line, gross, taken, net=gross - sum(taken))


def _compute_gross(line: LineInput, exponent: int) -> int:
    if line.fixed_gross is not None:
        return to_units("fixed gross", line.fixed_gross, exponent)
    quantity, parts = line.quantity.as_integer_ratio()
    price, pieces = line.modified_price.as_integer_ratio()
    return divide_signed(quantity * price * 10**exponent, parts * pieces)


def compute_labeled_quantity(fixed_gross: Decimal, unit_price: Decimal) -> Decimal:
    """Return the quantity that costs this at the unit price, in thousandths and not zero."""
    if not unit_price:
        return Decimal(1)
    thousandths = round_to(Fraction(fixed_gross) / Fraction(unit_price), QUANTITY_EXPONENT)
    return max(thousandths, MIN_QUANTITY)


def _build_bill(drafts: list[_Draft], taken: list[int], exponent: int) -> PricedOrder:
    gross = sum([draft.gross for draft in drafts])
    return PricedOrder(
        lines=tuple([_build_line(draft, exponent) for draft in drafts]),
        discounts=to_decimals(taken, exponent),
        subtotal=to_decimal(gross, exponent),
        discount_total=to_decimal(gross - sum([draft.net for draft in drafts]), exponent),
        tax_total=to_decimal(sum([sum(draft.taxes) for draft in drafts]), exponent),
        total=to_decimal(sum([draft.total for draft in drafts]), exponent),
        taxes=_build_tax_totals(drafts, exponent),
    )


def _build_line(draft: _Draft, exponent: int) -> PricedLine:
    discount = draft.gross - draft.net
    gross, order_discount, discount_total, net, tax_total, total = to_decimals(
        (
            draft.gross,
            discount - sum(draft.taken),
            discount,
            draft.net,
            sum(draft.taxes),
            draft.total,
        ),
        exponent,
    )
    bases, amounts = to_decimals(draft.bases, exponent), to_decimals(draft.taxes, exponent)
    return PricedLine(
        gross=gross,
        line_discounts=to_decimals(draft.taken, exponent),
        order_discount=order_discount,
        discount_total=discount_total,
        net=net,
        taxes=tuple(map(PricedTax, draft.line.taxes, bases, amounts)),
        tax_total=tax_total,
        total=total,
    )


def _build_tax_totals(drafts: list[_Draft], exponent: int) -> tuple[TaxTotal, ...]:
    """Return a total for each rate, in order of appearance."""
    buckets: dict[TaxRate, list[int]] = {}
    for draft in drafts:
        for rate, base, units in zip(draft.line.taxes, draft.bases, draft.taxes, strict=True):
            bucket = buckets.setdefault(rate, [0, 0])
            bucket[0] += base
            bucket[1] += units
    return tuple(
        TaxTotal(rate, to_decimal(taxable, exponent), to_decimal(amount, exponent))
        for rate, (taxable, amount) in buckets.items()
    )
