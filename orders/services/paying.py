"""Taking money: cash at once, cards through the gateway, never inside a transaction."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from math import ceil
from typing import Literal

import structlog
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from orders.exceptions import AmountTooLarge, PaymentExceedsDue, PaymentSettled, PaymentUnderway
from orders.gateways import Answer, Charge, Outcome, payment_gateway
from orders.models import Order, Payment
from orders.models.columns import LARGEST_AMOUNT
from orders.money import CashSettlement, cash_rounding, settle_cash
from orders.services.completing import hand_over, next_receipt_number, papers_of
from orders.services.stock import release_stock, reserve_stock
from tenants.exceptions import IdConflict, Invalid
from tenants.ids import is_duplicate, new_id
from tenants.rows import insert_all
from tenants.scope import current_tenant, deed

log = structlog.get_logger("till.payments")
PAID_FIELDS = (
    "status",
    "receipt_number",
    "completed_at",
    "cash_rounding",
    "paid_total",
    "change_total",
)


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
        draft = _cash if new.method == Payment.Method.CASH else _card
        payment = draft(order, new, order.due - underway, f"payments[{position}]")
        payment.position = len(before) + position
        underway += payment.amount if payment.is_underway else 0
        drafts.append(payment)
    return drafts


def _card(order: Order, new: NewPayment, left: Decimal, field: str) -> Payment:
    if new.tendered is not None:
        raise Invalid.field(f"{field}.tendered", "Only cash is tendered.", code="not_cash")
    if new.amount == 0:
        raise Invalid.field(f"{field}.amount", "More than nothing.", code="min_value")
    if new.amount > left:
        raise PaymentExceedsDue(due=current_tenant().in_currency(left))
    return Payment(
        id=new.id or new_id(),
        order=order,
        method=Payment.Method.CARD,
        status=Payment.Status.PENDING,
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


def take_payment(
    order: Order, new: NewPayment, *, expected_version: int | None = None, by: User
) -> tuple[Order, bool]:
    """One more payment of an open order; the same id again is the same payment.

    Returns the order as it is then, and whether the payment is new.
    """
    order, payment, is_new = _take(order.pk, new, expected_version, by)
    return (ask_gateway(order, [payment]) if is_new else order), is_new


@deed
def _take(
    order_id: uuid.UUID, new: NewPayment, expected_version: int | None, by: User
) -> tuple[Order, Payment, bool]:
    order = locked_order(order_id)
    before = order.loaded_payments
    known = next((payment for payment in before if payment.pk == new.id), None)
    if known is not None:
        _ensure_same(known, new)
        return order, known, False
    order.ensure_version(expected_version)
    order.ensure_open()
    (payment,) = draft_payments(order, [new], before)
    try:
        with transaction.atomic():
            payment.save(force_insert=True)
    except IntegrityError as error:
        if not is_duplicate(error):
            raise
        raise IdConflict from error
    order.loaded_payments = [*before, payment]
    _go_on(order, had_reservation=any(earlier.is_underway for earlier in before), by=by)
    return order, payment, True


def _ensure_same(known: Payment, new: NewPayment) -> None:
    tendered = known.tendered if new.tendered is None else new.tendered
    asked = (new.method, new.amount, tendered, new.reference)
    if asked != (known.method, known.amount, known.tendered, known.reference):
        raise IdConflict


def locked_order(order_id: uuid.UUID) -> Order:
    """The order as it is now, for nobody else to change until this is done."""
    orders = Order.objects.select_for_update(of=("self",)).select_related("store", "register")
    return orders.with_details().get(pk=order_id)


def ask_gateway(order: Order, payments: Sequence[Payment]) -> Order:
    """Have the cards charged, outside of every transaction, and write down the answers.

    Only those that this request has just written down: what another one left behind is looked
    up, because a charge that arrives late is money that nobody expects any more.
    """
    for payment in payments:
        if payment.status == Payment.Status.PENDING:
            order = settle(payment, _answer_to(payment, "charge"), by=order.cashier)
    return order


def resolve_payment(payment: Payment, *, by: User) -> Order:
    """Ask the gateway what became of a payment that timed out, or that a crash left behind."""
    if not payment.is_underway:
        raise PaymentSettled(payment_status=payment.status)
    _ensure_nobody_asks(payment)
    return settle(payment, _answer_to(payment, "look_up"), by=by)


def _answer_to(payment: Payment, question: Literal["charge", "look_up"]) -> Answer:
    """What the gateway says; one that breaks has said nothing, and the money may be taken."""
    ask = getattr(payment_gateway(), question)
    try:
        answer: Answer = ask(charge_for(payment), timeout=settings.PAYMENT_GATEWAY_TIMEOUT)
    except Exception:
        log.exception("gateway_failed", payment=str(payment.pk), question=question)
        return Answer(Outcome.UNKNOWN, reason="The gateway failed.")
    return answer


def look_up_left_behind(order: Order) -> Order:
    """Settle the payments that a crash left pending, once nobody can be asking for them."""
    for payment in order.loaded_payments:
        if payment.status == Payment.Status.PENDING and _wait_for(payment) <= timedelta(0):
            order = resolve_payment(payment, by=order.cashier)
    return order


def _wait_for(payment: Payment) -> timedelta:
    timeout = timedelta(seconds=settings.PAYMENT_GATEWAY_TIMEOUT)
    return payment.asked_until(timeout) - timezone.now()


def _ensure_nobody_asks(payment: Payment) -> None:
    """A look-up before the charge arrives finds nothing, and its money would belong to nobody."""
    wait = _wait_for(payment)
    if payment.status == Payment.Status.PENDING and wait > timedelta(0):
        raise PaymentUnderway(retry_after=ceil(wait.total_seconds()))


def charge_for(payment: Payment) -> Charge:
    tenant = current_tenant()
    return Charge(
        key=payment.pk,
        amount=payment.amount,
        currency=tenant.currency,
        exponent=tenant.currency_exponent,
    )


@deed
def settle(payment: Payment, answer: Answer, *, by: User) -> Order:
    """Write down what the gateway said; a payment that is settled stays so."""
    order = locked_order(payment.order_id)
    payment = next(each for each in order.loaded_payments if each.pk == payment.pk)
    if not payment.is_underway:
        _note_contradiction(payment, answer)
        return order
    payment.status = Payment.Status(answer.outcome.value)
    payment.gateway_reference = answer.reference
    payment.reason = answer.reason
    payment.save_changes("status", "gateway_reference", "reason")
    if answer.outcome == Outcome.CAPTURED:
        order.paid_total += payment.amount
    elif answer.outcome == Outcome.DECLINED:
        # The cash that was to settle the order has not: what is left is rounded when it is paid.
        order.cash_rounding = Decimal(0)
    _go_on(order, had_reservation=True, by=by)
    return order


def _note_contradiction(payment: Payment, answer: Answer) -> None:
    """Money that the gateway has and the order has not is for people to give back."""
    declined = payment.status == Payment.Status.DECLINED
    if declined and answer.outcome == Outcome.CAPTURED:
        log.error("captured_after_declined", payment=str(payment.pk), amount=str(payment.amount))


def _go_on(order: Order, *, had_reservation: bool, by: User) -> None:
    """What follows from the order's payments as they now are: a sale, or waiting, or neither.

    Goods are reserved exactly while a payment is under way.
    """
    underway = any(payment.is_underway for payment in order.loaded_payments)
    if order.due == 0 and not underway:
        _complete(order, reserved=had_reservation, by=by)
    elif underway and not had_reservation:
        reserve_stock(order.store, order.loaded_lines)
    elif had_reservation and not underway:
        release_stock(order.store, order.loaded_lines)
    order.save_changes(*PAID_FIELDS)


def complete_if_paid(order: Order, *, by: User) -> None:
    """Make a sale of an order that a change has left with nothing more to pay."""
    if order.due == 0 and order.paid_total and order.loaded_lines:
        _complete(order, reserved=False, by=by)


def _complete(order: Order, *, reserved: bool, by: User) -> None:
    lines = order.loaded_lines
    order.close(next_receipt_number(order.register), timezone.now())
    insert_all(*papers_of(order, lines, by))
    hand_over(order, lines, reserved=reserved)
