"""Formatting of amounts, quantities, discounts, taxes and times in admin pages."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.contrib import admin
from django.utils import timezone

from accounts.admin.tables import EMPTY
from orders.services.documents.document import format_money
from orders.services.pricing.lines import format_rate
from tenants.api.formats import format_number
from tenants.scope import current_tenant

MINUS = "\N{MINUS SIGN}"
ZERO = Decimal(0)


def to_currency(amount: Any) -> Any:
    """Return the amount with the decimals of the shop's currency; the column has more."""
    return None if amount is None else current_tenant().quantize_amount(amount)


def amount_column(description: str, field: str) -> Callable[[Any, Any], Any]:
    """Return the display method of a field with an amount of money."""

    @admin.display(description=description, ordering=field)
    def show(page: Any, row: Any) -> Any:
        return to_currency(getattr(row, field))

    return show


def quantity_column(description: str, field: str) -> Callable[[Any, Any], str]:
    """Return the display method of a field with a quantity, or with none."""

    @admin.display(description=description, ordering=field)
    def show(page: Any, row: Any) -> str:
        quantity = getattr(row, field)
        return EMPTY if quantity is None else format_number(quantity)

    return show


def format_deduction(amount: Decimal | str) -> str:
    """Return a deduction with a minus sign."""
    amount = Decimal(amount)
    return f"{MINUS}{format_money(amount)}" if amount > 0 else format_money(abs(amount))


def format_signed(amount: Decimal | str) -> str:
    """Return an amount with its sign, plus or minus."""
    amount = Decimal(amount)
    return f"+{format_money(amount)}" if amount > 0 else format_deduction(-amount)


def format_with_minus(amount: str) -> str:
    """Replace the hyphen of a negative amount by a minus sign."""
    return amount.replace("-", MINUS)


def format_quantity_change(quantity: Decimal) -> str:
    """Return a change of quantity with its sign."""
    return (
        f"+{format_number(quantity)}"
        if quantity > 0
        else format_with_minus(format_number(quantity))
    )


def describe_discount(discount: Mapping[str, Any]) -> str:
    percent = f"{format_number(discount['value'])} %" if discount["type"] == "percent" else ""
    return " ".join(part for part in (discount["reason"] or "Discount", percent) if part)


def describe_tax(tax: Mapping[str, Any]) -> str:
    kind = "included" if tax["included"] else "added"
    return f"{format_rate(tax)} {kind}"


def sum_amounts(amounts: Iterable[Decimal | str]) -> Decimal:
    return sum((Decimal(amount) for amount in amounts), ZERO)


def format_time(at: datetime) -> str:
    """Return a time in the time zone of the shop."""
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M}"
