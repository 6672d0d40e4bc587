"""The pages about the trade: the platform's, and those of the shop's own site."""

from orders.admin import (
    catalog,
    credit,
    dashboard,
    order,
    payment,
    platform,
    receipt,
    refund,
    shift,
    stock,
)

__all__ = [
    "catalog",
    "credit",
    "dashboard",
    "order",
    "payment",
    "platform",
    "receipt",
    "refund",
    "shift",
    "stock",
]
