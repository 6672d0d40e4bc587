"""Money limits, which apply to sums: per order, and per user and shift."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal
from typing import Any, cast
from zoneinfo import ZoneInfo

from django.db.models import DecimalField, Exists, F, OuterRef, Q, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from accounts.models import Approval, User
from orders.models import CashMovement, Order, Refund, Shift, StoreCreditEntry
from orders.services.approvals import ApprovableRequest, RequiredApproval
from tenants.business_days import BusinessDays
from tenants.models import Store
from tenants.scope import current_tenant

REFUND_AMOUNT = "refund_amount"
DEPOSIT_RETURN_AMOUNT = "deposit_return_amount"
# Summed under a lock of the user's row. For cash movements the drawer is locked.
SUMMED_BY_USER = frozenset({REFUND_AMOUNT, DEPOSIT_RETURN_AMOUNT})
MOVEMENT_TYPES = {
    "paid_out_amount": CashMovement.Type.PAID_OUT,
    "drop_amount": CashMovement.Type.DROP,
}
ZERO = Decimal(0)
MONEY: Any = DecimalField(max_digits=15, decimal_places=3)
# As `Refund.amount_for_limits`: what was taken back, or what coins made of it where that is more.
MONEY_BACK: Any = F("total") + Greatest(F("cash_rounding"), Value(ZERO, MONEY))


@dataclass(frozen=True, slots=True)
class LimitPeriod:
    """The shift over which a user's amounts are summed, or without one the business day.

    The day is that of the store, or without a store the calendar day of the tenant's time zone.
    """

    shift: uuid.UUID | None = None
    store: Store | None = None
    # Not summed, because the amount contains what is returned with it.
    besides: uuid.UUID | None = None

    @property
    def since(self) -> datetime:
        if self.store is not None:
            return self.store.start_of_day_at(timezone.now())
        days_of_the_shop = BusinessDays(ZoneInfo(current_tenant().timezone), time.min)
        return days_of_the_shop.start_of_day_at(timezone.now())


def authorize(
    required: RequiredApproval,
    request: ApprovableRequest,
    period: LimitPeriod,
    order: Order | None = None,
    *,
    requires_second_person: bool = False,
) -> User | None:
    """Return who approved the amount, or None if the user's own limits allow it.

    An approved amount counts against the approver's limits. With `requires_second_person` an
    approval is always needed. Raises `ApprovalRequired`.
    """
    if Approval.Action(required.action).limit_name in SUMMED_BY_USER:
        lock_with_approver(request)
    if not requires_second_person and _is_allowed(request.by, required, period, order):
        return None
    approver = cast(User, required.consume(request).decided_by)
    if not _is_allowed(approver, required, period, order):
        raise required.build_error()
    return approver


def _is_allowed(
    person: User, required: RequiredApproval, period: LimitPeriod, order: Order | None
) -> bool:
    limit, amount = Approval.Action(required.action).limit_name, required.amount or ZERO
    if limit is None:
        raise ValueError(f"{required.action} has no limit in money")
    if not amount:
        return person.may_move_money(limit, ZERO)
    if order is not None and not person.may_move_money(limit, amount + _sum_refunds(order, person)):
        return False
    return is_within_limit(person, limit, amount, period)


def is_within_limit(person: User, limit: str, amount: Decimal, period: LimitPeriod) -> bool:
    """Return whether the amount, added to the user's sum of the period, is within the limit.

    `limit` is `refund_amount`, `deposit_return_amount`, `paid_out_amount` or `drop_amount`. Call it
    in the transaction that moves the money, so that concurrent amounts are added up: refunds and
    deposit returns lock the user's row, and for cash movements the caller has locked the drawer.
    Without a limit nothing is read.
    """
    if not person.may_move_money(limit, amount):
        return False
    if not person.is_limited(limit):
        return True
    if limit in SUMMED_BY_USER:
        _lock_users(Q(pk=person.pk))
    return person.may_move_money(limit, amount + sum_in_period(person, limit, period))


def sum_in_period(person: User, limit: str, period: LimitPeriod) -> Decimal:
    """Return what counts for a person against this limit in the period, in one statement.

    That is what they did without an approval, and what they approved for others.
    """
    if limit == REFUND_AMOUNT:
        parts = _select_refunds_and_issued_credit(person, period)
    elif limit == DEPOSIT_RETURN_AMOUNT:
        parts = [_select_deposit_returns(person, period)]
    else:
        parts = [_select_cash_movements(person, MOVEMENT_TYPES[limit], period)]
    total: Any = sum((_build_sum(rows, column) for rows, column in parts), Value(ZERO, MONEY))
    rows = User.objects.get_queryset().filter(pk=person.pk)
    moved = rows.annotate(moved=total).values_list("moved", flat=True).first()
    return current_tenant().quantize_amount(moved or ZERO)


Part = tuple[QuerySet[Any], Any]


def _select_refunds_and_issued_credit(person: User, period: LimitPeriod) -> list[Part]:
    """Return refunds and issued store credit, which share one limit."""
    refunds = Refund.objects.exclude(status=Refund.Status.FAILED)
    issued = StoreCreditEntry.objects.filter(type=StoreCreditEntry.Type.ISSUE, by=person)
    return [
        (_filter_by_period(_filter_by_responsible(person, refunds), period), MONEY_BACK),
        (issued.filter(created_at__gte=_build_begin(period)), "amount"),
    ]


def _select_cash_movements(person: User, type: str, period: LimitPeriod) -> Part:
    movements = CashMovement.objects.filter(type=type, shift=period.shift)
    return _filter_by_responsible(person, movements), "amount"


def _select_deposit_returns(person: User, period: LimitPeriod) -> Part:
    """Return orders with returned goods, which count as soon as they are on the order.

    At any register: all since the shift was opened, and since the opening of any other shift in
    which the person took goods back and which is not closed. Otherwise a shift opened elsewhere
    would start the limit again. Those without a shift count for the business day.
    """
    orders = Order.objects.filter(deposit_return_by=person, deposit_return_total__gt=0)
    in_shift = orders.filter(
        register=OuterRef("register"), deposit_return_at__gte=OuterRef("created_at")
    )
    running = Shift.objects.exclude(status=Shift.Status.CLOSED).filter(Exists(in_shift))
    counts = Q(deposit_return_at__gte=period.since)
    if period.shift is not None:
        counts = (counts & Q(shift=None)) | Q(deposit_return_at__gte=_build_begin(period))
    earliest = running.order_by("created_at").values("created_at")[:1]
    orders = orders.filter(counts | Q(deposit_return_at__gte=Subquery(earliest)))
    orders = orders.exclude(status=Order.Status.VOIDED)
    if period.besides is not None:
        orders = orders.exclude(pk=period.besides)
    return orders, "deposit_return_total"


def _build_begin(period: LimitPeriod) -> Any:
    if period.shift is None:
        return period.since
    return Subquery(Shift.objects.filter(pk=period.shift).values("created_at"))


@dataclass(frozen=True, slots=True)
class DepositReturn:
    """What the customer of an order gets for returned goods, to be checked against limits."""

    order: Order
    amount: Decimal
    period: LimitPeriod

    def is_allowed(self, person: User) -> bool:
        return is_within_limit(person, DEPOSIT_RETURN_AMOUNT, self.amount, self.period)

    def assign_to(self, person: User) -> None:
        """Store on the order for whom it counts, and when; saves nothing."""
        self.order.deposit_return_by, self.order.deposit_return_at = person, timezone.now()


def find_deposit_return(
    order: Order, before: Decimal = ZERO, *, shift: uuid.UUID | None
) -> DepositReturn | None:
    """Return what has to be checked, or None: less than `before` or the same needs no approval.

    `shift` is the one that is open now.
    """
    amount = order.deposit_return_total
    if amount <= before:
        return None
    return DepositReturn(
        order, amount, LimitPeriod(shift=shift, store=order.store, besides=order.pk)
    )


def _filter_by_responsible(person: User, rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.filter(Q(approved_by=person) | Q(approved_by=None, by=person))


def _filter_by_period(rows: QuerySet[Any], period: LimitPeriod) -> QuerySet[Any]:
    if period.shift is not None:
        return rows.filter(shift=period.shift)
    rows = rows.filter(created_at__gte=period.since)
    return rows if period.store is None else rows.filter(store=period.store)


def _build_sum(rows: QuerySet[Any], amount: Any) -> Any:
    """Return a subquery of the sum of a column; zero without rows."""
    summed = (
        rows.order_by().values("tenant").annotate(sum=Sum(amount, output_field=MONEY)).values("sum")
    )
    return Coalesce(Subquery(summed, output_field=MONEY), Value(ZERO, MONEY))


def _sum_refunds(order: Order, person: User) -> Decimal:
    """Return the sum refunded of the order without an approval, or approved by this user.

    Refunds of all users count, so that several users cannot each refund a part below their limit.
    """
    return sum(
        (
            refund.amount_for_limits
            for refund in order.loaded_refunds
            if refund.status != Refund.Status.FAILED and refund.approved_by_id in {None, person.pk}
        ),
        ZERO,
    )


def lock_with_approver(request: ApprovableRequest) -> None:
    """Lock the rows of the user and of who gave the approval; nothing without an approval."""
    if request.approval:
        approvers = Approval.objects.filter(pk=request.approval).values("decided_by")
        _lock_users(Q(pk=request.by.pk) | Q(pk__in=approvers))


def lock_users(people: Iterable[User]) -> None:
    """Lock the rows of several users in one statement, before their amounts are summed."""
    _lock_users(Q(pk__in=[person.pk for person in people]))


def _lock_users(who: Q) -> None:
    """Lock the rows of users, so that simultaneous requests sum their amounts one at a time.

    In the order of their ids: two people who approve each other's refunds at once do not wait for
    each other in a circle.
    """
    people = User.objects.get_queryset().select_for_update(no_key=True)
    list(people.filter(who).order_by("pk").values_list("pk"))
