"""The catalog, stock/... and orders/..."""

from rest_framework.routers import SimpleRouter

from orders import views

router = SimpleRouter(use_regex_path=False)
router.register("tax-classes", views.TaxClassViewSet, basename="tax-class")
router.register("categories", views.CategoryViewSet, basename="category")
router.register("products", views.ProductViewSet, basename="product")
router.register("stock/movements", views.MovementViewSet, basename="movement")
router.register("stock", views.StockLevelViewSet, basename="stock-level")
router.register("payments", views.PaymentViewSet, basename="payment")
router.register("orders", views.OrderViewSet, basename="order")

urlpatterns = router.urls
