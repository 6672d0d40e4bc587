"""Why an order costs what it costs: from the prices to what was paid and given back."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from accounts.admin.tables import Cell, Line, Table, figure, head, line, page_of, total, words
from orders.admin.amounts import added, name_of_discount, name_of_tax, off, signed
from orders.models import Order, OrderLine, Payment, Refund
from orders.services.documents.document import money, short
from tenants.scope import current_tenant

SOLD = head(
    ("Item",),
    *("Quantity", "Price", "Gross", "Own discounts", "Share of all", "Net", "Taxes", "Total"),
)
PAID = head(("Payment", "Status"), "Handed over", "Change", "Given back", "Settled")
BACK = head(("Refund", "Status", "Reason"), "Goods", "Cash rounding", "Money")
EACH_LINE = "Every tax is rounded on its line, {mode}."
WHOLE_ORDER = (
    "Every tax is rounded once for the whole order, {mode}, and shared out over the lines to the "
    "last unit."
)


def tables_of(order: Order) -> list[Table]:
    return [sold(order), bill(order), paid(order), given_back(order)]


# --- the lines ------------------------------------------------------------------------------


def sold(order: Order) -> Table:
    """Each line from its list price to what it costs; below, what the order says of all."""
    lines = order.loaded_lines
    sums = total(
        "All lines",
        *blank(2),
        figure(money(order.subtotal)),
        figure(off(added(map(own_discounts, lines)))),
        figure(off(added(map(share, lines)))),
        figure(money(added(each.net for each in lines))),
        figure(money(order.tax_total)),
        figure(money(added(each.total for each in lines))),
    )
    rounded = EACH_LINE if order.tax_rounding_level == "line" else WHOLE_ORDER
    tenant = type(current_tenant())
    mode = tenant.TaxRoundingMode(order.tax_rounding_mode).label.lower()
    return Table(
        "What was sold",
        (*(sold_line(each) for each in lines), sums) if lines else (),
        head=SOLD,
        note=rounded.format(mode=mode) if lines else "",
        nothing="Nothing is on it.",
    )


def sold_line(each: OrderLine) -> Line:
    other = each.list_price != each.unit_price and not each.open_price
    return line(
        words(each.name, "", *(part for part in (each.sku, each.note) if part)),
        figure(short(each.quantity)),
        figure(money(each.unit_price), *([f"list price {money(each.list_price)}"] * other)),
        figure(money(each.gross)),
        figure(off(own_discounts(each)), *map(name_of_discount, each.discounts)),
        figure(off(share(each))),
        figure(money(each.net)),
        figure(money(each.tax_total), *map(words_of_share, each.taxes)),
        figure(money(each.total)),
    )


def words_of_share(tax: dict[str, Any]) -> str:
    return f"{name_of_tax(tax)} {money(tax['amount'])}"


def own_discounts(each: OrderLine) -> Decimal:
    return added(discount["amount"] for discount in each.discounts)


def share(each: OrderLine) -> Decimal:
    """What falls to this line of the discounts of the whole order."""
    of_order: Decimal = each.discount_total - own_discounts(each)
    return of_order


# --- the sum --------------------------------------------------------------------------------


def bill(order: Order) -> Table:
    return Table("The total", tuple(steps(order)))


def steps(order: Order) -> Iterator[Line]:
    yield line("Subtotal", figure(money(order.subtotal)))
    yield line("Discounts of lines", figure(off(added(map(own_discounts, order.loaded_lines)))))
    for discount in order.discounts:
        yield line(name_of_discount(discount), figure(off(discount["amount"])))
    for tax in order.taxes:
        if not tax["included"]:
            yield line(words_of(tax), figure(signed(tax["amount"])))
    if order.adjustment:
        yield line("What the till took beyond that", figure(signed(order.adjustment)))
    in_it = [f"{words_of(tax)}: {money(tax['amount'])}" for tax in order.taxes if tax["included"]]
    yield total(words("Total", "", *in_it), figure(money(order.total)))
    yield from left_to_pay(order)


def left_to_pay(order: Order) -> Iterator[Line]:
    if order.cash_rounding:
        yield line("Cash rounding", figure(signed(order.cash_rounding)))
        yield total("To pay", figure(money(order.total + order.cash_rounding)))
    yield line("Paid", figure(off(order.paid_total)))
    yield total("Still due", figure(money(order.due)))


def words_of(tax: dict[str, Any]) -> str:
    return f"{name_of_tax(tax)} on {money(tax['taxable'])}"


# --- the money ------------------------------------------------------------------------------


def paid(order: Order) -> Table:
    """Every payment that was tried; what was captured is what is paid."""
    lines = tuple(map(payment_line, order.loaded_payments))
    sums = total("Paid", *blank(4), figure(money(order.paid_total)))
    return Table(
        "Payments", (*lines, sums) if lines else (), head=PAID, nothing="Nobody has paid yet."
    )


def payment_line(payment: Payment) -> Line:
    counts = payment.status == Payment.Status.CAPTURED
    tried = "" if counts else f"not counted: {money(payment.amount)}"
    return line(
        words(
            payment.get_method_display(),
            page_of(payment),
            *filter(None, [payment.get_entry_display(), payment.shown_reference]),
        ),
        words(payment.get_status_display(), "", *filter(None, [payment.reason])),
        figure(None if payment.tendered is None else money(payment.tendered)),
        figure(money(payment.change) if payment.change else None),
        figure(off(payment.refunded_total) if payment.refunded_total else None),
        figure(money(payment.amount) if counts else None, *filter(None, [tried])),
    )


def blank(cells: int) -> tuple[Cell, ...]:
    return (words(""),) * cells


def given_back(order: Order) -> Table:
    refunds = order.loaded_refunds
    lines = tuple(map(refund_line, refunds))
    sums = total("Refunded", *blank(4), figure(money(order.refunded_total)))
    return Table(
        "Refunds", (*lines, sums) if lines else (), head=BACK, nothing="Nothing came back."
    )


def refund_line(refund: Refund) -> Line:
    counts = refund.status != Refund.Status.FAILED
    money_back = refund.total + refund.cash_rounding
    number = f"Receipt {refund.receipt_number}" if refund.receipt_number else "Without a receipt"
    return line(
        words(number, page_of(refund)),
        refund.get_status_display(),
        refund.reason,
        figure(money(refund.total)),
        figure(signed(refund.cash_rounding) if refund.cash_rounding else None),
        figure(money(money_back) if counts else None, *([] if counts else ["not counted"])),
    )
