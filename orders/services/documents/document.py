"""Printable document, independent of its format: header fields and sections of rows."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from orders.models import Order, OrderLine, Receipt, ReceiptProfile, Refund
from orders.services.documents.issuer import Issuer, TaxNumber
from orders.services.documents.labels import ENGLISH, Labels
from orders.services.documents.names import Names
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

    # Title of the page.
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
    # Lines below the address, and below the last section.
    header: tuple[str, ...] = ()
    footer: tuple[str, ...] = ()
    # Name of a downloaded file, in ASCII and without extension.
    file_name: str = "document"
    # Content of the QR code of a signing service; empty without one.
    fiscal_qr: str = ""
    labels: Labels = ENGLISH
    printer: PrinterSettings = DEFAULT_PRINTER

    @property
    def language(self) -> str:
        return self.labels.language

    @property
    def banners(self) -> list[str]:
        """Return the emphasized lines at the top: kind of document and number of the copy."""
        copy = f"{self.labels('COPY')} {self.copy}" if self.copy else ""
        return [text for text in (self.kind, copy) if text]

    @property
    def time_label(self) -> str:
        return self.labels("Time")

    @property
    def issued_at_text(self) -> str:
        return format_minute(self.issued_at)


@dataclass(frozen=True, slots=True)
class ReceiptContent:
    """What the receipts of a sale and of a refund have in common, for every format."""

    # The row that counts the prints.
    row: Receipt | Refund
    issuer: Issuer
    names: Names
    number: int
    order: str
    order_id: str
    currency: str
    # When the sale or refund began; it ended when the receipt was issued.
    started_at: datetime
    lines: tuple[Row, ...]
    totals: tuple[Row, ...]
    taxes: tuple[Row, ...]
    tax_rates: tuple[dict[str, Any], ...]
    # Name and tax number, of a customer who has one.
    customer: tuple[tuple[str, str], ...]

    @property
    def id(self) -> uuid.UUID:
        return self.row.pk

    @property
    def prints(self) -> int:
        return self.row.prints

    @property
    def fiscal(self) -> dict[str, Any] | None:
        """Return the texts of a signing service, or None without them."""
        return self.row.fiscal

    @property
    def register(self) -> str:
        return self.names.register

    @property
    def shop(self) -> str:
        return self.issuer.name

    @property
    def store(self) -> str:
        return self.issuer.store

    @property
    def address(self) -> str:
        return self.issuer.address

    @property
    def tax_numbers(self) -> tuple[TaxNumber, ...]:
        return self.issuer.tax_numbers

    @property
    def profile(self) -> ReceiptProfile | None:
        return self.issuer.profile

    @property
    def labels(self) -> Labels:
        return self.issuer.labels

    def build_frame(self, *, copy: int = 0, moves_cash: bool = False) -> dict[str, Any]:
        """Return the fields of a document that the issuer determines.

        Only an original that moves cash opens the drawer.
        """
        frame = self.issuer.build_frame(opens_drawer=moves_cash and not copy)
        return frame | {"copy": copy, "fiscal_qr": self.fiscal["qr"] if self.fiscal else ""}

    def build_fiscal_rows(self) -> tuple[Row, ...]:
        return tuple(Row(line) for line in self.fiscal["lines"]) if self.fiscal else ()

    def build_code_rows(self, codes: Iterable[str]) -> tuple[Row, ...]:
        """Return the rows with codes of new store credits, for an original."""
        label = self.labels("Store credit code")
        return tuple(Row(f"{label} {code}") for code in codes)

    def build_times(self, ended_at: datetime) -> tuple[tuple[str, str], ...]:
        """Return the fields with start and end, to the second."""
        return (
            (self.labels("Start"), format_second(self.started_at)),
            (self.labels("End"), format_second(ended_at)),
        )


def build_heading(
    sold_in: Order | Refund, order: Order, issuer: Issuer, names: Names
) -> dict[str, Any]:
    """Return the fields of a receipt that say where it was made, for which order, with taxes."""
    return {
        "issuer": issuer.named(names.shop, names.store, names.address),
        "names": names,
        "order": order.number,
        "order_id": str(order.pk),
        "currency": current_tenant().currency,
        "taxes": tuple(build_tax_rows(sold_in.taxes, issuer.labels)),
        "tax_rates": tuple(build_tax_rate(tax) for tax in sold_in.taxes),
        "customer": build_customer_fields(order, issuer.labels),
    }


def build_customer_fields(order: Order, labels: Labels) -> tuple[tuple[str, str], ...]:
    """Return what an invoice needs of a company; receipts of other customers do not name them."""
    if not order.customer_tax_number:
        return ()
    return (
        (labels("Customer"), order.customer_name),
        (labels("Customer tax no."), order.customer_tax_number),
    )


def build_tax_rows(taxes: Sequence[dict[str, Any]], labels: Labels) -> Iterator[Row]:
    """Yield two rows for each tax: rate, taxable amount and tax, and the amount with the tax."""
    for tax in taxes:
        yield Row(format_tax(tax, labels), format_money(tax["amount"]))
        yield Row(labels("Gross"), build_tax_rate(tax)["gross"], is_detail=True)


def build_tax_rate(tax: dict[str, Any]) -> dict[str, Any]:
    """Return taxable amount, tax and their sum for one rate."""
    base, amount = Decimal(tax["taxable"]), Decimal(tax["amount"])
    return {
        "name": tax["name"],
        "percent": tax["percent"],
        "included": tax["included"],
        "base": format_money(base),
        "tax": format_money(amount),
        "gross": format_money(base + amount),
    }


def build_traceability_rows(line: OrderLine, labels: Labels) -> Iterator[Row]:
    """Yield what the scanned code of a line said about the goods."""
    facts = {
        labels("Lot"): line.lot,
        labels("Best before"): line.best_before,
        labels("Use by"): line.expires_on,
        labels("Serial number"): line.serial,
    }
    for label, value in facts.items():
        if value:
            yield Row(f"{label} {value}", is_detail=True)


def build_modifier_rows(line: OrderLine, *, prices: bool = True) -> Iterator[Row]:
    """Yield a row for each chosen modifier; its price is for one unit of the line."""
    for each in line.chosen_modifiers:
        times = f"{each['quantity']} x " if each["quantity"] > 1 else ""
        price = Decimal(each["price"])
        amount = f" {format_money(price)}" if prices and price else ""
        yield Row(f"+ {times}{each['name']}{amount}", is_detail=True)


def format_money(amount: Decimal | str) -> str:
    """Format an amount with the decimals of the tenant's currency."""
    return str(current_tenant().quantize_amount(Decimal(amount)))


def format_minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"


def format_second(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}"


def format_tax(tax: dict[str, Any], labels: Labels) -> str:
    """Format a tax rate with its taxable amount."""
    text = labels("{rate} incl. on {base}") if tax["included"] else labels("{rate} added on {base}")
    return text.format(rate=format_rate(tax), base=format_money(tax["taxable"]))
