"""Amounts, discounts and taxes as the pages write them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils import timezone

from orders.services.documents.document import money, short

MINUS = "\N{MINUS SIGN}"
NOTHING = Decimal(0)


def off(amount: Decimal | str) -> str:
    """What is taken off, with its sign."""
    amount = Decimal(amount)
    return f"{MINUS}{money(amount)}" if amount > 0 else money(abs(amount))


def signed(amount: Decimal | str) -> str:
    """What may go either way."""
    amount = Decimal(amount)
    return f"+{money(amount)}" if amount > 0 else off(-amount)


def minus(amount: str) -> str:
    """With a sign that can be seen."""
    return amount.replace("-", MINUS)


def many(quantity: Decimal) -> str:
    """What a level changed by, with its sign."""
    return f"+{short(quantity)}" if quantity > 0 else minus(short(quantity))


def name_of_discount(discount: Mapping[str, Any]) -> str:
    percent = f"{short(discount['value'])} %" if discount["type"] == "percent" else ""
    return " ".join(part for part in (discount["reason"] or "Discount", percent) if part)


def name_of_tax(tax: Mapping[str, Any]) -> str:
    kind = "in it" if tax["included"] else "added"
    return f"{tax['name']} {short(tax['percent'])} % {kind}"


def added(amounts: Iterable[Decimal | str]) -> Decimal:
    return sum((Decimal(amount) for amount in amounts), NOTHING)


def moment(at: datetime) -> str:
    """By the shop's clock."""
    return f"{timezone.localtime(at):%Y-%m-%d %H:%M}"
