"""What of a sale comes back: which lines, how much of them, at what was paid."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from orders.exceptions import NothingLeftToRefund, RefundExceedsPaid
from orders.models import Order, OrderLine, Refund
from orders.money import SoldLine, TakenBack, give_back, take_back
from tenants.exceptions import Invalid
from tenants.scope import current_tenant

NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class WantedBack:
    """So much of a line, back to the shelf or to waste."""

    line: uuid.UUID
    quantity: Decimal
    restock: bool = True


@dataclass(frozen=True, slots=True)
class Back:
    """What of a line comes back, and whether it can be sold again."""

    line: OrderLine
    taken: TakenBack
    restock: bool

    @property
    def frozen_taxes(self) -> list[dict[str, Any]]:
        parts = zip(self.line.taxes, self.taken.bases, self.taken.taxes, strict=True)
        return [{**tax, "taxable": str(base), "amount": str(amount)} for tax, base, amount in parts]


def what_comes_back(
    order: Order, lines: Sequence[WantedBack], amount: Decimal | None
) -> list[Back]:
    """What comes back of which line: by quantity, by amount, or all that is left."""
    if lines and amount is not None:
        raise Invalid.field("amount", "Lines or an amount, not both.", code="one_of")
    exponent = current_tenant().currency_exponent
    sold = {line.pk: _sold(order, line) for line in order.loaded_lines}
    if amount is not None:
        return _by_amount(order, sold, amount, exponent)
    wanted = lines or _everything(order)
    known = {line.pk: line for line in order.loaded_lines}
    backs = []
    for position, each in enumerate(wanted):
        _ensure_there(f"lines[{position}]", each, known.get(each.line))
        taken = take_back(sold[each.line], each.quantity, exponent)
        backs.append(Back(known[each.line], taken, each.restock))
    return backs


def _everything(order: Order) -> tuple[WantedBack, ...]:
    rest = tuple(
        WantedBack(line.pk, line.quantity - line.refunded_quantity)
        for line in order.loaded_lines
        if line.refunded_quantity < line.quantity
    )
    if not rest:
        raise NothingLeftToRefund(number=order.number)
    return rest


def _by_amount(
    order: Order, sold: dict[uuid.UUID, SoldLine], amount: Decimal, exponent: int
) -> list[Back]:
    left = sum((each.left for each in sold.values()), NOTHING)
    if amount > left:
        raise RefundExceedsPaid(number=order.number, left=current_tenant().quantize_amount(left))
    shares = give_back(list(sold.values()), amount, exponent)
    pairs = zip(order.loaded_lines, shares, strict=True)
    return [Back(line, share, restock=False) for line, share in pairs if share.total]


def _ensure_there(field: str, wanted: WantedBack, line: OrderLine | None) -> None:
    if line is None:
        raise Invalid.field(f"{field}.line", "No such line on this order.", code="does_not_exist")
    left = line.quantity - line.refunded_quantity
    if wanted.quantity > left:
        raise Invalid.field(
            f"{field}.quantity", f"Only {left.normalize():f} is left.", code="too_much"
        )
    line.ensure_whole_units(wanted.quantity, f"{field}.quantity")


def _sold(order: Order, line: OrderLine) -> SoldLine:
    """The line as it was sold, with all that earlier refunds took of it."""
    earlier = [
        each
        for refund in order.loaded_refunds
        if refund.status != Refund.Status.FAILED
        for each in refund.loaded_lines
        if each.line_id == line.pk
    ]
    return SoldLine(
        quantity=line.quantity,
        total=line.total,
        taxes=tuple(Decimal(tax["amount"]) for tax in line.taxes),
        bases=line.taxable_amounts,
        refunded_quantity=line.refunded_quantity,
        refunded_total=line.refunded_total,
        refunded_taxes=tuple(
            sum((Decimal(each.taxes[at]["amount"]) for each in earlier), NOTHING)
            for at in range(len(line.taxes))
        ),
        refunded_bases=tuple(
            sum((each.taxable_amounts[at] for each in earlier), NOTHING)
            for at in range(len(line.taxes))
        ),
    )


def tax_totals(backs: Sequence[Back]) -> list[dict[str, Any]]:
    """One bucket for each rate, with what of its taxable amount comes back."""
    buckets: dict[tuple[Any, ...], dict[str, Any]] = {}
    for back in backs:
        for tax in back.frozen_taxes:
            key = (tax["name"], tax["percent"], tax["included"], tax["compound"])
            bucket = buckets.setdefault(key, {**tax, "taxable": "0", "amount": "0"})
            for figure in ("taxable", "amount"):
                bucket[figure] = str(Decimal(bucket[figure]) + Decimal(tax[figure]))
    return list(buckets.values())
