"""Pages of products and orders of all shops for platform operators, read-only."""

from django.contrib import admin

from orders.models import Order, Product
from tenants.admin import ReadOnly, TenantScopedAdmin


@admin.register(Product)
class ProductAdmin(ReadOnly, TenantScopedAdmin):
    list_display = ("sku", "name", "price", "tenant", "is_active")
    list_filter = ("is_active",)
    search_fields = ("sku", "name", "tenant__slug")
    ordering = ("tenant__slug", "sku")
    fields = (
        "id",
        "tenant",
        "sku",
        "name",
        "price",
        "sold_by",
        "open_price",
        "track_stock",
        "is_active",
    )


@admin.register(Order)
class OrderAdmin(ReadOnly, TenantScopedAdmin):
    list_display = ("number", "tenant", "status", "total", "register", "cashier", "created_at")
    list_filter = ("status",)
    list_select_related = ("tenant", "register", "cashier")
    search_fields = ("number", "tenant__slug")
    ordering = ("-created_at", "-id")
    fields = (
        "id",
        "tenant",
        "number",
        "status",
        "store",
        "register",
        "cashier",
        "subtotal",
        "discount_total",
        "tax_total",
        "total",
        "paid_total",
        "refunded_total",
        "receipt_number",
        "created_at",
        "completed_at",
    )
