"""Audit events for discounts (`discount_given`) and typed prices (`price_overridden`).

Recorded for every user, also within their limits. All discounts of a line, or of the order, are
one event.
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
from tenants.api.formats import format_number
from tenants.models import AuditEvent
from tenants.scope import current_tenant


@dataclass(frozen=True, slots=True)
class AuditedReduction:
    """The discounts of a line or of the order, or the typed price of a line."""

    is_override: bool
    # None for the order.
    line: uuid.UUID | None
    # Ids of the discounts, or the typed price: a new term is a new event.
    terms: frozenset[str]
    # Amount of the discounts, or distance from the list price.
    size: Decimal
    facts: Mapping[str, Any]

    @property
    def key(self) -> "Key":
        return self.is_override, self.line

    def exceeds(self, before: "AuditedReduction | None") -> bool:
        return before is None or self.size > before.size or not self.terms <= before.terms


Key = tuple[bool, uuid.UUID | None]
ReductionsByKey = Mapping[Key, AuditedReduction]


def collect_reductions(order: Order, lines: Sequence[OrderLine]) -> ReductionsByKey:
    """Return all discounts and price overrides of a priced order."""
    return {reduction.key: reduction for reduction in _iterate_reductions(order, lines)}


def build_discount_events(
    order: Order,
    lines: Sequence[OrderLine],
    *,
    by: User,
    before: ReductionsByKey | None = None,
    approver: User | None = None,
    **facts: Any,
) -> list[AuditEvent]:
    """Return an event for every reduction that is new or larger than `before`."""
    known = before or {}
    more = {"approver": str(approver.pk) if approver else None} | facts
    return [
        audit.build(
            "price_overridden" if reduction.is_override else "discount_given",
            actor=by,
            target=order,
            **reduction.facts,
            **more,
        )
        for reduction in _iterate_reductions(order, lines)
        if reduction.exceeds(known.get(reduction.key))
    ]


def _iterate_reductions(order: Order, lines: Sequence[OrderLine]) -> Iterator[AuditedReduction]:
    if order.discounts:
        yield _from_discounts(order.discounts, None)
    for line in lines:
        if line.discounts:
            yield _from_discounts(line.discounts, line)
        if line.has_price_override:
            yield _from_price_override(line)


def _build_line_facts(line: OrderLine | None) -> Mapping[str, Any]:
    return {"line": str(line.pk), "sku": line.sku} if line else {"line": None}


def _from_discounts(
    discounts: Sequence[Mapping[str, Any]], line: OrderLine | None
) -> AuditedReduction:
    amount = sum((Decimal(each["amount"]) for each in discounts), Decimal(0))
    return AuditedReduction(
        False,
        line.pk if line else None,
        frozenset(each["id"] for each in discounts),
        amount,
        {
            **_build_line_facts(line),
            "amount": _format_amount(amount),
            "discounts": [
                {
                    "type": each["type"],
                    "value": each["value"],
                    "reason": each["reason"],
                    "amount": _format_amount(Decimal(each["amount"])),
                }
                for each in discounts
            ],
        },
    )


def _from_price_override(line: OrderLine) -> AuditedReduction:
    difference = (line.list_price - line.unit_price) * line.quantity
    return AuditedReduction(
        True,
        line.pk,
        frozenset({_format_amount(line.unit_price)}),
        abs(difference),
        {
            **_build_line_facts(line),
            "quantity": format_number(line.quantity),
            "list_price": _format_amount(line.list_price),
            "unit_price": _format_amount(line.unit_price),
            # Zero for a price above the catalog's.
            "amount": _format_amount(max(difference, Decimal(0))),
        },
    )


def _format_amount(amount: Decimal) -> str:
    return str(round_to(amount, current_tenant().currency_exponent))
