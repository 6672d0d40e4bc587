"""Compute refund lines: which quantity and amount of each order line is refunded."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from accounts.models import User
from orders.exceptions import NothingLeftToRefund, RefundExceedsPaid
from orders.models import Order, OrderLine, Refund, RefundLine
from orders.money import LineRefund, SoldLine, refund_quantity, refund_without_goods
from tenants.api.formats import format_number
from tenants.exceptions import Invalid
from tenants.ids import new_id
from tenants.models import Register
from tenants.scope import current_tenant

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class RefundLineRequest:
    """A quantity of an order line to refund, restocked or wasted."""

    line: uuid.UUID
    quantity: Decimal
    restock: bool = True


@dataclass(frozen=True, slots=True)
class RefundLineResult:
    """What is refunded of an order line, and whether it is restocked."""

    line: OrderLine
    taken: LineRefund
    restock: bool

    @property
    def tax_snapshots(self) -> list[dict[str, Any]]:
        parts = zip(self.line.taxes, self.taken.bases, self.taken.taxes, strict=True)
        return [{**tax, "taxable": str(base), "amount": str(amount)} for tax, base, amount in parts]


def build_refund_lines(
    order: Order, lines: Sequence[RefundLineRequest], amount: Decimal | None
) -> list[RefundLineResult]:
    """Return what is refunded of each line: by quantity, by amount, or all that is left."""
    if lines and amount is not None:
        raise Invalid.field("amount", "Give either lines or an amount.", code="one_of")
    if amount is not None:
        return _ensure_whole_labels(allocate_amount(order, amount))
    exponent = current_tenant().currency_exponent
    sold = {line.pk: _build_sold_line(order, line) for line in order.sold_lines}
    wanted = lines or _request_all_left(order)
    known = {line.pk: line for line in order.loaded_lines}
    refund_lines = []
    for position, each in enumerate(wanted):
        _ensure_refundable(f"lines[{position}]", each, known.get(each.line))
        taken = refund_quantity(sold[each.line], each.quantity, exponent)
        refund_lines.append(RefundLineResult(known[each.line], taken, each.restock))
    for each in _request_deposits(order, wanted):
        taken = refund_quantity(sold[each.line], each.quantity, exponent)
        refund_lines.append(RefundLineResult(known[each.line], taken, each.restock))
    return refund_lines


def _request_deposits(
    order: Order, wanted: Sequence[RefundLineRequest]
) -> Iterator[RefundLineRequest]:
    """Yield the deposits of the requested lines, unless they are requested themselves.

    Deposits that were refunded before, for empties, are not refunded again.
    """
    requested = {each.line: each for each in wanted}
    for line in order.loaded_lines:
        parent = requested.get(line.deposit_for_id) if line.deposit_for_id else None
        quantity = min(parent.quantity, line.quantity - line.refunded_quantity) if parent else ZERO
        if parent and quantity and line.pk not in requested:
            yield RefundLineRequest(line.pk, quantity, parent.restock)


def _request_all_left(order: Order) -> tuple[RefundLineRequest, ...]:
    rest = tuple(
        RefundLineRequest(line.pk, line.quantity - line.refunded_quantity)
        for line in order.loaded_lines
        if line.refunded_quantity < line.quantity
    )
    if not rest:
        raise NothingLeftToRefund(number=order.number)
    return rest


def allocate_amount(order: Order, amount: Decimal) -> list[RefundLineResult]:
    """Divide an amount among the lines, without goods.

    Also among lines with the price of a label: for payouts that were made already.
    """
    sold = [_build_sold_line(order, line) for line in order.sold_lines]
    left = sum((each.left for each in sold), ZERO)
    if amount > left:
        raise RefundExceedsPaid(number=order.number, left=current_tenant().quantize_amount(left))
    shares = refund_without_goods(sold, amount, current_tenant().currency_exponent)
    pairs = zip(order.sold_lines, shares, strict=True)
    return [RefundLineResult(line, share, restock=False) for line, share in pairs if share.total]


def _ensure_whole_labels(refund_lines: list[RefundLineResult]) -> list[RefundLineResult]:
    """Raise `Invalid` for an amount that is a part of a line with the price of a label."""
    for each in refund_lines:
        is_part = each.taken.total != each.line.refundable_total
        if each.line.fixed_gross is not None and is_part:
            detail = (
                f"{each.line.name} has the price of a label and is refunded whole. "
                "Refund lines, or all that is left."
            )
            raise Invalid.field("amount", detail, code="only_whole")
    return refund_lines


def _ensure_refundable(field: str, wanted: RefundLineRequest, line: OrderLine | None) -> None:
    if line is None:
        raise Invalid.field(f"{field}.line", "Not a line of this order.", code="does_not_exist")
    if line.is_returned:
        detail = "Returned goods cannot be refunded."
        raise Invalid.field(f"{field}.line", detail, code="returned")
    left = line.quantity - line.refunded_quantity
    if wanted.quantity > left:
        raise Invalid.field(
            f"{field}.quantity", f"At most {format_number(left)} can be refunded.", code="too_much"
        )
    line.ensure_whole_units(wanted.quantity, f"{field}.quantity")
    if line.fixed_gross is not None and wanted.quantity != line.quantity:
        raise Invalid.field(
            f"{field}.quantity",
            f"A line with the price of a label is refunded whole: {format_number(line.quantity)}.",
            code="only_whole",
        )


def _build_sold_line(order: Order, line: OrderLine) -> SoldLine:
    """Return the line as sold, with the totals of earlier refunds."""
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
            sum((Decimal(each.taxes[at]["amount"]) for each in earlier), ZERO)
            for at in range(len(line.taxes))
        ),
        refunded_bases=tuple(
            sum((each.taxable_amounts[at] for each in earlier), ZERO)
            for at in range(len(line.taxes))
        ),
    )


def build_refund(
    order: Order,
    refund_lines: Sequence[RefundLineResult],
    register: Register,
    *,
    id: uuid.UUID,
    reason: str,
    by: User,
    content: str = "",
) -> Refund:
    """Return an unsaved refund of these lines, without payouts. `content` is its fingerprint."""
    refund = Refund(
        id=id,
        order=order,
        position=len(order.loaded_refunds),
        store=register.store,
        register=register,
        total=sum((each.taken.total for each in refund_lines), ZERO),
        tax_total=sum((sum(each.taken.taxes, ZERO) for each in refund_lines), ZERO),
        taxes=sum_taxes(refund_lines),
        reason=reason,
        by=by,
        fingerprint=content,
    )
    refund.loaded_lines = [
        RefundLine(
            id=new_id(),
            refund=refund,
            line=each.line,
            quantity=each.taken.quantity,
            total=each.taken.total,
            tax_total=sum(each.taken.taxes, ZERO),
            taxes=each.tax_snapshots,
            restock=each.restock,
        )
        for each in refund_lines
    ]
    return refund


def sum_taxes(refund_lines: Sequence[RefundLineResult]) -> list[dict[str, Any]]:
    """Return tax totals by rate, with the refunded taxable amounts."""
    buckets: dict[tuple[Any, ...], dict[str, Any]] = {}
    for each in refund_lines:
        for tax in each.tax_snapshots:
            key = (tax["name"], tax["percent"], tax["included"], tax["compound"])
            bucket = buckets.setdefault(key, {**tax, "taxable": "0", "amount": "0"})
            for figure in ("taxable", "amount"):
                bucket[figure] = str(Decimal(bucket[figure]) + Decimal(tax[figure]))
    return list(buckets.values())
