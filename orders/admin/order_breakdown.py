"""Why an order costs what it costs: from the prices to what was paid and given back."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from accounts.admin.tables import Cell, Line, Table, figure, head, line, page_of, total, words
from orders.admin.amounts import (
    describe_discount,
    describe_tax,
    format_deduction,
    format_signed,
    sum_amounts,
)
from orders.models import Order, OrderLine, Payment, Refund
from orders.services.documents.document import format_money, format_number
from tenants.scope import current_tenant

LINE_COLUMNS = head(
    ("Item",),
    *("Quantity", "Price", "Gross", "Own discounts", "Share of all", "Net", "Taxes", "Total"),
)
PAYMENT_COLUMNS = head(("Payment", "Status"), "Handed over", "Change", "Given back", "Settled")
REFUND_COLUMNS = head(("Refund", "Status", "Reason"), "Goods", "Cash rounding", "Money")
EACH_LINE = "Every tax is rounded on its line, {mode}."
WHOLE_ORDER = (
    "Every tax is rounded once for the whole order, {mode}, and shared out over the lines to the "
    "last unit."
)


def build_tables(order: Order) -> list[Table]:
    return [
        build_lines_table(order),
        build_total_table(order),
        build_payments_table(order),
        build_refunds_table(order),
    ]


# --- the lines ------------------------------------------------------------------------------


def build_lines_table(order: Order) -> Table:
    """Each line from its list price to what it costs; below, what the order says of all."""
    lines = order.loaded_lines
    sums = total(
        "All lines",
        *blank_cells(2),
        figure(format_money(order.subtotal)),
        figure(format_deduction(sum_amounts(map(sum_line_discounts, lines)))),
        figure(format_deduction(sum_amounts(map(order_discount_share, lines)))),
        figure(format_money(sum_amounts(each.net for each in lines))),
        figure(format_money(order.tax_total)),
        figure(format_money(sum_amounts(each.total for each in lines))),
    )
    rounded = EACH_LINE if order.tax_rounding_level == "line" else WHOLE_ORDER
    tenant = type(current_tenant())
    mode = tenant.TaxRoundingMode(order.tax_rounding_mode).label.lower()
    return Table(
        "What was sold",
        (*(build_line_row(each) for each in lines), sums) if lines else (),
        head=LINE_COLUMNS,
        note=rounded.format(mode=mode) if lines else "",
        nothing="Nothing is on it.",
    )


def build_line_row(each: OrderLine) -> Line:
    other = each.list_price != each.unit_price and not each.open_price
    return line(
        words(each.name, "", *(part for part in (each.sku, each.note) if part)),
        figure(format_number(each.quantity)),
        figure(
            format_money(each.unit_price),
            *([f"list price {format_money(each.list_price)}"] * other),
        ),
        figure(format_money(each.gross)),
        figure(format_deduction(sum_line_discounts(each)), *map(describe_discount, each.discounts)),
        figure(format_deduction(order_discount_share(each))),
        figure(format_money(each.net)),
        figure(format_money(each.tax_total), *map(describe_line_tax, each.taxes)),
        figure(format_money(each.total)),
    )


def describe_line_tax(tax: dict[str, Any]) -> str:
    return f"{describe_tax(tax)} {format_money(tax['amount'])}"


def sum_line_discounts(each: OrderLine) -> Decimal:
    return sum_amounts(discount["amount"] for discount in each.discounts)


def order_discount_share(each: OrderLine) -> Decimal:
    """What falls to this line of the discounts of the whole order."""
    of_order: Decimal = each.discount_total - sum_line_discounts(each)
    return of_order


# --- the sum --------------------------------------------------------------------------------


def build_total_table(order: Order) -> Table:
    return Table("The total", tuple(generate_total_rows(order)))


def generate_total_rows(order: Order) -> Iterator[Line]:
    yield line("Subtotal", figure(format_money(order.subtotal)))
    yield line(
        "Discounts of lines",
        figure(format_deduction(sum_amounts(map(sum_line_discounts, order.loaded_lines)))),
    )
    for discount in order.discounts:
        yield line(describe_discount(discount), figure(format_deduction(discount["amount"])))
    for tax in order.taxes:
        if not tax["included"]:
            yield line(describe_taxable(tax), figure(format_signed(tax["amount"])))
    if order.adjustment:
        yield line("What the till took beyond that", figure(format_signed(order.adjustment)))
    in_it = [
        f"{describe_taxable(tax)}: {format_money(tax['amount'])}"
        for tax in order.taxes
        if tax["included"]
    ]
    yield total(words("Total", "", *in_it), figure(format_money(order.total)))
    yield from generate_payment_rows(order)


def generate_payment_rows(order: Order) -> Iterator[Line]:
    if order.cash_rounding:
        yield line("Cash rounding", figure(format_signed(order.cash_rounding)))
        yield total("To pay", figure(format_money(order.total + order.cash_rounding)))
    yield line("Paid", figure(format_deduction(order.paid_total)))
    yield total("Still due", figure(format_money(order.due)))


def describe_taxable(tax: dict[str, Any]) -> str:
    return f"{describe_tax(tax)} on {format_money(tax['taxable'])}"


# --- the money ------------------------------------------------------------------------------


def build_payments_table(order: Order) -> Table:
    """Every payment that was tried; what was captured is what is paid."""
    lines = tuple(map(build_payment_row, order.loaded_payments))
    sums = total("Paid", *blank_cells(4), figure(format_money(order.paid_total)))
    return Table(
        "Payments",
        (*lines, sums) if lines else (),
        head=PAYMENT_COLUMNS,
        nothing="Nobody has paid yet.",
    )


def build_payment_row(payment: Payment) -> Line:
    counts = payment.status == Payment.Status.CAPTURED
    tried = "" if counts else f"not counted: {format_money(payment.amount)}"
    return line(
        words(
            payment.get_method_display(),
            page_of(payment),
            *filter(None, [payment.get_entry_display(), payment.shown_reference]),
        ),
        words(payment.get_status_display(), "", *filter(None, [payment.reason])),
        figure(None if payment.tendered is None else format_money(payment.tendered)),
        figure(format_money(payment.change) if payment.change else None),
        figure(format_deduction(payment.refunded_total) if payment.refunded_total else None),
        figure(format_money(payment.amount) if counts else None, *filter(None, [tried])),
    )


def blank_cells(cells: int) -> tuple[Cell, ...]:
    return (words(""),) * cells


def build_refunds_table(order: Order) -> Table:
    refunds = order.loaded_refunds
    lines = tuple(map(build_refund_row, refunds))
    sums = total("Refunded", *blank_cells(4), figure(format_money(order.refunded_total)))
    return Table(
        "Refunds",
        (*lines, sums) if lines else (),
        head=REFUND_COLUMNS,
        nothing="Nothing came back.",
    )


def build_refund_row(refund: Refund) -> Line:
    counts = refund.status != Refund.Status.FAILED
    money_back = refund.total + refund.cash_rounding
    number = f"Receipt {refund.receipt_number}" if refund.receipt_number else "Without a receipt"
    return line(
        words(number, page_of(refund)),
        refund.get_status_display(),
        refund.reason,
        figure(format_money(refund.total)),
        figure(format_signed(refund.cash_rounding) if refund.cash_rounding else None),
        figure(format_money(money_back) if counts else None, *([] if counts else ["not counted"])),
    )
