"""Printable document, independent of its format: header fields and sections of rows."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from tenants.api.formats import format_number
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

    @property
    def banners(self) -> list[str]:
        """Return the emphasized lines at the top: kind of document and number of the copy."""
        copy = f"COPY {self.copy}" if self.copy else ""
        return [text for text in (self.kind, copy) if text]

    @property
    def issued_at_text(self) -> str:
        return self.issued_at.strftime("%Y-%m-%d %H:%M")


def format_money(amount: Decimal | str) -> str:
    """Format an amount with the decimals of the tenant's currency."""
    """Format an amount with the decimals of the tenant's currency."""
    return str(current_tenant().quantize_amount(Decimal(amount)))


def format_tax(tax: dict[str, Any]) -> str:
    """Format a tax rate with its taxable amount."""
    kind = "incl." if tax["included"] else "added"
    percent = format_number(Decimal(tax["percent"]))
    return f"{tax['name']} {percent} % {kind} on {format_money(tax['taxable'])}"
