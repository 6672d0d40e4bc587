"""Orders, their lines and what is stored in them as JSON: the only builder of both.

Discounts and taxes are stored as they were at the moment of the sale, so that an order can be
priced again without the catalog.
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

from accounts.models import User
from orders.codes import Traceability
from orders.models import Order, OrderLine, Product
from orders.money import (
    Discount,
    DiscountType,
    LineInput,
    PricedLine,
    PricedOrder,
    PricedTax,
    TaxRate,
    TaxTotal,
    build_tax_rate,
)
from orders.services.pricing.basket import BasketLine, DiscountRequest
from orders.services.pricing.modifiers import Choice, parse_modifiers
from tenants.api.formats import format_number
from tenants.database.bulk_insert import build_row
from tenants.ids import new_id
from tenants.models import Register
from tenants.scope import current_tenant

Snapshot = Mapping[str, Any]


class RequestedOrder(Protocol):
    """A new order, or a sale that was made offline."""

    @property
    def id(self) -> uuid.UUID: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def discounts(self) -> Sequence[DiscountRequest]: ...
    @property
    def customer_name(self) -> str: ...
    @property
    def customer_email(self) -> str: ...
    @property
    def customer(self) -> uuid.UUID | None: ...
    @property
    def note(self) -> str: ...
    @property
    def external_id(self) -> str | None: ...
    @property
    def metadata(self) -> Mapping[str, Any] | None: ...
    @property
    def device_sequence(self) -> int | None: ...


class RequestedLine(Protocol):
    """A line of a new order, or of a sale that was made offline."""

    @property
    def id(self) -> uuid.UUID | None: ...
    @property
    def quantity(self) -> Decimal: ...
    @property
    def unit_price(self) -> Decimal | None: ...
    @property
    def fixed_gross(self) -> Decimal | None: ...
    @property
    def barcode(self) -> str | None: ...
    @property
    def traceability(self) -> Traceability: ...
    @property
    def note(self) -> str: ...
    @property
    def discounts(self) -> Sequence[DiscountRequest]: ...
    @property
    def choice(self) -> Choice: ...


def build_order(
    request: RequestedOrder, register: Register, cashier: User, priced: PricedOrder
) -> Order:
    """Return an unsaved order with its amounts, without lines and payments."""
    tenant = current_tenant()
    order = build_row(
        Order,
        id=request.id,
        store=register.store,
        register=register,
        cashier=cashier,
        customer_name=request.customer_name,
        customer_email=request.customer_email,
        customer_id=request.customer,
        note=request.note,
        external_id=request.external_id,
        metadata=request.metadata,
        discounts=[build_discount(each) for each in request.discounts],
        tax_rounding_level=tenant.tax_rounding_level,
        tax_rounding_mode=tenant.tax_rounding_mode,
        device_sequence=request.device_sequence,
        fingerprint=request.fingerprint,
    )
    apply_order_price(order, priced)
    return order


def apply_order_price(order: Order, priced: PricedOrder) -> None:
    """Set the amounts of the order, without those of its lines; saves nothing."""
    order.discounts = add_amounts(order.discounts, priced.discounts)
    order.taxes = [build_tax_snapshot(total) for total in priced.taxes]
    order.subtotal, order.discount_total = priced.subtotal, priced.discount_total
    order.tax_total, order.total = priced.tax_total, priced.total
    order.deposit_return_total = -sum(
        (line.total for line in priced.lines if line.total < 0), Decimal(0)
    )


def build_line(
    order: Order,
    position: int,
    request: RequestedLine,
    product: Product | None,
    *,
    list_price: Decimal,
    taxes: Iterable[TaxRate] = (),
    **description: Any,
) -> OrderLine:
    """Return an unsaved line with a copy of what the catalog says of the product.

    `list_price` is the one that applies to its quantity. `description` replaces or completes the
    copy. Amounts are set by `apply_price`.
    """
    copied = _copy_product(product) if product else {}
    price: Any = request.unit_price
    return build_row(
        OrderLine,
        id=request.id or new_id(),
        order=order,
        position=position,
        list_price=list_price,
        unit_price=list_price if price is None else price,
        price_typed=price is not None,
        quantity=request.quantity,
        scanned_code=request.barcode or "",
        fixed_gross=request.fixed_gross,
        lot=request.traceability.lot,
        best_before=request.traceability.best_before,
        expires_on=request.traceability.expires_on,
        serial=request.traceability.serial,
        note=request.note,
        discounts=[build_discount(each) for each in request.discounts],
        taxes=[build_rate_snapshot(rate) for rate in taxes],
        modifiers=list(request.choice.modifiers) or None,
        missing_modifiers=list(request.choice.missing) or None,
        **copied | description,
    )


def build_lines(order: Order, lines: Sequence[BasketLine], first: int = 0) -> list[OrderLine]:
    """Return unsaved lines at positions from `first`; each deposit refers to the line before it."""
    built: list[OrderLine] = []
    for position, each in enumerate(lines, first):
        more: dict[str, Any] = {"taxes": each.taxes, "list_price": each.list_price}
        if each.is_deposit:
            more |= describe_deposit(built[-1].pk)
        built.append(build_line(order, position, each.request, each.product, **more))
    return built


def describe_deposit(line: uuid.UUID) -> dict[str, Any]:
    """Return what the deposit of a line differs in. It takes no stock: the goods of its line do."""
    return {"deposit_for_id": line, "tracks_stock": False}


def _copy_product(product: Product) -> dict[str, Any]:
    return {
        "product": product,
        "sku": product.sku,
        "name": product.name,
        "open_price": product.open_price,
        "tracks_stock": product.has_own_stock,
        "sold_by": product.sold_by,
    }


def apply_price(line: OrderLine, priced: PricedLine) -> None:
    """Set every amount of the line; saves nothing."""
    line.discounts = add_amounts(line.discounts, priced.line_discounts)
    line.taxes = [build_tax_snapshot(tax) for tax in priced.taxes]
    line.gross, line.discount_total, line.net = priced.gross, priced.discount_total, priced.net
    line.tax_total, line.total = priced.tax_total, priced.total


def build_line_input(line: OrderLine) -> LineInput:
    """Return what the pricing engine needs to price a stored line again."""
    return LineInput(
        quantity=line.quantity,
        unit_price=line.unit_price,
        taxes=tuple(parse_tax_rate(tax) for tax in line.taxes),
        discounts=parse_discounts(line.discounts),
        fixed_gross=line.fixed_gross,
        is_deposit=line.is_deposit,
        modifiers=parse_modifiers(line.chosen_modifiers),
    )


def build_discount(request: DiscountRequest, id: uuid.UUID | None = None) -> dict[str, Any]:
    """Return a discount as it is stored; the id is for removing it."""
    return {
        "id": str(id or new_id()),
        "type": request.discount.type.value,
        "value": str(request.discount.value),
        "reason": request.reason,
    }


def add_amounts(discounts: Sequence[Snapshot], amounts: Sequence[Decimal]) -> list[dict[str, Any]]:
    """Return stored discounts, each with the amount that it takes off."""
    return [
        {**each, "amount": str(amount)} for each, amount in zip(discounts, amounts, strict=True)
    ]


def parse_discounts(stored: Iterable[Snapshot]) -> tuple[Discount, ...]:
    return tuple(Discount(DiscountType(each["type"]), Decimal(each["value"])) for each in stored)


def parse_tax_rate(stored: Snapshot) -> TaxRate:
    return build_tax_rate(stored["name"], stored["percent"], stored["included"], stored["compound"])


def build_rate_snapshot(rate: TaxRate) -> dict[str, Any]:
    return {
        "name": rate.name,
        "percent": str(rate.percent),
        "included": rate.included,
        "compound": rate.compound,
    }


def format_rate(tax: Mapping[str, Any]) -> str:
    """Return name and percentage of a rate or tax that a line or an order stores."""
    return f"{tax['name']} {format_number(tax['percent'])} %"


def build_tax_snapshot(tax: PricedTax | TaxTotal) -> dict[str, Any]:
    return build_rate_snapshot(tax.rate) | {"taxable": str(tax.taxable), "amount": str(tax.amount)}
