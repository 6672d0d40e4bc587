"""The money of a refund on its way: gateways are asked outside of every transaction."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from math import ceil
from typing import Literal

import structlog
from django.conf import settings
from django.utils import timezone

from accounts.models import User
from orders.exceptions import PayoutDeclined, RefundSettled, RefundUnderway
from orders.gateways import Answer, GatewayRefund, Outcome, get_payment_gateway
from orders.models import Order, Payout, Refund
from orders.services.approvals import RequiredApproval
from orders.services.money_limits import LimitPeriod, authorize
from orders.services.payments.capture import lock_order
from orders.services.refunds.settle import finish_if_answered, redirect_payouts
from tenants import audit, idempotency
from tenants.events.outbox import publish
from tenants.scope import atomic_with_retry, current_tenant

log = structlog.get_logger("till.payments")
PAYOUT_STATUS = {
    Outcome.CAPTURED: Payout.Status.DONE,
    Outcome.DECLINED: Payout.Status.DECLINED,
    Outcome.UNKNOWN: Payout.Status.UNKNOWN,
}
Question = Literal["refund", "look_up_refund"]


def request_card_payouts(refund: Refund, *, by: User) -> Refund:
    """Have the gateway give back what was paid by card, and write down its answers."""
    return _query_cards(refund, "refund", by)


@dataclass(frozen=True, slots=True)
class RefundResolution:
    """How goes back what a card declined, and who says so."""

    by: User
    method: str | None = None
    reference: str = ""
    approval: uuid.UUID | None = None
    terminal: uuid.UUID | None = None


def resolve_refund(refund: Refund, way: RefundResolution) -> Refund:
    """Ask the gateway what became of a refund that timed out, or that a crash left behind.

    What one of several cards declined goes back another way, and is handed over now.
    """
    if refund.status != Refund.Status.PENDING:
        if idempotency.is_resumed():
            return refund
        raise RefundSettled(refund_status=refund.status)
    _ensure_not_in_progress(refund)
    with idempotency.reserve_key():
        return _finish_at_till(_query_cards(refund, "look_up_refund", way.by), way)


def reconcile_refund(refund: Refund, *, by: User) -> Refund:
    """Look up what a crash left behind, once nobody can be asking for it."""
    if refund.status == Refund.Status.PENDING and _remaining_wait(refund) <= timedelta(0):
        return _query_cards(refund, "look_up_refund", by)
    return refund


def look_up_payout(payout: Payout, *, by: User) -> Payout:
    """One that nobody waits for any more; nobody stands at the till to hand anything over."""
    refund = Refund.objects.with_details().get(pk=payout.refund_id)
    _ensure_not_in_progress(refund)
    answer = _query_gateway(payout, "look_up_refund")
    refund = _record_answer(payout, answer, by=by, is_attended=False)
    return next(each for each in refund.loaded_payouts if each.pk == payout.pk)


def _query_cards(refund: Refund, question: Question, by: User) -> Refund:
    for payout in refund.gateway_payouts:
        if payout.is_in_progress:
            refund = _record_answer(payout, _query_gateway(payout, question), by=by)
    return refund


def _is_answered(refund: Refund) -> bool:
    is_pending = refund.status == Refund.Status.PENDING
    return is_pending and not any(card.is_in_progress for card in refund.gateway_payouts)


def _remaining_wait(refund: Refund) -> timedelta:
    """As long as a card may be without its first answer."""
    if not any(card.status == Payout.Status.PENDING for card in refund.gateway_payouts):
        return timedelta(0)
    timeout = timedelta(seconds=settings.PAYMENT_GATEWAY_TIMEOUT)
    return refund.gateway_deadline(timeout) - timezone.now()


def _ensure_not_in_progress(refund: Refund) -> None:
    """A look-up before the request arrives finds nothing, and its money would go back twice."""
    wait = _remaining_wait(refund)
    if wait > timedelta(0):
        raise RefundUnderway(retry_after=ceil(wait.total_seconds()))


def _query_gateway(payout: Payout, question: Question) -> Answer:
    """What the gateway says; one that breaks has said nothing, and the money may have gone."""
    tenant = current_tenant()
    back = GatewayRefund(
        key=payout.pk,
        charge=payout.payment_id,
        amount=payout.paid,
        currency=tenant.currency,
        exponent=tenant.currency_exponent,
    )
    try:
        ask = getattr(get_payment_gateway(), question)
        answer: Answer = ask(back, timeout=settings.PAYMENT_GATEWAY_TIMEOUT)
    except Exception:
        log.exception("gateway_failed", payout=str(payout.pk), question=question)
        return Answer(Outcome.UNKNOWN, reason="The gateway failed.")
    return answer


@atomic_with_retry
def _record_answer(payout: Payout, answer: Answer, *, by: User, is_attended: bool = True) -> Refund:
    """Write down what the gateway said; a payout that is settled stays so."""
    order, refund = _lock_refund(payout.refund_id, payout.refund.order_id)
    payout = next(each for each in refund.loaded_payouts if each.pk == payout.pk)
    if not payout.is_in_progress:
        _log_contradiction(payout, answer, order)
        return refund
    was, payout.status = payout.status, PAYOUT_STATUS[answer.outcome]
    payout.gateway_reference = answer.reference
    payout.save_changes("status", "gateway_reference")
    finish_if_answered(refund, order, by=by, is_attended=is_attended)
    if refund.status == Refund.Status.PENDING and payout.status != was:
        refund.save_changes()
        publish("refund.updated", about=refund, order=str(order.pk))
    return refund


def _log_contradiction(payout: Payout, answer: Answer, order: Order) -> None:
    """Money that a gateway gave back after it had said no has gone twice: for people to know."""
    if payout.status != Payout.Status.DONE and answer.outcome == Outcome.CAPTURED:
        amount = str(current_tenant().quantize_amount(payout.paid))
        log.error("paid_out_after_declined", payout=str(payout.pk), amount=amount)
        audit.record("paid_out_after_declined", target=order, payout=str(payout.pk), amount=amount)


@atomic_with_retry
def _finish_at_till(refund: Refund, way: RefundResolution) -> Refund:
    """Somebody is there: what waited for a person is handed over."""
    order, refund = _lock_refund(refund.pk, refund.order_id)
    if not _is_answered(refund):
        return refund
    declined = [each for each in refund.loaded_payouts if each.status == Payout.Status.DECLINED]
    if declined and way.method is None:
        amount = sum((each.paid for each in declined), Decimal(0))
        raise PayoutDeclined(
            declined=str(current_tenant().quantize_amount(amount)),
            payouts=[str(each.pk) for each in declined],
        )
    if declined and way.method:
        _authorize_other_method(refund, declined, way, way.method)
        redirect_payouts(refund, order, way.method, way.reference, by=way.by)
    finish_if_answered(refund, order, by=way.by)
    return refund


def _authorize_other_method(
    refund: Refund, declined: Sequence[Payout], way: RefundResolution, method: str
) -> None:
    """Refuse to pay out what somebody else allowed to go back to a card, above one's own limit.

    Whoever allowed the refund may choose the way: its amount is in their sums already.
    """
    if (refund.approved_by_id or refund.by_id) == way.by.pk:
        return
    amount = sum((each.amount for each in declined), Decimal(0))
    required = RequiredApproval("refund", refund.order_id, amount, method=method)
    authorize(required, way, LimitPeriod(shift=refund.shift_id, store=refund.store))


def _lock_refund(refund_id: uuid.UUID, order_id: uuid.UUID) -> tuple[Order, Refund]:
    """The refund as it is now, with its order, for nobody else to change until this is done."""
    order = lock_order(order_id)
    refund = next(each for each in order.loaded_refunds if each.pk == refund_id)
    return order, refund
