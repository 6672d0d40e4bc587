"""Audit events of discounts and of prices other than the catalog's.

Whoever gives them, and however far that person's limits go: `discount_given` for the discounts of
a line or of the whole order, `price_overridden` for a line.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from accounts.models import User
from orders.models import Order, OrderLine
from orders.money import round_to
from tenants import audit
from tenants.models import AuditEvent
from tenants.scope import current_tenant


@dataclass(frozen=True, slots=True)
class Given:
    """What one line, or the order itself, gave away by one of the means."""

    is_override: bool
    # None for the order.
    line: uuid.UUID | None
    # Ids of discounts, or the typed price: other terms are another event.
    terms: frozenset[str]
    # What decides whether more is given: how much the discounts took, how far the price is off.
    size: Decimal
    facts: Mapping[str, Any]

    @property
    def key(self) -> "Key":
        return self.is_override, self.line

    def is_more_than(self, before: "Given | None") -> bool:
        return before is None or self.size > before.size or not self.terms <= before.terms


Key = tuple[bool, uuid.UUID | None]
GivenByHolder = Mapping[Key, Given]


def given_by_holder(order: Order, lines: Sequence[OrderLine]) -> GivenByHolder:
    """Return all discounts and overrides of the order as it stands, priced."""
    return {given.key: given for given in _given(order, lines)}


def build_events(
    order: Order,
    lines: Sequence[OrderLine],
    *,
    by: User,
    before: GivenByHolder | None = None,
    approver: User | None = None,
    **facts: Any,
) -> list[AuditEvent]:
    """Return an event for whatever is new since `before`, or gives away more than then."""
    known = before or {}
    more = {"approver": str(approver.pk) if approver else None} | facts
    return [
        audit.build(
            "price_overridden" if given.is_override else "discount_given",
            actor=by,
            target=order,
            **given.facts,
            **more,
        )
        for given in _given(order, lines)
        if given.is_more_than(known.get(given.key))
    ]


def _given(order: Order, lines: Sequence[OrderLine]) -> Iterator[Given]:
    if order.discounts:
        yield _discounts(order.discounts, None)
    for line in lines:
        if line.discounts:
            yield _discounts(line.discounts, line)
        if line.has_price_override:
            yield _override(line)


def _named(line: OrderLine | None) -> Mapping[str, Any]:
    return {"line": str(line.pk), "sku": line.sku} if line else {"line": None}


def _discounts(discounts: Sequence[Mapping[str, Any]], line: OrderLine | None) -> Given:
    amount = sum((Decimal(each["amount"]) for each in discounts), Decimal(0))
    return Given(
        False,
        line.pk if line else None,
        frozenset(each["id"] for each in discounts),
        amount,
        {
            **_named(line),
            "amount": _money(amount),
            "discounts": [
                {
                    "type": each["type"],
                    "value": each["value"],
                    "reason": each["reason"],
                    "amount": _money(Decimal(each["amount"])),
                }
                for each in discounts
            ],
        },
    )


def _override(line: OrderLine) -> Given:
    difference = (line.list_price - line.unit_price) * line.quantity
    return Given(
        True,
        line.pk,
        frozenset({_money(line.unit_price)}),
        abs(difference),
        {
            **_named(line),
            "quantity": f"{line.quantity.normalize():f}",
            "list_price": _money(line.list_price),
            "unit_price": _money(line.unit_price),
            # Zero for a price above the catalog's.
            "amount": _money(max(difference, Decimal(0))),
        },
    )


def _money(amount: Decimal) -> str:
    return str(round_to(amount, current_tenant().currency_exponent))
