"""What is handed over on paper, before anybody knows on which: rows of words and amounts."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from tenants.scope import current_tenant


@dataclass(frozen=True, slots=True)
class Row:
    """Words at the left, an amount at the right; either may be empty."""

    words: str
    amount: str = ""
    is_detail: bool = False
    is_strong: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """What every face of a receipt, of a refund's receipt or of a Z report says."""

    # Of its page, and of its file.
    title: str
    shop: str
    store: str
    address: str
    # What it is by name: the receipt's number, the order, the register, who served.
    header_fields: tuple[tuple[str, str], ...]
    issued_at: datetime
    sections: tuple[tuple[Row, ...], ...]
    # What its QR code says.
    qr_text: str
    # What it is, where it is not a plain receipt.
    kind: str = ""
    # The original is 0, the first that was printed after it is copy 1.
    copy: int = 0

    @property
    def banners(self) -> list[str]:
        """What stands out before everything else."""
        copy = f"COPY {self.copy}" if self.copy else ""
        return [mark for mark in (self.kind, copy) if mark]

    @property
    def issued_at_text(self) -> str:
        return self.issued_at.strftime("%Y-%m-%d %H:%M")


def format_money(amount: Decimal | str) -> str:
    return str(current_tenant().quantize_amount(Decimal(amount)))


def format_number(number: Decimal | str) -> str:
    """A quantity or a percent without the zeros that say nothing."""
    return f"{Decimal(number).normalize():f}"


def format_tax(tax: dict[str, Any]) -> str:
    """A rate as papers name it, with what it was reckoned on."""
    kind = "incl." if tax["included"] else "added"
    return (
        f"{tax['name']} {format_number(tax['percent'])} % {kind} on {format_money(tax['taxable'])}"
    )
