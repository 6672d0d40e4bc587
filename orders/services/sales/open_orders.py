"""Open orders: edit lines and discounts, hold, resume, void. Each change locks the order."""

import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from orders.exceptions import ExternalIdTaken, PaidMoreThanTotal, TooManyLines
from orders.models import Order, OrderLine, Product, RegisterSeries
from orders.models.line import RETURNED_AT_ITS_PRICE
from orders.money import Discount, DiscountType
from orders.services.approvals import RequiredApproval
from orders.services.customers import CUSTOMER_FIELDS, copy_customer, find_customer
from orders.services.expiry import find_expired_line
from orders.services.money_limits import find_deposit_return
from orders.services.payments.capture import PAID_FIELDS, complete_if_paid, lock_order
from orders.services.pricing.applicable_prices import (
    ApplicablePrices,
    PriceContext,
    find_customer_group,
)
from orders.services.pricing.basket import (
    MAX_DISCOUNTS,
    MAX_LINES,
    DiscountRequest,
    LineRequest,
    ProductLookup,
    apply_scan,
    build_basket_lines,
    resolve_lines,
)
from orders.services.pricing.discount_approval import find_discount_over_limit, measure_order
from orders.services.pricing.discount_audit import build_discount_events, collect_reductions
from orders.services.pricing.lines import build_discount, build_lines
from orders.services.pricing.modifiers import (
    CHOICE_FIELDS,
    choose_modifiers,
    update_missing_modifiers,
    update_modifier_prices,
)
from orders.services.pricing.reprice import (
    PRICED_LINE_FIELDS,
    PRICED_ORDER_FIELDS,
    reprice,
)
from orders.services.sales.approval import approve_sale
from tenants import audit
from tenants.database.bulk_insert import bulk_insert
from tenants.events.outbox import publish
from tenants.exceptions import IdConflict, Invalid, NotFound
from tenants.ids import unique_or
from tenants.models import AuditEvent, Register
from tenants.scope import atomic_with_retry, current_tenant

# Order fields that the discount policy writes.
POLICY_FIELDS = ("price_overridden", "approved_gift", "gift_approved_by")
DETAIL_FIELDS = ("note", "customer", *CUSTOMER_FIELDS)
REFERENCE_FIELDS = ("external_id", "metadata")
RETURN_FIELDS = ("deposit_return_by", "deposit_return_at")
Change = Callable[[Order], None]


@dataclass(frozen=True, slots=True)
class OrderEdit:
    """A change of an open order: its id, the user, the expected version and an approval."""

    order: uuid.UUID
    by: User
    expected_version: int | None = None
    approval: uuid.UUID | None = None
    terminal: uuid.UUID | None = None


@atomic_with_retry
def add_line(wanted: LineRequest, edit: OrderEdit) -> Order:
    """Add a line at the price that applies now, with the current taxes.

    The same id again returns the order unchanged. Raises `IdConflict` if the content differs.
    """
    order = lock_order(edit.order, edit.by)
    if any(line.pk == wanted.id for line in order.loaded_lines):
        return _ensure_same_line(order, wanted)
    catalog = ProductLookup.load(
        [wanted], PriceContext.find(order.store, customer=order.customer_id)
    )
    added = build_basket_lines(*resolve_lines([wanted], "", catalog), catalog.prices)
    if sum(not line.is_deposit for line in order.loaded_lines) >= MAX_LINES:
        raise TooManyLines(number=order.number, maximum=MAX_LINES)
    position = max((line.position for line in order.loaded_lines), default=-1) + 1
    lines = build_lines(order, added, position)
    order.ensure_version(edit.expected_version)
    order.ensure_editable()
    expired = find_expired_line(order, lines, timezone.now())
    return _apply_change(order, edit, lambda order: order.loaded_lines.extend(lines), expired)


def _ensure_same_line(order: Order, wanted: LineRequest) -> Order:
    """Return the order; raise `IdConflict` if its line differs from what is requested.

    Product and modifiers may have been archived since the line was added.
    """
    line = find_line(order, wanted.id)
    catalog = ProductLookup.load([wanted])
    product = catalog.find(wanted)
    if product is None:
        raise IdConflict
    if scan := catalog.read_scan(wanted, product):
        wanted = apply_scan(wanted, scan, product, catalog.prices)
    price = line.unit_price if wanted.unit_price is None else wanted.unit_price
    # With a fixed price, the quantity follows from the catalog price of then.
    quantity = wanted.quantity if wanted.fixed_gross is None else line.quantity
    chosen = Counter((str(each.modifier), each.quantity) for each in wanted.modifiers)
    given = (product.pk, quantity, price, wanted.fixed_gross, chosen)
    # An upload may have a modifier without an id.
    stored = Counter((str(each["modifier"]), each["quantity"]) for each in line.chosen_modifiers)
    if given != (line.product_id, line.quantity, line.unit_price, line.fixed_gross, stored):
        raise IdConflict
    return order


@atomic_with_retry
def change_line(line_id: uuid.UUID, changes: dict[str, Any], edit: OrderEdit) -> Order:
    """Change quantity, price, modifiers or note of a line.

    Another quantity takes over the list price that applies to it now and the current prices of the
    modifiers, for the whole line; a typed price stays and is compared with it. Name and taxes stay
    as they were when the line was added.
    """

    def change(order: Order) -> None:
        line = find_line(order, line_id)
        line.ensure_changeable(changes)
        line.ensure_quantity_sign(changes.get("quantity", line.quantity))
        quantity, deposits = changes.get("quantity", line.quantity), order.list_deposits(line)
        _take_over_prices([line, *deposits], quantity, order)
        for name in changes.keys() - {"modifiers"}:
            setattr(line, name, changes[name])
        line.price_typed |= "unit_price" in changes
        line.ensure_whole_units(line.quantity)
        if "modifiers" in changes:
            choose_modifiers(line, changes["modifiers"])
        else:
            update_missing_modifiers([line])
        for deposit in deposits:
            deposit.quantity = line.quantity

    return _apply_change(lock_order(edit.order, edit.by), edit, change)


def _take_over_prices(lines: Sequence[OrderLine], quantity: Decimal, order: Order) -> None:
    """Set the prices that apply now to each line that changes to this quantity."""
    changed = [
        (line, product) for line in lines if line.quantity != quantity and (product := line.product)
    ]
    products = {product.pk for _, product in changed}
    prices = ApplicablePrices.load(
        products, PriceContext.find(order.store, customer=order.customer_id)
    )
    for line, product in changed:
        line.update_list_price(prices.find(product, quantity))
        update_modifier_prices(line)


@atomic_with_retry
def remove_line(line_id: uuid.UUID, edit: OrderEdit) -> Order:
    """Remove a line with its deposit. Audited: removed lines are a common way of fraud."""

    def change(order: Order) -> None:
        line = find_line(order, line_id)
        line.ensure_no_deposit()
        for each in (*order.list_deposits(line), line):
            order.loaded_lines.remove(each)
            audit.record(
                "line_removed",
                actor=edit.by,
                target=order,
                sku=each.sku,
                quantity=str(each.quantity),
                total=str(current_tenant().quantize_amount(each.total)),
            )
            each.delete()

    return _apply_change(lock_order(edit.order, edit.by), edit, change)


@dataclass(frozen=True, slots=True)
class NewDiscount:
    """A discount of the order, or of one line of it."""

    id: uuid.UUID
    wanted: DiscountRequest
    line: uuid.UUID | None = None

    def build_snapshot(self) -> dict[str, str]:
        return build_discount(self.wanted, self.id)


@atomic_with_retry
def add_discount(new: NewDiscount, edit: OrderEdit) -> Order:
    """Add a discount to a line or to the whole order; the same id again changes nothing."""
    order = lock_order(edit.order, edit.by)
    holders: list[Order | OrderLine] = [order, *order.loaded_lines]
    for holder in holders:
        for known in holder.discounts:
            if known["id"] == str(new.id):
                _ensure_same_discount(new, known, holder)
                return order

    def change(order: Order) -> None:
        holder = _find_discount_holder(order, new)
        if len(holder.discounts) >= MAX_DISCOUNTS:
            raise Invalid.field(
                "type", f"At most {MAX_DISCOUNTS} discounts are allowed.", code="max"
            )
        holder.discounts = [*holder.discounts, new.build_snapshot()]

    return _apply_change(order, edit, change)


def _find_discount_holder(order: Order, new: NewDiscount) -> Order | OrderLine:
    if new.line is None:
        return order
    line = find_line(order, new.line)
    line.ensure_no_deposit()
    if line.is_returned:
        raise Invalid.field("line", RETURNED_AT_ITS_PRICE, code="returned")
    return line


def _ensure_same_discount(
    new: NewDiscount, known: Mapping[str, str], holder: Order | OrderLine
) -> None:
    line = holder.pk if isinstance(holder, OrderLine) else None
    given = Discount(DiscountType(known["type"]), Decimal(known["value"]))
    if (line, given, known["reason"]) != (new.line, new.wanted.discount, new.wanted.reason):
        raise IdConflict


@atomic_with_retry
def remove_discount(discount_id: uuid.UUID, edit: OrderEdit) -> Order:
    def change(order: Order) -> None:
        holders: list[Order | OrderLine] = [order, *order.loaded_lines]
        for holder in holders:
            kept = [each for each in holder.discounts if each["id"] != str(discount_id)]
            if len(kept) < len(holder.discounts):
                holder.discounts = kept
                return
        raise NotFound

    return _apply_change(lock_order(edit.order, edit.by), edit, change)


@atomic_with_retry
def update_order_details(changes: dict[str, Any], edit: OrderEdit) -> Order:
    """Change the note or the customer of an open order; the customer None removes it.

    A customer of another group may have other prices: then each line takes over the list price that
    applies now. Modifiers keep their prices. External ID and metadata may change in any status.
    Raises `ExternalIdTaken` if another order has the external ID.
    """
    order = lock_order(edit.order, edit.by)
    order.ensure_version(edit.expected_version)
    details = changes.keys() - set(REFERENCE_FIELDS)
    if details or not changes:
        order.ensure_open()
    reference = {name: changes[name] for name in REFERENCE_FIELDS if name in changes}
    if reference:
        _change_reference(order, reference, edit.by)
    with unique_or(lambda: _find_conflict(order)), transaction.atomic():
        return _save_details(order, changes, edit)


def _change_reference(order: Order, values: Mapping[str, Any], by: User) -> None:
    """Set external ID and metadata; saves nothing. Audited where the order was closed before.

    The audit log cannot be erased, so that it names the metadata without its content.
    """
    order.ensure_reference_changeable(by)
    if Order.objects.has_external_id(values.get("external_id"), order.pk):
        raise ExternalIdTaken
    changed = audit.changes(order, values)
    for name, value in values.items():
        setattr(order, name, value)
    if changed and order.is_closed:
        facts = {} if (ids := changed.get("external_id")) is None else {"external_id": ids}
        audit.record(
            "order_reference_changed", actor=by, target=order, fields=sorted(changed), **facts
        )


def _find_conflict(order: Order) -> ExternalIdTaken | None:
    """Return the error if another order got the external ID meanwhile."""
    is_taken = Order.objects.has_external_id(order.external_id, order.pk)
    return ExternalIdTaken() if is_taken else None


def _save_details(order: Order, changes: Mapping[str, Any], edit: OrderEdit) -> Order:
    if "note" in changes:
        order.note = changes["note"]
    if "customer" in changes:
        group = find_customer_group(order.customer_id)
        _change_customer(order, changes["customer"] or {"name": "", "email": ""})
        if find_customer_group(order.customer_id) != group and (prices := _find_prices(order)):
            return _apply_change(
                order,
                edit,
                lambda order: _set_list_prices(prices),
                fields=(*DETAIL_FIELDS, *REFERENCE_FIELDS),
            )
    order.save_changes(*DETAIL_FIELDS, *REFERENCE_FIELDS)
    publish("order.updated", about=order)
    return order


def _find_prices(order: Order) -> list[tuple[OrderLine, Decimal]]:
    """Return the lines whose list price differs from the one that applies now, with the latter.

    A label with a price keeps it, whatever the product costs.
    """
    priced = [line for line in order.loaded_lines if line.fixed_gross is None]
    products = Product.objects.in_bulk({line.product_id for line in priced} - {None})
    lines = [(line, products[line.product_id]) for line in priced if line.product_id in products]
    context = PriceContext.find(order.store, customer=order.customer_id)
    prices = ApplicablePrices.load({product.pk for _, product in lines}, context)
    found = [(line, prices.find(product, line.quantity)) for line, product in lines]
    return [(line, price) for line, price in found if price != line.list_price]


def _set_list_prices(prices: Iterable[tuple[OrderLine, Decimal]]) -> None:
    for line, price in prices:
        line.update_list_price(price)


def _change_customer(order: Order, given: Mapping[str, Any]) -> None:
    """Set a customer by id, or change the entered name and address of somebody else."""
    if "id" in given:
        order.set_customer(find_customer(given["id"]))
        # Locks the customer, so that an erasure finds this copy.
        copy_customer(order)
        return
    if order.customer_id is not None:
        order.set_customer(None)
    for name, value in given.items():
        setattr(order, f"customer_{name}", value)


def find_line(order: Order, line_id: uuid.UUID | None) -> OrderLine:
    for line in order.loaded_lines:
        if line.pk == line_id:
            return line
    raise NotFound


def _apply_change(
    order: Order,
    edit: OrderEdit,
    change: Change,
    expired: OrderLine | None = None,
    fields: Sequence[str] = (),
) -> Order:
    """Apply a change, reprice, check limits, save, and complete the order if it is now paid.

    `fields` are those of the order that were changed before.
    """
    order.ensure_version(edit.expected_version)
    order.ensure_editable()
    events = _change_and_reprice(change, order, edit, expired)
    if order.paid_total and order.total < order.paid_total:
        tenant = current_tenant()
        raise PaidMoreThanTotal(
            number=order.number,
            paid=tenant.quantize_amount(order.paid_total),
            total=tenant.quantize_amount(order.total),
        )
    _save_lines(order, order.loaded_lines)
    if events:
        bulk_insert(events)
        audit.log_after_commit(events)
    # Without a payment the order stays open although nothing is due: more lines may follow.
    completed = complete_if_paid(order, by=edit.by)
    saved = (*PRICED_ORDER_FIELDS, *POLICY_FIELDS, *RETURN_FIELDS, *PAID_FIELDS, *fields)
    order.save_changes(*dict.fromkeys(saved))
    if not completed:
        publish("order.updated", about=order)
    return order


def _change_and_reprice(
    change: Change, order: Order, edit: OrderEdit, expired: OrderLine | None
) -> list[AuditEvent]:
    """Apply the change and reprice; consume an approval if it exceeds the discount limits, or
    adds an expired line.

    Returns audit events for discounts and price overrides that are new or larger.
    """
    lines, returned_before = order.loaded_lines, order.deposit_return_total
    before, given_before = measure_order(order, lines), collect_reductions(order, lines)
    change(order)
    reprice(order, lines)
    order.price_overridden = any(line.has_price_override for line in lines)
    over_limit = find_discount_over_limit(order, measure_order(order, lines), edit.by, before)
    returned = None
    if order.deposit_return_total > returned_before:
        shift = RegisterSeries.objects.find_shift(order.register)
        returned = find_deposit_return(order, returned_before, shift=shift)
    if over_limit or expired or returned:
        approve_sale(order, over_limit, expired, edit, returned)
    approver = order.gift_approved_by if over_limit else None
    return build_discount_events(order, lines, by=edit.by, before=given_before, approver=approver)


def _save_lines(order: Order, lines: Sequence[OrderLine]) -> None:
    """Save all lines: an order discount is allocated over all of them."""
    new = [line for line in lines if line._state.adding]
    with unique_or(IdConflict), transaction.atomic():
        for line in new:
            line.save(force_insert=True)
    old = [line for line in lines if line not in new]
    OrderLine.objects.bulk_update(
        old,
        [
            "quantity",
            "list_price",
            "unit_price",
            "price_typed",
            "note",
            *CHOICE_FIELDS,
            *PRICED_LINE_FIELDS,
        ],
    )


@atomic_with_retry
def hold_order(edit: OrderEdit) -> Order:
    """Hold the order; every register of the store may resume it."""
    order = lock_order(edit.order, edit.by)
    order.ensure_version(edit.expected_version)
    order.ensure_no_payment_in_progress()
    order.transition_to(Order.Status.HELD)
    order.save_changes("status")
    publish("order.held", about=order)
    return order


@atomic_with_retry
def resume_order(edit: OrderEdit, register_id: uuid.UUID | None = None) -> Order:
    """Reopen a held order, and move it to this register if one is named."""
    order = lock_order(edit.order, edit.by)
    order.ensure_version(edit.expected_version)
    order.transition_to(Order.Status.OPEN)
    if register_id is not None:
        order.register = _find_register(order, register_id)
    order.save_changes("status", "register")
    publish("order.resumed", about=order)
    return order


def _find_register(order: Order, register_id: uuid.UUID) -> Register:
    registers = Register.objects.in_use().filter(store=order.store_id, pk=register_id)
    register = registers.first()
    if register is None:
        raise Invalid.field(
            "register",
            "Not an active register of the order's store.",
            code="does_not_exist",
        )
    return register


@atomic_with_retry
def void_order(reason: str, edit: OrderEdit) -> Order:
    """Void the order, for a reason that is stored. Needs a manager or an approval."""
    order = lock_order(edit.order, edit.by)
    order.ensure_version(edit.expected_version)
    if not order.may_be_voided_by(edit.by):
        RequiredApproval("void", order.pk).consume(edit)
    order.void(reason, timezone.now())
    order.save_changes("status", "void_reason", "voided_at")
    audit.record("order_voided", actor=edit.by, target=order, reason=reason)
    publish("order.voided", about=order, number=order.number, reason=reason)
    return order
