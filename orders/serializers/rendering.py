"""Responses with orders, refunds and products as dictionaries, without the cost of serializers.

The serializers describe the same fields for the OpenAPI document; a test compares both.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any

from orders.models import Order, OrderLine, Payment, Product, Refund, StockLevel
from orders.models.product_image import build_image_code
from orders.money import (
    PricedTax,
    TaxRate,
    TaxTotal,
    build_price_trace,
    compute_unit_price,
    round_to,
)
from orders.serializers.rows import (
    LineRow,
    OrderRow,
    PaymentRow,
    ProductRow,
    RefundRow,
    Row,
    StockLevelRow,
    parse_json,
)
from orders.services.pricing.basket import (
    Basket,
    LineRequest,
    build_cash_rule,
    build_pricing_policy,
)
from tenants.api.formats import exact_moment, format_number, moment
from tenants.models import Tenant
from tenants.scope import current_tenant

ZERO = Decimal("0.000")


class AmountFormatter:
    """Writes amounts and quantities with the decimals of the shop's currency.

    Columns have three decimals. Those that the currency does not have are nearly always zero and
    are cut from the text, because `quantize` takes ten times as long.
    """

    def __init__(self, exponent: int) -> None:
        self.unit = Decimal(1).scaleb(-exponent)
        self.point = slice(-exponent - 1, -exponent) if exponent else slice(0)
        self.padding = ".000" if exponent == 0 else "0" * (3 - exponent)
        self.kept = slice(-len(self.padding) or None)

    def money(self, amount: Decimal | str) -> str:
        text = str(amount)
        if text[self.point] == ".":
            return text
        if text[-4:-3] == "." and text.endswith(self.padding):
            return text[self.kept]
        return str(Decimal(amount).quantize(self.unit))

    def number(self, number: Decimal | str) -> str:
        return format_number(number)

    def money_or_none(self, amount: Decimal | str | None) -> str | None:
        return None if amount is None else self.money(amount)


class TextAmountFormatter(AmountFormatter):
    """Writes the amounts of rows, which are text. The same ones occur again and again."""

    def __init__(self, exponent: int) -> None:
        super().__init__(exponent)
        self.money = lru_cache(maxsize=8192)(super().money)  # type: ignore[method-assign]
        self.number = lru_cache(maxsize=8192)(format_number)  # type: ignore[method-assign]


@lru_cache(maxsize=8)
def get_amount_formatter(exponent: int, kind: type[AmountFormatter] = AmountFormatter) -> Any:
    return kind(exponent)


def choose_formatter(row: object) -> Any:
    """Return the formatter for a model or a row of the current tenant."""
    kind = TextAmountFormatter if isinstance(row, Row) else AmountFormatter
    return get_amount_formatter(current_tenant().currency_exponent, kind)


def render_order(order: Order | OrderRow) -> dict[str, Any]:
    """Return the response of an order whose details are loaded."""
    return render_orders([order])[0]


def render_orders(orders: Sequence[Order | OrderRow]) -> list[dict[str, Any]]:
    if not orders:
        return []
    tenant, amounts = current_tenant(), choose_formatter(orders[0])
    return [_render_order(order, tenant, amounts) for order in orders]


def _render_order(
    order: Order | OrderRow, tenant: Tenant, amounts: AmountFormatter
) -> dict[str, Any]:
    money, due = amounts.money, order.due
    return {
        "id": str(order.id),
        "number": order.number,
        "status": order.status,
        "store": str(order.store_id),
        "register": str(order.register_id),
        "shift": str(order.shift_id) if order.shift_id else None,
        "cashier": str(order.cashier_id),
        "customer": render_customer(order),
        "note": order.note,
        "external_id": order.external_id,
        "metadata": order.metadata or {},
        "lines": [render_line(line, amounts) for line in order.loaded_lines],
        "discounts": render_discounts(order.discounts, amounts),
        "subtotal": money(order.subtotal),
        "discount_total": money(order.discount_total),
        "tax_total": money(order.tax_total),
        "taxes": render_order_taxes(order, amounts),
        "cash_rounding": money(order.cash_rounding),
        "total": money(order.total),
        "paid_total": money(order.paid_total),
        "change_total": money(order.change_total),
        "due": money(due),
        "cash_due": money(order.cash_due(build_cash_rule(tenant)) if due else due),
        "refunded_total": money(order.refunded_total),
        "deposit_return_total": money(order.deposit_return_total),
        "deposit_return_by": (
            str(order.deposit_return_by_id) if order.deposit_return_by_id else None
        ),
        "payments": [render_payment(payment, order, amounts) for payment in order.loaded_payments],
        "store_credit_codes": order.issued_codes,
        "refunds": [render_refund(refund) for refund in order.loaded_refunds],
        "approved_gift": amounts.money_or_none(order.approved_gift),
        "gift_approved_by": str(order.gift_approved_by_id) if order.gift_approved_by_id else None,
        "receipt_number": order.receipt_number,
        "adjustment": money(order.adjustment),
        "device_sequence": order.device_sequence,
        "sold_at": moment(order.sold_at),
        "original_shift": str(order.original_shift_id) if order.original_shift_id else None,
        "flags": order.flag_codes,
        "created_at": moment(order.created_at),
        "completed_at": moment(order.completed_at),
        "version": order.version,
    }


def render_refund(refund: Refund | RefundRow) -> dict[str, Any]:
    """Return the response of a refund whose lines and payouts are loaded."""
    amounts = choose_formatter(refund)
    money = amounts.money
    return {
        "id": str(refund.id),
        "order": str(refund.order_id),
        "status": refund.status,
        "register": str(refund.register_id),
        "shift": str(refund.shift_id) if refund.shift_id else None,
        "lines": [
            {
                "line": str(line.line_id),
                "quantity": format_number(line.quantity),
                "total": money(line.total),
                "tax_total": money(line.tax_total),
                "restock": line.restock,
            }
            for line in refund.loaded_lines
        ],
        "payouts": [
            {
                "id": str(payout.id),
                "payment": str(payout.payment_id) if payout.payment_id else None,
                "method": payout.method,
                "entry": payout.entry or None,
                "status": payout.status,
                "amount": money(payout.amount),
                "paid": money(payout.paid),
                "reference": payout.shown_reference,
                "reader": str(payout.reader_id) if payout.is_at_reader else None,
            }
            for payout in refund.loaded_payouts
        ],
        "store_credit_codes": refund.issued_codes,
        "tax_total": money(refund.tax_total),
        "taxes": render_taxes(refund.taxes, amounts),
        "cash_rounding": money(refund.cash_rounding),
        "total": money(refund.total),
        "reason": refund.reason,
        "by": str(refund.by_id),
        "approved_by": str(refund.approved_by_id) if refund.approved_by_id else None,
        "receipt_number": refund.receipt_number,
        "created_at": moment(refund.created_at),
        "completed_at": moment(refund.completed_at),
        "reversed_at": moment(refund.reversed_at),
        "version": refund.version,
    }


def render_product(product: Product | ProductRow) -> dict[str, Any]:
    """Return the response of a product whose barcodes are loaded."""
    return render_products([product])[0]


def render_products(products: Sequence[Product | ProductRow]) -> list[dict[str, Any]]:
    money = choose_formatter(products[0]).money if products else str
    return [
        {
            "id": str(product.id),
            "sku": product.sku,
            "name": product.name,
            "barcodes": product.barcode_codes,
            "price": money(product.price),
            "tax_class": str(product.tax_class_id) if product.tax_class_id else None,
            "category": str(product.category_id) if product.category_id else None,
            "sold_by": product.sold_by,
            "open_price": product.open_price,
            "track_stock": product.track_stock,
            "is_active": product.is_active,
            "plu": product.plu,
            "weight_unit": product.weight_unit,
            "deposit": str(product.deposit_id) if product.deposit_id else None,
            "returnable": product.returnable,
            "modifier_lists": product.modifier_list_ids,
            "parent": str(product.parent_id) if product.parent_id else None,
            "options": dict(product.options or ()),
            "has_variants": product.has_variants,
            "content": None if product.content is None else format_number(product.content),
            "content_unit": product.content_unit,
            "unit_price": render_unit_price(product, money),
            "image": render_image(product.image) if product.image else None,
            "external_id": product.external_id,
            "metadata": product.metadata or {},
            "version": product.version,
            "updated_at": moment(product.updated_at),
        }
        for product in products
    ]


def render_image(image: Mapping[str, Any]) -> dict[str, Any]:
    """Return the addresses of an image, below the root of this server."""
    url = f"/api/v1/images/{build_image_code(current_tenant().id, image['hash'])}/"
    return {
        "url": url,
        "thumbnail_url": f"{url}thumbnail/",
        "width": image["width"],
        "height": image["height"],
    }


def render_unit_price(product: Product | ProductRow, money: Any) -> dict[str, str] | None:
    """Return the price of a kilogram, liter ..., or None where it has none.

    Goods that are sold by weight have it in their price.
    """
    if product.open_price or product.has_variants:
        return None
    if product.content is not None and product.content_unit is not None:
        exponent = current_tenant().currency_exponent
        amount, unit = format_unit_price(
            str(product.price), str(product.content), product.content_unit, exponent
        )
        return {"amount": amount, "unit": unit}
    if product.sold_by == Product.SoldBy.WEIGHT:
        return {"amount": money(product.price), "unit": product.weight_unit}
    return None


@lru_cache(maxsize=8192)
def format_unit_price(price: str, content: str, unit: str, exponent: int) -> tuple[str, str]:
    found = compute_unit_price(Decimal(price), Decimal(content), unit, exponent)
    return f"{found.amount:f}", found.unit.value


def render_stock_level(level: StockLevel | StockLevelRow) -> dict[str, Any]:
    """Return the response of a stock level."""
    reorder_point = level.reorder_point
    return {
        "id": str(level.id),
        "store": str(level.store_id),
        "product": str(level.product_id),
        "quantity": format_number(level.quantity),
        "reserved": format_number(level.reserved),
        "available": format_number(level.available),
        "reorder_point": None if reorder_point is None else format_number(reorder_point),
        "version": level.version,
        "updated_at": exact_moment(level.updated_at),
    }


def render_customer(order: Order | OrderRow) -> dict[str, str | None] | None:
    if not (order.customer_id or order.customer_name or order.customer_email):
        return None
    return {
        "id": str(order.customer_id) if order.customer_id else None,
        "name": order.customer_name,
        "email": order.customer_email,
        "tax_number": order.customer_tax_number,
    }


def render_line(line: OrderLine | LineRow, amounts: AmountFormatter) -> dict[str, Any]:
    money = amounts.money
    return {
        "id": str(line.id),
        "product": str(line.product_id) if line.product_id else None,
        "sku": line.sku,
        "name": line.name,
        "quantity": amounts.number(line.quantity),
        "list_price": money(line.list_price),
        "unit_price": money(line.unit_price),
        **render_modifiers(line.chosen_modifiers, line.missing_modifiers or [], amounts),
        "scanned_code": line.scanned_code,
        "fixed_gross": amounts.money_or_none(line.fixed_gross),
        "deposit_for": str(line.deposit_for_id) if line.deposit_for_id else None,
        "lot": line.lot,
        "best_before": str(line.best_before) if line.best_before else None,
        "expires_on": str(line.expires_on) if line.expires_on else None,
        "serial": line.serial,
        "note": line.note,
        "discounts": render_discounts(line.discounts, amounts),
        "gross": money(line.gross),
        "discount_total": money(line.discount_total),
        "net": money(line.net),
        "taxes": render_line_taxes(line, amounts),
        "tax_total": money(line.tax_total),
        "total": money(line.total),
        "refunded_quantity": amounts.number(line.refunded_quantity),
        "refunded_total": money(line.refunded_total),
    }


def render_modifiers(
    modifiers: Sequence[Mapping[str, Any]], missing: Sequence[Any], amounts: AmountFormatter
) -> dict[str, Any]:
    """Return the modifiers of a line, with their keys in a fixed order."""
    if not modifiers and not missing:
        return {"modifiers": [], "modifiers_price": amounts.money(ZERO), "missing_modifiers": []}
    price = sum((Decimal(each["price"]) * each["quantity"] for each in modifiers), ZERO)
    return {
        "modifiers": [
            {
                "modifier": each["modifier"],
                "list": each["list"],
                "list_name": each["list_name"],
                "name": each["name"],
                "price": amounts.money(Decimal(each["price"])),
                "quantity": each["quantity"],
                "product": each["product"],
            }
            for each in modifiers
        ],
        "modifiers_price": amounts.money(price),
        "missing_modifiers": [
            {"list": each["list"], "name": each["name"], "min": each["min"]} for each in missing
        ],
    }


def render_discounts(
    discounts: Sequence[Mapping[str, Any]], amounts: AmountFormatter
) -> list[dict[str, Any]]:
    if not discounts:
        return []
    return [
        {
            "id": each["id"],
            "type": each["type"],
            "value": each["value"],
            "reason": each["reason"],
            "amount": amounts.money(each["amount"]),
        }
        for each in discounts
    ]


def render_taxes(
    taxes: Sequence[Mapping[str, Any]], amounts: AmountFormatter
) -> list[dict[str, Any]]:
    return [render_tax(tax, tax["taxable"], amounts) for tax in taxes]


def render_order_taxes(order: Order | OrderRow, amounts: AmountFormatter) -> list[dict[str, Any]]:
    if isinstance(order, OrderRow):
        return render_stored_taxes(order.taxes_text, amounts) or []
    return render_taxes(order.taxes, amounts)


def render_line_taxes(line: OrderLine | LineRow, amounts: AmountFormatter) -> list[dict[str, Any]]:
    if isinstance(line, LineRow):
        rendered = render_stored_taxes(line.taxes_text, amounts)
        if rendered is not None:
            return rendered
    return [
        render_tax(tax, base, amounts)
        for tax, base in zip(line.taxes, line.taxable_amounts, strict=True)
    ]


@lru_cache(maxsize=4096)
def render_stored_taxes(text: str, amounts: AmountFormatter) -> list[dict[str, Any]] | None:
    """Return the taxes of a column's text, or None where taxable amounts were not stored.

    Kept, because the same product has the same taxes on many lines. Never change the result.
    """
    taxes = parse_json(text)
    if not all("taxable" in tax for tax in taxes):
        return None
    return render_taxes(taxes, amounts)


def render_tax(
    tax: Mapping[str, Any], taxable: Decimal | str, amounts: AmountFormatter
) -> dict[str, Any]:
    """Return a tax with its keys in a fixed order, because PostgreSQL reorders JSON keys."""
    return {
        "name": tax["name"],
        "percent": format_number(tax["percent"]),
        "included": tax["included"],
        "compound": tax["compound"],
        "taxable": amounts.money(taxable),
        "amount": amounts.money(tax["amount"]),
    }


def render_payment(
    payment: Payment | PaymentRow, order: Order | OrderRow, amounts: AmountFormatter
) -> dict[str, Any]:
    return {
        "id": str(payment.id),
        "method": payment.method,
        "status": payment.status,
        "amount": amounts.money(payment.amount),
        "tendered": amounts.money_or_none(payment.tendered),
        "change": amounts.money(payment.change),
        "entry": payment.resolve_entry(order) or None,
        "reference": payment.shown_reference,
        "gateway_reference": payment.gateway_reference,
        "reason": payment.reason,
        "created_at": moment(payment.created_at),
    }


def render_calculation(basket: Basket) -> dict[str, Any]:
    """Return the prices of a basket, with the price trace of each line."""
    tenant = current_tenant()
    policy, priced = build_pricing_policy(tenant), basket.priced
    cash_due = str(build_cash_rule(tenant).payable(priced.total))
    return {
        "lines": [
            {
                "product": str(given.product.pk),
                "sku": given.product.sku,
                "name": given.product.name,
                "is_deposit": given.is_deposit,
                "quantity": format_number(line.quantity),
                "list_price": str(round_to(given.list_price, policy.exponent)),
                "unit_price": str(round_to(line.unit_price, policy.exponent)),
                **render_modifiers(
                    given.request.choice.modifiers,
                    given.request.choice.missing,
                    get_amount_formatter(policy.exponent),
                ),
                **render_scan(given.request, policy.exponent),
                "gross": str(bill.gross),
                "discount_total": str(bill.discount_total),
                "net": str(bill.net),
                "taxes": [render_priced_tax(tax) for tax in bill.taxes],
                "tax_total": str(bill.tax_total),
                "total": str(bill.total),
                "trace": [
                    {**step, "fixed_gross": step.get("fixed_gross")}
                    if step["step"] == "gross"
                    else step
                    for step in build_price_trace(line, bill, policy)
                ],
            }
            for given, line, bill in zip(basket.lines, basket.inputs, priced.lines, strict=True)
        ],
        "subtotal": str(priced.subtotal),
        "discount_total": str(priced.discount_total),
        "tax_total": str(priced.tax_total),
        "taxes": [render_priced_tax(total) for total in priced.taxes],
        "total": str(priced.total),
        "cash_due": cash_due,
        "cash_total": cash_due,
    }


def render_scan(request: LineRequest, exponent: int) -> dict[str, Any]:
    """Return what the scanned code of a line says, as the line of the order will."""
    price, dates = request.fixed_gross, request.traceability
    return {
        "scanned_code": request.barcode or "",
        "fixed_gross": None if price is None else str(round_to(price, exponent)),
        "lot": dates.lot,
        "best_before": str(dates.best_before) if dates.best_before else None,
        "expires_on": str(dates.expires_on) if dates.expires_on else None,
        "serial": dates.serial,
    }


def render_priced_tax(tax: PricedTax | TaxTotal) -> dict[str, Any]:
    return render_rate(tax.rate) | {"taxable": str(tax.taxable), "amount": str(tax.amount)}


def render_rate(rate: TaxRate) -> dict[str, Any]:
    return {
        "name": rate.name,
        "percent": format_number(rate.percent),
        "included": rate.included,
        "compound": rate.compound,
    }
