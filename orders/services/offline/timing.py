"""Timing of an offline sale: its shift, and flags of a wrong clock."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from orders.models import Flag, Order, Shift
from orders.services.stock.movements import MAX_CLOCK_AHEAD
from tenants.scope import current_tenant

# An older time of sale means that the till's clock is wrong.
MAX_OFFLINE_PERIOD = timedelta(days=31)


def find_clock_flags(sold_at: datetime, now: datetime) -> Iterable[Flag]:
    if sold_at > now + MAX_CLOCK_AHEAD:
        yield Flag.SOLD_IN_FUTURE
    if sold_at < now - MAX_OFFLINE_PERIOD:
        yield Flag.CLOCK_SKEW


def assign_shift(order: Order, shift: uuid.UUID | None, at: datetime) -> None:
    """Into the drawer that is open now, since no other takes anything any more.

    Without one the sale waits for the next. Called with the register's series locked, so that
    nobody opens or ends a shift meanwhile.
    """
    order.shift_id = shift
    moment = order.stock_left_at(at)
    before = Shift.objects.filter(register=order.register, created_at__lte=moment)
    last = before.order_by("-created_at").first()
    if last is not None and (last.ended_at is None or moment < last.ended_at):
        _set_original_shift(order, last)
    elif last or shift or current_tenant().shifts_required:
        # Sold between two shifts, or before the first.
        order.flag(Flag.LATE)


def _set_original_shift(order: Order, sold_in: Shift) -> None:
    if sold_in.pk == order.shift_id:
        return
    order.original_shift = sold_in
    order.flag(Flag.LATE)
    if sold_in.status == Shift.Status.CLOSED:
        order.flag(Flag.CLOSED_SHIFT)
