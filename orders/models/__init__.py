"""Models of the orders app."""

from orders.models.barcode_rule import BarcodeRule
from orders.models.bookkeeping_profile import BookkeepingProfile
from orders.models.card_reader import CardReader, PaymentProvider
from orders.models.catalog import Barcode, Category, Product, TaxClass
from orders.models.credit import StoreCredit, StoreCreditEntry
from orders.models.customer import Customer, CustomerGroup
from orders.models.flags import Flag
from orders.models.line import OrderLine
from orders.models.modifier_list import Modifier, ModifierList
from orders.models.order import Order
from orders.models.payment import Payment
from orders.models.price_list import Price, PriceList
from orders.models.product_image import ProductImage
from orders.models.receipt import ChainEntry, Receipt, RegisterSeries
from orders.models.receipt_profile import ReceiptProfile
from orders.models.refund import Payout, Refund, RefundLine
from orders.models.sales_summary import SalesHour, SalesSummary
from orders.models.shift import CashMovement, Shift
from orders.models.stock import StockLevel, StockMovement
from orders.models.stock_count import StockCount, StockCountLine
from orders.models.stock_transfer import StockTransfer, StockTransferLine

__all__ = [
    "Barcode",
    "BarcodeRule",
    "BookkeepingProfile",
    "CardReader",
    "CashMovement",
    "Category",
    "ChainEntry",
    "Customer",
    "CustomerGroup",
    "Flag",
    "Modifier",
    "ModifierList",
    "Order",
    "OrderLine",
    "Payment",
    "PaymentProvider",
    "Payout",
    "Price",
    "PriceList",
    "Product",
    "ProductImage",
    "Receipt",
    "ReceiptProfile",
    "Refund",
    "RefundLine",
    "RegisterSeries",
    "SalesHour",
    "SalesSummary",
    "Shift",
    "StockCount",
    "StockCountLine",
    "StockLevel",
    "StockMovement",
    "StockTransfer",
    "StockTransferLine",
    "StoreCredit",
    "StoreCreditEntry",
    "TaxClass",
]
