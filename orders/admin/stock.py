"""What lies on the shelves, and how it came there; deliveries are written down by the API."""

from typing import Any

from django.contrib import admin

from accounts.admin.pages import ShopAdmin
from accounts.models import Role
from accounts.web.site import shop_site
from orders.admin.order import OfStore
from orders.models import StockLevel, StockMovement


class StockAdmin(ShopAdmin):
    seen_by = Role.MANAGER
    list_filter: Any = (OfStore,)
    sortable_by = ()


@admin.register(StockLevel, site=shop_site)
class StockLevelAdmin(StockAdmin):
    """How much of everything lies where."""

    list_display = ("product", "store", "quantity", "reserved", "updated_at")
    list_select_related = ("product", "store")
    ordering = ("id",)
    fields = ("product", "store", "quantity", "reserved", "updated_at")


@admin.register(StockMovement, site=shop_site)
class StockMovementAdmin(StockAdmin):
    """Every change of it, newest first."""

    list_display = ("created_at", "type", "product", "store", "quantity", "reason", "by")
    list_select_related = ("product", "store", "by")
    ordering = ("-created_at", "-id")
    fields = ("type", "product", "store", "quantity", "reason", "by", "occurred_at", "created_at")
