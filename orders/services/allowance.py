"""What is given away on an order, and who may give it: discounts, and prices of one's own."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from accounts.models import User
from orders.models import Order, OrderLine
from orders.services.frozen import discounts_of
from orders.services.limits import percent_off

HUNDRED = Decimal(100)
NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class GivenAway:
    """In percent: off each line, off the order, and between each price and the catalog's."""

    lines: dict[uuid.UUID, Decimal]
    prices: dict[uuid.UUID, Decimal]
    order: Decimal


def given_away(order: Order, lines: Sequence[OrderLine]) -> GivenAway:
    left = sum((_left(line) for line in lines), NOTHING)
    return GivenAway(
        lines={line.pk: percent_off(line.gross, discounts_of(line.discounts)) for line in lines},
        prices={line.pk: _distance(line) for line in lines},
        order=percent_off(left, discounts_of(order.discounts)),
    )


def needs_leave(before: GivenAway, after: GivenAway, by: User) -> str | None:
    """The action for which this person needs an approval, if a change gives away too much.

    Only what the change gave counts: what somebody else was allowed to give before may stay, but
    taking goods off the order must not make a discount of what is left larger than allowed.
    """
    for line, distance in after.prices.items():
        if distance > before.prices.get(line, NOTHING) and not by.may_override_price(distance):
            return "price_override"
    for line, percent in after.lines.items():
        more = percent > before.lines.get(line, NOTHING)
        if more and not by.may_discount(percent, whole_order=False):
            return "discount"
    more = after.order > before.order
    return "discount" if more and not by.may_discount(after.order, whole_order=True) else None


def worth(lines: Sequence[OrderLine]) -> Decimal:
    """What is given away in money: all discounts, and prices below the catalog's."""
    below: Decimal = sum(
        (
            (line.list_price - line.unit_price) * line.quantity
            for line in lines
            if not line.open_price and line.unit_price < line.list_price
        ),
        NOTHING,
    )
    return below + sum((line.discount_total for line in lines), NOTHING)


def _left(line: OrderLine) -> Decimal:
    taken = (Decimal(each["amount"]) for each in line.discounts)
    left: Decimal = line.gross - sum(taken, NOTHING)
    return left


def _distance(line: OrderLine) -> Decimal:
    if line.open_price or line.unit_price == line.list_price:
        return NOTHING
    if not line.list_price:
        return HUNDRED
    distance: Decimal = abs(line.unit_price - line.list_price)
    percent: Decimal = distance / line.list_price * HUNDRED
    return percent
