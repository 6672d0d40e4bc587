"""Receipt of a completed sale, from the snapshot that the order stores."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Any

from django.utils import timezone

from accounts.models import User
from orders.models import Order, OrderLine, Payment, Receipt
from orders.models.credit import may_print_codes
from orders.services.documents.document import (
    Document,
    ReceiptContent,
    Row,
    build_heading,
    build_modifier_rows,
    build_traceability_rows,
    format_minute,
    format_money,
)
from orders.services.documents.issuer import build_issuer
from orders.services.documents.labels import Labels
from orders.services.documents.names import find_names
from orders.services.payments.store_credit import list_codes_paid_out
from orders.services.pricing.lines import format_rate
from tenants.api.formats import format_number
from tenants.scope import current_tenant


@dataclass(frozen=True, slots=True)
class SaleReceipt(ReceiptContent):
    """The content of a sale receipt."""

    row: Receipt
    cashier_id: uuid.UUID
    sold_at: datetime
    payments: tuple[Row, ...]
    # The till's own number of the sale, and when an offline sale was booked.
    offline: tuple[tuple[str, str], ...] = ()
    # Shown above everything else.
    kind: str = ""
    moves_cash: bool = False
    is_gift: bool = False
    # Codes of store credits that were made for returned goods; only the original shows them in
    # full, to the person who made the sale.
    codes: tuple[str, ...] = ()

    @property
    def fiscal(self) -> dict[str, Any] | None:
        """Return the texts of a signing service. A gift receipt has none, as they have amounts."""
        return None if self.is_gift else self.row.fiscal

    def build_original(self, by: User) -> Document:
        """Return the original, which alone contains the codes, if `by` may see them."""
        shows_codes = may_print_codes(by, self.cashier_id, self.row.issued_at, timezone.now())
        return self.build_document(extra=self.build_code_rows(self.codes if shows_codes else ()))

    def build_document(self, copy: int = 0, extra: tuple[Row, ...] = ()) -> Document:
        labels = self.labels
        return Document(
            title=f"{labels('Receipt')} {self.number}",
            file_name=f"receipt-{self.number}",
            kind=self.kind,
            **self.build_frame(copy=copy, moves_cash=self.moves_cash),
            header_fields=(
                (labels("Receipt"), str(self.number)),
                (labels("Order"), self.order),
                (labels("Register"), self.register),
                (labels("Served by"), self.names.served_by),
                *self.build_times(self.sold_at),
                *self.offline,
                *self.customer,
            ),
            issued_at=self.sold_at,
            sections=(
                self.lines,
                self.totals,
                (*self.payments, *extra),
                self.taxes,
                self.build_fiscal_rows(),
            ),
            qr_text=self.order_id,
        )


def build_sale_receipt(order: Order) -> SaleReceipt:
    """Build the receipt from the order's snapshot, in the store's time zone. Raises `NoReceipt`."""
    number, booked_at = order.receipt_number_and_time()
    names = find_names(order.receipt, order, served_by=str(order.cashier))
    issuer, clock = build_issuer(order.store, order.receipt.profile), names.clock
    labels, sold_at = issuer.labels, order.stock_left_at(booked_at)
    return SaleReceipt(
        **build_heading(order, order, issuer, names),
        row=order.receipt,
        number=number,
        cashier_id=order.cashier_id,
        # `created_at` of an offline sale is the time of its upload.
        started_at=min(order.created_at, sold_at).astimezone(clock),
        sold_at=sold_at.astimezone(clock),
        lines=tuple(_build_lines(order, labels)),
        totals=tuple(_build_totals(order, labels)),
        payments=tuple(_build_payments(order, labels)),
        offline=tuple(_build_offline_fields(order, labels, clock)),
        codes=tuple(each["code"] for each in list_codes_paid_out(order)),
        moves_cash=_moves_cash(order),
    )


def build_gift_receipt(order: Order) -> SaleReceipt:
    """Build a receipt for somebody who gets the goods as a gift: without any amount."""
    receipt = build_sale_receipt(order)
    return replace(
        receipt,
        kind=receipt.labels("GIFT RECEIPT"),
        lines=tuple(_build_gift_lines(order, receipt.labels)),
        totals=(),
        taxes=(),
        tax_rates=(),
        payments=(),
        customer=(),
        codes=(),
        moves_cash=False,
        is_gift=True,
    )


def _build_gift_lines(order: Order, labels: Labels) -> Iterator[Row]:
    """Build the rows of what is given: neither deposits nor goods that were returned."""
    given = (each for each in order.loaded_lines if not each.deposit_for_id and each.quantity > 0)
    for line in given:
        yield Row(line.name)
        yield Row(f"{labels('Quantity')} {format_number(line.quantity)}", is_detail=True)
        yield from build_modifier_rows(line, prices=False)
        yield from _build_line_details(line, labels)


def _build_line_details(line: OrderLine, labels: Labels) -> Iterator[Row]:
    yield from build_traceability_rows(line, labels)
    if line.note:
        yield Row(line.note, is_detail=True)


def _build_offline_fields(order: Order, labels: Labels, clock: tzinfo) -> Iterator[tuple[str, str]]:
    if order.device_sequence is not None:
        yield labels("Till sale no."), f"{order.register.number}-T{order.device_sequence}"
    if order.is_offline and order.completed_at:
        booked_at = order.completed_at.astimezone(clock)
        yield labels("Booked"), format_minute(booked_at)


def _build_lines(order: Order, labels: Labels) -> Iterator[Row]:
    for line in order.loaded_lines:
        yield Row(line.name, format_money(line.gross))
        yield Row(
            f"{format_number(line.quantity)} x {format_money(line.unit_price)}", is_detail=True
        )
        yield from build_modifier_rows(line)
        yield from _build_line_details(line, labels)
        for discount in line.discounts:
            words = _format_discount(discount, labels)
            yield Row(words, f"-{format_money(discount['amount'])}", is_detail=True)


def _format_discount(discount: dict[str, str], labels: Labels) -> str:
    percent = f" {format_number(discount['value'])} %" if discount["type"] == "percent" else ""
    return discount["reason"] or f"{labels('Discount')}{percent}"


def _build_totals(order: Order, labels: Labels) -> Iterator[Row]:
    yield Row(labels("Subtotal"), format_money(order.subtotal))
    for discount in order.discounts:
        yield Row(_format_discount(discount, labels), f"-{format_money(discount['amount'])}")
    for tax in order.taxes:
        if not tax["included"]:
            yield Row(format_rate(tax), format_money(tax["amount"]))
    if order.adjustment:
        yield Row(labels("Adjustment"), format_money(order.adjustment))
    total = f"{labels('TOTAL')} {current_tenant().currency}"
    yield Row(total, format_money(order.total), is_strong=True)
    if order.cash_rounding:
        yield Row(labels("Cash rounding"), format_money(order.cash_rounding))


def _list_captured(order: Order) -> list[Payment]:
    captured = Payment.Status.CAPTURED
    return [each for each in order.loaded_payments if each.status == captured]


def _moves_cash(order: Order) -> bool:
    """Return whether cash is put into the drawer now. That of an offline sale already was."""
    methods = {payment.method for payment in _list_captured(order)}
    return Payment.Method.CASH in methods and not order.is_offline


def _build_payments(order: Order, labels: Labels) -> Iterator[Row]:
    for payment in _list_captured(order):
        tendered = payment.amount if payment.tendered is None else payment.tendered
        yield Row(labels(payment.get_method_display()), format_money(tendered))
        if payment.entry == Payment.Entry.EXTERNAL and payment.reference:
            yield Row(f"{labels('Reference')} {payment.reference}", is_detail=True)
        if payment.change:
            yield Row(labels("Change"), format_money(payment.change))
