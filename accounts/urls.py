"""auth/..., users/..., the shop itself, and what became of one's requests."""

from django.urls import path
from rest_framework.routers import SimpleRouter

from accounts import views

router = SimpleRouter(use_regex_path=False)
router.register("auth/sessions", views.SessionViewSet, basename="session")
router.register("users", views.UserViewSet, basename="user")
router.register("stores", views.StoreViewSet, basename="store")
router.register("registers", views.RegisterViewSet, basename="register")

urlpatterns = [
    path("auth/signup/", views.SignupView.as_view(), name="signup"),
    path("auth/token/", views.LogInView.as_view(), name="token"),
    path("auth/token/refresh/", views.RefreshView.as_view(), name="token-refresh"),
    path("auth/token/verify/", views.VerifyView.as_view(), name="token-verify"),
    path("auth/logout/", views.LogOutView.as_view(), name="logout"),
    path("auth/logout-all/", views.LogOutEverywhereView.as_view(), name="logout-all"),
    path("auth/reauth/", views.ReauthView.as_view(), name="reauth"),
    path("auth/me/", views.MeView.as_view(), name="me"),
    path("auth/password/", views.OwnPasswordView.as_view(), name="password"),
    path("tenant/", views.TenantView.as_view(), name="tenant"),
    path(
        "idempotency/<path:key>/",
        views.IdempotencyKeyViewSet.as_view({"get": "list"}),
        name="idempotency-key",
    ),
    *router.urls,
]
