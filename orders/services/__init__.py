"""The verbs of the shop."""

from orders.services.basket import (
    Basket,
    WantedDiscount,
    WantedLine,
    policy_of,
    price_basket,
)
from orders.services.catalog import write_product
from orders.services.paying import NewPayment, resolve_payment, take_payment
from orders.services.receipts import ReceiptContent, receipt_of, receipt_text
from orders.services.selling import NewOrder, sell
from orders.services.stock import receive_stock

__all__ = [
    "Basket",
    "NewOrder",
    "NewPayment",
    "ReceiptContent",
    "WantedDiscount",
    "WantedLine",
    "policy_of",
    "price_basket",
    "receipt_of",
    "receipt_text",
    "receive_stock",
    "resolve_payment",
    "sell",
    "take_payment",
    "write_product",
]
