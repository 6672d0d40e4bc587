"""The money of a refund on its way: gateways are asked outside of every transaction."""

import uuid
from collections.abc import Iterator
from decimal import Decimal
from operator import attrgetter
from typing import Any, Literal

import structlog
from django.conf import settings
from django.utils import timezone

from accounts.models import User
from orders.exceptions import RefundSettled
from orders.gateways import Answer, GiveBack, Outcome, payment_gateway
from orders.models import (
    ChainEntry,
    Order,
    OrderLine,
    Payment,
    Payout,
    Refund,
    RegisterSeries,
    StockMovement,
)
from orders.services.chain import plain, seal
from orders.services.credit import credit_for_refund
from orders.services.paying import locked_order
from orders.services.stock import put_back
from tenants import audit, idempotency
from tenants.outbox import announce
from tenants.rows import insert_all
from tenants.scope import current_tenant, deed

log = structlog.get_logger("till.payments")
STATUS = {
    Outcome.CAPTURED: Payout.Status.DONE,
    Outcome.DECLINED: Payout.Status.DECLINED,
    Outcome.UNKNOWN: Payout.Status.UNKNOWN,
}


def ask_for_payouts(refund: Refund, *, by: User) -> Refund:
    """Have the gateway give back what was paid by card, and write down its answers."""
    for payout in _by_gateway(refund):
        refund = _settle(payout, _answer_to(payout, "refund"), by=by)
    return refund


def resolve_refund(refund: Refund, *, by: User) -> Refund:
    """Ask the gateway what became of a refund that timed out, or that a crash left behind."""
    if refund.status != Refund.Status.PENDING:
        raise RefundSettled(refund_status=refund.status)
    for payout in _by_gateway(refund):
        refund = _settle(payout, _answer_to(payout, "look_up_refund"), by=by)
    return refund


def _by_gateway(refund: Refund) -> Iterator[Payout]:
    for payout in list(refund.loaded_payouts):
        if payout.method == Payment.Method.CARD and payout.is_underway:
            yield payout


def _answer_to(payout: Payout, question: Literal["refund", "look_up_refund"]) -> Answer:
    """What the gateway says; one that breaks has said nothing, and the money may have gone."""
    tenant = current_tenant()
    back = GiveBack(
        key=payout.pk,
        charge=payout.payment_id,
        amount=payout.paid,
        currency=tenant.currency,
        exponent=tenant.currency_exponent,
    )
    try:
        ask = getattr(payment_gateway(), question)
        answer: Answer = ask(back, timeout=settings.PAYMENT_GATEWAY_TIMEOUT)
    except Exception:
        log.exception("gateway_failed", payout=str(payout.pk), question=question)
        return Answer(Outcome.UNKNOWN, reason="The gateway failed.")
    return answer


@deed
def _settle(payout: Payout, answer: Answer, *, by: User) -> Refund:
    """Write down what the gateway said; a payout that is settled stays so."""
    idempotency.note()
    order = locked_order(payout.refund.order_id)
    refund = next(each for each in order.loaded_refunds if each.pk == payout.refund_id)
    payout = next(each for each in refund.loaded_payouts if each.pk == payout.pk)
    if not payout.is_underway:
        return refund
    payout.status = STATUS[answer.outcome]
    payout.gateway_reference = answer.reference
    payout.save_changes("status", "gateway_reference")
    finish_if_paid_out(refund, order, by=by)
    return refund


def finish_if_paid_out(refund: Refund, order: Order, *, by: User) -> None:
    """Once every gateway has answered: the rest is handed over and the refund is done, or the
    card was declined and nothing of it happened."""
    lines = {line.pk: line for line in order.loaded_lines}
    for each in refund.loaded_lines:
        each.line = lines[each.line_id]
    cards = [each for each in refund.loaded_payouts if each.method == Payment.Method.CARD]
    if any(card.is_underway for card in cards):
        return
    declined = [card for card in cards if card.status == Payout.Status.DECLINED]
    if declined and len(declined) == len(cards):
        _undo(refund, order)
        return
    for payout in declined:
        # Part of it has gone back already: what this card does not take is handed over in cash.
        payout.method, payout.status = Payment.Method.CASH, Payout.Status.PENDING
    _hand_over(refund, order, by)
    _complete(refund, order, by)


def _hand_over(refund: Refund, order: Order, by: User) -> None:
    """What needs no gateway: cash out of the drawer, credit onto its code."""
    for payout in refund.loaded_payouts:
        if payout.status == Payout.Status.DONE:
            continue
        if payout.method == Payment.Method.STORE_CREDIT:
            credit = credit_for_refund(
                payout.reference,
                payout.paid,
                refund=refund.pk,
                customer_name=order.customer_name,
                by=by,
            )
            payout.reference = credit.code
        payout.status = Payout.Status.DONE
        payout.save_changes("status", "method", "reference")


def _complete(refund: Refund, order: Order, by: User) -> None:
    numbers = RegisterSeries.objects.count_up(refund.register, receipts=1)
    refund.status = Refund.Status.DONE
    refund.receipt_number, refund.completed_at = numbers.receipt, timezone.now()
    refund.save_changes("status", "receipt_number", "completed_at")
    entry, extension = seal(
        ChainEntry.Kind.REFUND, refund.pk, refund_content(refund), numbers, refund.register
    )
    insert_all(_movements(refund, by), [entry], also=[extension])
    put_back(refund.store, _restocked(refund))
    total = str(current_tenant().in_currency(refund.total))
    audit.record("refunded", actor=by, target=order, total=total, reason=refund.reason)
    announce("refund.completed", about=refund, order=str(order.pk), total=total)


def refund_content(refund: Refund) -> dict[str, Any]:
    """What a refund was, from what never changes after it."""
    at = refund.completed_at
    return {
        "refund": str(refund.pk),
        "order": str(refund.order_id),
        "receipt_number": refund.receipt_number,
        "register": str(refund.register_id),
        "by": str(refund.by_id),
        "completed_at": at.isoformat() if at else None,
        "lines": [
            [str(each.line_id), plain(each.quantity), plain(each.tax_total), plain(each.total)]
            for each in sorted(refund.loaded_lines, key=attrgetter("pk"))
        ],
        "payouts": [
            [str(each.payment_id), each.method, plain(each.paid)]
            for each in sorted(refund.loaded_payouts, key=attrgetter("pk"))
        ],
        "tax_total": plain(refund.tax_total),
        "cash_rounding": plain(refund.cash_rounding),
        "total": plain(refund.total),
    }


def _restocked(refund: Refund) -> dict[uuid.UUID, Decimal]:
    back: dict[uuid.UUID, Decimal] = {}
    for each in refund.loaded_lines:
        if each.restock and each.quantity and each.line.tracks_stock:
            product = each.line.product_id
            back[product] = back.get(product, Decimal(0)) + each.quantity
    return back


def _movements(refund: Refund, by: User) -> list[StockMovement]:
    """What came back; what cannot be sold again goes to waste with the next movement."""
    movements = []
    for each in refund.loaded_lines:
        if each.quantity and each.line.tracks_stock:
            kinds = [(StockMovement.Type.RETURN, each.quantity)]
            if not each.restock:
                kinds.append((StockMovement.Type.WASTE, -each.quantity))
            movements += [_movement(refund, each.line, kind, moved, by) for kind, moved in kinds]
    return movements


def _movement(
    refund: Refund, line: OrderLine, kind: StockMovement.Type, quantity: Decimal, by: User
) -> StockMovement:
    return StockMovement(
        store=refund.store,
        product_id=line.product_id,
        type=kind,
        quantity=quantity,
        reason=refund.reason,
        occurred_at=refund.completed_at or timezone.now(),
        order_id=refund.order_id,
        refund=refund,
        by=by,
    )


def _undo(refund: Refund, order: Order) -> None:
    """The card was declined: what was counted as taken back is not."""
    lines = {line.pk: line for line in order.loaded_lines}
    for each in refund.loaded_lines:
        line = lines[each.line_id]
        line.refunded_quantity -= each.quantity
        line.refunded_total -= each.total
    OrderLine.objects.bulk_update(lines.values(), ["refunded_quantity", "refunded_total"])
    payments = {payment.pk: payment for payment in order.loaded_payments}
    for payout in refund.loaded_payouts:
        payments[payout.payment_id].refunded_total -= payout.paid
        if payout.is_underway:
            payout.status = Payout.Status.DECLINED
            payout.save_changes("status")
    Payment.objects.bulk_update(payments.values(), ["refunded_total"])
    refund.status = Refund.Status.FAILED
    refund.save_changes("status")
    order.refunded_total -= refund.total + refund.cash_rounding
    order.status = order.status_after_refund()
    order.save_changes("refunded_total", "status")
