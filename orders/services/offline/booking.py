"""Booking of one offline sale, in its own transaction."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.exceptions import TooManyAttempts
from accounts.models import User
from accounts.security.rate_limits.limiter import (
    Bucket,
    Lockout,
    count_attempt,
    reset_attempts,
)
from accounts.security.rate_limits.policies import buckets_for_store_credit_code
from orders.exceptions import InsufficientStoreCredit, StoreCreditBlocked, UnknownStoreCredit
from orders.models import (
    Customer,
    Flag,
    Order,
    OrderLine,
    Payment,
    Product,
    RegisterSeries,
    StockMovement,
)
from orders.models.catalog import MAX_SKU_LENGTH, normalize_code
from orders.models.credit import mask_code
from orders.models.order import format_order_number
from orders.models.receipt import RegisterNumbers
from orders.services.completion.complete import (
    build_completion_rows,
    build_payment_event,
    flag_device_sequence,
    mark_tenant_has_orders,
)
from orders.services.expiry import find_expired_line
from orders.services.money_limits import (
    DEPOSIT_RETURN_AMOUNT,
    LimitPeriod,
    is_within_limit,
    lock_users,
)
from orders.services.offline.pricing import PricedSale, price_sale
from orders.services.offline.sale import ChargedLine, OfflineSale
from orders.services.offline.timing import assign_shift, find_clock_flags
from orders.services.payments.store_credit import record_wrong_code, sort_by_code, spend_credit
from orders.services.payments.tender import NewPayment
from orders.services.pricing.discount_approval import is_over_limit, while_active
from orders.services.pricing.discount_audit import build_discount_events
from orders.services.pricing.lines import apply_price, build_line, build_order, describe_deposit
from orders.services.stock.levels import decrement_stock_unchecked
from orders.services.stock.movements import offset_counted_sales
from tenants import audit
from tenants.database.bulk_insert import build_row, bulk_insert
from tenants.ids import new_id
from tenants.models import Register
from tenants.scope import current_tenant, retry_on_conflict

UNKNOWN = "Unknown product"


def book_sale(
    sale: OfflineSale, register: Register, cashier: User, *, by: User, place: str | None = None
) -> Order:
    """Create a completed order with a receipt. `by` uploads it; `cashier` has sold it.

    Each store credit code is an attempt, counted at `place` before it is looked up; only unknown
    codes stay counted. Beyond the limit codes are not looked up: a sale is never refused.
    """
    with_credit = [each for each in sale.payments if each.method == Payment.Method.STORE_CREDIT]
    codes = {normalize_code(each.reference) for each in with_credit}
    buckets = buckets_for_store_credit_code(by, place)
    counted = {code: _count_attempt(buckets) for code in sorted(codes)}
    allowed = {code: lockouts for code, lockouts in counted.items() if lockouts is not None}
    unknown: set[str] = set()
    try:
        return _book_sale(sale, register, cashier, by, CodeLookUps(frozenset(allowed), unknown))
    finally:
        for code, lockouts in allowed.items():
            if code in unknown:
                record_wrong_code("upload", lockouts, by=by)
            else:
                reset_attempts(give_back=buckets)


def _count_attempt(buckets: Sequence[Bucket]) -> list[Lockout] | None:
    """Count an attempt at a code; None while further attempts are locked out."""
    try:
        return count_attempt(buckets)
    except TooManyAttempts:
        return None


@dataclass(frozen=True, slots=True)
class CodeLookUps:
    """The codes that may be looked up, and those of them that turned out to be unknown."""

    allowed: frozenset[str]
    unknown: set[str]


@retry_on_conflict
def _book_sale(
    sale: OfflineSale, register: Register, cashier: User, by: User, codes: CodeLookUps
) -> Order:
    priced_sale = price_sale(sale, register.store)
    order = _build_order(sale, priced_sale, register, cashier)
    order.loaded_lines = list(_build_lines(order, sale, priced_sale))
    order.price_overridden = any(line.has_price_override for line in order.loaded_lines)
    order.flag(*_check_cashier(order, cashier, by))
    if find_expired_line(order, order.loaded_lines, sale.sold_at):
        order.flag(Flag.EXPIRED)
    order.loaded_payments = list(_build_payments(order, sale))
    order.loaded_refunds = []
    order.paid_total = sale.paid
    order.change_total = sum((each.change for each in order.loaded_payments), Decimal(0))
    with transaction.atomic():
        _insert_sale(order, by, codes)
    return order


def _check_cashier(order: Order, cashier: User, by: User) -> Iterator[Flag]:
    """Check the limits of both users: naming another cashier must not raise one's own limit."""
    if cashier.pk != by.pk:
        yield Flag.CASHIER_DIFFERS
    if is_over_limit(order, order.loaded_lines, by, cashier):
        yield Flag.OVER_LIMIT


def _insert_sale(order: Order, by: User, codes: CodeLookUps) -> None:
    mark_tenant_has_orders()
    _link_customer(order)
    lost = _release_taken_external_id(order)
    numbers = RegisterSeries.objects.increment(
        order.register, orders=1, receipts=1, device=order.device_sequence
    )
    now = timezone.now()
    order.number = format_order_number(order.register.number, numbers.order)
    order.complete(numbers.receipt, now)
    _flag_timing(order, numbers)
    _flag_deposit_return(order, by)
    for payment in order.loaded_payments:
        payment.shift_id = order.shift_id
    _spend_credits(order, codes)
    counted = _deduct_stock(order)
    events = [build_payment_event(payment, order) for payment in order.loaded_payments]
    completion = build_completion_rows(order, order.loaded_lines, numbers, order.cashier, events)
    given = build_discount_events(order, order.loaded_lines, by=by, cashier=str(order.cashier_id))
    bulk_insert(
        [order],
        order.loaded_lines,
        order.loaded_payments,
        *completion.rows,
        given,
        also=completion.also,
    )
    audit.log_after_commit(given)
    offset_counted_sales(
        order.store, [each for each in completion.movements if each.product_id in counted], by=by
    )
    audit.record("offline_sale_booked", actor=by, target=order, **_build_audit_facts(order), **lost)


def _link_customer(order: Order) -> None:
    """Copy the customer. Without one of this id, the order keeps the name and address of the till;
    of an erased customer it keeps neither."""
    if order.customer_id is None:
        return
    customer = Customer.objects.locked().filter(pk=order.customer_id).first()
    if customer is None:
        order.customer = None
    else:
        order.set_customer(customer)
    if customer is None or customer.is_erased:
        order.flag(Flag.UNKNOWN_CUSTOMER)


def _release_taken_external_id(order: Order) -> dict[str, str]:
    """Book the sale without an external ID that another order has; return it for the audit log."""
    external_id = order.external_id
    if external_id is None or not Order.objects.has_external_id(external_id, order.pk):
        return {}
    order.external_id = None
    order.flag(Flag.EXTERNAL_ID_TAKEN)
    return {"external_id": external_id}


def _flag_timing(order: Order, numbers: RegisterNumbers) -> None:
    """Set the flags that depend on the register, which is locked in this transaction."""
    _, now = order.receipt_number_and_time()
    order.flag(*find_clock_flags(order.sold_at or now, now))
    assign_shift(order, numbers.shift, now)
    flag_device_sequence(order, numbers)


def _flag_deposit_return(order: Order, by: User) -> None:
    """Flag returned goods beyond the limits of the cashier or of who uploads the sale."""
    amount = order.deposit_return_total
    if not amount:
        return
    order.deposit_return_by, order.deposit_return_at = order.cashier, order.completed_at
    period = LimitPeriod(shift=order.shift_id, store=order.store, besides=order.pk)
    # Deactivated users count as active: the sale was made before.
    people = {person.pk: while_active(person) for person in (order.cashier, by)}.values()
    if limited := [each for each in people if each.is_limited(DEPOSIT_RETURN_AMOUNT)]:
        lock_users(limited)
    if not all(is_within_limit(each, DEPOSIT_RETURN_AMOUNT, amount, period) for each in people):
        order.flag(Flag.OVER_LIMIT)


def _spend_credits(order: Order, codes: CodeLookUps) -> None:
    """Redeem store credits. A payment that the credit does not cover becomes `other`, flagged:
    the balance never goes below zero, and a refund must not restore it."""
    with_credit = [
        each for each in order.loaded_payments if each.method == Payment.Method.STORE_CREDIT
    ]
    for payment in sort_by_code(with_credit):
        code = normalize_code(payment.reference)
        try:
            if code not in codes.allowed:
                raise UnknownStoreCredit(reference=mask_code(code), balance=None)
            spend_credit(payment.reference, payment.amount, payment=payment.pk, by=order.cashier)
        except (InsufficientStoreCredit, StoreCreditBlocked) as error:
            if isinstance(error, UnknownStoreCredit) and code in codes.allowed:
                codes.unknown.add(code)
            payment.method, payment.reason = Payment.Method.OTHER, "Store credit not available"
            # The code may belong to a credit with a smaller balance: do not store it.
            payment.reference = mask_code(payment.reference)
            order.flag(Flag.CREDIT_SHORT)


def _deduct_stock(order: Order) -> set[Any]:
    """Decrement stock, below zero if necessary; return the products counted after the sale.

    A later count no longer included the sold goods, so that they are not oversold.
    """
    levels = decrement_stock_unchecked(order.store, order.loaded_lines)
    if not levels:
        return set()
    _, now = order.receipt_number_and_time()
    since = StockMovement.objects.filter(store=order.store, product__in=list(levels)).since(
        order.stock_left_at(now)
    )
    counts = since.filter(type=StockMovement.Type.COUNT)
    counted = set(counts.values_list("product_id", flat=True))
    if any(level.quantity < 0 for product, level in levels.items() if product not in counted):
        order.flag(Flag.OVERSOLD)
    return counted


def _build_audit_facts(order: Order) -> dict[str, Any]:
    return {
        **order.offline_facts(current_tenant().quantize_amount),
        "cashier": str(order.cashier_id),
        "total": str(current_tenant().quantize_amount(order.total)),
    }


def _build_order(
    sale: OfflineSale, priced_sale: PricedSale, register: Register, cashier: User
) -> Order:
    order = build_order(sale, register, cashier, priced_sale.priced)
    order.adjustment = priced_sale.adjustment
    order.cash_rounding = priced_sale.cash_rounding
    order.total = priced_sale.total
    order.sold_at = sale.sold_at
    order.flag(*priced_sale.flags)
    return order


def _build_lines(order: Order, sale: OfflineSale, priced_sale: PricedSale) -> Iterator[OrderLine]:
    parts = zip(
        priced_sale.lines,
        priced_sale.products,
        priced_sale.list_prices,
        priced_sale.priced.lines,
        priced_sale.shares,
        strict=True,
    )
    for position, (request, product, list_price, priced, share) in enumerate(parts):
        described = _describe_product(request, product)
        line = build_line(order, position, request, product, list_price=list_price, **described)
        apply_price(line, priced)
        line.total += share
        yield line


def _describe_product(line: ChargedLine, product: Product | None) -> dict[str, Any]:
    """Return the product fields of a line, from the catalog or else from the till."""
    # A fractional quantity means sold by weight, even if the catalog has changed since.
    weighed: dict[str, Any] = {"sold_by": Product.SoldBy.WEIGHT} if line.quantity % 1 else {}
    if line.deposit_for:
        weighed |= describe_deposit(line.deposit_for)
    if product is None:
        code = (line.sku or line.barcode or "")[:MAX_SKU_LENGTH]
        return {
            "sku": code,
            "name": line.name or code or UNKNOWN,
            "tracks_stock": False,
            **weighed,
        }
    return weighed


def _payment_entry(new: NewPayment) -> str:
    if not new.is_card:
        return ""
    return Payment.Entry.EXTERNAL if new.has_reader_slip else Payment.Entry.UNVERIFIED


def _build_payments(order: Order, sale: OfflineSale) -> Iterator[Payment]:
    """Build the payments, all captured: by the till or by a stand-alone card reader."""
    for position, new in enumerate(sale.payments):
        is_cash = new.method == Payment.Method.CASH
        has_tendered = is_cash and new.amount >= 0
        tendered = (new.amount if new.tendered is None else new.tendered) if has_tendered else None
        yield build_row(
            Payment,
            id=new.id or new_id(),
            order=order,
            position=position,
            method=new.method,
            entry=_payment_entry(new),
            status=Payment.Status.CAPTURED,
            amount=new.amount,
            requested_amount=new.amount,
            tendered=tendered,
            change=Decimal(0) if tendered is None else tendered - new.amount,
            reference=new.reference,
            taken_by=order.cashier,
        )
