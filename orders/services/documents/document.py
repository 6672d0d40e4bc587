"""Printable document, independent of its format: header fields and sections of rows."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from orders.models import Order, Receipt, Refund
from orders.services.documents.printer_settings import DEFAULT_PRINTER, PrinterSettings
from orders.services.pricing.lines import format_rate
from tenants.scope import current_tenant


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a document: text on the left, an amount on the right; either may be empty."""

    words: str
    amount: str = ""
    is_detail: bool = False
    is_strong: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """The content of a receipt, refund receipt or Z report, for every renderer."""

    # Title of the page, and name of the file.
    title: str
    shop: str
    store: str
    address: str
    # Labels and values: receipt number, order, register, served by.
    header_fields: tuple[tuple[str, str], ...]
    issued_at: datetime
    sections: tuple[tuple[Row, ...], ...]
    # Content of the QR code.
    qr_text: str
    # Shown above everything else; empty for a sale receipt.
    kind: str = ""
    # 0 is the original, 1 the first copy.
    copy: int = 0
    printer: PrinterSettings = DEFAULT_PRINTER

    @property
    def banners(self) -> list[str]:
        """Return the emphasized lines at the top: kind of document and number of the copy."""
        copy = f"COPY {self.copy}" if self.copy else ""
        return [text for text in (self.kind, copy) if text]

    @property
    def issued_at_text(self) -> str:
        return self.issued_at.strftime("%Y-%m-%d %H:%M")


@dataclass(frozen=True, slots=True)
class ReceiptContent:
    """What the receipts of a sale and of a refund have in common, for every format."""

    # The row that counts the prints.
    row: Receipt | Refund
    shop: str
    store: str
    address: str
    register: str
    number: int
    order: str
    order_id: str
    currency: str
    lines: tuple[Row, ...]
    totals: tuple[Row, ...]
    taxes: tuple[Row, ...]

    @property
    def id(self) -> uuid.UUID:
        return self.row.pk

    @property
    def prints(self) -> int:
        return self.row.prints


def build_heading(sold_in: Order | Refund, order: Order) -> dict[str, Any]:
    """Return the fields of a receipt that say where it was made, for which order."""
    return {
        "shop": current_tenant().name,
        "store": sold_in.store.name,
        "address": sold_in.store.address,
        "register": sold_in.register.name,
        "order": order.number,
        "order_id": str(order.pk),
        "currency": current_tenant().currency,
    }


def build_tax_rows(taxes: list[dict[str, Any]]) -> tuple[Row, ...]:
    """Return a row for each tax, with its rate, its taxable amount and its amount."""
    return tuple(Row(format_tax(tax), format_money(tax["amount"])) for tax in taxes)


def format_money(amount: Decimal | str) -> str:
    """Format an amount with the decimals of the tenant's currency."""
    return str(current_tenant().quantize_amount(Decimal(amount)))


def format_tax(tax: dict[str, Any]) -> str:
    """Format a tax rate with its taxable amount."""
    kind = "incl." if tax["included"] else "added"
    return f"{format_rate(tax)} {kind} on {format_money(tax['taxable'])}"
