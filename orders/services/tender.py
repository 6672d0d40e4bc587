"""What customers pay with, and what that does to what is due; nothing is written here."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from orders.exceptions import AmountTooLarge, PaymentExceedsDue
from orders.models import Order, Payment
from orders.models.columns import LARGEST_AMOUNT
from orders.money import CashSettlement, cash_rounding, settle_cash
from tenants.exceptions import Invalid
from tenants.ids import new_id
from tenants.scope import current_tenant


@dataclass(frozen=True, slots=True)
class NewPayment:
    """`amount` settles the order; `tendered` is what the customer handed over, in cash."""

    method: str
    amount: Decimal
    tendered: Decimal | None = None
    reference: str = ""
    id: uuid.UUID | None = None


def draft_payments(
    order: Order, wanted: Sequence[NewPayment], before: Sequence[Payment] = ()
) -> list[Payment]:
    """Payments for what is due, in turn: cash is there at once, a card is still to be asked.

    `before` are those that the order has; what a card may still bring is not paid twice.
    """
    underway = sum((payment.amount for payment in before if payment.is_underway), Decimal(0))
    drafts: list[Payment] = []
    for position, new in enumerate(wanted):
        draft = _cash if new.method == Payment.Method.CASH else _not_cash
        payment = draft(order, new, order.due - underway, f"payments[{position}]")
        payment.position = len(before) + position
        underway += payment.amount if payment.is_underway else 0
        drafts.append(payment)
    return drafts


def _not_cash(order: Order, new: NewPayment, left: Decimal, field: str) -> Payment:
    """A card is still to be asked; vouchers, store credit and the rest count at once."""
    if new.tendered is not None:
        raise Invalid.field(f"{field}.tendered", "Only cash is tendered.", code="not_cash")
    if new.amount == 0:
        raise Invalid.field(f"{field}.amount", "More than nothing.", code="min_value")
    if new.amount > left:
        raise PaymentExceedsDue(due=current_tenant().in_currency(left))
    if new.method == Payment.Method.STORE_CREDIT and not new.reference:
        raise Invalid.field(f"{field}.reference", "The code of the credit.", code="required")
    is_card = new.method == Payment.Method.CARD
    if not is_card:
        order.paid_total += new.amount
    return Payment(
        id=new.id or new_id(),
        order=order,
        method=new.method,
        status=Payment.Status.PENDING if is_card else Payment.Status.CAPTURED,
        amount=new.amount,
        reference=new.reference,
    )


def _cash(order: Order, new: NewPayment, left: Decimal, field: str) -> Payment:
    """Cash in the drawer, and what that does to the order."""
    tendered = new.amount if new.tendered is None else new.tendered
    settlement = _settlement(new.amount, left, field)
    if tendered < new.amount:
        raise Invalid.field(
            f"{field}.tendered", "Less than the amount that it pays.", code="tendered_too_little"
        )
    payment = Payment(
        id=new.id or new_id(),
        order=order,
        method=Payment.Method.CASH,
        status=Payment.Status.CAPTURED,
        amount=new.amount,
        tendered=tendered,
        change=tendered - new.amount,
        reference=new.reference,
    )
    order.cash_rounding += settlement.rounding
    order.paid_total += payment.amount
    order.change_total += payment.change
    if order.change_total >= LARGEST_AMOUNT:
        raise AmountTooLarge
    return payment


def _settlement(amount: Decimal, left: Decimal, field: str) -> CashSettlement:
    tenant = current_tenant()
    increment, exponent = tenant.cash_rounding_increment, tenant.currency_exponent
    payable = left + cash_rounding(left, increment, exponent)
    if amount > payable:
        raise PaymentExceedsDue(due=tenant.in_currency(payable))
    settlement = settle_cash(left, amount, increment, exponent)
    if amount == 0 and not settlement.settles:
        raise Invalid.field(f"{field}.amount", "More than nothing.", code="min_value")
    return settlement
