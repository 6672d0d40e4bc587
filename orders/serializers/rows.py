"""Rows of prepared statements, with the attributes of the models that the renderers use.

Amounts, times and ids are the text of PostgreSQL: the renderers cut it instead of building objects.
"""

import re
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from orders.models import Order, OrderLine, Payment, Payout
from orders.models.flags import SoldOffline

QUOTED_OR_PLAIN = re.compile(r'"((?:[^"\\]|\\.)*)"|([^,{}"]+)')
NO_ITEMS = "[]"
ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class Row(msgspec.Struct, frozen=True, gc=False):
    """A row with the columns of its statement in their order.

    Its attributes are read several times as fast as those of a NamedTuple, and the garbage
    collector skips it: rows refer to their parts only.
    """


class ProductRow(Row):
    """A product with its barcodes."""

    id: str
    sku: str
    name: str
    price: str
    tax_class_id: str | None
    category_id: str | None
    sold_by: str
    open_price: bool
    track_stock: bool
    is_active: bool
    plu: str | None
    weight_unit: str
    deposit_id: str | None
    returnable: bool
    modifier_lists: str | None
    parent_id: str | None
    options_text: str | None
    has_variants: bool
    content: str | None
    content_unit: str | None
    external_id: str | None
    metadata_text: str | None
    image_text: str | None
    version: int
    updated_at: str
    barcodes: str

    @property
    def barcode_codes(self) -> list[str]:
        return parse_text_array(self.barcodes)

    @property
    def modifier_list_ids(self) -> Any:
        return parse_json(self.modifier_lists) if self.modifier_lists else []

    @property
    def metadata(self) -> Any:
        return parse_json(self.metadata_text) if self.metadata_text else None

    @property
    def image(self) -> Any:
        return parse_json(self.image_text) if self.image_text else None

    @property
    def options(self) -> Any:
        return parse_json(self.options_text) if self.options_text else None


# $1 is the tenant.
PRODUCT_COLUMNS = """
SELECT listed.id, listed.sku, listed.name, listed.price, listed.tax_class_id, listed.category_id,
 listed.sold_by, listed.open_price, listed.track_stock, listed.is_active, listed.plu,
 listed.weight_unit, listed.deposit_id, listed.returnable, listed.modifier_lists, listed.parent_id,
 listed.options, listed.has_variants, listed.content, listed.content_unit, listed.external_id,
 listed.metadata, listed.image, listed.version, listed.updated_at,
 ARRAY(SELECT b.code FROM orders_barcode b
  WHERE b.tenant_id = $1::uuid AND b.product_id = listed.id ORDER BY b.code)
"""


class StockLevelRow(Row):
    """A stock level."""

    id: str
    store_id: str
    product_id: str
    quantity: str
    reserved: str
    reorder_point: str | None
    version: int
    updated_at: str

    @property
    def available(self) -> str | Decimal:
        if self.reserved == "0.000":
            return self.quantity
        return Decimal(self.quantity) - Decimal(self.reserved)


class RefundLineRow(Row):
    """A line of a refund."""

    refund_id: str
    line_id: str
    quantity: str
    total: str
    tax_total: str
    restock: bool


class PayoutRow(Row):
    """A payout of a refund."""

    refund_id: str
    id: str
    payment_id: str | None
    method: str
    entry: str
    status: str
    amount: str
    paid: str
    reference: str
    reader_id: str | None
    gateway_reference: str

    Method = Payment.Method
    shown_reference = Payout.shown_reference
    is_in_progress = Payout.is_in_progress
    is_at_reader = Payout.is_at_reader


class RefundRow(Row):
    """A refund with its lines and payouts. Codes of store credits are shown to nobody again."""

    order_id: str
    id: str
    status: str
    register_id: str
    shift_id: str | None
    tax_total: str
    taxes_text: str
    cash_rounding: str
    total: str
    reason: str
    by_id: str
    approved_by_id: str | None
    receipt_number: int | None
    created_at: str
    completed_at: str | None
    reversed_at: str | None
    version: int
    loaded_lines: list[RefundLineRow]
    loaded_payouts: list[PayoutRow]

    issued_codes = None

    @property
    def taxes(self) -> Any:
        return parse_json(self.taxes_text)


class LineRow(Row):
    """A line of an order."""

    order_id: str
    id: str
    product_id: str | None
    sku: str
    name: str
    quantity: str
    list_price: str
    unit_price: str
    modifiers_text: str | None
    missing_text: str | None
    scanned_code: str
    fixed_gross: str | None
    deposit_for_id: str | None
    lot: str
    best_before: str | None
    expires_on: str | None
    serial: str
    note: str
    discounts_text: str
    gross: str
    discount_total: str
    net: str
    taxes_text: str
    tax_total: str
    total: str
    refunded_quantity: str
    refunded_total: str

    taxable_amounts = OrderLine.taxable_amounts

    @property
    def taxes(self) -> Any:
        return parse_json(self.taxes_text)

    @property
    def chosen_modifiers(self) -> Any:
        return parse_json(self.modifiers_text) if self.modifiers_text else ()

    @property
    def missing_modifiers(self) -> Any:
        return parse_json(self.missing_text) if self.missing_text else ()

    @property
    def discounts(self) -> Any:
        return () if self.discounts_text == NO_ITEMS else parse_json(self.discounts_text)


class PaymentRow(Row):
    """A payment of an order."""

    order_id: str
    id: str
    method: str
    entry: str
    status: str
    amount: str
    tendered: str | None
    change: str
    reference: str
    gateway_reference: str
    reason: str
    created_at: str

    Method = Payment.Method
    Entry = Payment.Entry
    resolve_entry = Payment.resolve_entry
    shown_reference = Payment.shown_reference


PAID = Decimal("0.000")


class OrderRow(Row):
    """An order with everything in the answer."""

    id: str
    number: str
    status: str
    store_id: str
    register_id: str
    shift_id: str | None
    cashier_id: str
    customer_id: str | None
    customer_name: str
    customer_email: str
    customer_tax_number: str
    note: str
    external_id: str | None
    metadata_text: str | None
    discounts_text: str
    subtotal: str
    discount_total: str
    tax_total: str
    taxes_text: str
    cash_rounding: str
    total: str
    paid_total: str
    change_total: str
    refunded_total: str
    deposit_return_total: str
    deposit_return_by_id: str | None
    approved_gift: str | None
    gift_approved_by_id: str | None
    receipt_number: int | None
    adjustment: str
    device_sequence: int | None
    sold_at: str | None
    original_shift_id: str | None
    flags: str
    created_at: str
    completed_at: str | None
    version: int
    loaded_lines: list[LineRow]
    loaded_payments: list[PaymentRow]
    loaded_refunds: list[RefundRow]

    issued_codes = None

    cash_due = Order.cash_due
    flag_codes = SoldOffline.flag_codes
    is_offline = SoldOffline.is_offline

    @property
    def metadata(self) -> Any:
        return parse_json(self.metadata_text) if self.metadata_text else None

    @property
    def due(self) -> Decimal:
        if self.total == self.paid_total and self.cash_rounding == "0.000":
            return PAID
        return Decimal(self.total) + Decimal(self.cash_rounding) - Decimal(self.paid_total)

    @property
    def discounts(self) -> Any:
        return () if self.discounts_text == NO_ITEMS else parse_json(self.discounts_text)


@lru_cache(maxsize=4096)
def parse_json(text: str) -> Any:
    """Return the value of a JSON column. It is shared: never change it."""
    return msgspec.json.decode(text)


def parse_text_array(text: str) -> list[str]:
    """Return the texts of a one-dimensional array as PostgreSQL writes it, without nulls."""
    if '"' not in text:
        return text[1:-1].split(",") if text != "{}" else []
    return [
        plain or ESCAPED.sub(r"\1", quoted) for quoted, plain in QUOTED_OR_PLAIN.findall(text[1:-1])
    ]
