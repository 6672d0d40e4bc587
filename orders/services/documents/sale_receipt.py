"""Receipt of a completed sale, from the snapshot that the order stores."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from accounts.models import User
from orders.models import Order, Payment
from orders.services.documents.document import (
    Document,
    ReceiptContent,
    Row,
    build_heading,
    build_tax_rows,
    format_money,
)
from orders.services.pricing.lines import format_rate
from tenants.api.formats import format_number
from tenants.scope import current_tenant


@dataclass(frozen=True, slots=True)
class SaleReceipt(ReceiptContent):
    """The content of a sale receipt."""

    cashier: str
    sold_at: datetime
    payments: tuple[Row, ...]
    # The till's own number of the sale, and when an offline sale was booked.
    offline: tuple[tuple[str, str], ...] = ()
    # Shown above everything else.
    kind: str = ""

    def build_original(self, by: User) -> Document:
        """Return the original; it differs from a copy only by its banner."""
        return self.build_document()

    def build_document(self, copy: int = 0) -> Document:
        return Document(
            title=f"Receipt {self.number}",
            kind=self.kind,
            shop=self.shop,
            store=self.store,
            address=self.address,
            header_fields=(
                ("Receipt", str(self.number)),
                ("Order", self.order),
                ("Register", self.register),
                ("Served by", self.cashier),
                *self.offline,
            ),
            issued_at=self.sold_at,
            sections=(self.lines, self.totals, self.payments, self.taxes),
            qr_text=self.order_id,
            copy=copy,
        )


def build_sale_receipt(order: Order) -> SaleReceipt:
    """Build the receipt from the order's snapshot, in the store's time zone. Raises `NoReceipt`."""
    number, sold_at = order.receipt_number_and_time()
    return SaleReceipt(
        **build_heading(order, order),
        row=order.receipt,
        number=number,
        cashier=str(order.cashier),
        sold_at=order.stock_left_at(sold_at).astimezone(order.store.clock),
        lines=tuple(_build_lines(order)),
        totals=tuple(_build_totals(order)),
        taxes=build_tax_rows(order.taxes),
        payments=tuple(_build_payments(order)),
        offline=tuple(_build_offline_fields(order)),
    )


def build_gift_receipt(order: Order) -> SaleReceipt:
    """Build a receipt for somebody who gets the goods as a gift: without any amount."""
    return replace(
        build_sale_receipt(order),
        kind="GIFT RECEIPT",
        lines=tuple(_build_gift_lines(order)),
        totals=(),
        taxes=(),
        payments=(),
    )


def _build_gift_lines(order: Order) -> Iterator[Row]:
    for line in order.loaded_lines:
        yield Row(line.name)
        if line.quantity != 1:
            yield Row(f"Quantity {format_number(line.quantity)}", is_detail=True)
        if line.note:
            yield Row(line.note, is_detail=True)


def _build_offline_fields(order: Order) -> Iterator[tuple[str, str]]:
    if order.device_sequence is not None:
        yield "Till number", f"{order.register.number}-T{order.device_sequence}"
    if order.is_offline and order.completed_at:
        yield "Booked", f"{order.completed_at.astimezone(order.store.clock):%Y-%m-%d %H:%M}"


def _build_lines(order: Order) -> Iterator[Row]:
    for line in order.loaded_lines:
        yield Row(line.name, format_money(line.gross))
        if line.quantity != 1:
            yield Row(
                f"{format_number(line.quantity)} x {format_money(line.unit_price)}", is_detail=True
            )
        if line.note:
            yield Row(line.note, is_detail=True)
        for discount in line.discounts:
            yield Row(
                _format_discount(discount), f"-{format_money(discount['amount'])}", is_detail=True
            )


def _format_discount(discount: dict[str, str]) -> str:
    percent = f" {format_number(discount['value'])} %" if discount["type"] == "percent" else ""
    return discount["reason"] or f"Discount{percent}"


def _build_totals(order: Order) -> Iterator[Row]:
    yield Row("Subtotal", format_money(order.subtotal))
    for discount in order.discounts:
        yield Row(_format_discount(discount), f"-{format_money(discount['amount'])}")
    for tax in order.taxes:
        if not tax["included"]:
            yield Row(format_rate(tax), format_money(tax["amount"]))
    if order.adjustment:
        yield Row("Adjustment", format_money(order.adjustment))
    yield Row(f"TOTAL {current_tenant().currency}", format_money(order.total), is_strong=True)
    if order.cash_rounding:
        yield Row("Cash rounding", format_money(order.cash_rounding))


def _build_payments(order: Order) -> Iterator[Row]:
    for payment in order.loaded_payments:
        if payment.status != Payment.Status.CAPTURED:
            continue
        tendered = payment.amount if payment.tendered is None else payment.tendered
        yield Row(payment.get_method_display(), format_money(tendered))
        if payment.entry == Payment.Entry.EXTERNAL and payment.reference:
            yield Row(f"Reference {payment.reference}", is_detail=True)
        if payment.change:
            yield Row("Change", format_money(payment.change))
