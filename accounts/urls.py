"""URLs of authentication, users, tenant, stores, approvals, webhooks and the audit log."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from accounts import views

router = SimpleRouter(use_regex_path=False)
router.register("auth/sessions", views.SessionViewSet, basename="session")
router.register("audit", views.AuditViewSet, basename="audit")
router.register("users", views.UserViewSet, basename="user")
router.register("stores", views.StoreViewSet, basename="store")
router.register("registers", views.RegisterViewSet, basename="register")
router.register("service-keys", views.ServiceKeyViewSet, basename="service-key")
router.register("webhooks", views.WebhookViewSet, basename="webhook")
router.register("approvals", views.ApprovalViewSet, basename="approval")

urlpatterns = [
    path("auth/signup/", views.SignupView.as_view(), name="signup"),
    path("auth/token/", views.LogInView.as_view(), name="token"),
    path("auth/token/refresh/", views.RefreshView.as_view(), name="token-refresh"),
    path("auth/token/verify/", views.VerifyView.as_view(), name="token-verify"),
    path("auth/revoke/", views.RevokeView.as_view(), name="revoke"),
    path("auth/logout/", views.LogOutView.as_view(), name="logout"),
    path("auth/logout-all/", views.LogOutEverywhereView.as_view(), name="logout-all"),
    path("auth/reauth/", views.ReauthView.as_view(), name="reauth"),
    path("auth/metrics/", views.MetricsView.as_view(), name="auth-metrics"),
    path("auth/pair/", views.PairView.as_view(), name="pair"),
    path("auth/pin/", views.PinLogInView.as_view(), name="pin"),
    path("auth/pin/users/", views.PinUsersView.as_view(), name="pin-users"),
    path("auth/me/", views.MeView.as_view(), name="me"),
    path("auth/password/", views.OwnPasswordView.as_view(), name="password"),
    path("tenant/", views.TenantView.as_view(), name="tenant"),
    path(
        "idempotency/<path:key>/",
        views.IdempotencyKeyViewSet.as_view({"get": "list"}),
        name="idempotency-key",
    ),
    path("changes/", views.ChangesViewSet.as_view({"get": "list"}), name="changes"),
    path(
        "webhooks/<uuid:pk>/deliveries/",
        views.DeliveryViewSet.as_view({"get": "list"}),
        name="webhook-deliveries",
    ),
    path(
        "webhooks/<uuid:pk>/deliveries/<uuid:delivery>/redeliver/",
        views.DeliveryViewSet.as_view({"post": "redeliver"}, detail=True),
        name="webhook-redeliver",
    ),
    *router.urls,
]
