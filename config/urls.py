"""Root URLs: API, documentation, shop admin, platform admin and health checks."""

from django.contrib import admin
from django.urls import include, path

from accounts.admin_site.site import shop_site
from accounts.views import KeysView
from config import api_docs, health

urlpatterns = [
    path("", api_docs.home, name="home"),
    path("admin/", shop_site.urls),
    path("platform/", admin.site.urls),
    path("api/v1/", include("accounts.urls")),
    path("api/v1/", include("orders.urls")),
    path("api/schema/", api_docs.schema, name="schema"),
    path("api/docs/", api_docs.docs, name="docs"),
    path(".well-known/jwks.json", KeysView.as_view(), name="jwks"),
    path("health/live/", health.live, name="live"),
    path("health/ready/", health.ready, name="ready"),
]

handler400 = "config.problems.bad_request"
handler403 = "config.problems.permission_denied"
handler404 = "config.problems.page_not_found"
handler500 = "config.problems.server_error"
