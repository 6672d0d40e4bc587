"""Selling: from a basket to a receipt, in one transaction where nobody outside is asked."""

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import IntegrityError
from django.db.models import Exists
from django.utils import timezone

from accounts.models import User
from orders.models import Order, OrderLine, Payment
from orders.money import PricedTax, TaxRate
from orders.services.basket import (
    Basket,
    WantedDiscount,
    WantedLine,
    ensure_within_limits,
    price_basket,
)
from orders.services.completing import complete, next_order_number
from orders.services.paying import NewPayment, ask_gateway, draft_payments
from orders.services.stock import reserve_stock
from tenants.exceptions import IdConflict, Invalid
from tenants.ids import is_duplicate, new_id
from tenants.models import Register
from tenants.scope import current_tenant, deed


@dataclass(frozen=True, slots=True)
class NewOrder:
    """What a terminal sends when it sells. `id` is the terminal's: it makes repeating harmless."""

    id: uuid.UUID
    register: uuid.UUID
    lines: tuple[WantedLine, ...]
    discounts: tuple[WantedDiscount, ...] = ()
    customer_name: str = ""
    customer_email: str = ""
    note: str = ""
    payments: tuple[NewPayment, ...] = ()

    @property
    def fingerprint(self) -> str:
        """The same for the same content, so that an id cannot be used for two things."""
        return hashlib.sha256(repr(self).encode()).hexdigest()


def sell(new: NewOrder, *, by: User) -> tuple[Order, bool]:
    """Take an order, and complete it when its payments cover it.

    Returns the order, and whether this call made it: the same id with the same content is the
    same order, however often and from wherever it comes.
    """
    register = _register_for(new)
    if register is None:
        return _known(new), False
    basket = price_basket(current_tenant(), new.lines, new.discounts)
    ensure_within_limits(basket, by)
    try:
        order = _place(new, register, basket, by)
    except IntegrityError as error:
        if not is_duplicate(error):
            raise
        return _known(new), False
    return ask_gateway(order), True


def _register_for(new: NewOrder) -> Register | None:
    """The till that sells; None when the order is already there."""
    known = Exists(Order.objects.filter(pk=new.id))
    registers = Register.objects.in_use().select_related("store").annotate(known=known)
    register = registers.filter(pk=new.register).first()
    if register is not None:
        return None if register.known else register
    if Order.objects.filter(pk=new.id).exists():
        return None
    raise Invalid.field("register", "There is no such register in use.", code="does_not_exist")


def _known(new: NewOrder) -> Order:
    order = Order.objects.with_details().filter(pk=new.id).first()
    if order is None or order.fingerprint != new.fingerprint:
        raise IdConflict
    return order


@deed
def _place(new: NewOrder, register: Register, basket: Basket, by: User) -> Order:
    order = _draft_order(new, register, basket, by)
    lines = _draft_lines(order, basket)
    payments = draft_payments(order, new.payments)
    completes = order.due == 0
    order.number, receipt_number = next_order_number(register, with_receipt=completes)
    if receipt_number is not None:
        order.close(receipt_number, timezone.now())
    order.save(force_insert=True)
    OrderLine.objects.bulk_create(lines)
    Payment.objects.bulk_create(payments)
    order.hold_details(lines, payments)
    if completes:
        complete(order, by)
    elif any(payment.is_underway for payment in payments):
        reserve_stock(register.store, lines)
    return order


def _draft_order(new: NewOrder, register: Register, basket: Basket, by: User) -> Order:
    priced = basket.priced
    return Order(
        id=new.id,
        store=register.store,
        register=register,
        cashier=by,
        customer_name=new.customer_name,
        customer_email=new.customer_email,
        note=new.note,
        discounts=_discounts(new.discounts, priced.discounts),
        taxes=[
            _rate(total.rate) | {"taxable": str(total.taxable), "amount": str(total.amount)}
            for total in priced.taxes
        ],
        subtotal=priced.subtotal,
        discount_total=priced.discount_total,
        tax_total=priced.tax_total,
        total=priced.total,
        fingerprint=new.fingerprint,
    )


def _draft_lines(order: Order, basket: Basket) -> list[OrderLine]:
    return [
        OrderLine(
            id=wanted.id or new_id(),
            order=order,
            position=position,
            product=product,
            sku=product.sku,
            name=product.name,
            list_price=product.price,
            unit_price=line.unit_price,
            quantity=line.quantity,
            note=wanted.note,
            tracks_stock=product.track_stock,
            discounts=_discounts(wanted.discounts, priced.line_discounts),
            taxes=[_frozen(tax) for tax in priced.taxes],
            gross=priced.gross,
            discount_total=priced.discount_total,
            net=priced.net,
            tax_total=priced.tax_total,
            total=priced.total,
        )
        for position, (wanted, product, line, priced) in enumerate(
            zip(basket.wanted, basket.products, basket.inputs, basket.priced.lines, strict=True)
        )
    ]


def _discounts(wanted: Sequence[WantedDiscount], taken: Sequence[Decimal]) -> list[dict[str, str]]:
    """Each discount with the amount that it really took; the id is for removing it."""
    return [
        {
            "id": str(new_id()),
            "type": given.discount.type.value,
            "value": str(given.discount.value),
            "reason": given.reason,
            "amount": str(amount),
        }
        for given, amount in zip(wanted, taken, strict=True)
    ]


def _rate(rate: TaxRate) -> dict[str, Any]:
    return {
        "name": rate.name,
        "percent": str(rate.percent),
        "included": rate.included,
        "compound": rate.compound,
    }


def _frozen(tax: PricedTax) -> dict[str, Any]:
    return _rate(tax.rate) | {"amount": str(tax.amount)}
