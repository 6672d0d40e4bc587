"""Breakdown of an order: lines, total, payments and refunds."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from accounts.admin.tables import (
    Cell,
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
    describe_discount,
    describe_tax,
    format_deduction,
    format_signed,
    sum_amounts,
)
from orders.models import Order, OrderLine, Payment, Refund
from orders.services.documents.document import build_modifier_rows, format_money
from tenants.api.formats import format_number
from tenants.scope import current_tenant

LINE_COLUMNS = header_cells(
    ("Item",),
    *(
        "Quantity",
        "Price",
        "Gross",
        "Line discounts",
        "Share of order discounts",
        "Net",
        "Taxes",
        "Total",
    ),
)
PAYMENT_COLUMNS = header_cells(("Payment", "Status"), "Received", "Change", "Refunded", "Amount")
REFUND_COLUMNS = header_cells(("Refund", "Status", "Reason"), "Goods", "Cash rounding", "Paid out")
EACH_LINE = "Taxes are rounded per line ({mode})."
WHOLE_ORDER = "Taxes are rounded once per order ({mode}) and distributed over the lines."


def build_tables(order: Order) -> list[Table]:
    return [
        build_lines_table(order),
        Table("Total", tuple(generate_total_rows(order))),
        build_payments_table(order),
        build_refunds_table(order),
    ]


# --- the lines ------------------------------------------------------------------------------


def build_lines_table(order: Order) -> Table:
    """Build the table of lines with the sums of the order below."""
    lines = order.loaded_lines
    sums = total_row(
        "All lines",
        *blank_cells(2),
        number_cell(format_money(order.subtotal)),
        number_cell(format_deduction(sum_amounts(map(sum_line_discounts, lines)))),
        number_cell(format_deduction(sum_amounts(map(order_discount_share, lines)))),
        number_cell(format_money(sum_amounts(each.net for each in lines))),
        number_cell(format_money(order.tax_total)),
        number_cell(format_money(sum_amounts(each.total for each in lines))),
    )
    rounded = EACH_LINE if order.tax_rounding_level == "line" else WHOLE_ORDER
    tenant = type(current_tenant())
    mode = tenant.TaxRoundingMode(order.tax_rounding_mode).label.lower()
    return Table(
        "Lines",
        (*(build_line_row(each) for each in lines), sums) if lines else (),
        head=LINE_COLUMNS,
        note=rounded.format(mode=mode) if lines else "",
        nothing="No lines.",
    )


def build_line_row(each: OrderLine) -> TableRow:
    other = each.list_price != each.unit_price and not each.open_price
    return table_row(
        text_cell(each.name, "", *list_line_details(each)),
        number_cell(format_number(each.quantity)),
        number_cell(
            format_money(each.unit_price),
            *([f"list price {format_money(each.list_price)}"] * other),
        ),
        number_cell(format_money(each.gross)),
        number_cell(
            format_deduction(sum_line_discounts(each)), *map(describe_discount, each.discounts)
        ),
        number_cell(format_deduction(order_discount_share(each))),
        number_cell(format_money(each.net)),
        number_cell(format_money(each.tax_total), *map(describe_line_tax, each.taxes)),
        number_cell(format_money(each.total)),
    )


def list_line_details(each: OrderLine) -> list[str]:
    kind = "returned" if each.is_returned else ""
    details = (each.sku, each.note, "deposit of the line above" if each.is_deposit else kind)
    modifiers = [row.words for row in build_modifier_rows(each)]
    return [*(detail for detail in details if detail), *modifiers]


def describe_line_tax(tax: dict[str, Any]) -> str:
    return f"{describe_tax(tax)} {format_money(tax['amount'])}"


def sum_line_discounts(each: OrderLine) -> Decimal:
    return sum_amounts(discount["amount"] for discount in each.discounts)


def order_discount_share(each: OrderLine) -> Decimal:
    """Return the part of the order discounts that is distributed to this line."""
    of_order: Decimal = each.discount_total - sum_line_discounts(each)
    return of_order


# --- the total -----------------------------------------------------------------------------


def generate_total_rows(order: Order) -> Iterator[TableRow]:
    yield table_row("Subtotal", number_cell(format_money(order.subtotal)))
    yield table_row(
        "Line discounts",
        number_cell(format_deduction(sum_amounts(map(sum_line_discounts, order.loaded_lines)))),
    )
    for discount in order.discounts:
        yield table_row(
            describe_discount(discount), number_cell(format_deduction(discount["amount"]))
        )
    for tax in order.taxes:
        if not tax["included"]:
            yield table_row(describe_taxable(tax), number_cell(format_signed(tax["amount"])))
    if order.adjustment:
        yield table_row(
            "Difference to the total charged offline", number_cell(format_signed(order.adjustment))
        )
    in_it = [
        f"{describe_taxable(tax)}: {format_money(tax['amount'])}"
        for tax in order.taxes
        if tax["included"]
    ]
    yield total_row(text_cell("Total", "", *in_it), number_cell(format_money(order.total)))
    yield from generate_payment_rows(order)


def generate_payment_rows(order: Order) -> Iterator[TableRow]:
    if order.cash_rounding:
        yield table_row("Cash rounding", number_cell(format_signed(order.cash_rounding)))
        yield total_row(
            "Total in cash", number_cell(format_money(order.total + order.cash_rounding))
        )
    yield table_row("Paid", number_cell(format_deduction(order.paid_total)))
    yield total_row("Due", number_cell(format_money(order.due)))


def describe_taxable(tax: dict[str, Any]) -> str:
    return f"{describe_tax(tax)} on {format_money(tax['taxable'])}"


# --- payments and refunds ---------------------------------------------------------------------


def build_payments_table(order: Order) -> Table:
    """Build the table of all payments; only captured ones count."""
    lines = tuple(map(build_payment_row, order.loaded_payments))
    sums = total_row("Paid", *blank_cells(4), number_cell(format_money(order.paid_total)))
    return Table(
        "Payments",
        (*lines, sums) if lines else (),
        head=PAYMENT_COLUMNS,
        nothing="No payments.",
    )


def build_payment_row(payment: Payment) -> TableRow:
    counts = payment.status == Payment.Status.CAPTURED
    tried = "" if counts else f"not counted: {format_money(payment.amount)}"
    return table_row(
        text_cell(
            payment.get_method_display(),
            admin_url(payment),
            *filter(None, [payment.get_entry_display(), payment.shown_reference]),
        ),
        text_cell(payment.get_status_display(), "", *filter(None, [payment.reason])),
        number_cell(None if payment.tendered is None else format_money(payment.tendered)),
        number_cell(format_money(payment.change) if payment.change else None),
        number_cell(format_deduction(payment.refunded_total) if payment.refunded_total else None),
        number_cell(format_money(payment.amount) if counts else None, *filter(None, [tried])),
    )


def blank_cells(cells: int) -> tuple[Cell, ...]:
    return (text_cell(""),) * cells


def build_refunds_table(order: Order) -> Table:
    refunds = order.loaded_refunds
    lines = tuple(map(build_refund_row, refunds))
    sums = total_row("Refunded", *blank_cells(4), number_cell(format_money(order.refunded_total)))
    return Table(
        "Refunds",
        (*lines, sums) if lines else (),
        head=REFUND_COLUMNS,
        nothing="No refunds.",
    )


def build_refund_row(refund: Refund) -> TableRow:
    counts = refund.status != Refund.Status.FAILED
    money_back = refund.total + refund.cash_rounding
    number = f"Receipt {refund.receipt_number}" if refund.receipt_number else "No receipt"
    return table_row(
        text_cell(number, admin_url(refund)),
        refund.get_status_display(),
        refund.reason,
        number_cell(format_money(refund.total)),
        number_cell(format_signed(refund.cash_rounding) if refund.cash_rounding else None),
        number_cell(
            format_money(money_back) if counts else None, *([] if counts else ["not counted"])
        ),
    )
