"""A new sale between what it needs and what it writes: pure functions without the database.

Every way to create an order loads, builds and writes: only loading and writing differ.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts.models import User
from orders.models import Order, OrderLine, Payment
from orders.models.order import ensure_modifiers_chosen, format_order_number
from orders.models.receipt import RegisterNumbers, build_advance_statement
from orders.services.approvals import RequestContext
from orders.services.completion.complete import (
    CompletionRows,
    apply_sequence_flags,
    build_completion_rows,
    build_payment_event,
    ensure_shift,
)
from orders.services.expiry import find_expired_line
from orders.services.payments.tender import NewPayment, build_payments
from orders.services.pricing.basket import (
    Basket,
    DiscountRequest,
    LineRequest,
    ProductLookup,
    price_basket,
)
from orders.services.pricing.discount_approval import (
    DiscountOverLimit,
    find_discount_over_limit,
    measure_order,
)
from orders.services.pricing.discount_audit import build_discount_events
from orders.services.pricing.lines import apply_price, build_lines, build_order
from orders.services.sales.approval import approve_sale
from tenants.database.bulk_insert import Statement, prepare_rows
from tenants.events.outbox import build_event
from tenants.models import AuditEvent, IdempotencyKey, Register
from tenants.scope import current_tenant


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
    customer: uuid.UUID | None = None
    note: str = ""
    external_id: str | None = None
    metadata: Mapping[str, Any] | None = None
    payments: tuple[NewPayment, ...] = ()
    # Allows to exceed the user's limits, at this paired terminal only.
    approval: uuid.UUID | None = None
    terminal: uuid.UUID | None = None
    # The number that the device gave to the sale.
    device_sequence: int | None = None
    # The client for which wrong store-credit codes are counted.
    place: str | None = None


@dataclass(frozen=True, slots=True)
class SaleRows:
    """The rows of a new order, table by table, and the statements that follow them."""

    tables: Sequence[Sequence[Any]]
    also: tuple[Statement, ...] = ()
    # Those of the rows that are logged after the commit.
    audited: Sequence[AuditEvent] = ()


@dataclass(frozen=True, slots=True)
class SaleDraft:
    """An unsaved order with lines and payments, before it gets its numbers."""

    order: Order
    lines: list[OrderLine]
    payments: list[Payment]
    by: User
    over_limit: DiscountOverLimit | None
    expired: OrderLine | None = None

    @property
    def is_paid(self) -> bool:
        """Return whether the sale can be completed: it has lines, and nothing is due."""
        return self.order.due == 0 and bool(self.lines)

    @property
    def needs_approval(self) -> bool:
        """Return whether it exceeds a limit or contains an expired product.

        A user who may approve needs no approval.
        """
        return self.over_limit is not None or self.expired is not None

    @property
    def has_payment_in_progress(self) -> bool:
        return any(payment.is_in_progress for payment in self.payments)

    @property
    def is_for_the_view(self) -> bool:
        """Return whether it takes more than to read and write it in two messages."""
        return self.expired is not None or self.has_returns or self.has_payment_in_progress

    @property
    def has_returns(self) -> bool:
        return bool(self.order.deposit_return_total)

    def take_numbers(self, locked: RegisterNumbers, *, is_sequence_taken: bool) -> RegisterNumbers:
        """Set the order's number, and the open shift of the order and its payments.

        Returns the numbers after this sale. Raises `NoOpenShift` if the tenant requires a shift.
        """
        order = self.order
        ensure_shift(locked, order.register)
        numbers = locked.take(orders=1, receipts=int(self.is_paid))
        apply_sequence_flags(order, numbers, is_taken=is_sequence_taken)
        order.number = format_order_number(order.register.number, numbers.order)
        order.shift_id = numbers.shift
        for payment in self.payments:
            payment.shift_id, payment.taken_by = numbers.shift, self.by
        return numbers

    def build_rows(
        self, numbers: RegisterNumbers, at: datetime, keys: Sequence[IdempotencyKey] = ()
    ) -> SaleRows:
        """Complete the order if it is paid, and return every row of it."""
        order = self.order
        events = [build_payment_event(payment, order) for payment in self.payments]
        if self.is_paid:
            order.complete(numbers.receipt, at)
            completion = build_completion_rows(order, self.lines, numbers, self.by, events)
        else:
            opened = build_event("order.opened", about=order, number=order.number)
            completion = CompletionRows(([opened, *events],))
        audited = build_discount_events(
            order, self.lines, by=self.by, approver=order.gift_approved_by
        )
        advance = build_advance_statement(
            order.register, numbers, completion.entry, order.device_sequence
        )
        tables = (keys, [order], self.lines, self.payments, *completion.rows, audited)
        rows = [each for each in tables if each]
        prepare_rows(rows, at)
        return SaleRows(rows, (advance,), audited)


def build_draft(new: NewOrder, register: Register, catalog: ProductLookup, by: User) -> SaleDraft:
    """Price the order and build its payments.

    Raises `ApprovalRequired` if it needs an approval and none is given.
    """
    basket = price_basket(current_tenant(), new.lines, new.discounts, catalog)
    order = build_order(new, register, by, basket.priced)
    lines = _build_lines(order, basket)
    if new.payments or not order.total:
        ensure_modifiers_chosen(line for line in lines if not line.is_deposit)
    order.price_overridden = any(line.has_price_override for line in lines)
    over_limit = find_discount_over_limit(order, measure_order(order, lines), by)
    expired = find_expired_line(order, lines, timezone.now())
    # With returned goods it is known in their shift only which approval is needed.
    needs_now = (over_limit or expired) and not order.deposit_return_total
    if needs_now and new.approval is None:
        approve_sale(order, over_limit, expired, RequestContext(by, None, new.terminal))
    payments = build_payments(order, new.payments)
    order.loaded_lines, order.loaded_payments, order.loaded_refunds = lines, payments, []
    return SaleDraft(order, lines, payments, by, over_limit, expired)


def _build_lines(order: Order, basket: Basket) -> list[OrderLine]:
    lines = build_lines(order, basket.lines)
    for line, priced in zip(lines, basket.priced.lines, strict=True):
        apply_price(line, priced)
    return lines
