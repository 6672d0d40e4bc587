"""The bookkeeper's month of a store: sales by tax, payments, cash book, Z reports and refunds.

Everything counts at its own time, in the business days of the store: a sale when it is completed, a
payment when it is received, also if its order is completed later. Payments outside of a shift count
with their sale, or when they are returned in a shift. So do payments of offline sales that wait for
a shift: they count with their sale, also after a shift has taken them, so that they never move to
another month.
"""

import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce, Greatest, TruncHour, TruncMinute

from orders.models import (
    CashMovement,
    OrderLine,
    Payment,
    Payout,
    RefundLine,
    Shift,
    StoreCreditEntry,
)
from orders.models.columns import ExactSum
from orders.services.pricing.lines import format_rate
from orders.services.reports.business_day import BusinessDayRange
from orders.services.reports.drawer_cash import WAITED, find_carried_cash, list_cash_outside
from orders.services.reports.queries import (
    ReportFilter,
    filter_orders,
    filter_refunds,
    filter_reversals,
    find_receipts,
    iterate_pages,
    sum_rates,
    sum_receipt_groups,
)
from tenants.api.formats import format_number
from tenants.business_days import DAY
from tenants.models import Register, Store

ZERO = Decimal(0)
CASH = Payment.Method.CASH.value
NO_TAX = "No tax"
# Lines with more taxes are labeled with the first ones.
MAX_LABELED_TAXES = 3
MOVED = {
    CashMovement.Type.PAID_IN: 1,
    CashMovement.Type.PAID_OUT: -1,
    CashMovement.Type.DROP: -1,
}


@dataclass(frozen=True, slots=True, order=True)
class LineTax:
    """The taxes of a line. `percent` is blank without tax and if there are several."""

    label: str
    percent: str = ""
    is_several: bool = False


@dataclass(slots=True)
class SalesTotals:
    """What was sold and refunded with the same taxes, taxes included."""

    sold: Decimal = ZERO
    sold_tax: Decimal = ZERO
    refunded: Decimal = ZERO
    refunded_tax: Decimal = ZERO


@dataclass(slots=True)
class TaxTotals:
    """A tax and what it was applied to, as in the report by tax."""

    taxable: Decimal = ZERO
    tax: Decimal = ZERO
    refunded_taxable: Decimal = ZERO
    refunded_tax: Decimal = ZERO


@dataclass(slots=True)
class PaymentTotals:
    """What was paid with a method, returned before the sale, and refunded after it."""

    received: Decimal = ZERO
    returned: Decimal = ZERO
    refunded: Decimal = ZERO

    @property
    def net(self) -> Decimal:
        return self.received - self.returned - self.refunded


@dataclass(frozen=True, slots=True)
class CashEntry:
    """An entry of the cash book: positive amounts are cash that came into a drawer."""

    day: date
    at: datetime
    register: str
    kind: str
    amount: Decimal
    text: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """What a count found more or less than expected."""

    day: date
    register: str
    z_number: int
    method: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class DrawerEvent:
    """An opening or count of a shift, or without a shift cash that came into a drawer."""

    at: datetime
    register: uuid.UUID
    shift: Shift | None = None
    is_opening: bool = False
    amount: Decimal = ZERO

    def sort_key(self) -> tuple[Any, ...]:
        """Sort an opening before its closing and after the shift before, also at one moment."""
        shift = self.shift
        if shift is None:
            return (self.at, True)
        return (self.at, False, shift.created_at, shift.pk, not self.is_opening)


@dataclass(slots=True)
class Month:
    """All figures of the month of a store."""

    store: Store
    first: date
    last: date
    # Names of registers, by id.
    registers: dict[uuid.UUID, str] = field(default_factory=dict)
    sales: dict[tuple[date, LineTax], SalesTotals] = field(
        default_factory=lambda: defaultdict(SalesTotals)
    )
    taxes: dict[tuple[date, str], TaxTotals] = field(default_factory=lambda: defaultdict(TaxTotals))
    # Cash rounding of sales less that of refunds.
    rounding: dict[date, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    payments: dict[tuple[date, str], PaymentTotals] = field(
        default_factory=lambda: defaultdict(PaymentTotals)
    )
    opening_cash: Decimal = ZERO
    cash_book: list[CashEntry] = field(default_factory=list)
    z_reports: list[Shift] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    refunds: list[dict[str, Any]] = field(default_factory=list)
    credits_issued: dict[date, Decimal] = field(default_factory=lambda: defaultdict(Decimal))

    @property
    def closing_cash(self) -> Decimal:
        return self.opening_cash + sum((entry.amount for entry in self.cash_book), ZERO)


def find_month_days(store: Store, month: date) -> BusinessDayRange:
    """Return the business days of the month that contains this day."""
    first = month.replace(day=1)
    last = (first + 31 * DAY).replace(day=1) - DAY
    return BusinessDayRange(store.business_days, first, last)


def build_month(store: Store, month: date) -> Month:
    """Build the figures of a store for the month that contains this day."""
    days = find_month_days(store, month)
    return _MonthBuilder(Month(store, days.first, days.last), days).build()


class _MonthBuilder:
    """Reads the figures of a month, with a fixed number of statements."""

    def __init__(self, month: Month, days: BusinessDayRange) -> None:
        self.month, self.days = month, days
        self.range = days.start, days.end
        self.filter = ReportFilter([month.store.pk])
        self.trunc = TruncHour if days.has_whole_hours else TruncMinute
        registers = Register.objects.filter(store=month.store)
        month.registers = dict(registers.values_list("pk", "name"))
        # The cash that was sold, returned or refunded, by day and register.
        self.cash: dict[tuple[date, str, str], Decimal] = defaultdict(Decimal)

    def build(self) -> Month:
        self.add_lines()
        self.add_taxes()
        self.add_rounding()
        self.add_payments()
        self.add_payouts()
        self.add_shifts()
        self.add_movements()
        self.add_refunds()
        self.add_credits()
        self.month.cash_book += [
            CashEntry(day, self.days.calendar.start_of_day(day), register, kind, amount)
            for (day, register, kind), amount in self.cash.items()
            if amount
        ]
        # What came before what went, so that sums of a day do not make the balance negative.
        self.month.cash_book.sort(
            key=lambda entry: (
                *(entry.day, entry.register, entry.amount < 0, entry.kind != "float"),
                entry.at,
            )
        )
        return self.month

    # --- sales and taxes ---------------------------------------------------------------------

    def add_lines(self) -> None:
        """Add the lines that were sold, refunded, and whose refund has failed."""
        sold = OrderLine.objects.filter(order__in=filter_orders(self.days, self.filter))
        back = RefundLine.objects.filter(refund__in=filter_refunds(self.days, self.filter))
        failed = RefundLine.objects.filter(refund__in=filter_reversals(self.days, self.filter))
        for rows, moment, sign, total in (
            (sold, "order__completed_at", 1, "sold"),
            (back, "refund__completed_at", 1, "refunded"),
            (failed, "refund__reversed_at", -1, "refunded"),
        ):
            for row in self.sum_lines(rows, moment):
                totals = self.month.sales[self.day_at(row["begun"]), build_line_tax(row)]
                for name, value in ((total, row["sum_total"]), (f"{total}_tax", row["sum_tax"])):
                    setattr(totals, name, getattr(totals, name) + sign * value)

    def sum_lines(self, rows: QuerySet[Any], moment: str) -> Iterator[dict[str, Any]]:
        names = {
            f"{part}_{number}": KT(f"taxes__{number}__{part}")
            for number in range(MAX_LABELED_TAXES)
            for part in ("name", "percent")
        }
        timed = rows.order_by().annotate(begun=self.trunc(moment, tzinfo=UTC), **names)
        grouped = timed.values("begun", *names)
        sums = {"sum_total": ExactSum("total"), "sum_tax": ExactSum("tax_total")}
        yield from grouped.annotate(**sums).iterator(chunk_size=500)

    def add_taxes(self) -> None:
        """Add the taxes of the receipts, each with what it was applied to."""
        for receipts, names, sign in zip(
            find_receipts(self.days, self.filter),
            (("taxable", "tax"), *[("refunded_taxable", "refunded_tax")] * 2),
            (1, 1, -1),
            strict=True,
        ):
            for at, taxes in iterate_pages(
                receipts.rows, receipts.moment, "taxes", moment=receipts.moment
            ):
                for (_, label), amounts in sum_rates(taxes).items():
                    totals = self.month.taxes[self.day_at(at), label]
                    for name, amount in zip(names, amounts, strict=True):
                        setattr(totals, name, getattr(totals, name) + sign * amount)

    def add_rounding(self) -> None:
        for receipts in find_receipts(self.days, self.filter):
            timed = receipts.rows.annotate(begun=self.trunc(receipts.moment, tzinfo=UTC))
            for row in sum_receipt_groups(receipts._replace(rows=timed), by=("begun",)):
                if rounding := row.get("cash_rounding"):
                    self.month.rounding[self.day_at(row["begun"])] += rounding

    # --- payments ----------------------------------------------------------------------------

    def add_payments(self) -> None:
        start, end = self.range
        at = Greatest("created_at", "shift__created_at")
        in_shift = Payment.objects.received().filter(shift__in=self.find_shifts())
        self.add_money(
            in_shift.exclude(WAITED).annotate(at=at).filter(at__gte=start, at__lt=end),
            ("at", "shift__register_id", "amount"),
            "received",
        )
        orders = filter_orders(self.days, self.filter)
        captured = Payment.objects.filter(status=Payment.Status.CAPTURED)
        columns = ("order__completed_at", "order__register_id", "amount")
        for outside in (
            captured.filter(shift=None, order__in=orders),
            captured.filter(WAITED, order__in=orders.filter(sold_at__isnull=False)),
        ):
            self.add_money(outside, columns, "received")
        returned = Payment.objects.filter(returned_at__gte=start, returned_at__lt=end)
        columns = ("returned_at", "returned_in__register_id", "amount")
        only_returned = returned.filter(shift=None, returned_in__store=self.month.store)
        self.add_money(only_returned, columns, "received")
        self.add_money(only_returned, columns, "returned")
        register = Coalesce("returned_in__register_id", "shift__register_id")
        self.add_money(
            returned.filter(shift__store=self.month.store).annotate(drawer=register),
            ("returned_at", "drawer", "amount"),
            "returned",
        )

    def find_shifts(self) -> QuerySet[Shift]:
        """Return the shifts that were open in the month."""
        start, end = self.range
        begun = Shift.objects.filter(store=self.month.store, created_at__lt=end)
        return begun.filter(Q(closed_at=None) | Q(closed_at__gte=start))

    def add_payouts(self) -> None:
        for refunds, moment, sign in (
            (filter_refunds(self.days, self.filter), "refund__completed_at", 1),
            (filter_reversals(self.days, self.filter), "refund__reversed_at", -1),
        ):
            payouts = Payout.objects.filter(refund__in=refunds)
            self.add_money(payouts, (moment, "refund__register_id", "paid"), "refunded", sign)

    def add_money(
        self, rows: QuerySet[Any], columns: tuple[str, str, str], name: str, sign: int = 1
    ) -> None:
        """Add amounts by day and method, and cash by register. A day has few sums per method."""
        moment, register, amount = columns
        timed = rows.order_by().annotate(begun=self.trunc(moment, tzinfo=UTC))
        grouped = timed.values("begun", "method", register).annotate(sum=ExactSum(amount))
        for row in grouped.iterator(chunk_size=500):
            day, value = self.day_at(row["begun"]), sign * row["sum"]
            totals = self.month.payments[day, row["method"]]
            setattr(totals, name, getattr(totals, name) + value)
            if row["method"] == CASH:
                cash = value if name == "received" else -value
                self.cash[day, self.name_register(row[register]), name] += cash

    # --- the cash book -----------------------------------------------------------------------

    def add_shifts(self) -> None:
        """Add openings and counts; between shifts the counted cash rests in the drawer.

        What is received and paid out meanwhile, without a shift, rests there, too.
        """
        carried = find_carried_cash(self.month.store, self.days.start)
        self.month.opening_cash = carried.total
        resting = carried.resting
        for event in self.list_drawer_events():
            shift = event.shift
            if shift is None:
                resting[event.register] += event.amount
            elif event.is_opening:
                change = shift.opening_float - resting.pop(shift.register_id, ZERO)
                self.add_entry(event.at, shift, "float", change)
            else:
                resting[shift.register_id] += shift.counted_cash or ZERO
                self.add_count(event.at, shift)

    def list_drawer_events(self) -> list["DrawerEvent"]:
        """Return what is opened, counted and moved outside of shifts in the month, by time."""
        start, end = self.range
        shifts = list(self.find_shifts().defer("denominations"))
        opened = [each for each in shifts if each.created_at >= start]
        events = [DrawerEvent(each.created_at, each.register_id, each, True) for each in opened]
        events += [
            DrawerEvent(each.closed_at, each.register_id, each)
            for each in shifts
            if each.closed_at and each.closed_at < end
        ]
        # Compared with an opening float only. Of other registers it has no effect in this month.
        if registers := {each.register_id for each in opened}:
            events += [
                DrawerEvent(at, register, amount=amount)
                for at, register, amount in list_cash_outside(
                    self.month.store, start, end, registers
                )
            ]
        return sorted(events, key=DrawerEvent.sort_key)

    def add_movements(self) -> None:
        start, end = self.range
        movements = CashMovement.objects.filter(
            shift__store=self.month.store, created_at__gte=start, created_at__lt=end
        ).exclude(type=CashMovement.Type.NO_SALE)
        for each in movements.select_related("shift"):
            sign = MOVED[CashMovement.Type(each.type)]
            self.add_entry(each.created_at, each.shift, each.type, sign * each.amount, each.reason)

    def add_count(self, at: datetime, shift: Shift) -> None:
        self.month.z_reports.append(shift)
        for row in shift.counted:
            if amount := Decimal(row["difference"]):
                name = self.name_register(shift.register_id)
                self.month.differences.append(
                    Difference(self.day_at(at), name, shift.z_number or 0, row["method"], amount)
                )
                if row["method"] == CASH:
                    self.add_entry(at, shift, "difference", amount, f"Z {shift.z_number}")

    def add_entry(
        self, at: datetime, shift: Shift, kind: str, amount: Decimal, text: str = ""
    ) -> None:
        if amount:
            name = self.name_register(shift.register_id)
            self.month.cash_book.append(CashEntry(self.day_at(at), at, name, kind, amount, text))

    # --- refunds and store credits -----------------------------------------------------------

    def add_refunds(self) -> None:
        columns = (
            *("receipt_number", "register_id", "order__number", "reason", "total", "tax_total"),
            *("cash_rounding", "by__display_name", "by__username"),
        )
        for rows, moment, sign in (
            (filter_refunds(self.days, self.filter), "completed_at", 1),
            (filter_reversals(self.days, self.filter), "reversed_at", -1),
        ):
            for row in rows.order_by(moment, "pk").values(moment, *columns):
                at = row.pop(moment)
                display, username = row.pop("by__display_name"), row.pop("by__username")
                self.month.refunds.append(
                    row
                    | {"at": at, "day": self.day_at(at), "by": display or username}
                    | {"register": self.name_register(row.pop("register_id"))}
                    | {name: sign * row[name] for name in ("total", "tax_total", "cash_rounding")}
                    | {"is_reversal": sign < 0}
                )

    def add_credits(self) -> None:
        """Add issued store credits to the first store of the shop: they belong to none."""
        first = Store.objects.order_by("created_at", "pk").values_list("pk", flat=True).first()
        if first != self.month.store.pk:
            return
        start, end = self.range
        issues = StoreCreditEntry.objects.filter(
            type=StoreCreditEntry.Type.ISSUE, created_at__gte=start, created_at__lt=end
        )
        for at, amount in issues.values_list("created_at", "amount"):
            self.month.credits_issued[self.day_at(at)] += amount

    def day_at(self, moment: datetime) -> date:
        return self.days.calendar.day_at(moment)

    def name_register(self, register: Any) -> str:
        return self.month.registers.get(register, "")


def build_line_tax(row: dict[str, Any]) -> LineTax:
    """Return the taxes of a group of lines."""
    rates = [
        {"name": row[f"name_{number}"], "percent": row[f"percent_{number}"]}
        for number in range(MAX_LABELED_TAXES)
        if row[f"percent_{number}"] is not None
    ]
    if not rates:
        return LineTax(NO_TAX)
    label = " + ".join(map(format_rate, rates))
    if len(rates) > 1:
        return LineTax(label, is_several=True)
    return LineTax(label, format_number(rates[0]["percent"]))
