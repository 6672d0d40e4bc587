"""Admin pages of the orders app, for the shop site and the platform site."""

from orders.admin import (
    barcode_rule,
    card_problems,
    card_reader,
    catalog,
    credit,
    customer,
    dashboard,
    modifier_list,
    order,
    payment,
    platform,
    receipt,
    receipt_profile,
    refund,
    shift,
    stock,
)

__all__ = [
    "barcode_rule",
    "card_problems",
    "card_reader",
    "catalog",
    "credit",
    "customer",
    "dashboard",
    "modifier_list",
    "order",
    "payment",
    "platform",
    "receipt",
    "receipt_profile",
    "refund",
    "shift",
    "stock",
]
