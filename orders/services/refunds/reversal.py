"""Reverse a completed refund whose payout failed after all, for example at the bank.

The receipt of the refund, its entry in the hash chain and the Z report of its shift never change.
The reversal is booked when it becomes known: with an entry of its own in the hash chain, and in the
shift that is not closed yet. The goods count as sold again, until they are refunded again.
"""

import uuid
from decimal import Decimal
from operator import attrgetter

import structlog
from django.utils import timezone

from orders.models import ChainEntry, Order, Payout, Refund, RegisterSeries, Shift, StockMovement
from orders.services.completion.hash_chain import build_chain_entry, build_reversal_content
from orders.services.refunds.lines import allocate_amount, build_refund
from orders.services.refunds.settle import (
    add_refunded_amounts,
    build_stock_movements,
    complete_refund,
    subtract_failed_refund,
    sum_restocked,
)
from orders.services.stock.levels import decrement_returned_stock
from tenants import audit
from tenants.database.bulk_insert import bulk_insert
from tenants.events.outbox import publish
from tenants.ids import new_id
from tenants.scope import current_tenant

log = structlog.get_logger("till.payments")


def reverse_refund(payout: Payout, refund: Refund, order: Order) -> None:
    """Decline the payout of a completed refund, and fail the refund.

    Its other payouts stay paid out: a refund of their amount replaces them. The caller has locked
    the order.
    """
    numbers = RegisterSeries.objects.increment(refund.register)
    payout.status = Payout.Status.DECLINED
    payout.save_changes("status")
    refund.reversed_at = timezone.now()
    refund.reversed_in_id = _choose_shift(refund, numbers.shift)
    subtract_failed_refund(refund, order)
    entry, extension = build_chain_entry(
        ChainEntry.Kind.REVERSAL,
        refund.pk,
        build_reversal_content(refund),
        numbers,
        refund.register,
    )
    _set_lines(refund, order)
    bulk_insert(_build_opposite_movements(refund), [entry], also=[extension])
    _record(payout, order)
    _replace_other_payouts(refund, order)
    decrement_returned_stock(
        refund.store, sum_restocked(refund), [each.line for each in refund.loaded_lines]
    )


def find_replacing_payout(payout: Payout) -> Payout | None:
    """Return the newest payout that repeats one of a reversed refund, or None.

    The refund that replaced it may have been reversed and replaced as well.
    """
    newest = None
    while payout.gateway_reference:
        repeated = Payout.objects.filter(
            refund__replaces=payout.refund_id,
            payment=payout.payment_id,
            gateway_reference=payout.gateway_reference,
        ).order_by("refund__created_at", "pk")
        found = repeated.select_related("refund__by", "payment").last()
        if found is None:
            break
        payout = newest = found
    return newest


def _choose_shift(refund: Refund, current: uuid.UUID | None) -> uuid.UUID | None:
    """Return the shift of the refund if it is not closed, otherwise the current one.

    Without one, the next shift of the register takes it; see `Refund.awaiting_shift`.
    """
    if refund.shift_id is None:
        return None
    closed = Shift.objects.filter(pk=refund.shift_id, status=Shift.Status.CLOSED)
    return current if closed.exists() else refund.shift_id


def _set_lines(refund: Refund, order: Order) -> None:
    lines = {line.pk: line for line in order.loaded_lines}
    for each in refund.loaded_lines:
        each.line = lines[each.line_id]


def _build_opposite_movements(refund: Refund) -> list[StockMovement]:
    """Return the stock movements of the refund with the opposite sign."""
    movements = build_stock_movements(refund, refund.by)
    for movement in movements:
        movement.quantity = -movement.quantity
        movement.reason = "The refund failed."
        movement.occurred_at = refund.reversed_at or timezone.now()
    return movements


def _replace_other_payouts(refund: Refund, order: Order) -> None:
    """Book the payouts that did not fail as a refund of their amount, without goods."""
    kept = [each for each in refund.loaded_payouts if each.status == Payout.Status.DONE]
    if not kept:
        return
    amount = sum((each.amount for each in kept), Decimal(0))
    refund_lines = allocate_amount(order, amount)
    reason = f"Replaces refund {refund.receipt_number}, whose card payout failed."
    again = build_refund(
        order, refund_lines, refund.register, id=new_id(), reason=reason, by=refund.by
    )
    again.replaces, again.approved_by = refund, refund.approved_by
    again.shift_id = refund.reversed_in_id
    again.cash_rounding = sum((each.paid - each.amount for each in kept), Decimal(0))
    payments = {payment.pk: payment for payment in order.loaded_payments}
    again.loaded_payouts = [
        Payout(
            id=new_id(),
            refund=again,
            payment=payments[each.payment_id] if each.payment_id else None,
            method=each.method,
            entry=each.entry,
            status=Payout.Status.DONE,
            amount=each.amount,
            paid=each.paid,
            reference=each.reference,
            gateway_reference=each.gateway_reference,
        )
        for each in sorted(kept, key=attrgetter("pk"))
    ]
    add_refunded_amounts(order, again, refund_lines)
    numbers = RegisterSeries.objects.increment(refund.register, receipts=1)
    rows = ([again], again.loaded_lines, again.loaded_payouts)
    complete_refund(again, order, numbers, rows, by=refund.by)
    publish("order.updated", about=order)


def _record(payout: Payout, order: Order) -> None:
    amount = str(current_tenant().quantize_amount(payout.paid))
    log.error("refund_failed_after_done", payout=str(payout.pk), amount=amount)
    audit.record("refund_failed_after_done", target=order, payout=str(payout.pk), amount=amount)
