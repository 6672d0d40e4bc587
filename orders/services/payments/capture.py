"""Take payments: cash at once, cards through the gateway and outside of transactions."""

import uuid
from collections.abc import Collection, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from math import ceil
from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from orders.exceptions import PaymentSettled, PaymentUnderway
from orders.gateways import Answer, Outcome
from orders.models import Order, Payment, RegisterSeries, Shift
from orders.models.catalog import normalize_code
from orders.models.order import ensure_modifiers_chosen
from orders.models.payment import READER_LOOK_UP_DELAY
from orders.services.completion.complete import (
    build_completion_rows,
    build_payment_event,
    deduct_stock,
    take_numbers,
)
from orders.services.customers import CUSTOMER_FIELDS, copy_customer
from orders.services.payments import gateway
from orders.services.payments.gateway import query_payment, remaining_wait
from orders.services.payments.readers import ensure_readers_free
from orders.services.payments.store_credit import count_code_attempt, spend_credits
from orders.services.payments.tender import NewPayment, build_payments
from orders.services.pricing.modifiers import save_missing_modifiers
from orders.services.shifts.cash_drawer import find_shift_for_return
from orders.services.stock.levels import release_stock, reserve_stock
from tenants import audit, idempotency
from tenants.database.bulk_insert import bulk_insert
from tenants.events.outbox import publish
from tenants.exceptions import IdConflict
from tenants.ids import unique_or
from tenants.scope import atomic_with_retry, current_tenant

log = structlog.get_logger("till.payments")
# What may become of a late capture in the end. Either may change into the other one later.
ENDED_RETURNS = frozenset({Payment.LateCapture.RETURNED.value, Payment.LateCapture.FAILED.value})
PAID_FIELDS = (
    "status",
    "shift",
    "receipt_number",
    "completed_at",
    "cash_rounding",
    "paid_total",
    "change_total",
    *CUSTOMER_FIELDS,
)


def take_payment(
    order_id: uuid.UUID,
    new: NewPayment,
    *,
    expected_version: int | None = None,
    by: User,
    place: str | None = None,
) -> tuple[Order, bool]:
    """Add a payment to an open order; the same id again is the same payment.

    `place` is the client for which wrong store-credit codes are counted. Returns the order and
    whether the payment is new. Raises `IdConflict` if the content differs.
    """
    is_code = new.method == Payment.Method.STORE_CREDIT
    with count_code_attempt("payment", by=by, place=place) if is_code else nullcontext():
        order, payment, is_new = _save_payment(order_id, new, expected_version, by)
    return (charge_cards(order, [payment]) if is_new else order), is_new


@atomic_with_retry
def _save_payment(
    order_id: uuid.UUID, new: NewPayment, expected_version: int | None, by: User
) -> tuple[Order, Payment, bool]:
    order = lock_order(order_id, by)
    before = order.loaded_payments
    known = next((payment for payment in before if payment.pk == new.id), None)
    if known is not None:
        _ensure_same_payment(known, new, order)
        return order, known, False
    order.ensure_version(expected_version)
    order.ensure_open()
    save_missing_modifiers(order.loaded_lines)
    order.ensure_payable()
    (payment,) = build_payments(order, [new], before)
    payment.taken_by = by
    # The shift that is open now; the lock keeps it open until this transaction ends.
    payment.shift_id = take_numbers(order.register).shift
    ensure_readers_free([payment])
    spend_credits([payment], by=by)
    with unique_or(IdConflict), transaction.atomic():
        bulk_insert(idempotency.key_rows(), [payment], [build_payment_event(payment, order)])
    order.loaded_payments = [*before, payment]
    advance_order(
        order,
        had_reservation=any(earlier.is_in_progress for earlier in before),
        shift=payment.shift_id,
        by=by,
    )
    return order, payment, True


def _ensure_same_payment(known: Payment, new: NewPayment, order: Order) -> None:
    tendered = known.tendered if new.tendered is None else new.tendered
    # A code that Till generated is not in the request, so that it is not compared.
    made_here = known.is_paid_out and not normalize_code(new.reference)
    reference = known.reference if made_here else new.reference
    requested = (new.method, tendered, reference, new.is_external)
    is_external = known.resolve_entry(order) == Payment.Entry.EXTERNAL
    is_same = requested == (known.method, known.tendered, known.reference, is_external)
    if not is_same or new.amount not in {known.requested_amount, known.amount}:
        raise IdConflict


def lock_order(order_id: uuid.UUID, by: User | None = None) -> Order:
    """Lock an order that the user may see and load it with its details.

    Without a user it is any order of the tenant: for answers of the gateway. Raises
    `Order.DoesNotExist`.
    """
    orders = Order.objects.select_for_update(of=("self",)).select_related("store", "register")
    return (orders.visible_to(by) if by else orders).with_details().get(pk=order_id)


def charge_cards(order: Order, payments: Sequence[Payment]) -> Order:
    """Charge pending cards, outside of transactions, and record the answers.

    Only for payments that this request has created: what an earlier request left pending is looked
    up instead, because nobody expects a late charge.
    """
    for payment in payments:
        if payment.status == Payment.Status.PENDING:
            order = _charge(payment, by=order.cashier)
    return order


def _charge(payment: Payment, *, by: User) -> Order:
    """Charge a card; at a reader in two steps, between which the gateway's id is committed."""
    answer = query_payment(payment, "charge")
    order = record_gateway_answer(payment, answer, by=by)
    if answer.is_prepared:
        payment.gateway_reference = answer.reference
        order = record_gateway_answer(payment, query_payment(payment, "charge"), by=by)
    return order


def resolve_payment(payment_id: uuid.UUID, *, by: User) -> Order:
    """Look up a payment that timed out or was left pending by a crash.

    Also one whose late capture could not be returned: somebody may have returned it at the
    provider. Raises `Payment.DoesNotExist`.
    """
    payments = Payment.objects.visible_to(by).select_related("order")
    return look_up_payment(payments.get(pk=payment_id), by=by)


def look_up_payment(payment: Payment, *, by: User) -> Order:
    """Look up the outcome of a payment, and record it on behalf of the user."""
    if payment.late_capture == Payment.LateCapture.FAILED:
        with idempotency.reserve_key():
            look_up_late_return(payment)
            return load_order(payment.order_id)
    if not payment.is_in_progress:
        if idempotency.is_resumed():
            return load_order(payment.order_id)
        raise PaymentSettled(payment_status=payment.status)
    ensure_not_underway(payment)
    if wait := payment.remaining_return_time(timezone.now()):
        raise PaymentUnderway(retry_after=ceil(wait.total_seconds()))
    with idempotency.reserve_key():
        return record_gateway_answer(payment, _look_up(payment), by=by)


def _look_up(payment: Payment) -> Answer:
    """Look up a charge, and cancel it if its reader had no outcome for too long.

    Only an answer that it is canceled frees the order.
    """
    answer = query_payment(payment, "look_up")
    is_open = answer.outcome in {Outcome.PENDING, Outcome.UNKNOWN}
    if is_open and payment.has_timed_out(timezone.now()) and not payment.returned_at:
        answer = query_payment(payment, "cancel")
        if answer.outcome == Outcome.PENDING:
            reason = "The card reader has no outcome and cannot be canceled."
            return replace(answer, outcome=Outcome.UNKNOWN, reason=reason)
    return answer


def receive_news(payment: Payment) -> None:
    """Look up a payment again because its provider reports an event about it.

    Events repeat and come late: they say that there is news, not what it is.
    """
    if payment.late_capture in ENDED_RETURNS:
        look_up_late_return(payment)
        return
    is_being_charged = payment.status == Payment.Status.PENDING and not payment.is_at_reader
    is_being_returned = payment.remaining_return_time(timezone.now())
    if payment.is_captured or payment.late_capture or is_being_charged or is_being_returned:
        return
    record_gateway_answer(payment, _look_up(payment), by=payment.order.cashier)


def load_order(order_id: uuid.UUID) -> Order:
    return Order.objects.with_details().get(pk=order_id)


def reconcile_payments(order: Order) -> Order:
    """Look up payments left pending by a crash, once no request can be charging them."""
    for payment in order.loaded_payments:
        if payment.status == Payment.Status.PENDING and remaining_wait(payment) <= timedelta(0):
            order = record_gateway_answer(
                payment, query_payment(payment, "look_up"), by=order.cashier
            )
    return order


def ensure_not_underway(payment: Payment) -> None:
    """Raise `PaymentUnderway` while the gateway may still receive the charge request."""
    wait = remaining_wait(payment)
    if payment.status == Payment.Status.PENDING and wait > timedelta(0):
        raise PaymentUnderway(retry_after=ceil(wait.total_seconds()))


@atomic_with_retry
def record_gateway_answer(payment: Payment, answer: Answer, *, by: User) -> Order:
    """Record the gateway's answer; a payment that is settled already does not change.

    Neither does one whose cancellation began after the gateway was asked: the answer may say what
    was true before.
    """
    asked, order = payment, lock_order(payment.order_id)
    payment = next(each for each in order.loaded_payments if each.pk == payment.pk)
    if payment.is_in_progress and payment.returned_at != asked.returned_at:
        return order
    if not payment.is_in_progress:
        _record_late_capture(payment, order, answer)
        return order
    if answer.outcome == Outcome.PENDING:
        _record_progress(payment, order, answer)
        return order
    payment.status = Payment.Status(answer.outcome.value)
    payment.gateway_reference = answer.reference or payment.gateway_reference
    payment.reason = answer.reason
    _finish_cancellation(payment, order)
    payment.save_changes("status", "gateway_reference", "reason", "returned_at", "returned_in")
    bulk_insert([build_payment_event(payment, order)])
    if answer.outcome == Outcome.CAPTURED:
        order.paid_total += payment.amount
    if answer.outcome == Outcome.DECLINED or order.due < 0:
        order.reset_cash_rounding()
    advance_order(order, had_reservation=True, shift=payment.shift_id, by=by)
    return order


def _finish_cancellation(payment: Payment, order: Order) -> None:
    """End a cancellation in progress: the card is still captured, or canceled."""
    if payment.returned_at and payment.status == Payment.Status.CAPTURED:
        payment.returned_at = None
    elif payment.returned_at and payment.status == Payment.Status.DECLINED:
        payment.status = Payment.Status.CANCELED
        payment.returned_in_id = find_shift_for_return(payment, order.register)


def _record_progress(payment: Payment, order: Order, answer: Answer) -> None:
    """Record that the outcome is still open; the relay looks it up again soon."""
    if not answer.is_prepared:
        payment.next_look_up_at = timezone.now() + READER_LOOK_UP_DELAY
        payment.look_ups = 0
    if answer.reference in {"", payment.gateway_reference}:
        at = {"next_look_up_at": payment.next_look_up_at, "look_ups": payment.look_ups}
        Payment.objects.filter(pk=payment.pk).update(**at)
        return
    payment.gateway_reference = answer.reference
    payment.save_changes("gateway_reference", "next_look_up_at", "look_ups")
    order.save_changes()
    publish("order.updated", about=order)


def _record_late_capture(payment: Payment, order: Order, answer: Answer) -> None:
    """Record money that was captured although the payment is declined or canceled.

    The till has shown the payment as gone and the customer may have paid otherwise, so the
    relay returns the money.
    """
    is_gone = payment.status in {Payment.Status.DECLINED, Payment.Status.CANCELED}
    if not is_gone or answer.outcome != Outcome.CAPTURED or payment.late_capture:
        return
    amount = str(current_tenant().quantize_amount(payment.amount))
    payment.late_capture = Payment.LateCapture.RETURNING
    payment.next_look_up_at, payment.look_ups = timezone.now(), 0
    payment.gateway_reference = answer.reference or payment.gateway_reference
    payment.save_changes("late_capture", "next_look_up_at", "look_ups", "gateway_reference")
    order.save_changes()
    log.error("captured_after_declined", payment=str(payment.pk), amount=amount)
    audit.record("captured_after_declined", target=order, payment=str(payment.pk), amount=amount)
    publish("order.updated", about=order)


def return_late_capture(payment: Payment) -> Payment:
    """Give back money that was captured after the payment was declined or canceled."""
    answer = gateway.return_late_capture(payment)
    return _record_late_return(payment, answer, {Payment.LateCapture.RETURNING})


def look_up_late_return(payment: Payment) -> Payment:
    """Look up what became of the return of a late capture.

    A bank may reject it later, and what could not be returned may be returned at the provider.
    """
    answer = gateway.look_up_late_return(payment)
    return _record_late_return(payment, answer, ENDED_RETURNS)


@atomic_with_retry
def _record_late_return(payment: Payment, answer: Answer, during: Collection[str]) -> Payment:
    """Record what became of the return, if the late capture is in one of these states."""
    order = lock_order(payment.order_id)
    payment = next(each for each in order.loaded_payments if each.pk == payment.pk)
    if answer.outcome in {Outcome.PENDING, Outcome.UNKNOWN}:
        return payment
    is_returned = answer.outcome == Outcome.CAPTURED
    state = Payment.LateCapture.RETURNED if is_returned else Payment.LateCapture.FAILED
    if payment.late_capture == state or payment.late_capture not in during:
        return payment
    payment.late_capture = state
    payment.save_changes("late_capture")
    order.save_changes()
    amount = str(current_tenant().quantize_amount(payment.amount))
    facts: dict[str, Any] = {"payment": str(payment.pk), "amount": amount}
    if is_returned:
        log.error("late_capture_returned", **facts)
        audit.record("late_capture_returned", target=order, **facts)
    else:
        log.error("late_capture_not_returned", **facts)
        audit.record("late_capture_not_returned", target=order, **facts)
    publish("order.updated", about=order)
    return payment


def advance_order(
    order: Order, *, had_reservation: bool, shift: uuid.UUID | None = None, by: User
) -> None:
    """Complete the order, or reserve or release its stock, after its payments changed.

    It is completed in the shift of the payment that completed it. Stock is reserved exactly while a
    payment is in progress.
    """
    in_progress = any(payment.is_in_progress for payment in order.loaded_payments)
    completes = order.due == 0 and not in_progress
    if completes:
        _complete(order, reserved=had_reservation, shift=shift, by=by)
    elif in_progress and not had_reservation:
        reserve_stock(order.store, order.loaded_lines)
    elif had_reservation and not in_progress:
        release_stock(order.store, order.loaded_lines)
    order.save_changes(*PAID_FIELDS)
    if not completes:
        publish("order.updated", about=order)


def complete_if_paid(order: Order, *, by: User) -> bool:
    """Complete an order with nothing left to pay after an edit; return whether it was."""
    completes = bool(order.due == 0 and order.paid_total and order.loaded_lines)
    if completes:
        save_missing_modifiers(order.loaded_lines)
        ensure_modifiers_chosen(order.loaded_lines)
        # The shifts of its payments may be closed: the sale belongs to the current one.
        shift = take_numbers(order.register).shift
        _complete(order, reserved=False, shift=shift, by=by)
    return completes


def _complete(order: Order, *, reserved: bool, shift: uuid.UUID | None, by: User) -> None:
    lines = order.loaded_lines
    copy_customer(order)
    numbers = RegisterSeries.objects.increment(order.register, receipts=1)
    order.shift_id = _choose_shift(shift, numbers.shift)
    order.complete(numbers.receipt, timezone.now())
    completion = build_completion_rows(order, lines, numbers, by)
    bulk_insert(*completion.rows, also=completion.also)
    deduct_stock(order, lines, reserved=reserved)


def _choose_shift(shift: uuid.UUID | None, now: uuid.UUID | None) -> uuid.UUID | None:
    """Return the payment's shift, or the current one if that is closed.

    A shift with an unknown payment cannot be closed; with a cancellation in progress it can.
    """
    if shift in (None, now):
        return now
    counted = Shift.objects.filter(pk=shift, status=Shift.Status.CLOSED)
    return now if counted.exists() else shift
