"""Cash in the drawers of a store at a moment: of open shifts, and between shifts.

Between shifts the counted cash rests in the drawer. Cash of offline sales that wait for a shift is
beside it: the next shift takes it besides its float.
"""

import uuid
from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import F, Max, Min, Q

from orders.models import CashMovement, Payment, Payout, Shift
from orders.models.columns import ExactSum
from tenants.models import Store

ZERO = Decimal(0)
CASH = Payment.Method.CASH.value
# Payments of offline sales that were booked before the shift that took them was opened.
WAITED = Q(order__sold_at__isnull=False, order__completed_at__lt=F("shift__created_at"))


@dataclass(slots=True)
class CarriedCash:
    """The cash in all drawers of a store at a moment."""

    # By register, what rests in drawers until the next shift.
    resting: dict[uuid.UUID, Decimal]
    # In drawers of shifts that are not counted.
    open: Decimal
    # Of offline sales that the next shift takes.
    waiting: Decimal

    @property
    def total(self) -> Decimal:
        return sum(self.resting.values(), ZERO) + self.open + self.waiting


def find_carried_cash(store: Store, start: datetime) -> CarriedCash:
    return CarriedCash(
        find_resting_cash(store, start),
        sum_open_cash(store, start),
        sum_waiting_cash(store, start),
    )


def find_resting_cash(store: Store, start: datetime) -> dict[uuid.UUID, Decimal]:
    """Return the cash in the drawer of each register that no shift has, before a moment.

    It is what was counted since the last opening.
    """
    before = Shift.objects.filter(store=store, created_at__lt=start)
    openings = dict(
        before.order_by()
        .values("register")
        .annotate(last=Max("created_at"))
        .values_list("register", "last")
    )
    resting: dict[uuid.UUID, Decimal] = defaultdict(Decimal)
    if openings:
        counts = before.filter(closed_at__lt=start, closed_at__gte=min(openings.values()))
        for register, at, counted in counts.values_list("register", "closed_at", "counted_cash"):
            if at >= openings[register]:
                resting[register] += counted or ZERO
    return resting


def sum_waiting_cash(store: Store, start: datetime) -> Decimal:
    """Return the cash of offline sales before a moment that wait for a shift after it."""
    waiting = Payment.objects.filter(
        method=CASH,
        status=Payment.Status.CAPTURED,
        order__store=store,
        order__sold_at__isnull=False,
        order__completed_at__lt=start,
    )
    # The first shift of a register takes all that wait.
    taken = Q(shift=None)
    after = Shift.objects.filter(store=store, created_at__gte=start).order_by()
    firsts = after.values("register").annotate(first=Min("created_at"))
    for register, first in firsts.values_list("register", "first"):
        taken |= Q(shift__register=register, shift__created_at=first)
    return waiting.filter(taken).aggregate(sum=ExactSum("amount"))["sum"] or ZERO


def sum_open_cash(store: Store, start: datetime) -> Decimal:
    """Return the cash in the drawers of shifts that were opened before and not closed."""
    is_open = Q(closed_at=None) | Q(closed_at__gte=start)
    shifts = list(
        Shift.objects.filter(is_open, store=store, created_at__lt=start).values_list(
            "pk", "opening_float"
        )
    )
    if not shifts:
        return ZERO
    pks = [pk for pk, _ in shifts]
    payments = Payment.objects.filter(method=CASH)
    payouts = Payout.objects.filter(method=CASH)
    moved = CashMovement.objects.filter(shift__in=pks, created_at__lt=start)
    came, went = Q(type=CashMovement.Type.PAID_IN), ~Q(type=CashMovement.Type.PAID_IN)
    return sum((opening for _, opening in shifts), ZERO) + sum(
        (
            sign * (rows.aggregate(sum=ExactSum(column))["sum"] or ZERO)
            for rows, column, sign in (
                (payments.received().filter(shift__in=pks, created_at__lt=start), "amount", 1),
                (payments.filter(returned_in__in=pks, returned_at__lt=start), "amount", -1),
                (
                    payouts.filter(refund__shift__in=pks, refund__completed_at__lt=start),
                    "paid",
                    -1,
                ),
                (
                    payouts.filter(refund__reversed_in__in=pks, refund__reversed_at__lt=start),
                    "paid",
                    1,
                ),
                (moved.filter(came), "amount", 1),
                (moved.filter(went), "amount", -1),
            )
        ),
        ZERO,
    )
