"""Routes of catalog, stock, orders, payments, refunds, shifts, reports and offline sync."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from orders import views

router = SimpleRouter(use_regex_path=False)
router.register(
    "bookkeeping-profiles", views.BookkeepingProfileViewSet, basename="bookkeeping-profile"
)
router.register("modifier-lists", views.ModifierListViewSet, basename="modifier-list")
router.register("barcode-rules", views.BarcodeRuleViewSet, basename="barcode-rule")
router.register("tax-classes", views.TaxClassViewSet, basename="tax-class")
router.register("categories", views.CategoryViewSet, basename="category")
router.register("price-lists", views.PriceListViewSet, basename="price-list")
router.register("prices", views.PriceViewSet, basename="price")
router.register("products", views.ProductViewSet, basename="product")
router.register("stock/count-lines", views.StockCountLineViewSet, basename="stock-count-line")
router.register("stock/counts", views.StockCountViewSet, basename="stock-count")
router.register(
    "stock/transfer-lines", views.StockTransferLineViewSet, basename="stock-transfer-line"
)
router.register("stock/transfers", views.StockTransferViewSet, basename="stock-transfer")
router.register("stock/movements", views.MovementViewSet, basename="movement")
router.register("stock", views.StockLevelViewSet, basename="stock-level")
router.register("customer-groups", views.CustomerGroupViewSet, basename="customer-group")
router.register("customers", views.CustomerViewSet, basename="customer")
router.register("payment-providers", views.PaymentProviderViewSet, basename="payment-provider")
router.register("card-readers", views.CardReaderViewSet, basename="card-reader")
router.register("payments", views.PaymentViewSet, basename="payment")
router.register("refunds", views.RefundViewSet, basename="refund")
router.register("store-credits", views.StoreCreditViewSet, basename="store-credit")
router.register("receipt-profiles", views.ReceiptProfileViewSet, basename="receipt-profile")
router.register("shifts", views.ShiftViewSet, basename="shift")
router.register("orders", views.OrderViewSet, basename="order")

urlpatterns = [
    path(
        "catalog/snapshot/",
        views.SnapshotViewSet.as_view({"get": "load"}),
        name="catalog-snapshot",
    ),
    path("images/<str:code>/", views.ImageView.as_view(), name="image"),
    path("images/<str:code>/thumbnail/", views.ThumbnailView.as_view(), name="image-thumbnail"),
    path("reports/sales/", views.ReportViewSet.as_view({"get": "sales"}), name="sales-report"),
    path("reports/waste/", views.ReportViewSet.as_view({"get": "waste"}), name="waste-report"),
    path(
        "reports/low-stock/",
        views.ReportViewSet.as_view({"get": "low_stock"}),
        name="low-stock-report",
    ),
    path(
        "reports/dead-stock/",
        views.ReportViewSet.as_view({"get": "dead_stock"}),
        name="dead-stock-report",
    ),
    path("reports/margins/", views.ReportViewSet.as_view({"get": "margins"}), name="margin-report"),
    path(
        "reports/bookkeeping/",
        views.BookkeepingViewSet.as_view({"get": "bookkeeping"}),
        name="bookkeeping-report",
    ),
    path("payment-events/<uuid:pk>/", views.PaymentEventView.as_view(), name="payment-events"),
    path("sync/orders/", views.SyncViewSet.as_view({"post": "orders"}), name="sync-orders"),
    path(
        "registers/<uuid:pk>/gaps/",
        views.GapViewSet.as_view({"get": "gaps"}, detail=True),
        name="register-gaps",
    ),
    path(
        "registers/<uuid:pk>/device-sequence/",
        views.DeviceSequenceViewSet.as_view({"post": "set"}, detail=True),
        name="register-device-sequence",
    ),
    path("receipts/<str:code>/", views.ReceiptViewSet.as_view({"get": "retrieve"}), name="receipt"),
    *router.urls,
]
