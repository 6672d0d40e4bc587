"""Root URLs: API, documentation, shop admin, platform admin and health checks."""

from django.urls import include, path

from accounts.views import KeysView
from config import api_docs, health, metrics, register_page

# Unlike include(), a name is imported only when a request begins with its prefix.
SHOP = ("config.shop_urls", "admin", "shop")
PLATFORM = ("config.platform_urls", "admin", "platform")

urlpatterns = [
    path("", api_docs.home, name="home"),
    path("admin/", SHOP),
    path("platform/", PLATFORM),
    path("till/", register_page.page, name="till"),
    path("till/sw.js", register_page.worker, name="till-worker"),
    path("till/manifest.webmanifest", register_page.manifest, name="till-manifest"),
    path("api/v1/", include("accounts.urls")),
    path("api/v1/", include("orders.urls")),
    path("api/schema/", api_docs.schema, name="schema"),
    path("api/docs/", api_docs.docs, name="docs"),
    path(".well-known/jwks.json", KeysView.as_view(), name="jwks"),
    path("metrics", metrics.metrics, name="metrics"),
    path("health/live/", health.live, name="live"),
    path("health/ready/", health.ready, name="ready"),
]

handler400 = "config.problems.bad_request"
handler403 = "config.problems.permission_denied"
handler404 = "config.problems.page_not_found"
handler500 = "config.problems.server_error"
