"""Breakdown of a shift: expected cash, methods, sales, refunds, taxes and movements."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from accounts.admin.tables import (
    Table,
    TableRow,
    admin_url,
    header_cells,
    number_cell,
    table_row,
    text_cell,
    total_row,
)
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
METHOD_COLUMNS = header_cells(
    ("Method",), "Taken", "Canceled", "Refunded", "Expected", "Counted", "Difference"
)
MAX_MOVEMENTS = 200


def build_tables(shift: Shift) -> list[Table]:
    """Build the tables from the current X report, with the Z report of a closed shift."""
    report = build_x_report(shift)
    tables = [
        build_cash_table(report),
        build_methods_table(report, shift),
        Table("Sales and payments", tuple(generate_sales_rows(report))),
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
    """Build the table of the cash that is expected in the drawer."""
    cash = report["cash"]
    return Table(
        "Expected cash",
        (
            table_row("Opening float", number_cell(cash["opening_float"])),
            table_row("Cash payments less change", number_cell(format_signed(cash["payments"]))),
            *build_deduction_rows(cash["canceled"], "Canceled payments"),
            table_row("Cash refunds", number_cell(format_deduction(cash["refunds"]))),
            table_row("Paid in", number_cell(format_signed(cash["paid_in"]))),
            table_row("Paid out", number_cell(format_deduction(cash["paid_out"]))),
            table_row("Cash drops", number_cell(format_deduction(cash["drops"]))),
            total_row("Expected in the drawer", number_cell(cash["expected"])),
        ),
        note=describe_no_sales(cash["no_sales"]),
    )


def build_deduction_rows(amount: str, name: str) -> list[TableRow]:
    """Return a row for a deduction, or none if it is zero."""
    return [table_row(name, number_cell(format_deduction(amount)))] if Decimal(amount) else []


def describe_no_sales(times: int) -> str:
    if not times:
        return ""
    return f"Opened {times} {'time' if times == 1 else 'times'} without a sale."


def build_methods_table(report: Mapping[str, Any], shift: Shift) -> Table:
    """Build the table of payment methods, with the variance once they are counted."""
    taken = {each["method"]: each for each in report["payments"]}
    counted = {each["method"]: each for each in shift.counted}
    expected = {each["method"]: each["amount"] for each in report["expected"]}
    names = sorted(expected.keys() | counted.keys())
    return Table(
        "By payment method",
        tuple(
            build_method_row(name, taken.get(name, {}), expected.get(name), counted.get(name, {}))
            for name in names
        ),
        head=METHOD_COLUMNS,
        note="" if shift.counted else "Amounts are counted when the shift is closed.",
    )


def build_method_row(
    name: str, taken: Mapping[str, Any], expected: str | None, counted: Mapping[str, Any]
) -> TableRow:
    by_hand = counted.get("counted")
    went = (
        format_deduction(taken[each]) if each in taken else None
        for each in ("canceled", "refunded")
    )
    difference = None if by_hand is None else format_signed(counted["difference"])
    return table_row(
        METHODS[name],
        number_cell(taken.get("amount")),
        *map(number_cell, went),
        number_cell(None if expected is None else format_with_minus(expected)),
        number_cell(by_hand),
        number_cell(difference),
    )


def generate_sales_rows(report: Mapping[str, Any]) -> Iterator[TableRow]:
    """Yield the rows that lead from sales to the payments taken."""
    sales, carried = report["sales"], report["carried"]
    goods = Decimal(sales["subtotal"]) - Decimal(sales["discount_total"])
    on_top = Decimal(sales["total"]) - goods
    yield table_row(f"Subtotal, number of sales: {sales['count']}", number_cell(sales["subtotal"]))
    yield table_row("Discounts", number_cell(format_deduction(sales["discount_total"])))
    yield table_row("Added taxes and offline differences", number_cell(format_signed(on_top)))
    yield total_row(
        text_cell("Total sales", "", f"taxes: {sales['tax_total']}"), number_cell(sales["total"])
    )
    yield table_row("Cash rounding", number_cell(format_signed(sales["cash_rounding"])))
    yield table_row(
        "Paid for orders of other shifts", number_cell(format_signed(carried["paid_ahead"]))
    )
    yield table_row(
        "Paid in other shifts for these sales",
        number_cell(format_deduction(carried["paid_before"])),
    )
    taken = sum_amounts(each["amount"] for each in report["payments"])
    canceled = sum_amounts(each["canceled"] for each in report["payments"])
    left_open = f"open orders: {carried['open_orders']}"
    yield total_row(
        text_cell("Payments taken, all methods", "", left_open),
        number_cell(format_money(taken - canceled)),
    )


def build_refunds_table(report: Mapping[str, Any]) -> Table:
    refunds = report["refunds"]
    back = _sum_with_rounding(refunds)
    failed = report.get("failed_refunds", {})
    reversed_rows = []
    if failed.get("count"):
        amount = format_deduction(_sum_with_rounding(failed))
        reversed_rows = [table_row(f"Failed refunds: {failed['count']}", number_cell(amount))]
        back -= _sum_with_rounding(failed)
    return Table(
        "Refunds",
        (
            table_row(
                f"Goods, number of refunds: {refunds['count']}", number_cell(refunds["total"])
            ),
            table_row("Cash rounding", number_cell(format_signed(refunds["cash_rounding"]))),
            *reversed_rows,
            total_row("Paid out, all methods", number_cell(format_money(back))),
        ),
    )


def _sum_with_rounding(refunds: Mapping[str, Any]) -> Decimal:
    return Decimal(refunds["total"]) + Decimal(refunds["cash_rounding"])


def build_taxes_table(report: Mapping[str, Any]) -> Table:
    lines = [
        table_row(
            describe_tax(tax),
            number_cell(format_with_minus(tax["taxable"])),
            number_cell(format_with_minus(tax["amount"])),
        )
        for tax in report["taxes"]
    ]
    return Table(
        "Taxes",
        tuple(lines),
        head=header_cells(("Rate",), "Taxable", "Tax"),
        note="Taxes of sales less those of refunds." if lines else "",
        nothing="No taxes.",
    )


def build_movements_table(shift: Shift) -> Table:
    newest = shift.cash_movements.select_related("by", "approved_by").order_by("-created_at", "-id")
    movements = list(newest[:MAX_MOVEMENTS])
    return Table(
        "Cash movements",
        tuple(map(build_movement_row, movements[::-1])),
        head=header_cells(("Time", "Type", "Reason", "By", "Approved by"), "Amount"),
        nothing="No cash movements.",
    )


def build_movement_row(movement: CashMovement) -> TableRow:
    kinds = CashMovement.Type
    comes = movement.type == kinds.PAID_IN
    return table_row(
        format_time(movement.created_at),
        text_cell(movement.get_type_display(), admin_url(movement)),
        movement.reason,
        text_cell(movement.by),
        text_cell(movement.approved_by),
        number_cell(format_signed(movement.amount) if comes else format_deduction(movement.amount)),
    )


def build_denominations_table(shift: Shift) -> Table:
    lines = [
        table_row(
            f"{each['count']} of",
            number_cell(format_money(each["value"])),
            number_cell(format_money(Decimal(each["value"]) * each["count"])),
        )
        for each in shift.denominations
    ]
    sums = total_row("Cash counted", "", number_cell(format_money(shift.counted_cash or 0)))
    return Table("Coins and notes", (*lines, sums))
