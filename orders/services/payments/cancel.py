"""Cancel a payment of an order that is not completed; afterwards there are refunds."""

import uuid

import structlog
from django.utils import timezone

from accounts.models import User
from orders.exceptions import OrderNotCancelable, PaymentNotCancelable
from orders.gateways import Outcome
from orders.models import Order, Payment
from orders.models.payment import LOOK_UP_DELAY
from orders.services.approvals import RequestContext, RequiredApproval
from orders.services.payments.capture import (
    advance_order,
    ensure_not_underway,
    load_order,
    lock_order,
    record_gateway_answer,
)
from orders.services.payments.gateway import query_payment
from orders.services.payments.store_credit import reverse_spending
from orders.services.shifts.cash_drawer import find_shift_for_return
from orders.services.stock.levels import reserve_stock
from tenants import audit, idempotency
from tenants.events.outbox import publish
from tenants.scope import atomic_with_retry, current_tenant

log = structlog.get_logger("till.payments")
CANCELABLE = {Order.Status.OPEN, Order.Status.HELD}


def cancel_payment(payment_id: uuid.UUID, context: RequestContext) -> Order:
    """Cancel a payment of an open or held order; a card through the gateway.

    Anybody may cancel a payment with an unknown outcome. A captured one needs a manager or an
    approval, because canceling it takes money out of the drawer or the account. Raises
    `Payment.DoesNotExist`.
    """
    payments = Payment.objects.visible_to(context.by).select_related("order")
    payment = payments.get(pk=payment_id)
    if idempotency.is_resumed() and not payment.is_in_progress:
        return load_order(payment.order_id)
    _ensure_cancelable(payment, payment.order)
    if not payment.is_by_gateway:
        return _cancel(payment.pk, payment.order_id, context)
    ensure_not_underway(payment)
    with idempotency.reserve_key():
        return _cancel_card(payment, context)


def _cancel_card(payment: Payment, context: RequestContext) -> Order:
    was_captured = _mark_unknown(payment, context)
    # A captured payment is read again, because the query needs the time of its return.
    asked = Payment.objects.get(pk=payment.pk) if was_captured else payment
    answer = query_payment(asked, "cancel")
    if answer.outcome == Outcome.DECLINED:
        return _cancel(payment.pk, payment.order_id, context, card_said=answer.reason)
    order = record_gateway_answer(asked, answer, by=context.by)
    if was_captured and answer.outcome == Outcome.CAPTURED:
        raise PaymentNotCancelable(payment_status=payment.status)
    return order


def _ensure_cancelable(payment: Payment, order: Order) -> None:
    if order.status not in CANCELABLE:
        raise OrderNotCancelable(
            number=order.number, from_status=order.status, to_status="payment canceled"
        )
    if payment.status in {Payment.Status.DECLINED, Payment.Status.CANCELED}:
        raise PaymentNotCancelable(payment_status=payment.status)


@atomic_with_retry
def _mark_unknown(payment: Payment, context: RequestContext) -> bool:
    """Mark a captured card payment as unknown before the gateway is asked to cancel it.

    The order cannot be completed meanwhile with money that may be gone. Returns whether the payment
    was captured.
    """
    order = lock_order(payment.order_id)
    payment = next(each for each in order.loaded_payments if each.pk == payment.pk)
    if not idempotency.is_resumed():
        order.ensure_version(context.expected_version)
    _ensure_cancelable(payment, order)
    if payment.status != Payment.Status.CAPTURED:
        return False
    _ensure_approved(payment, context)
    if not any(each.is_in_progress for each in order.loaded_payments):
        reserve_stock(order.store, order.loaded_lines, may_oversell=True)
    payment.status, payment.returned_at = Payment.Status.UNKNOWN, timezone.now()
    payment.next_look_up_at = timezone.now() + LOOK_UP_DELAY
    payment.save_changes("status", "returned_at", "next_look_up_at")
    order.paid_total -= payment.amount
    order.save_changes("paid_total")
    publish("payment.unknown", about=payment, in_store=order.store_id, order=str(order.pk))
    publish("order.updated", about=order)
    return True


def _ensure_approved(payment: Payment, context: RequestContext) -> None:
    if payment.status == Payment.Status.CAPTURED and not context.by.may_void():
        RequiredApproval("void", payment.order_id).consume(context)


@atomic_with_retry
def _cancel(
    payment_id: uuid.UUID,
    order_id: uuid.UUID,
    context: RequestContext,
    *,
    card_said: str | None = None,
) -> Order:
    idempotency.save_key()
    by = context.by
    order = lock_order(order_id)
    payment = next(each for each in order.loaded_payments if each.pk == payment_id)
    if payment.status == Payment.Status.CANCELED and idempotency.is_resumed():
        return order  # by an earlier attempt of this request
    _ensure_not_canceled(payment, order)
    if card_said is None:
        order.ensure_version(context.expected_version)
        _ensure_approved(payment, context)
    was_in_progress = payment.is_in_progress
    if payment.status == Payment.Status.CAPTURED:
        _subtract_from_order(order, payment)
    payment.status, payment.reason = Payment.Status.CANCELED, card_said or "Canceled."
    if payment.returned_at:
        _return_money(payment, order, by)
    payment.save_changes("status", "reason", "returned_at", "returned_in")
    order.reset_cash_rounding()
    advance_order(order, had_reservation=was_in_progress, by=by)
    _record_cancellation(payment, order, by)
    return order


def _ensure_not_canceled(payment: Payment, order: Order) -> None:
    if order.status not in CANCELABLE or payment.status == Payment.Status.CANCELED:
        _log_sold_with_canceled_card(payment)
        raise PaymentNotCancelable(payment_status=payment.status)


def _record_cancellation(payment: Payment, order: Order, by: User) -> None:
    amount = str(current_tenant().quantize_amount(payment.amount))
    audit.record("payment_canceled", actor=by, target=order, method=payment.method, amount=amount)
    publish("payment.canceled", about=payment, in_store=order.store_id, order=str(order.pk))


def _subtract_from_order(order: Order, payment: Payment) -> None:
    order.paid_total -= payment.amount
    order.change_total -= payment.change
    payment.returned_at = timezone.now()


def _return_money(payment: Payment, order: Order, by: User) -> None:
    """Return cash or store credit. Locks the register before the credit, as a sale does."""
    payment.returned_in_id = find_shift_for_return(payment, order.register)
    if payment.method == Payment.Method.STORE_CREDIT:
        reverse_spending(payment.reference, payment.amount, payment=payment.pk, by=by)


def _log_sold_with_canceled_card(payment: Payment) -> None:
    """Log that a look-up completed the order with the card that was to be canceled."""
    if payment.is_by_gateway and payment.status == Payment.Status.CAPTURED:
        log.error("sold_for_a_canceled_card", payment=str(payment.pk), amount=str(payment.amount))
