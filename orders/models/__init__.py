"""The nouns of the trade, each knowing only those before it."""

from orders.models.catalog import Barcode, Category, Product, TaxClass
from orders.models.order import Order, OrderLine
from orders.models.payment import Payment
from orders.models.receipt import Receipt, RegisterSeries
from orders.models.stock import StockLevel, StockMovement

__all__ = [
    "Barcode",
    "Category",
    "Order",
    "OrderLine",
    "Payment",
    "Product",
    "Receipt",
    "RegisterSeries",
    "StockLevel",
    "StockMovement",
    "TaxClass",
]
