"""Refund an order in part or whole: by lines, by amount, or all that is left."""

import uuid
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from decimal import Decimal

from accounts.models import RefundMethod, User
from orders.exceptions import CardChargedElsewhere, NoRefundReader
from orders.models import Order, Payment, Payout, Refund
from orders.models.catalog import normalize_code
from orders.models.receipt import RegisterNumbers
from orders.money import RefundablePayment, RefundShare, allocate_refund
from orders.services.approvals import RequestContext, RequiredApproval
from orders.services.completion.complete import take_numbers
from orders.services.money_limits import LimitPeriod, authorize
from orders.services.payments.capture import lock_order
from orders.services.payments.gateway import needs_card_for_refund
from orders.services.payments.readers import (
    ensure_readers_free,
    ensure_refundable,
    find_refund_reader,
)
from orders.services.payments.store_credit import count_code_attempt, ensure_credits_usable
from orders.services.pricing.basket import build_cash_rule
from orders.services.refunds.lines import (
    RefundLineRequest,
    RefundLineResult,
    build_refund,
    build_refund_lines,
)
from orders.services.refunds.payouts import reconcile_refund, request_card_payouts
from orders.services.refunds.settle import add_refunded_amounts, complete_refund
from orders.services.registers import get_register
from tenants import idempotency
from tenants.database.bulk_insert import bulk_insert
from tenants.events.outbox import build_event
from tenants.exceptions import IdConflict, Invalid
from tenants.ids import ensure_same_content, new_id, unique_or
from tenants.scope import atomic_with_retry, current_tenant

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class NewRefund:
    """A new refund of lines, or of an amount without goods, or of everything that is left.

    Without a method the money goes back to the original payments.
    """

    id: uuid.UUID
    fingerprint: str
    reason: str
    lines: tuple[RefundLineRequest, ...] = ()
    amount: Decimal | None = None
    method: str | None = None
    # Code of the store credit, or reference of the refund at a stand-alone reader.
    reference: str = ""
    register: uuid.UUID | None = None
    approval: uuid.UUID | None = None
    terminal: uuid.UUID | None = None
    expected_version: int | None = None
    # Where wrong codes of store credits are counted.
    place: str | None = None


def refund_order(order_id: uuid.UUID, new: NewRefund, *, by: User) -> tuple[Refund, bool]:
    """Refund an order; the same id again is the same refund.

    The gateway is asked outside of transactions. Returns the refund and whether it is new. Raises
    `IdConflict` if the content differs.
    """
    names_code = new.method == Payment.Method.STORE_CREDIT and new.reference.strip()
    counted = count_code_attempt("refund", by=by, place=new.place)
    with counted if names_code else nullcontext():
        refund, is_new = _ask_and_create_refund(order_id, new, by)
    return (request_card_payouts if is_new else reconcile_refund)(refund, by=by), is_new


class CardsNotAsked(Exception):
    """Raised to ask the gateway, outside of the transaction, about cards charged at readers."""

    def __init__(self, payments: Sequence[Payment]) -> None:
        self.payments = payments
        super().__init__()


def _ask_and_create_refund(order_id: uuid.UUID, new: NewRefund, by: User) -> tuple[Refund, bool]:
    """Create the refund, after asking which cards have to be presented at a reader again.

    Most refunds have no such card, and are created at once.
    """
    try:
        return _create_refund(order_id, new, None, by)
    except CardsNotAsked as refusal:
        presented = {each.pk: needs_card_for_refund(each) for each in refusal.payments}
    return _create_refund(order_id, new, presented, by)


@atomic_with_retry
def _create_refund(
    order_id: uuid.UUID, new: NewRefund, presented: Mapping[uuid.UUID, bool] | None, by: User
) -> tuple[Refund, bool]:
    order = lock_order(order_id, by)
    known = next((each for each in order.loaded_refunds if each.pk == new.id), None)
    if known is not None:
        ensure_same_content(known, new)
        return known, False
    order.ensure_version(new.expected_version)
    order.ensure_refundable()
    refund_lines = build_refund_lines(order, new.lines, new.amount)
    refund = _build_refund(order, new, refund_lines, by)
    refund.loaded_payouts = _build_payouts(order, refund, new)
    _reserve_readers(refund, presented)
    numbers = take_numbers(refund.register, receipts=0 if refund.gateway_payouts else 1)
    ensure_readers_free(refund.gateway_payouts, if_missing=NoRefundReader)
    refund.shift_id = numbers.shift
    refund.approved_by = _find_approver(refund, new, by)
    ensure_credits_usable(refund.loaded_payouts)
    _ensure_cards_asked(refund, presented)
    add_refunded_amounts(order, refund, refund_lines)
    with unique_or(IdConflict):
        _save(refund, order, numbers, by)
    return refund, True


def _reserve_readers(refund: Refund, presented: Mapping[uuid.UUID, bool] | None) -> None:
    """Set the reader of cards that have to be presented again."""
    for payout in refund.gateway_payouts:
        payment = payout.card_payment
        if payment.reader and presented and presented.get(payment.pk, True):
            payout.reader = find_refund_reader(refund.register_id, payment.reader)


def _ensure_cards_asked(refund: Refund, presented: Mapping[uuid.UUID, bool] | None) -> None:
    """Raise `CardsNotAsked` for a refund at a reader that is allowed, so that it is not made yet.

    The approval that it used up is valid again, because the transaction is rolled back.
    """
    at_readers = [each.card_payment for each in refund.gateway_payouts if each.card_payment.reader]
    if at_readers and presented is None:
        raise CardsNotAsked(at_readers)


def _save(refund: Refund, order: Order, numbers: RegisterNumbers, by: User) -> None:
    """Insert the refund with its result, or as pending if the gateway is asked first."""
    rows = idempotency.key_rows(), [refund], refund.loaded_lines, refund.loaded_payouts
    events = [build_event("order.refunded", about=order)]
    if refund.gateway_payouts:
        pending = build_event("refund.pending", about=refund, order=str(order.pk))
        bulk_insert(*rows, [*events, pending])
    else:
        complete_refund(refund, order, numbers, rows, events, by=by)


def _build_refund(
    order: Order, new: NewRefund, refund_lines: Sequence[RefundLineResult], by: User
) -> Refund:
    register = order.register if new.register is None else get_register(new.register, by)
    return build_refund(
        order, refund_lines, register, id=new.id, reason=new.reason, by=by, content=new.fingerprint
    )


def _find_approver(refund: Refund, new: NewRefund, by: User) -> User | None:
    """Return who approved the refund, or None if the user's own limits allow it.

    A card that no gateway has confirmed is paid out in cash only with an approval, however little.
    """
    method = new.method or RefundMethod.ORIGINAL.value
    required = RequiredApproval("refund", refund.order_id, refund.amount_for_limits, method=method)
    period = LimitPeriod(shift=refund.shift_id, store=refund.store)
    context = RequestContext(by, new.approval, new.terminal)
    cashes_card = any(map(_cashes_unconfirmed_card, refund.loaded_payouts))
    requires_second_person = cashes_card and not by.may_refund_unconfirmed_cards_in_cash()
    return authorize(
        required, context, period, refund.order, requires_second_person=requires_second_person
    )


def _build_payouts(order: Order, refund: Refund, new: NewRefund) -> list[Payout]:
    """Return unsaved payouts, each with its payment and method."""
    sources = _list_sources(order)
    ways = [new.method or each.method for each in sources]
    for source, way in zip(sources, ways, strict=True):
        if way == Payment.Method.CARD != source.method and source.refundable.left:
            raise Invalid.field(
                "method",
                "The order was not paid by card only. Choose another method.",
                code="not_by_card",
            )
    shares = allocate_refund(
        refund.total,
        [each.refundable for each in sources],
        in_cash=[way == Payment.Method.CASH for way in ways],
        rule=build_cash_rule(current_tenant()),
        is_last=refund.total == sum((line.refundable_total for line in order.sold_lines), ZERO),
    )
    refund.cash_rounding = sum((share.paid for share in shares), ZERO) - refund.total
    payouts = [
        _build_payout(refund, sources[each.position].payment, ways[each.position], each)
        for each in shares
    ]
    _ensure_cards_go_back(order, payouts)
    _set_references(payouts, new)
    return payouts


@dataclass(frozen=True, slots=True)
class RefundSource:
    """Where the money of a refund comes from: a payment, or returned goods that paid a part."""

    payment: Payment | None
    method: str
    refundable: RefundablePayment


def _list_sources(order: Order) -> list[RefundSource]:
    """Return the sources; the last is refunded first, and returned goods last of all."""
    captured = [each for each in order.loaded_payments if each.is_captured and each.amount >= 0]
    sources = [
        RefundSource(each, each.method, RefundablePayment(each.amount, each.refunded_total))
        for each in captured
    ]
    if left := order.returned_left:
        returned = RefundSource(None, Payment.Method.CASH, RefundablePayment(left, ZERO))
        sources.insert(0, returned)
    return sources


def _cashes_unconfirmed_card(payout: Payout) -> bool:
    """Return whether an unconfirmed card payment is refunded in cash or as store credit."""
    if payout.payment is None:
        return False
    unconfirmed = {Payment.Entry.EXTERNAL, Payment.Entry.UNVERIFIED}
    return payout.payment.resolve_entry(payout.refund.order) in unconfirmed and payout.method in {
        Payment.Method.CASH,
        Payment.Method.STORE_CREDIT,
    }


def _ensure_cards_go_back(order: Order, payouts: Sequence[Payout]) -> None:
    """Raise `CardChargedElsewhere` for cards that only an offline till reported.

    The gateway has no charge that it could refund.
    """
    unverified = [each for each in payouts if each.entry == Payment.Entry.UNVERIFIED]
    if unverified:
        raise CardChargedElsewhere(
            payments=[str(each.payment_id) for each in unverified],
            methods=[way for way in Payment.Method.values if way != Payment.Method.CARD],
        )
    for each in payouts:
        if each.is_by_gateway:
            ensure_refundable(each)


def _set_references(payouts: Sequence[Payout], new: NewRefund) -> None:
    """Set payout references: that of the stand-alone reader's refund, or the credit's own code."""
    reference = new.reference.strip()
    external = [each for each in payouts if each.entry == Payment.Entry.EXTERNAL]
    if external and not reference:
        raise Invalid.field(
            "reference", "Enter the reference of the refund at the card reader.", code="required"
        )
    for payout in payouts:
        payment = payout.payment
        is_meant = payout in external or not external
        own = ""
        if payment and payout.method == payment.method == Payment.Method.STORE_CREDIT:
            own = payment.reference
            if is_meant and new.method is None:
                _ensure_own_code(payment, reference)
        payout.reference = (reference if is_meant else "") or own


def _ensure_own_code(payment: Payment, reference: str) -> None:
    """Raise `other_credit` for another code than was paid with, which needs its method named."""
    if normalize_code(reference) not in {"", normalize_code(payment.reference)}:
        detail = "To refund to another code than was paid with, set `method` to store_credit."
        raise Invalid.field("reference", detail, code="other_credit")


def _build_payout(refund: Refund, payment: Payment | None, way: str, share: RefundShare) -> Payout:
    return Payout(
        id=new_id(),
        refund=refund,
        payment=payment,
        method=way,
        entry=payment.resolve_entry(refund.order) if payment and way == Payment.Method.CARD else "",
        amount=share.amount,
        paid=share.paid,
    )
