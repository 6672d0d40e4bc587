"""Create orders: price the basket, take payments, complete what is fully paid."""

import uuid
from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from orders.exceptions import ExternalIdTaken
from orders.models import Order, Payment, RegisterSeries
from orders.services.approvals import RequestContext
from orders.services.completion.complete import (
    deduct_stock,
    is_device_sequence_taken,
    mark_tenant_has_orders,
)
from orders.services.customers import copy_customer, find_customer
from orders.services.money_limits import find_deposit_return
from orders.services.payments.capture import charge_cards, reconcile_payments
from orders.services.payments.readers import ensure_readers_free
from orders.services.payments.store_credit import count_code_attempt, spend_credits
from orders.services.pricing.applicable_prices import PriceContext
from orders.services.pricing.basket import (
    Basket,
    DiscountRequest,
    LineRequest,
    ProductLookup,
    price_basket,
)
from orders.services.registers import get_register
from orders.services.sales.approval import approve_sale
from orders.services.sales.draft import NewOrder, SaleDraft, build_draft
from orders.services.stock.levels import reserve_stock
from tenants import audit, idempotency
from tenants.database.bulk_insert import bulk_insert
from tenants.exceptions import DomainError, IdConflict, Invalid
from tenants.ids import ensure_same_content, unique_or
from tenants.scope import current_tenant, retry_on_conflict

NEEDS_REGISTER = "Name a register, because prices of these products depend on the store."


def calculate_basket(
    lines: Sequence[LineRequest],
    discounts: Sequence[DiscountRequest],
    *,
    register: uuid.UUID | None,
    customer: uuid.UUID | None = None,
    by: User,
) -> Basket:
    """Return what an order with this content would cost now, at the register.

    Register and customer are looked up in shops with price lists only. The register may be missing
    where its store does not matter, else `Invalid` is raised.
    """
    tenant, store = current_tenant(), None
    if tenant.has_price_lists:
        store = get_register(register, by).store if register else None
        if customer is not None:
            find_customer(customer)
    catalog = ProductLookup.load(lines, PriceContext.find(store, customer=customer))
    if store is None and catalog.prices.depend_on_store:
        raise Invalid.field("register", NEEDS_REGISTER, code="required")
    return price_basket(tenant, lines, discounts, catalog)


def create_order(new: NewOrder, *, by: User) -> tuple[Order, bool]:
    """Create an order, and complete it if its payments cover it.

    Returns the order and whether it is new: the same id with the same content returns the order
    that exists. Raises `IdConflict` for the same id with other content, and `ExternalIdTaken`.
    """
    try:
        with unique_or(lambda: _find_conflict(new)):
            order = _create_throttled(new, by)
    except DomainError as refusal:
        return reconcile_payments(_find_existing(new, refusal, by)), False
    return charge_cards(order, order.loaded_payments), True


def _find_conflict(new: NewOrder) -> DomainError:
    """Return the error for a new order that violates a unique constraint."""
    is_taken = Order.objects.has_external_id(new.external_id, new.id)
    return ExternalIdTaken() if is_taken else IdConflict()


def _find_existing(new: NewOrder, refusal: DomainError, by: User) -> Order:
    """Return the existing order with this id, or raise the refusal if there is none.

    Queried only after a refusal, so that new orders do not pay for it.
    """
    order = Order.objects.visible_to(by).with_details().filter(pk=new.id).first()
    if order is None:
        raise refusal
    ensure_same_content(order, new)
    return order


def _create_throttled(new: NewOrder, by: User) -> Order:
    if not any(each.method == Payment.Method.STORE_CREDIT for each in new.payments):
        return _create(new, by)
    with count_code_attempt("payment", by=by, place=new.place):
        return _create(new, by)


@retry_on_conflict
def _create(new: NewOrder, by: User) -> Order:
    """Read and compute first, then write in one short transaction."""
    register = get_register(new.register, by)
    if new.customer is not None:
        find_customer(new.customer)
    catalog = ProductLookup.load(
        new.lines, PriceContext.find(register.store, customer=new.customer)
    )
    draft = build_draft(new, register, catalog, by)
    with transaction.atomic():
        context = RequestContext(by, new.approval, new.terminal)
        # With returned goods later: their limit applies to the shift, which is not locked yet.
        if draft.needs_approval and not draft.has_returns:
            approve_sale(draft.order, draft.over_limit, draft.expired, context)
        _write(draft, context)
    return draft.order


def _write(draft: SaleDraft, context: RequestContext) -> None:
    """Write the sale. Rows are locked in this order: customer, register series, user, credits,
    stock.
    """
    order = draft.order
    mark_tenant_has_orders()
    copy_customer(order)
    is_paid = draft.is_paid
    locked = RegisterSeries.objects.lock(order.register)
    numbers = draft.take_numbers(locked, is_sequence_taken=is_device_sequence_taken(order))
    if returned := find_deposit_return(order, shift=order.shift_id):
        approve_sale(order, draft.over_limit, draft.expired, context, returned)
    ensure_readers_free(draft.payments)
    spend_credits(draft.payments, by=draft.by)
    at = timezone.now()
    rows = draft.build_rows(numbers, at, idempotency.key_rows())
    bulk_insert(*rows.tables, also=rows.also, at=at)
    audit.log_after_commit(rows.audited)
    if is_paid:
        deduct_stock(order, draft.lines)
    elif draft.has_payment_in_progress:
        reserve_stock(order.store, draft.lines)
