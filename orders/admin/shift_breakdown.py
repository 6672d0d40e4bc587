"""Why a drawer should hold what it should: the X while it is open, and the Z for ever after."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from accounts.admin.tables import Line, Table, figure, head, line, page_of, total, words
from orders.admin.amounts import (
    describe_tax,
    format_deduction,
    format_signed,
    format_time,
    format_with_minus,
    sum_amounts,
)
from orders.admin.documents import build_chain_table, build_text_table
from orders.models import CashMovement, ChainEntry, Payment, Shift
from orders.services.documents.document import format_money
from orders.services.documents.z_report import build_z_document
from orders.services.shifts.report import build_x_report

METHODS = dict(Payment.Method.choices)
METHOD_COLUMNS = head(
    ("Method",), "Taken", "Canceled", "Refunded", "Expected", "Counted", "Difference"
)
MAX_MOVEMENTS = 200


def build_tables(shift: Shift) -> list[Table]:
    """While it is open as of this moment, between two sales; of a closed one what its Z says."""
    report = build_x_report(shift.pk)
    tables = [
        build_cash_table(report),
        build_methods_table(report, shift),
        build_sales_table(report),
        build_refunds_table(report),
        build_taxes_table(report),
        build_movements_table(shift),
    ]
    if shift.denominations:
        tables.append(build_denominations_table(shift))
    if shift.z_report is None:
        return tables
    return [
        *tables,
        build_chain_table(ChainEntry.Kind.Z_REPORT, shift),
        build_text_table(build_z_document(shift)),
    ]


def build_cash_table(report: Mapping[str, Any]) -> Table:
    """Line by line what put cash into the drawer, and what took some out of it."""
    cash = report["cash"]
    return Table(
        "Why so much cash is expected",
        (
            line("Opening float", figure(cash["opening_float"])),
            line("Cash payments, without change", figure(format_signed(cash["payments"]))),
            *build_deduction_rows(cash["canceled"], "Canceled before the sale"),
            line("Cash refunds", figure(format_deduction(cash["refunds"]))),
            line("Paid in", figure(format_signed(cash["paid_in"]))),
            line("Paid out", figure(format_deduction(cash["paid_out"]))),
            line("Taken to the safe", figure(format_deduction(cash["drops"]))),
            total("Expected in the drawer", figure(cash["expected"])),
        ),
        note=describe_no_sales(cash["no_sales"]),
    )


def build_deduction_rows(amount: str, name: str) -> list[Line]:
    """Taken off; left out where there is nothing of it."""
    return [line(name, figure(format_deduction(amount)))] if Decimal(amount) else []


def describe_no_sales(times: int) -> str:
    if not times:
        return ""
    return f"Opened {times} {'time' if times == 1 else 'times'} without a sale."


def build_methods_table(report: Mapping[str, Any], shift: Shift) -> Table:
    """What came and went each way, and once it is counted what is over or short."""
    taken = {each["method"]: each for each in report["payments"]}
    counted = {each["method"]: each for each in shift.counted}
    expected = {each["method"]: each["amount"] for each in report["expected"]}
    names = sorted(expected.keys() | counted.keys())
    return Table(
        "By method",
        tuple(
            build_method_row(name, taken.get(name, {}), expected.get(name), counted.get(name, {}))
            for name in names
        ),
        head=METHOD_COLUMNS,
        note="" if shift.counted else "Nothing is counted before the shift is closed.",
    )


def build_method_row(
    name: str, taken: Mapping[str, Any], expected: str | None, counted: Mapping[str, Any]
) -> Line:
    by_hand = counted.get("counted")
    went = (
        format_deduction(taken[each]) if each in taken else None
        for each in ("canceled", "refunded")
    )
    difference = None if by_hand is None else format_signed(counted["difference"])
    return line(
        METHODS[name],
        figure(taken.get("amount")),
        *map(figure, went),
        figure(None if expected is None else format_with_minus(expected)),
        figure(by_hand),
        figure(difference),
    )


def build_sales_table(report: Mapping[str, Any]) -> Table:
    """From what was sold to what was taken for it: to the cent what all methods took."""
    return Table("What was sold and taken", tuple(generate_sales_rows(report)))


def generate_sales_rows(report: Mapping[str, Any]) -> Iterator[Line]:
    sales, carried = report["sales"], report["carried"]
    goods = Decimal(sales["subtotal"]) - Decimal(sales["discount_total"])
    on_top = Decimal(sales["total"]) - goods
    yield line(f"Subtotal, sales: {sales['count']}", figure(sales["subtotal"]))
    yield line("Discounts", figure(format_deduction(sales["discount_total"])))
    yield line("Taxes added, and what tills took beyond that", figure(format_signed(on_top)))
    yield total(words("Sold", "", f"taxes in it: {sales['tax_total']}"), figure(sales["total"]))
    yield line("Cash rounding", figure(format_signed(sales["cash_rounding"])))
    yield line("Paid for orders of other shifts", figure(format_signed(carried["paid_ahead"])))
    yield line(
        "Paid in other shifts for these sales", figure(format_deduction(carried["paid_before"]))
    )
    taken = sum_amounts(each["amount"] for each in report["payments"])
    canceled = sum_amounts(each["canceled"] for each in report["payments"])
    left_open = f"orders left open: {carried['open_orders']}"
    yield total(
        words("Taken by all methods", "", left_open), figure(format_money(taken - canceled))
    )


def build_refunds_table(report: Mapping[str, Any]) -> Table:
    refunds = report["refunds"]
    back = Decimal(refunds["total"]) + Decimal(refunds["cash_rounding"])
    return Table(
        "What was given back",
        (
            line(f"Goods, refunds: {refunds['count']}", figure(refunds["total"])),
            line("Cash rounding", figure(format_signed(refunds["cash_rounding"]))),
            total("Given back by all methods", figure(format_money(back))),
        ),
    )


def build_taxes_table(report: Mapping[str, Any]) -> Table:
    lines = [
        line(
            describe_tax(tax),
            figure(format_with_minus(tax["taxable"])),
            figure(format_with_minus(tax["amount"])),
        )
        for tax in report["taxes"]
    ]
    return Table(
        "Taxes",
        tuple(lines),
        head=head(("Rate",), "Taxable", "Tax"),
        note="As on the receipts, less what was given back." if lines else "",
        nothing="No taxes.",
    )


def build_movements_table(shift: Shift) -> Table:
    newest = shift.cash_movements.select_related("by", "approved_by").order_by("-created_at", "-id")
    movements = list(newest[:MAX_MOVEMENTS])
    return Table(
        "Cash moved otherwise",
        tuple(map(build_movement_row, movements[::-1])),
        head=head(("Time", "What", "Reason", "By", "Approved by"), "Amount"),
        nothing="None was.",
    )


def build_movement_row(movement: CashMovement) -> Line:
    kinds = CashMovement.Type
    comes = movement.type == kinds.PAID_IN
    return line(
        format_time(movement.created_at),
        words(movement.get_type_display(), page_of(movement)),
        movement.reason,
        words(movement.by),
        words(movement.approved_by),
        figure(format_signed(movement.amount) if comes else format_deduction(movement.amount)),
    )


def build_denominations_table(shift: Shift) -> Table:
    lines = [
        line(
            f"{each['count']} of",
            figure(format_money(each["value"])),
            figure(format_money(Decimal(each["value"]) * each["count"])),
        )
        for each in shift.denominations
    ]
    sums = total("Cash counted", "", figure(format_money(shift.counted_cash or 0)))
    return Table("Coins and notes", (*lines, sums))
