"""Complete a refund: payouts, restock, receipt, hash chain entry; or fail it."""

import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.utils import timezone

from accounts.models import User
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
from orders.models.receipt import RegisterNumbers
from orders.money import round_to_coins
from orders.services.completion.hash_chain import build_chain_entry, build_refund_content
from orders.services.payments.store_credit import refund_to_credit, sort_by_code
from orders.services.pricing.basket import build_cash_rule
from orders.services.refunds.lines import RefundLineResult
from orders.services.stock.levels import increment_stock
from tenants import audit
from tenants.database.bulk_insert import bulk_insert
from tenants.events.outbox import build_event, publish
from tenants.models import OutboxEvent
from tenants.scope import current_tenant


def finish_if_answered(refund: Refund, order: Order, *, by: User, is_attended: bool = True) -> None:
    """Complete the refund once every gateway has answered, or fail it if all cards declined.

    It stays pending if only some of the cards declined, and if cash has to be paid out while
    no user is at the register (`is_attended` is False).
    """
    if any(card.is_in_progress for card in refund.gateway_payouts):
        return
    declined = [card for card in refund.gateway_payouts if card.status == Payout.Status.DECLINED]
    if declined and len(declined) == len(refund.gateway_payouts):
        subtract_failed_refund(refund, order)
    elif not declined and (is_attended or not _needs_operator(refund)):
        # Registers are locked before credits, as by a sale.
        numbers = RegisterSeries.objects.increment(refund.register, receipts=1)
        complete_refund(refund, order, numbers, by=by)


def _needs_operator(refund: Refund) -> bool:
    return any(
        each.status == Payout.Status.PENDING
        and not each.is_by_gateway
        and each.method != Payment.Method.STORE_CREDIT
        for each in refund.loaded_payouts
    )


def redirect_payouts(
    refund: Refund, order: Order, method: str, reference: str, *, by: User
) -> None:
    """Pay declined cards out by another method; cash is rounded to coins."""
    declined = [each for each in refund.loaded_payouts if each.status == Payout.Status.DECLINED]
    before = refund.cash_rounding
    if method == Payment.Method.CASH:
        _round_to_coins(declined, order, refund)
    for payout in declined:
        payout.method, payout.entry, payout.reference = method, "", reference
        payout.status, payout.reader = Payout.Status.PENDING, None
        payout.save_changes("method", "entry", "reference", "status", "paid", "reader")
    order.refunded_total += refund.cash_rounding - before
    order.save_changes("refunded_total")
    publish("order.updated", about=order)
    refund.save_changes("cash_rounding")
    audit.record("refund_paid_otherwise", actor=by, target=order, method=method)


def _round_to_coins(payouts: Sequence[Payout], order: Order, refund: Refund) -> None:
    """Round the sum of the payouts to coins."""
    payments = {payment.pk: payment for payment in order.loaded_payments}
    cards = [payments[payout.card_payment.pk] for payout in payouts]
    lefts = [
        card.refundable_amount + payout.paid for card, payout in zip(cards, payouts, strict=True)
    ]
    rounded = round_to_coins(
        [payout.paid for payout in payouts], lefts, build_cash_rule(current_tenant())
    )
    for payment, payout, paid in zip(cards, payouts, rounded, strict=True):
        more = paid - payout.paid
        payout.paid = paid
        refund.cash_rounding += more
        payment.refunded_total += more
        payment.save_changes("refunded_total")


def complete_refund(
    refund: Refund,
    order: Order,
    numbers: RegisterNumbers,
    new_rows: Sequence[Sequence[Any]] = (),
    events: Sequence[OutboxEvent] = (),
    *,
    by: User,
) -> None:
    """Pay out at the register, and save the refund with its result, stock and chain entry.

    `numbers` are those of its register, with its receipt number. `new_rows` and `events` are
    inserted first: the refund itself is among them unless it waited for the gateway.
    """
    paid_out = _pay_out_at_till(refund, order, by)
    lines = {line.pk: line for line in order.loaded_lines}
    for each in refund.loaded_lines:
        each.line = lines[each.line_id]
    refund.status = Refund.Status.DONE
    refund.receipt_number, refund.completed_at = numbers.receipt, timezone.now()
    refund.profile_id = refund.store.receipt_profile
    if not new_rows:
        for payout in paid_out:
            payout.save_changes("status", "reference")
        refund.save_changes("status", "receipt_number", "completed_at", "profile")
    content = build_refund_content(refund, refund.store.receipt_profile_hash)
    entry, extension = build_chain_entry(
        ChainEntry.Kind.REFUND, refund.pk, content, numbers, refund.register
    )
    total = str(current_tenant().quantize_amount(refund.total))
    event = build_event("refund.completed", about=refund, order=str(order.pk), total=total)
    movements = build_stock_movements(refund, by)
    bulk_insert(*new_rows, movements, [entry], [*events, event], also=[extension])
    increment_stock(refund.store, sum_restocked(refund))
    audit.record("refunded", actor=by, target=order, total=total, reason=refund.reason)


def _pay_out_at_till(refund: Refund, order: Order, by: User) -> list[Payout]:
    """Pay out cash and store credit, and return the payouts that this has changed, unsaved.

    Credits are locked in the order of their codes, as when they are spent.
    """
    open_payouts = [each for each in refund.loaded_payouts if each.status != Payout.Status.DONE]
    for payout in sort_by_code(open_payouts):
        if payout.method == Payment.Method.STORE_CREDIT:
            credit = refund_to_credit(
                payout.reference,
                payout.paid,
                refund=refund.pk,
                customer_name=order.customer_name,
                by=by,
            )
            payout.reference = credit.code
        payout.status = Payout.Status.DONE
    return open_payouts


def sum_restocked(refund: Refund) -> dict[uuid.UUID, Decimal]:
    back: dict[uuid.UUID, Decimal] = {}
    for each in refund.loaded_lines:
        if each.restock and each.quantity:
            for item in each.line.stock_items:
                quantity = each.quantity * item.quantity
                back[item.product] = back.get(item.product, Decimal(0)) + quantity
    return back


def build_stock_movements(refund: Refund, by: User) -> list[StockMovement]:
    """Return stock movements: a return of each product, and waste of what is not restocked."""
    movements = []
    for each in refund.loaded_lines:
        for item in each.line.stock_items if each.quantity else ():
            quantity = each.quantity * item.quantity
            kinds = [(StockMovement.Type.RETURN, quantity)]
            if not each.restock:
                kinds.append((StockMovement.Type.WASTE, -quantity))
            movements += [
                _build_stock_movement(refund, item.product, kind, moved, by)
                for kind, moved in kinds
            ]
    return movements


def _build_stock_movement(
    refund: Refund, product: uuid.UUID, kind: StockMovement.Type, quantity: Decimal, by: User
) -> StockMovement:
    return StockMovement(
        store=refund.store,
        product_id=product,
        type=kind,
        quantity=quantity,
        reason=refund.reason,
        waste_reason=(
            StockMovement.WasteReason.RETURNED if kind == StockMovement.Type.WASTE else None
        ),
        occurred_at=refund.completed_at or timezone.now(),
        order_id=refund.order_id,
        refund=refund,
        by=by,
    )


def add_refunded_amounts(
    order: Order, refund: Refund, refund_lines: Sequence[RefundLineResult]
) -> None:
    """Add the refund to lines, payments and order, also while pending."""
    for each in refund_lines:
        each.line.refunded_quantity += each.taken.quantity
        each.line.refunded_total += each.taken.total
    OrderLine.objects.bulk_update(
        [each.line for each in refund_lines], ["refunded_quantity", "refunded_total"]
    )
    payments = [payout.payment for payout in refund.loaded_payouts if payout.payment]
    for payout in refund.loaded_payouts:
        if payout.payment:
            payout.payment.refunded_total += payout.paid
    Payment.objects.bulk_update(payments, ["refunded_total"])
    order.refunded_total += refund.total + refund.cash_rounding
    order.transition_to(order.status_after_refund())
    order.loaded_refunds = [*order.loaded_refunds, refund]
    order.save_changes("refunded_total", "status")


def subtract_failed_refund(refund: Refund, order: Order) -> None:
    """Set the refund to failed, and subtract it from lines, payments and order."""
    lines = {line.pk: line for line in order.loaded_lines}
    for each in refund.loaded_lines:
        line = lines[each.line_id]
        line.refunded_quantity -= each.quantity
        line.refunded_total -= each.total
    OrderLine.objects.bulk_update(lines.values(), ["refunded_quantity", "refunded_total"])
    payments = {payment.pk: payment for payment in order.loaded_payments}
    for payout in refund.loaded_payouts:
        if payout.payment_id:
            payments[payout.payment_id].refunded_total -= payout.paid
        if payout.is_in_progress:
            payout.status = Payout.Status.DECLINED
            payout.save_changes("status")
    Payment.objects.bulk_update(payments.values(), ["refunded_total"])
    refund.status = Refund.Status.FAILED
    refund.save_changes("status", "reversed_at", "reversed_in")
    publish("refund.failed", about=refund, order=str(order.pk))
    order.refunded_total -= refund.total + refund.cash_rounding
    order.status = order.status_after_refund()
    order.save_changes("refunded_total", "status")
    publish("order.updated", about=order)
