"""Create orders: price the basket, take payments, complete what is fully paid."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from orders.models import Order, OrderLine, Payment
from orders.models.receipt import RegisterNumbers
from orders.services.approvals import RequestContext
from orders.services.completion.complete import (
    CompletionRows,
    build_completion_rows,
    build_payment_event,
    deduct_stock,
    flag_device_sequence,
    mark_tenant_has_orders,
    take_numbers,
)
from orders.services.payments.capture import charge_cards, reconcile_payments
from orders.services.payments.store_credit import count_code_attempt, spend_credits
from orders.services.payments.tender import NewPayment, build_payments
from orders.services.pricing.basket import Basket, DiscountRequest, LineRequest, price_basket
from orders.services.pricing.discount_approval import find_discount_over_limit, measure_order
from orders.services.pricing.discount_audit import build_discount_events
from orders.services.pricing.lines import apply_price, build_line, build_order
from orders.services.registers import get_register
from orders.services.stock.levels import reserve_stock
from tenants import idempotency
from tenants.database.bulk_insert import bulk_insert
from tenants.events.outbox import build_event
from tenants.exceptions import DomainError, IdConflict
from tenants.ids import ensure_same_content, unique_or
from tenants.scope import current_tenant, retry_on_conflict


@dataclass(frozen=True, slots=True)
class NewOrder:
    """A new order. The client chooses the `id`, so that it can repeat the request safely."""

    id: uuid.UUID
    register: uuid.UUID
    # Of the request body: the same id with other content is refused.
    fingerprint: str
    lines: tuple[LineRequest, ...]
    discounts: tuple[DiscountRequest, ...] = ()
    customer_name: str = ""
    customer_email: str = ""
    note: str = ""
    payments: tuple[NewPayment, ...] = ()
    # Allows to exceed the user's limits, at this paired terminal only.
    approval: uuid.UUID | None = None
    terminal: uuid.UUID | None = None
    # The number that the device gave to the sale.
    device_sequence: int | None = None
    # The client for which wrong store-credit codes are counted.
    place: str | None = None


def create_order(new: NewOrder, *, by: User) -> tuple[Order, bool]:
    """Create an order, and complete it if its payments cover it.

    Returns the order and whether it is new: the same id with the same content returns the order
    that exists. Raises `IdConflict` for the same id with other content.
    """
    try:
        with unique_or(IdConflict):
            order = _create_throttled(new, by)
    except DomainError as refusal:
        return reconcile_payments(_find_existing(new, refusal, by)), False
    return charge_cards(order, order.loaded_payments), True


def _find_existing(new: NewOrder, refusal: DomainError, by: User) -> Order:
    """Return the existing order with this id, or raise the refusal if there is none.

    Queried only after a refusal, so that new orders do not pay for it.
    """
    order = Order.objects.visible_to(by).with_details().filter(pk=new.id).first()
    if order is None:
        raise refusal
    ensure_same_content(order, new)
    return order


def _create_throttled(new: NewOrder, by: User) -> Order:
    if not any(each.method == Payment.Method.STORE_CREDIT for each in new.payments):
        return _create(new, by)
    with count_code_attempt("payment", by=by, place=new.place):
        return _create(new, by)


@retry_on_conflict
def _create(new: NewOrder, by: User) -> Order:
    """Read and compute first, then write in one short transaction."""
    register = get_register(new.register, by)
    basket = price_basket(current_tenant(), new.lines, new.discounts)
    order = build_order(new, register, by, basket.priced)
    lines = _build_lines(order, basket)
    order.price_overridden = any(line.has_price_override for line in lines)
    over_limit = find_discount_over_limit(order, measure_order(order, lines), by)
    if over_limit and new.approval is None:
        raise over_limit.build_error()
    payments = build_payments(order, new.payments)
    order.loaded_lines, order.loaded_payments, order.loaded_refunds = lines, payments, []
    with transaction.atomic():
        if over_limit:
            over_limit.consume_approval(RequestContext(by, new.approval, new.terminal))
        _save(order, lines, payments, by)
    return order


def _save(order: Order, lines: Sequence[OrderLine], payments: Sequence[Payment], by: User) -> None:
    mark_tenant_has_orders()
    # An order without lines stays open although nothing is due.
    completes = order.due == 0 and bool(lines)
    numbers = _assign_numbers(order, receipts=int(completes))
    for payment in payments:
        payment.shift_id, payment.taken_by = numbers.shift, by
    spend_credits(payments, by=by)
    events = [build_payment_event(payment, order) for payment in payments]
    if completes:
        order.complete(numbers.receipt, timezone.now())
        completion = build_completion_rows(order, lines, numbers, by, events)
    else:
        opened = build_event("order.opened", about=order, number=order.number)
        completion = CompletionRows(([opened, *events],))
    given = build_discount_events(order, lines, by=by, approver=order.gift_approved_by)
    bulk_insert(
        idempotency.key_rows(),
        [order],
        lines,
        payments,
        *completion.rows,
        given,
        also=completion.also,
    )
    if completes:
        deduct_stock(order, lines)
    elif any(payment.is_in_progress for payment in payments):
        reserve_stock(order.store, lines)


def _assign_numbers(order: Order, *, receipts: int) -> RegisterNumbers:
    """Set the order's number and the open shift of its register."""
    numbers = take_numbers(
        order.register, orders=1, receipts=receipts, device=order.device_sequence
    )
    flag_device_sequence(order, numbers)
    order.number = f"{order.register.number}-{numbers.order:06d}"
    order.shift_id = numbers.shift
    return numbers


def _build_lines(order: Order, basket: Basket) -> list[OrderLine]:
    lines = []
    parts = zip(basket.requests, basket.products, basket.priced.lines, strict=True)
    for position, (request, product, priced) in enumerate(parts):
        line = build_line(order, position, request, product)
        apply_price(line, priced)
        lines.append(line)
    return lines
