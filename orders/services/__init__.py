"""The verbs of the shop."""

from orders.services.basket import (
    Basket,
    WantedDiscount,
    WantedLine,
    policy_of,
    price_basket,
)
from orders.services.catalog import write_product
from orders.services.editing import (
    Edit,
    add_discount,
    add_line,
    change_line,
    describe_order,
    remove_discount,
    remove_line,
)
from orders.services.holding import hold_order, resume_order, void_order
from orders.services.paying import NewPayment, resolve_payment, take_payment
from orders.services.receipts import ReceiptContent, receipt_of, receipt_text
from orders.services.selling import NewOrder, sell
from orders.services.stock import receive_stock

__all__ = [
    "Basket",
    "Edit",
    "NewOrder",
    "NewPayment",
    "ReceiptContent",
    "WantedDiscount",
    "WantedLine",
    "add_discount",
    "add_line",
    "change_line",
    "describe_order",
    "hold_order",
    "policy_of",
    "price_basket",
    "receipt_of",
    "receipt_text",
    "receive_stock",
    "remove_discount",
    "remove_line",
    "resolve_payment",
    "resume_order",
    "sell",
    "take_payment",
    "void_order",
    "write_product",
]
