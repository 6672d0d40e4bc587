"""What customers pay with, and what that does to what is due; nothing is written here."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from orders.exceptions import AmountTooLarge, NotPayableInCash, PaymentExceedsDue
from orders.models import Order, Payment
from orders.models.columns import LARGEST_AMOUNT
from orders.money import CashOutcome, CashRule, CashSettlement, settle_cash
from orders.services.basket import cash_rule_of
from tenants.exceptions import Invalid
from tenants.ids import new_id
from tenants.scope import current_tenant


@dataclass(frozen=True, slots=True)
class NewPayment:
    """`amount` settles the order; `tendered` is what the customer handed over, in cash.

    Cash without an amount is the rest, in coins.
    """

    method: str
    amount: Decimal | None = None
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
    amount = _amount_named(new, field)
    if new.tendered is not None:
        raise Invalid.field(f"{field}.tendered", "Only cash is tendered.", code="not_cash")
    if amount == 0:
        raise Invalid.field(f"{field}.amount", "Must be greater than zero.", code="min_value")
    if amount > left:
        raise PaymentExceedsDue(due=current_tenant().in_currency(left))
    if new.method == Payment.Method.STORE_CREDIT and not new.reference:
        raise Invalid.field(f"{field}.reference", "The code of the credit.", code="required")
    is_card = new.method == Payment.Method.CARD
    if not is_card:
        order.paid_total += amount
    return Payment(
        id=new.id or new_id(),
        order=order,
        method=new.method,
        status=Payment.Status.PENDING if is_card else Payment.Status.CAPTURED,
        amount=amount,
        requested_amount=amount,
        reference=new.reference,
    )


def _amount_named(new: NewPayment, field: str) -> Decimal:
    if new.amount is None:
        raise Invalid.field(f"{field}.amount", "Only cash can pay the rest.", code="required")
    return new.amount


def _cash(order: Order, new: NewPayment, left: Decimal, field: str) -> Payment:
    """Cash in the drawer, and what that does to the order."""
    rule = cash_rule_of(current_tenant())
    settlement = _settlement(new.amount, left, rule, field)
    amount = settlement.amount
    tendered = amount if new.tendered is None else new.tendered
    if not rule.fits(settlement.payable, tendered):
        raise _not_payable(settlement)
    if tendered < amount:
        raise Invalid.field(
            f"{field}.tendered", "Less than the amount that it pays.", code="tendered_too_little"
        )
    payment = Payment(
        id=new.id or new_id(),
        order=order,
        method=Payment.Method.CASH,
        status=Payment.Status.CAPTURED,
        amount=amount,
        requested_amount=new.amount,
        tendered=tendered,
        change=tendered - amount,
        reference=new.reference,
    )
    order.cash_rounding += settlement.rounding
    order.paid_total += payment.amount
    order.change_total += payment.change
    if order.change_total >= LARGEST_AMOUNT:
        raise AmountTooLarge
    return payment


def _settlement(
    amount: Decimal | None, left: Decimal, rule: CashRule, field: str
) -> CashSettlement:
    settlement = settle_cash(left, amount, rule)
    if settlement.outcome == CashOutcome.EXCEEDS_DUE:
        raise PaymentExceedsDue(due=current_tenant().in_currency(settlement.payable))
    if settlement.outcome == CashOutcome.NOT_PAYABLE and not amount:
        raise Invalid.field(f"{field}.amount", "Must be greater than zero.", code="min_value")
    if settlement.outcome == CashOutcome.NOT_PAYABLE:
        raise _not_payable(settlement)
    return settlement


def _not_payable(settlement: CashSettlement) -> NotPayableInCash:
    return NotPayableInCash(payable=current_tenant().in_currency(settlement.payable))
