"""The receipt of a completed sale: one content, several faces."""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from orders.models import Order
from tenants.scope import current_tenant

# Characters on a line of an 80 mm receipt printer in its usual font.
WIDTH = 42


@dataclass(frozen=True, slots=True)
class ReceiptRow:
    """Words at the left, an amount at the right; either may be empty."""

    words: str
    amount: str = ""
    is_detail: bool = False


@dataclass(frozen=True, slots=True)
class ReceiptContent:
    """What every face of a receipt says."""

    shop: str
    store: str
    address: str
    register: str
    number: int
    order: str
    order_id: str
    cashier: str
    sold_at: datetime
    currency: str
    lines: tuple[ReceiptRow, ...]
    totals: tuple[ReceiptRow, ...]
    taxes: tuple[ReceiptRow, ...]
    payments: tuple[ReceiptRow, ...]


def receipt_of(order: Order) -> ReceiptContent:
    """The receipt, all of it from what was frozen at the sale; its time is the store's."""
    number, sold_at = order.sold_as()
    tenant = current_tenant()
    return ReceiptContent(
        shop=tenant.name,
        store=order.store.name,
        address=order.store.address,
        register=order.register.name,
        number=number,
        order=order.number,
        order_id=str(order.pk),
        cashier=str(order.cashier),
        sold_at=sold_at.astimezone(order.store.clock),
        currency=tenant.currency,
        lines=tuple(_lines(order)),
        totals=tuple(_totals(order)),
        taxes=tuple(_taxes(order)),
        payments=tuple(_payments(order)),
    )


def _money(amount: Decimal | str) -> str:
    return str(current_tenant().in_currency(Decimal(amount)))


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def _lines(order: Order) -> Iterator[ReceiptRow]:
    for line in order.loaded_lines:
        yield ReceiptRow(line.name, _money(line.gross))
        if line.quantity != 1:
            yield ReceiptRow(f"{_plain(line.quantity)} x {_money(line.unit_price)}", is_detail=True)
        if line.note:
            yield ReceiptRow(line.note, is_detail=True)
        for discount in line.discounts:
            yield ReceiptRow(_name_of(discount), f"-{_money(discount['amount'])}", is_detail=True)


def _name_of(discount: dict[str, str]) -> str:
    percent = f" {_plain(Decimal(discount['value']))} %" if discount["type"] == "percent" else ""
    return discount["reason"] or f"Discount{percent}"


def _totals(order: Order) -> Iterator[ReceiptRow]:
    yield ReceiptRow("Subtotal", _money(order.subtotal))
    for discount in order.discounts:
        yield ReceiptRow(_name_of(discount), f"-{_money(discount['amount'])}")
    for tax in order.taxes:
        if not tax["included"]:
            yield ReceiptRow(f"{tax['name']} {_percent(tax)} %", _money(tax["amount"]))
    yield ReceiptRow(f"TOTAL {current_tenant().currency}", _money(order.total))
    if order.cash_rounding:
        yield ReceiptRow("Cash rounding", _money(order.cash_rounding))


def _percent(tax: dict[str, str]) -> str:
    return _plain(Decimal(tax["percent"]))


def _taxes(order: Order) -> Iterator[ReceiptRow]:
    for tax in order.taxes:
        kind = "incl." if tax["included"] else "added"
        words = f"{tax['name']} {_percent(tax)} % {kind} on {_money(tax['taxable'])}"
        yield ReceiptRow(words, _money(tax["amount"]))


def _payments(order: Order) -> Iterator[ReceiptRow]:
    for payment in order.loaded_payments:
        if payment.status != payment.Status.CAPTURED:
            continue
        handed_over = payment.amount if payment.tendered is None else payment.tendered
        yield ReceiptRow(payment.get_method_display(), _money(handed_over))
        if payment.change:
            yield ReceiptRow("Change", _money(payment.change))


def receipt_text(receipt: ReceiptContent) -> str:
    """The receipt for a printer of 42 characters a line."""
    head = [receipt.shop, receipt.store, *receipt.address.splitlines()]
    sold_at = receipt.sold_at.strftime("%Y-%m-%d %H:%M")
    rows: list[str] = [line.center(WIDTH).rstrip() for text in head for line in _folded(text)]
    rows += [
        "",
        *_row(ReceiptRow(f"Receipt {receipt.number}")),
        *_row(ReceiptRow(f"Order {receipt.order}", sold_at)),
        *_row(ReceiptRow(f"Register {receipt.register}")),
        *_row(ReceiptRow(f"Served by {receipt.cashier}")),
    ]
    for part in (receipt.lines, receipt.totals, receipt.payments, receipt.taxes):
        if part:
            rows.append("-" * WIDTH)
            rows += [text for row in part for text in _row(row)]
    return "\n".join(rows) + "\n"


def _row(row: ReceiptRow) -> list[str]:
    """Words folded at the left, the amount on the last line at the right edge."""
    indent = "  " if row.is_detail else ""
    lines = _folded(row.words, WIDTH - len(indent))
    if len(indent) + len(lines[-1]) + 1 + len(row.amount) > WIDTH:
        lines.append("")
    last = f"{indent}{lines[-1]}"
    lines = [f"{indent}{line}" for line in lines[:-1]]
    return [*lines, f"{last}{row.amount.rjust(WIDTH - len(last))}".rstrip()]


def _folded(text: str, width: int = WIDTH) -> list[str]:
    return textwrap.wrap(text, width) or [""]
