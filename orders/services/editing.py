"""Changing an open order, one change at a time and each under the order's lock."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction

from accounts.models import User
from orders.exceptions import PaidMoreThanTotal, TooManyLines
from orders.models import Order, OrderLine
from orders.services.allowance import GivenAway, given_away, needs_leave, worth
from orders.services.basket import WantedDiscount, WantedLine, find_products
from orders.services.frozen import BILLED, SUMMED, frozen_rate, reprice
from orders.services.leave import Leave
from orders.services.paying import PAID_FIELDS, complete_if_paid, locked_order
from tenants import audit
from tenants.exceptions import IdConflict, Invalid, NotFound
from tenants.ids import is_duplicate, new_id
from tenants.outbox import announce
from tenants.scope import current_tenant, deed

MOST_LINES = 500
MOST_DISCOUNTS = 10
Change = Callable[[Order], None]


@dataclass(frozen=True, slots=True)
class Edit:
    """Which order, from which version of it, by whom, and with whose leave."""

    order: uuid.UUID
    by: User
    expected_version: int | None = None
    approval: uuid.UUID | None = None
    terminal: uuid.UUID | None = None


@deed
def add_line(wanted: WantedLine, edit: Edit) -> Order:
    """One more line, at the catalog's price and taxes of this moment.

    The same id again is the same line; two requests of two ids are two lines, also at once.
    """
    order = locked_order(edit.order)
    if any(line.pk == wanted.id for line in order.loaded_lines):
        return _same_line(order, wanted)
    (product,) = find_products([wanted], "")
    if len(order.loaded_lines) >= MOST_LINES:
        raise TooManyLines(number=order.number, most=MOST_LINES)
    positions = [line.position for line in order.loaded_lines]
    line = OrderLine(
        id=wanted.id or new_id(),
        order=order,
        position=max(positions, default=-1) + 1,
        product=product,
        sku=product.sku,
        name=product.name,
        list_price=product.price,
        open_price=product.open_price,
        unit_price=product.price if wanted.unit_price is None else wanted.unit_price,
        quantity=wanted.quantity,
        note=wanted.note,
        tracks_stock=product.track_stock,
        sold_by=product.sold_by,
        discounts=[frozen_discount(each) for each in wanted.discounts],
        taxes=[frozen_rate(rate) for rate in product.tax_rates],
    )
    return _change(order, edit, lambda order: order.loaded_lines.append(line))


def _same_line(order: Order, wanted: WantedLine) -> Order:
    line = find_line(order, wanted.id)
    (product,) = find_products([wanted], "")
    price = line.unit_price if wanted.unit_price is None else wanted.unit_price
    if (product.pk, wanted.quantity, price) != (line.product_id, line.quantity, line.unit_price):
        raise IdConflict
    return order


@deed
def change_line(line_id: uuid.UUID, changes: dict[str, Any], edit: Edit) -> Order:
    """Another quantity, price or note; name, taxes and the catalog's price stay frozen."""

    def change(order: Order) -> None:
        line = find_line(order, line_id)
        for name, value in changes.items():
            setattr(line, name, value)
        line.ensure_whole()

    return _change(locked_order(edit.order), edit, change)


@deed
def remove_line(line_id: uuid.UUID, edit: Edit) -> Order:
    """Take a line off; what was taken off is remembered, as it is where sales disappear."""

    def change(order: Order) -> None:
        line = find_line(order, line_id)
        order.loaded_lines.remove(line)
        audit.record(
            "line_removed",
            actor=edit.by,
            target=order,
            sku=line.sku,
            quantity=str(line.quantity),
            total=str(current_tenant().in_currency(line.total)),
        )
        line.delete()

    return _change(locked_order(edit.order), edit, change)


@deed
def add_discount(wanted: WantedDiscount, line_id: uuid.UUID | None, edit: Edit) -> Order:
    """Let something off a line, or off the whole order."""

    def change(order: Order) -> None:
        holder: Order | OrderLine = find_line(order, line_id) if line_id else order
        if len(holder.discounts) >= MOST_DISCOUNTS:
            raise Invalid.field("type", f"No more than {MOST_DISCOUNTS} discounts.", code="max")
        holder.discounts = [*holder.discounts, frozen_discount(wanted)]

    return _change(locked_order(edit.order), edit, change)


@deed
def remove_discount(discount_id: uuid.UUID, edit: Edit) -> Order:
    def change(order: Order) -> None:
        holders: list[Order | OrderLine] = [order, *order.loaded_lines]
        for holder in holders:
            kept = [each for each in holder.discounts if each["id"] != str(discount_id)]
            if len(kept) < len(holder.discounts):
                holder.discounts = kept
                return
        raise NotFound

    return _change(locked_order(edit.order), edit, change)


@deed
def describe_order(changes: dict[str, Any], edit: Edit) -> Order:
    """A note, or who the customer is: of an order that is not yet a sale."""
    order = locked_order(edit.order)
    order.ensure_version(edit.expected_version)
    order.ensure_open()
    for name, value in changes.items():
        setattr(order, name, value)
    order.save_changes(*changes)
    announce("order.updated", about=order)
    return order


def find_line(order: Order, line_id: uuid.UUID | None) -> OrderLine:
    for line in order.loaded_lines:
        if line.pk == line_id:
            return line
    raise NotFound


def frozen_discount(wanted: WantedDiscount) -> dict[str, str]:
    """The id is for taking it off again."""
    return {
        "id": str(new_id()),
        "type": wanted.discount.type.value,
        "value": str(wanted.discount.value),
        "reason": wanted.reason,
    }


def _change(order: Order, edit: Edit, change: Change) -> Order:
    """Make one change and all that follows from it, or none of it."""
    order.ensure_version(edit.expected_version)
    order.ensure_editable()
    before = given_away(order, order.loaded_lines)
    change(order)
    reprice(order, order.loaded_lines)
    _ensure_leave(order, before, edit)
    if order.total < order.paid_total:
        tenant = current_tenant()
        raise PaidMoreThanTotal(
            number=order.number,
            paid=tenant.in_currency(order.paid_total),
            total=tenant.in_currency(order.total),
        )
    _save(order, order.loaded_lines)
    # Without a payment it stays open, also where nothing is due: there may be more to come.
    completed = complete_if_paid(order, by=edit.by)
    order.save_changes(*SUMMED, *PAID_FIELDS)
    if not completed:
        announce("order.updated", about=order)
    return order


def _ensure_leave(order: Order, before: GivenAway, edit: Edit) -> None:
    """Give away no more than the person may alone, or than somebody gave leave for."""
    after = given_away(order, order.loaded_lines)
    action = needs_leave(before, after, edit.by)
    if action is None:
        return
    leave = Leave(action, order.pk, worth(order.loaded_lines))
    giver = leave.spent_by(edit)
    if needs_leave(before, after, giver):
        raise leave.refusal()


def _save(order: Order, lines: Sequence[OrderLine]) -> None:
    """Every line may have changed: an order's discount is shared out over all of them."""
    new = [line for line in lines if line._state.adding]
    try:
        with transaction.atomic():
            for line in new:
                line.save(force_insert=True)
    except IntegrityError as error:
        if not is_duplicate(error):
            raise
        raise IdConflict from error
    old = [line for line in lines if line not in new]
    OrderLine.objects.bulk_update(old, ["quantity", "unit_price", "note", *BILLED])
