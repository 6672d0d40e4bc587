"""Build payments from a request and compute what they settle; nothing is saved here."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from orders.exceptions import (
    AmountTooLarge,
    DueToCustomer,
    NotPayableInCash,
    PaymentExceedsDue,
)
from orders.models import Order, Payment
from orders.models.catalog import normalize_code
from orders.models.columns import MAX_AMOUNT
from orders.money import CashOutcome, CashRoundingRule, CashSettlement, settle_cash
from orders.services.payments.readers import ensure_chargeable, find_reader
from orders.services.pricing.basket import build_cash_rule
from tenants.database.bulk_insert import build_row
from tenants.exceptions import Invalid
from tenants.ids import new_id
from tenants.scope import current_tenant

# How what is due to the customer is paid.
PAID_OUT_BY = frozenset({Payment.Method.CASH.value, Payment.Method.STORE_CREDIT.value})


@dataclass(frozen=True, slots=True)
class NewPayment:
    """A new payment: `amount` settles the order, `tendered` is the cash that was handed over.

    Cash without an amount pays the rest, rounded to coins.
    """

    method: str
    amount: Decimal | None = None
    tendered: Decimal | None = None
    reference: str = ""
    id: uuid.UUID | None = None
    # Of a card: `external` where a stand-alone reader has charged it.
    entry: str = ""

    @property
    def is_card(self) -> bool:
        return self.method == Payment.Method.CARD

    @property
    def is_external(self) -> bool:
        return self.entry == Payment.Entry.EXTERNAL

    @property
    def has_reader_slip(self) -> bool:
        """Return whether a stand-alone reader charged the card, with the reference of its slip."""
        return self.is_external and bool(self.reference.strip())


def build_payments(
    order: Order, wanted: Sequence[NewPayment], before: Sequence[Payment] = ()
) -> list[Payment]:
    """Return unsaved payments for what is due, in order: cash is captured, cards are pending.

    `before` are existing payments; amounts that are still in progress are not paid twice. What is
    due to the customer, for returned goods, is paid out.
    """
    if order.due < 0 and wanted:
        return [_build_paid_out(order, wanted, len(before))]
    in_progress = sum((payment.amount for payment in before if payment.is_in_progress), Decimal(0))
    drafts: list[Payment] = []
    for position, new in enumerate(wanted):
        if new.amount is not None and new.amount < 0:
            raise Invalid.field(
                f"payments[{position}].amount", "Enter an amount such as 12.50.", code="invalid"
            )
        draft = _build_cash if new.method == Payment.Method.CASH else _build_non_cash
        payment = draft(order, new, order.due - in_progress, f"payments[{position}]")
        payment.position = len(before) + position
        in_progress += payment.amount if payment.is_in_progress else 0
        drafts.append(payment)
    return drafts


def _build_paid_out(order: Order, wanted: Sequence[NewPayment], position: int) -> Payment:
    """Return the one payment that pays out what is due to the customer."""
    new, rule = wanted[0], build_cash_rule(current_tenant())
    settlement = settle_cash(order.due, new.amount, rule, order.total)
    amount, rounding = settlement.amount, settlement.rounding
    if new.method == Payment.Method.STORE_CREDIT:
        amount, rounding = order.due, Decimal(0)
    is_whole = settlement.outcome == CashOutcome.SETTLES and new.amount in {None, amount, order.due}
    if len(wanted) > 1 or new.method not in PAID_OUT_BY or not is_whole:
        quantize = current_tenant().quantize_amount
        raise DueToCustomer(due=quantize(order.due), payable=quantize(settlement.payable))
    if new.tendered is not None:
        detail = "Leave it out: the customer gets the money."
        raise Invalid.field("payments[0].tendered", detail, code="not_tendered")
    order.cash_rounding += rounding
    order.paid_total += amount
    return build_row(
        Payment,
        id=new.id or new_id(),
        order=order,
        position=position,
        method=new.method,
        status=Payment.Status.CAPTURED,
        amount=amount,
        requested_amount=new.amount,
        # Without a code, which blanks are not, a new credit is made.
        reference=new.reference if normalize_code(new.reference) else "",
    )


def _build_non_cash(order: Order, new: NewPayment, left: Decimal, field: str) -> Payment:
    """Return a payment without cash: cards are pending until the gateway answers.

    Vouchers, store credit and cards of stand-alone readers are captured at once.
    """
    amount = _require_amount(new, field)
    if new.tendered is not None:
        raise Invalid.field(f"{field}.tendered", "Only allowed for cash.", code="not_cash")
    if amount == 0:
        raise Invalid.field(f"{field}.amount", "Must be greater than zero.", code="min_value")
    if amount > left:
        raise PaymentExceedsDue(due=current_tenant().quantize_amount(left))
    if not new.reference.strip() and (needed := _describe_needed_reference(new)):
        raise Invalid.field(f"{field}.reference", needed, code="required")
    asks_gateway = new.is_card and not new.is_external
    reader = None
    if asks_gateway:
        reader = find_reader(order.register_id)
        ensure_chargeable(reader, amount, f"{field}.amount")
    else:
        order.paid_total += amount
    return build_row(
        Payment,
        id=new.id or new_id(),
        order=order,
        method=new.method,
        entry=Payment.Entry.GATEWAY if asks_gateway else new.entry,
        status=Payment.Status.PENDING if asks_gateway else Payment.Status.CAPTURED,
        amount=amount,
        requested_amount=amount,
        reference=new.reference,
        reader=reader,
    )


def _require_amount(new: NewPayment, field: str) -> Decimal:
    if new.amount is None:
        raise Invalid.field(
            f"{field}.amount", "Required for all methods except cash.", code="required"
        )
    return new.amount


def _describe_needed_reference(new: NewPayment) -> str:
    """Return which reference is missing, or an empty string if none is needed."""
    if new.method == Payment.Method.STORE_CREDIT:
        return "Enter the code of the store credit."
    return "Enter the reference on the card reader's slip." if new.is_external else ""


def _build_cash(order: Order, new: NewPayment, left: Decimal, field: str) -> Payment:
    """Return a cash payment, and update the order's rounding, paid and change totals."""
    rule = build_cash_rule(current_tenant())
    settlement = _settle_cash(new.amount, left, order.total, rule, field)
    amount = settlement.amount
    tendered = amount if new.tendered is None else new.tendered
    if not rule.can_be_tendered(settlement.payable, tendered):
        raise _build_not_payable_error(settlement)
    if tendered < amount:
        raise Invalid.field(
            f"{field}.tendered", "Must not be less than the amount.", code="tendered_too_little"
        )
    payment = build_row(
        Payment,
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
    if order.change_total >= MAX_AMOUNT:
        raise AmountTooLarge
    return payment


def _settle_cash(
    amount: Decimal | None, left: Decimal, total: Decimal, rule: CashRoundingRule, field: str
) -> CashSettlement:
    settlement = settle_cash(left, amount, rule, total)
    if settlement.outcome == CashOutcome.EXCEEDS_DUE:
        raise PaymentExceedsDue(due=current_tenant().quantize_amount(settlement.payable))
    if settlement.outcome == CashOutcome.NOT_PAYABLE and not amount:
        raise Invalid.field(f"{field}.amount", "Must be greater than zero.", code="min_value")
    if settlement.outcome == CashOutcome.NOT_PAYABLE:
        raise _build_not_payable_error(settlement)
    return settlement


def _build_not_payable_error(settlement: CashSettlement) -> NotPayableInCash:
    return NotPayableInCash(payable=current_tenant().quantize_amount(settlement.payable))
