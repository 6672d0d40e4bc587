"""Letting go of a payment before its order is a sale; after that there are refunds."""

import uuid
from decimal import Decimal

from django.utils import timezone

from accounts.models import User
from orders.exceptions import IllegalTransition, PaymentSettled
from orders.gateways import Outcome
from orders.models import Order, Payment
from orders.services.credit import credit_back
from orders.services.leave import Asked, Leave
from orders.services.paying import (
    PAID_FIELDS,
    answer_to,
    ensure_nobody_asks,
    go_on,
    locked_order,
    note_and_settle,
)
from orders.services.shifts import drawer_for_return
from tenants import audit, idempotency
from tenants.scope import current_tenant, deed

CANCELABLE = {Order.Status.OPEN, Order.Status.HELD}


def cancel_payment(payment: Payment, asked: Asked) -> Order:
    """Take back a payment of an order that is not a sale yet; a card's money through the gateway.

    What nobody knows the outcome of, everybody may cancel; money that is there goes back with a
    manager or his leave, as whoever can make payments disappear can make money disappear.
    """
    _ensure_cancelable(payment)
    if payment.method != Payment.Method.CARD:
        return _take_back(payment.pk, payment.order_id, asked)
    ensure_nobody_asks(payment)
    _spend_leave(payment, asked)
    answer = answer_to(payment, "cancel")
    if answer.outcome == Outcome.DECLINED:
        return _take_back(payment.pk, payment.order_id, asked, card_said=answer.reason)
    if payment.is_underway:
        return note_and_settle(payment, answer, by=asked.by)
    raise PaymentSettled(payment_status=payment.status)


def _ensure_cancelable(payment: Payment) -> None:
    order = payment.order
    if order.status not in CANCELABLE:
        raise IllegalTransition(
            number=order.number, from_status=order.status, to_status="payment canceled"
        )
    if payment.status in {Payment.Status.DECLINED, Payment.Status.CANCELED}:
        raise PaymentSettled(payment_status=payment.status)


@deed
def _spend_leave(payment: Payment, asked: Asked) -> None:
    """Before a gateway lets go of money: what it has let go of cannot be refused any more."""
    _ensure_leave(payment, asked)


def _ensure_leave(payment: Payment, asked: Asked) -> None:
    if payment.status == Payment.Status.CAPTURED and not asked.by.may_void():
        Leave("void", payment.order_id).spent_by(asked)


@deed
def _take_back(
    payment_id: uuid.UUID, order_id: uuid.UUID, asked: Asked, *, card_said: str | None = None
) -> Order:
    idempotency.note()
    by = asked.by
    order = locked_order(order_id)
    payment = next(each for each in order.loaded_payments if each.pk == payment_id)
    if order.status not in CANCELABLE or payment.status == Payment.Status.CANCELED:
        raise PaymentSettled(payment_status=payment.status)
    if card_said is None:
        _ensure_leave(payment, asked)
    was_underway, was_captured = payment.is_underway, payment.status == Payment.Status.CAPTURED
    payment.status, payment.reason = Payment.Status.CANCELED, card_said or "Canceled."
    if was_captured:
        _return(order, payment, by)
    payment.save_changes("status", "reason", "returned_at", "returned_in")
    # What is left is rounded when it is paid.
    order.cash_rounding = Decimal(0)
    go_on(order, had_reservation=was_underway, by=by)
    order.save_changes(*PAID_FIELDS)
    amount = str(current_tenant().in_currency(payment.amount))
    audit.record("payment_canceled", actor=by, target=order, method=payment.method, amount=amount)
    return order


def _return(order: Order, payment: Payment, by: User) -> None:
    order.paid_total -= payment.amount
    order.change_total -= payment.change
    if payment.method == Payment.Method.STORE_CREDIT:
        credit_back(payment.reference, payment.amount, payment=payment.pk, by=by)
    payment.returned_at = timezone.now()
    payment.returned_in_id = drawer_for_return(payment, order.register)
