"""API views of the orders app."""

from orders.views.barcode_rule import BarcodeRuleViewSet
from orders.views.bookkeeping import BookkeepingViewSet
from orders.views.bookkeeping_profile import BookkeepingProfileViewSet
from orders.views.card_reader import CardReaderViewSet, PaymentProviderViewSet
from orders.views.catalog import CategoryViewSet, ProductViewSet, TaxClassViewSet
from orders.views.customer import CustomerGroupViewSet, CustomerViewSet
from orders.views.image import ImageView, ThumbnailView
from orders.views.modifier_list import ModifierListViewSet
from orders.views.order import OrderViewSet
from orders.views.payment import PaymentViewSet
from orders.views.payment_event import PaymentEventView
from orders.views.price_list import PriceListViewSet, PriceViewSet
from orders.views.receipt import ReceiptViewSet
from orders.views.receipt_profile import ReceiptProfileViewSet
from orders.views.refund import RefundViewSet, StoreCreditViewSet
from orders.views.report import ReportViewSet
from orders.views.shift import ShiftViewSet
from orders.views.snapshot import SnapshotViewSet
from orders.views.stock import MovementViewSet, StockLevelViewSet
from orders.views.stock_count import StockCountLineViewSet, StockCountViewSet
from orders.views.stock_transfer import StockTransferLineViewSet, StockTransferViewSet
from orders.views.sync import DeviceSequenceViewSet, GapViewSet, SyncViewSet

__all__ = [
    "BarcodeRuleViewSet",
    "BookkeepingProfileViewSet",
    "BookkeepingViewSet",
    "CardReaderViewSet",
    "CategoryViewSet",
    "CustomerGroupViewSet",
    "CustomerViewSet",
    "DeviceSequenceViewSet",
    "GapViewSet",
    "ImageView",
    "ModifierListViewSet",
    "MovementViewSet",
    "OrderViewSet",
    "PaymentEventView",
    "PaymentProviderViewSet",
    "PaymentViewSet",
    "PriceListViewSet",
    "PriceViewSet",
    "ProductViewSet",
    "ReceiptProfileViewSet",
    "ReceiptViewSet",
    "RefundViewSet",
    "ReportViewSet",
    "ShiftViewSet",
    "SnapshotViewSet",
    "StockCountLineViewSet",
    "StockCountViewSet",
    "StockLevelViewSet",
    "StockTransferLineViewSet",
    "StockTransferViewSet",
    "StoreCreditViewSet",
    "SyncViewSet",
    "TaxClassViewSet",
    "ThumbnailView",
]
