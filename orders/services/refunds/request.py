"""Taking a sale back, in part or whole: goods to the shelf, money to where it came from."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.db import transaction

from accounts.models import RefundMethod, User
from orders.exceptions import CardChargedElsewhere
from orders.models import Order, OrderLine, Payment, Payout, Refund, RefundLine
from orders.models.catalog import normalize_code
from orders.money import Paid, Share, share_out_refund
from orders.services.approvals import Asked, Leave
from orders.services.completion.complete import next_numbers
from orders.services.money_limits import Period, authorize
from orders.services.payments.capture import locked_order
from orders.services.payments.store_credit import ensure_not_blocked
from orders.services.payments.tender import ensure_cards_can_be_charged
from orders.services.pricing.basket import cash_rule_of
from orders.services.refunds.lines import Back, WantedBack, tax_totals, what_comes_back
from orders.services.refunds.payouts import ask_for_payouts, resume_refund
from orders.services.refunds.settle import finish_if_paid_out
from orders.services.registers import register_for
from tenants import idempotency
from tenants.events.outbox import publish
from tenants.exceptions import IdConflict, Invalid
from tenants.ids import ensure_same_content, new_id, unique_or
from tenants.models import Register
from tenants.scope import atomic_with_retry, current_tenant

NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class NewRefund:
    """Some lines, or an amount without goods, or with neither everything that is left.

    Without a method the money goes back the ways that it came.
    """

    id: uuid.UUID
    fingerprint: str
    reason: str
    lines: tuple[WantedBack, ...] = ()
    amount: Decimal | None = None
    method: str | None = None
    # Of the store credit that it goes onto, or of the refund at a stand-alone reader.
    reference: str = ""
    register: uuid.UUID | None = None
    approval: uuid.UUID | None = None
    terminal: uuid.UUID | None = None
    expected_version: int | None = None


def refund_order(order_id: uuid.UUID, new: NewRefund, *, by: User) -> tuple[Refund, bool]:
    """Take back; the same id again is the same refund, looked up where a crash left it.

    A gateway is asked between transactions. Returns the refund as it is then, and whether it is
    new.
    """
    refund, is_new = _write(order_id, new, by)
    return (ask_for_payouts if is_new else resume_refund)(refund, by=by), is_new


@atomic_with_retry
def _write(order_id: uuid.UUID, new: NewRefund, by: User) -> tuple[Refund, bool]:
    order = locked_order(order_id)
    known = next((each for each in order.loaded_refunds if each.pk == new.id), None)
    if known is not None:
        ensure_same_content(known, new)
        return known, False
    order.ensure_version(new.expected_version)
    order.ensure_refundable()
    backs = what_comes_back(order, new.lines, new.amount)
    refund = _draft(order, new, backs, by)
    payouts = _payouts(order, refund, new)
    refund.approved_by = _approver(refund, payouts, new, by)
    _insert(refund, backs, payouts)
    _count(order, refund, backs)
    finish_if_paid_out(refund, order, by=by)
    if refund.status == Refund.Status.PENDING:
        publish("refund.pending", about=refund, order=str(order.pk))
    return refund, True


def _draft(order: Order, new: NewRefund, backs: Sequence[Back], by: User) -> Refund:
    register = _register(order, new, by)
    refund = Refund(
        id=new.id,
        order=order,
        position=len(order.loaded_refunds),
        store=register.store,
        register=register,
        shift_id=next_numbers(register).shift,
        total=sum((back.taken.total for back in backs), NOTHING),
        tax_total=sum((sum(back.taken.taxes, NOTHING) for back in backs), NOTHING),
        taxes=tax_totals(backs),
        reason=new.reason,
        by=by,
        fingerprint=new.fingerprint,
    )
    refund.loaded_lines = [
        RefundLine(
            id=new_id(),
            refund=refund,
            line=back.line,
            quantity=back.taken.quantity,
            total=back.taken.total,
            tax_total=sum(back.taken.taxes, NOTHING),
            taxes=back.frozen_taxes,
            restock=back.restock,
        )
        for back in backs
    ]
    return refund


def _register(order: Order, new: NewRefund, by: User) -> Register:
    """Where the money is given back: the register named, or the one where it was sold."""
    return order.register if new.register is None else register_for(new.register, by)


def _approver(refund: Refund, payouts: Sequence[Payout], new: NewRefund, by: User) -> User | None:
    """Return who approved the refund; None where its amount is within the person's limit.

    A card that no gateway has confirmed becomes cash only with a second person, however little.
    """
    method = new.method or RefundMethod.ORIGINAL.value
    leave = Leave("refund", refund.order_id, refund.total, method=method)
    period = Period(shift=refund.shift_id, store=refund.store)
    asked = Asked(by, new.approval, new.terminal)
    cashes_card = any(map(_cashes_unconfirmed_card, payouts))
    needs_second = cashes_card and not by.may_cash_unconfirmed_cards()
    return authorize(leave, asked, period, refund.order, needs_second=needs_second)


def _payouts(order: Order, refund: Refund, new: NewRefund) -> list[Payout]:
    """The parts of the money, each with the payment that it is of and the way that it goes."""
    captured = [each for each in order.loaded_payments if each.status == Payment.Status.CAPTURED]
    ways = [new.method or payment.method for payment in captured]
    for payment, way in zip(captured, ways, strict=True):
        if way == Payment.Method.CARD != payment.method and payment.refundable_amount:
            raise Invalid.field("method", "Not all of it was paid by card.", code="not_by_card")
    shares = share_out_refund(
        refund.total,
        [Paid(each.amount, each.refunded_total) for each in captured],
        in_cash=[way == Payment.Method.CASH for way in ways],
        rule=cash_rule_of(current_tenant()),
        is_last=refund.total
        == sum((line.refundable_total for line in order.loaded_lines), NOTHING),
    )
    refund.cash_rounding = sum((share.paid for share in shares), NOTHING) - refund.total
    payouts = [
        _payout(refund, captured[each.position], ways[each.position], each) for each in shares
    ]
    _ensure_cards_go_back(order, payouts)
    _name_references(payouts, new)
    ensure_not_blocked(payouts)
    return payouts


def _cashes_unconfirmed_card(payout: Payout) -> bool:
    """Return whether a card that no gateway has confirmed goes back as cash, or as credit that
    buys or becomes cash later."""
    unconfirmed = {Payment.Entry.EXTERNAL, Payment.Entry.UNVERIFIED}
    return payout.payment.entry_in(payout.refund.order) in unconfirmed and payout.method in {
        Payment.Method.CASH,
        Payment.Method.STORE_CREDIT,
    }


def _ensure_cards_go_back(order: Order, payouts: Sequence[Payout]) -> None:
    """A card that a till charged by itself, our gateway never saw: asked, it would know of none."""
    unverified = [each for each in payouts if each.entry == Payment.Entry.UNVERIFIED]
    if unverified:
        raise CardChargedElsewhere(
            payments=[str(each.payment_id) for each in unverified],
            methods=[way for way in Payment.Method.values if way != Payment.Method.CARD],
        )
    if any(each.is_by_gateway for each in payouts):
        ensure_cards_can_be_charged()


def _name_references(payouts: Sequence[Payout], new: NewRefund) -> None:
    """The reference is that of the stand-alone reader's refund where there is one.

    Store credit beside it goes back onto the code that it came from.
    """
    reference = new.reference.strip()
    external = [each for each in payouts if each.entry == Payment.Entry.EXTERNAL]
    if external and not reference:
        raise Invalid.field(
            "reference", "The reference of the refund at the card reader.", code="required"
        )
    for payout in payouts:
        payment = payout.payment
        same_credit = payout.method == payment.method == Payment.Method.STORE_CREDIT
        is_meant = payout in external or not external
        if same_credit and is_meant and new.method is None:
            _ensure_own_code(payment, reference)
        own = payment.reference if same_credit else ""
        payout.reference = (reference if is_meant else "") or own


def _ensure_own_code(payment: Payment, reference: str) -> None:
    """Raise `other_credit` for another code than was paid with, which needs its method named."""
    if normalize_code(reference) not in {"", normalize_code(payment.reference)}:
        detail = "Name the method store_credit to refund onto another code than was paid with."
        raise Invalid.field("reference", detail, code="other_credit")


def _payout(refund: Refund, payment: Payment, way: str, share: Share) -> Payout:
    return Payout(
        id=new_id(),
        refund=refund,
        payment=payment,
        method=way,
        entry=payment.entry_in(refund.order) if way == Payment.Method.CARD else "",
        amount=share.amount,
        paid=share.paid,
    )


def _insert(refund: Refund, backs: Sequence[Back], payouts: Sequence[Payout]) -> None:
    refund.loaded_payouts = list(payouts)
    with unique_or(IdConflict), transaction.atomic():
        idempotency.save_key()
        refund.save(force_insert=True)
    RefundLine.objects.bulk_create(refund.loaded_lines)
    Payout.objects.bulk_create(refund.loaded_payouts)


def _count(order: Order, refund: Refund, backs: Sequence[Back]) -> None:
    """Count it on lines, payments and order, pending or done: nobody takes it back twice."""
    for back in backs:
        back.line.refunded_quantity += back.taken.quantity
        back.line.refunded_total += back.taken.total
    OrderLine.objects.bulk_update(
        [back.line for back in backs], ["refunded_quantity", "refunded_total"]
    )
    for payout in refund.loaded_payouts:
        payout.payment.refunded_total += payout.paid
    Payment.objects.bulk_update(
        [payout.payment for payout in refund.loaded_payouts], ["refunded_total"]
    )
    order.refunded_total += refund.total + refund.cash_rounding
    order.transition_to(order.status_after_refund())
    order.loaded_refunds = [*order.loaded_refunds, refund]
    order.save_changes("refunded_total", "status")
    publish("order.refunded", about=order)
