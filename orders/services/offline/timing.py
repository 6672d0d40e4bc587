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
    """Flag a time of sale in the future or too far in the past."""
    if sold_at > now + MAX_CLOCK_AHEAD:
        yield Flag.SOLD_IN_FUTURE
    if sold_at < now - MAX_OFFLINE_PERIOD:
        yield Flag.CLOCK_SKEW


def assign_shift(order: Order, shift: uuid.UUID | None, at: datetime) -> None:
    """Assign the sale to the open shift, and flag it if it was made outside of that shift.

    Without an open shift the sale waits for the next one. The caller has locked the register's
    series, so that no shift is opened or ended meanwhile.
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


def _set_original_shift(order: Order, original_shift: Shift) -> None:
    if original_shift.pk == order.shift_id:
        return
    order.original_shift = original_shift
    order.flag(Flag.LATE)
    if original_shift.status == Shift.Status.CLOSED:
        order.flag(Flag.CLOSED_SHIFT)
