"""Pay refunds back through the gateway, outside of transactions, and resolve open ones."""

import uuid
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from math import ceil
from typing import Literal

import structlog
from django.utils import timezone

from accounts.models import User
from orders.exceptions import PayoutDeclined, RefundNotAtReader, RefundSettled, RefundUnderway
from orders.gateways import Answer, Outcome
from orders.models import Order, Payment, Payout, Refund
from orders.models.payment import READER_LOOK_UP_DELAY
from orders.services.approvals import RequestContext, RequiredApproval
from orders.services.money_limits import LimitPeriod, authorize
from orders.services.payments.capture import lock_order
from orders.services.payments.gateway import query_payout, remaining_wait
from orders.services.payments.store_credit import count_code_attempt, ensure_credits_usable
from orders.services.refunds.reversal import find_replacing_payout, reverse_refund
from orders.services.refunds.settle import finish_if_answered, redirect_payouts
from tenants import audit, idempotency
from tenants.events.outbox import publish
from tenants.scope import atomic_with_retry, current_tenant

log = structlog.get_logger("till.payments")
PAYOUT_STATUS = {
    Outcome.CAPTURED: Payout.Status.DONE,
    Outcome.DECLINED: Payout.Status.DECLINED,
    Outcome.UNKNOWN: Payout.Status.UNKNOWN,
    Outcome.PENDING: Payout.Status.PENDING,
}
Question = Literal["refund", "look_up_refund"]


def request_card_payouts(refund: Refund, *, by: User) -> Refund:
    """Refund cards through the gateway and record the answers."""
    return _query_cards(refund, "refund", by)


@dataclass(frozen=True, slots=True)
class RefundResolution:
    """How to pay out a declined card refund: user, method, reference and approval."""

    by: User
    method: str | None = None
    reference: str = ""
    approval: uuid.UUID | None = None
    terminal: uuid.UUID | None = None
    # Where wrong codes of store credits are counted.
    place: str | None = None


def resolve_refund(refund_id: uuid.UUID, way: RefundResolution) -> Refund:
    """Look up a refund that timed out or was left pending by a crash.

    What a card declined is paid out by the other method that `way` names. Raises
    `Refund.DoesNotExist`.
    """
    refund = Refund.objects.visible_to(way.by).with_details().get(pk=refund_id)
    if refund.status != Refund.Status.PENDING:
        if idempotency.is_resumed():
            return refund
        raise RefundSettled(refund_status=refund.status)
    _ensure_not_underway(refund)
    names_code = way.method == Payment.Method.STORE_CREDIT and way.reference.strip()
    counted = count_code_attempt("refund", by=way.by, place=way.place)
    with idempotency.reserve_key(), counted if names_code else nullcontext():
        return _finish_at_till(_query_cards(refund, "look_up_refund", way.by), way)


def cancel_refund(refund_id: uuid.UUID, context: RequestContext) -> Refund:
    """Cancel the part of a refund that waits for its card at a reader.

    Anybody may, because no money has moved. It stays pending if the card is being processed.
    Raises `Refund.DoesNotExist`.
    """
    refund = Refund.objects.visible_to(context.by).with_details().get(pk=refund_id)
    payout = next((each for each in refund.gateway_payouts if each.is_at_reader), None)
    if payout is None and idempotency.is_resumed():
        return refund
    if not idempotency.is_resumed():
        refund.ensure_version(context.expected_version)
    if refund.status != Refund.Status.PENDING:
        raise RefundSettled(refund_status=refund.status)
    if payout is None:
        raise RefundNotAtReader
    _ensure_not_underway(refund)
    with idempotency.reserve_key():
        answer = query_payout(payout, "cancel_refund")
        return _record_cancellation(payout, answer, by=context.by)


@atomic_with_retry
def _record_cancellation(payout: Payout, answer: Answer, *, by: User) -> Refund:
    order, refund = _lock_refund(payout.refund_id, payout.refund.order_id)
    payout = next(each for each in refund.loaded_payouts if each.pk == payout.pk)
    if payout.is_in_progress and answer.outcome == Outcome.DECLINED:
        amount = str(current_tenant().quantize_amount(payout.paid))
        audit.record("refund_canceled", actor=by, target=order, amount=amount)
    return _apply_answer(payout, answer, refund, order, by=by)


def reconcile_refund(refund: Refund, *, by: User) -> Refund:
    """Look up a refund left pending by a crash, once no request can be processing it."""
    if refund.status == Refund.Status.PENDING and _remaining_wait(refund) <= timedelta(0):
        return _query_cards(refund, "look_up_refund", by)
    return refund


def look_up_payout(payout: Payout, *, by: User) -> Payout:
    """Look up a payout in the background: nothing is paid out at the register."""
    payout = find_replacing_payout(payout) or payout
    refund = Refund.objects.with_details().get(pk=payout.refund_id)
    _ensure_not_underway(refund)
    refund = _record_answer(payout, _look_up(payout), by=by, is_attended=False)
    return next(each for each in refund.loaded_payouts if each.pk == payout.pk)


def _query_cards(refund: Refund, question: Question, by: User) -> Refund:
    for payout in refund.gateway_payouts:
        if payout.is_in_progress:
            answer = query_payout(payout, question) if question == "refund" else _look_up(payout)
            refund = _record_answer(payout, answer, by=by)
    return refund


def _look_up(payout: Payout) -> Answer:
    """Look up a payout, and cancel it if its reader has waited for the card for too long."""
    answer = query_payout(payout, "look_up_refund")
    is_open = answer.outcome in {Outcome.PENDING, Outcome.UNKNOWN} and not answer.reference
    if is_open and payout.has_timed_out(timezone.now()):
        return query_payout(payout, "cancel_refund")
    return answer


def _remaining_wait(refund: Refund) -> timedelta:
    """Return how long a card may still be without its first answer."""
    if not any(card.is_unanswered for card in refund.gateway_payouts):
        return timedelta(0)
    return remaining_wait(refund)


def _ensure_not_underway(refund: Refund) -> None:
    """Raise `RefundUnderway` while the request may still arrive at the gateway."""
    wait = _remaining_wait(refund)
    if wait > timedelta(0):
        raise RefundUnderway(retry_after=ceil(wait.total_seconds()))


@atomic_with_retry
def _record_answer(payout: Payout, answer: Answer, *, by: User, is_attended: bool = True) -> Refund:
    """Record the gateway's answer; a payout that is settled already does not change."""
    order, refund = _lock_refund(payout.refund_id, payout.refund.order_id)
    payout = next(each for each in refund.loaded_payouts if each.pk == payout.pk)
    return _apply_answer(payout, answer, refund, order, by=by, is_attended=is_attended)


def _apply_answer(
    payout: Payout,
    answer: Answer,
    refund: Refund,
    order: Order,
    *,
    by: User,
    is_attended: bool = True,
) -> Refund:
    if not payout.is_in_progress:
        _record_contradiction(payout, answer, refund, order)
        return refund
    was, payout.status = payout.status, PAYOUT_STATUS[answer.outcome]
    payout.gateway_reference = answer.reference
    if answer.outcome == Outcome.PENDING:
        payout.next_look_up_at, payout.look_ups = timezone.now() + READER_LOOK_UP_DELAY, 0
    payout.save_changes("status", "gateway_reference", "next_look_up_at", "look_ups")
    finish_if_answered(refund, order, by=by, is_attended=is_attended)
    if refund.status == Refund.Status.PENDING and payout.status != was:
        refund.save_changes()
        publish("refund.updated", about=refund, order=str(order.pk))
    return refund


def _record_contradiction(payout: Payout, answer: Answer, refund: Refund, order: Order) -> None:
    """Record an answer that contradicts the recorded outcome.

    A refund that was done has failed, which reverses it. Or the gateway refunded a declined payout:
    that is audited, because only an operator can decide what the customer owes.
    """
    is_done = (payout.status, refund.status) == (Payout.Status.DONE, Refund.Status.DONE)
    # Without a reference the gateway does not know the refund, which does not say that it failed.
    if is_done and answer.outcome == Outcome.DECLINED and answer.reference:
        reverse_refund(payout, refund, order)
    if payout.status != Payout.Status.DONE and answer.outcome == Outcome.CAPTURED:
        amount = str(current_tenant().quantize_amount(payout.paid))
        log.error("paid_out_after_declined", payout=str(payout.pk), amount=amount)
        audit.record("paid_out_after_declined", target=order, payout=str(payout.pk), amount=amount)


@atomic_with_retry
def _finish_at_till(refund: Refund, way: RefundResolution) -> Refund:
    """Pay out what is left, now that somebody is at the register."""
    order, refund = _lock_refund(refund.pk, refund.order_id)
    is_pending = refund.status == Refund.Status.PENDING
    if not is_pending or any(card.is_in_progress for card in refund.gateway_payouts):
        return refund
    declined = [each for each in refund.loaded_payouts if each.status == Payout.Status.DECLINED]
    if declined and way.method is None:
        amount = sum((each.paid for each in declined), Decimal(0))
        raise PayoutDeclined(
            declined=str(current_tenant().quantize_amount(amount)),
            payouts=[str(each.pk) for each in declined],
        )
    if declined and way.method:
        redirect_payouts(refund, order, way.method, way.reference, by=way.by)
        _authorize_other_method(refund, declined, way, way.method)
        ensure_credits_usable(declined)
    finish_if_answered(refund, order, by=way.by)
    return refund


def _authorize_other_method(
    refund: Refund, declined: Sequence[Payout], way: RefundResolution, method: str
) -> None:
    """Check the user's limits before a declined card is paid out by another method.

    The user who approved the refund may choose the method: the amount already counts towards
    their limits.
    """
    if (refund.approved_by_id or refund.by_id) == way.by.pk:
        return
    amount = max(
        sum((each.amount for each in declined), Decimal(0)),
        sum((each.paid for each in declined), Decimal(0)),
    )
    required = RequiredApproval("refund", refund.order_id, amount, method=method)
    authorize(required, way, LimitPeriod(shift=refund.shift_id, store=refund.store))


def _lock_refund(refund_id: uuid.UUID, order_id: uuid.UUID) -> tuple[Order, Refund]:
    """Lock and load a refund and its order."""
    order = lock_order(order_id)
    refund = next(each for each in order.loaded_refunds if each.pk == refund_id)
    return order, refund
