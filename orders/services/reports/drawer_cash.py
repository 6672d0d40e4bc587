"""Cash in the drawers of a store at a moment: of open shifts, and between shifts.

Between shifts the counted cash rests in the drawer. Cash that is received or paid out without a
shift rests there as well, until the next shift of the register is opened with a counted float. Only
cash of offline sales that wait for a shift is beside it: the next shift takes it besides its float.
"""

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db.models import F, Max, Min, Q, QuerySet

from orders.models import CashMovement, Payment, Payout, Refund, Shift
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


class CashFlow(NamedTuple):
    """Cash that came into drawers outside of shifts, or went: rows and their columns."""

    rows: QuerySet[Any]
    moment: str
    register: str
    amount: str
    sign: int = 1

    def between(self, start: datetime | None, end: datetime) -> QuerySet[Any]:
        rows = self.rows.order_by().filter(**{f"{self.moment}__lt": end})
        return rows.filter(**{f"{self.moment}__gte": start}) if start else rows

    def of(self, registers: Collection[uuid.UUID]) -> Q:
        return Q((f"{self.register}__in", registers))

    def after(self, openings: dict[uuid.UUID, datetime]) -> Q:
        """Return the condition for what is not before the last opening of its register."""
        after = ~self.of(list(openings))
        for register, at in openings.items():
            after |= Q((self.register, register), (f"{self.moment}__gte", at))
        return after


def find_carried_cash(store: Store, start: datetime) -> CarriedCash:
    return CarriedCash(
        find_resting_cash(store, start),
        sum_open_cash(store, start),
        sum_waiting_cash(store, start),
    )


def list_flows_outside(store: Store) -> tuple[CashFlow, ...]:
    """Return the kinds of cash that moves without a shift, and that no shift takes later.

    A failed refund and the refund that replaces it move the same cash, in and out at once: neither
    is here.
    """
    payments = Payment.objects.filter(method=CASH)
    returned = payments.filter(returned_at__isnull=False)
    refunds = Refund.objects.booked().filter(store=store, shift=None, replaces=None)
    sold = Q(order__store=store, order__receipt_number__isnull=False, order__sold_at=None)
    register = "order__register"
    return (
        CashFlow(
            payments.filter(sold, shift=None, status=Payment.Status.CAPTURED),
            *("order__completed_at", register, "amount"),
        ),
        # Before it was returned it did not count: see `bookkeeping`.
        CashFlow(
            returned.filter(shift=None, returned_in__store=store),
            *("returned_at", "returned_in__register", "amount"),
        ),
        CashFlow(
            returned.filter(shift__store=store, returned_in=None),
            *("returned_at", "shift__register", "amount", -1),
        ),
        CashFlow(
            Payout.objects.filter(method=CASH, refund__in=refunds),
            *("refund__completed_at", "refund__register", "paid", -1),
        ),
    )


def list_cash_outside(
    store: Store, start: datetime, end: datetime, registers: Collection[uuid.UUID]
) -> Iterator[tuple[datetime, uuid.UUID, Decimal]]:
    """Yield when which of these registers received cash outside of shifts; negative if it went."""
    for flow in list_flows_outside(store):
        rows = flow.between(start, end).filter(flow.of(registers))
        columns = (flow.moment, flow.register, flow.amount)
        for at, register, amount in rows.values_list(*columns).iterator(chunk_size=500):
            yield at, register, flow.sign * amount


def find_resting_cash(store: Store, start: datetime) -> dict[uuid.UUID, Decimal]:
    """Return the cash in the drawer of each register that no shift has, before a moment.

    It is what was counted and moved since the last opening.
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
    for flow in list_flows_outside(store):
        rows = flow.between(None, start).filter(flow.after(openings))
        for row in rows.values(flow.register).annotate(sum=ExactSum(flow.amount)):
            resting[row[flow.register]] += flow.sign * row["sum"]
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
