"""Pages of stock levels and movements. Levels are corrected by new movements."""

import uuid
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from accounts.admin.filters import DayFilter, RecentDaysFilter, StoreFilter
from accounts.admin.forms import ServiceForm, validate_input
from accounts.admin.pages import ExactSearchMixin, RecordAdmin, ShopAdmin
from accounts.admin.tables import EMPTY, Table, admin_url
from accounts.admin_site.site import shop_site
from accounts.models import Role, User
from orders.admin.amounts import format_quantity_change, quantity_column
from orders.admin.stock_breakdown import build_movements_table
from orders.models import Product, StockLevel, StockMovement
from orders.models.catalog import normalize_code
from orders.serializers.stock import MovementInput, build_new_movement
from orders.services.catalog.scanned_codes import find_scanned_product
from orders.services.stock.movements import move_stock
from tenants.api.formats import format_number
from tenants.ids import new_id

Type = StockMovement.Type
# Movements of one store; transfers are made through the API.
CORRECTION_TYPES = (Type.RECEIVE, Type.WASTE, Type.COUNT, Type.ADJUST)
CORRECTION_LABELS = {
    Type.RECEIVE: "Received: quantity that arrived",
    Type.WASTE: "Wasted: quantity thrown away",
    Type.COUNT: "Counted: quantity that is there now",
    Type.ADJUST: "Adjusted: change of the quantity, negative to reduce it",
}


class ProductParameterFilter(admin.SimpleListFilter):
    """Filters by one product, as linked from its stock level; it lists no choices."""

    title = "product"
    parameter_name = "product"

    def lookups(self, request: Any, model_admin: Any) -> Any:
        product = find_product(request.GET.get(self.parameter_name, ""))
        return [(str(product.pk), product.name)] if product else []

    def queryset(self, request: Any, queryset: Any) -> Any:
        known = {str(key) for key, _ in self.lookup_choices}
        return queryset.filter(product=self.value()) if self.value() in known else queryset


def find_product(text: str) -> Product | None:
    try:
        return Product.objects.filter(pk=uuid.UUID(text)).first()
    except ValueError:
        return None


class CorrectionForm(ServiceForm):
    """A stock correction. Its id makes a repeated submission harmless."""

    movement = forms.UUIDField(widget=forms.HiddenInput, initial=new_id)
    type = forms.ChoiceField(
        label="What happened",
        choices=[("", "Choose"), *((t.value, CORRECTION_LABELS[t]) for t in CORRECTION_TYPES)],
    )
    # Text: the API serializer parses it.
    moved = forms.CharField(
        label="Quantity",
        max_length=20,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "size": 12, "autocomplete": "off"}),
    )
    reason = forms.CharField(
        required=False, max_length=200, help_text="Required for an adjustment.", strip=True
    )
    reason.widget.attrs["size"] = 60


@admin.register(StockLevel, site=shop_site)
class StockLevelAdmin(ExactSearchMixin, ShopAdmin):
    """Stock levels with a form to correct them."""

    form = CorrectionForm
    view_role = edit_role = Role.MANAGER
    fields_of_errors = {"insufficient_stock": "moved", "not_tracked": "type"}
    list_display = ("product", "store", "in_stock", "shown_reserved", "updated_at")
    list_filter = (StoreFilter, ProductParameterFilter)
    list_select_related = ("product", "store")
    search_help_text = "Enter the full SKU or barcode of a product."
    sortable_by = ()
    ordering = ("id",)
    readonly_fields = (
        "product",
        "store",
        "in_stock",
        "shown_reserved",
        "shown_available",
        "shown_reorder_point",
        "updated_at",
    )
    fields = (*readonly_fields, "movement", "type", "moved", "reason")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def search(self, request: HttpRequest, rows: Any, term: str) -> QuerySet[Any]:
        code = normalize_code(term)
        products = Product.objects.filter(Q(sku=code) | Q(pk=find_scanned_product(code)))
        return rows.filter(product__in=list(products))

    in_stock = quantity_column("In stock", "quantity")
    shown_reserved = quantity_column("Reserved for pending payments", "reserved")
    shown_available = quantity_column("Available", "available")
    shown_reorder_point = quantity_column("Reorder point", "reorder_point")

    def render_change_form(self, request: Any, context: Any, *args: Any, **kwargs: Any) -> Any:
        context["show_save_and_continue"] = False
        return super().render_change_form(request, context, *args, **kwargs)

    def get_title(self, row: StockLevel) -> str:
        return f"{row.product} in {row.store}"

    def build_tables(self, row: StockLevel) -> list[Table]:
        return [build_movements_table(row)]

    # --- correction -------------------------------------------------------------------------

    def read(self, cleaned: Any, *, partial: bool) -> dict[str, Any]:
        """Return the body of `POST stock/movements/`."""
        return {
            "id": str(cleaned["movement"]),
            "type": cleaned["type"],
            "quantity": cleaned["moved"],
            "reason": cleaned["reason"],
        }

    def change(self, row: Any, given: dict[str, Any], *, expected_version: int, by: User) -> Any:
        body = given | {"product": str(row.product_id), "store": str(row.store_id)}
        new = build_new_movement(validate_input(MovementInput(), body), body)
        move_stock(new, expected_version=expected_version, by=by)
        return StockLevel.objects.select_related("product", "store").get(pk=row.pk)

    def response_change(self, request: Any, obj: Any) -> HttpResponse:
        """Return to the stock level, with the new movement."""
        self.message_user(request, f"{self.get_title(obj)}: {format_number(obj.quantity)} now.")
        return HttpResponseRedirect(admin_url(obj))


@admin.register(StockMovement, site=shop_site)
class StockMovementAdmin(RecordAdmin):
    """Stock movements, newest first."""

    list_display = ("created_at", "type", "product", "store", "change_of_level", "reason", "by")
    list_filter = ("type", RecentDaysFilter, DayFilter, StoreFilter, ProductParameterFilter)
    list_select_related = ("product", "store", "by")
    fields = (
        "type",
        "product",
        "store",
        "change_of_level",
        "shown_count",
        "reason",
        "by",
        "order",
        "refund_receipt",
        "occurred_at",
        "created_at",
    )

    @admin.display(description="Quantity")
    def change_of_level(self, movement: StockMovement) -> str:
        return format_quantity_change(movement.quantity)

    shown_count = quantity_column("Counted", "counted")

    @admin.display(description="Refund")
    def refund_receipt(self, movement: StockMovement) -> str:
        refund = movement.refund
        return EMPTY if refund is None else f"Receipt {refund.receipt_number}: {refund.reason}"

    def get_title(self, row: StockMovement) -> str:
        return f"{row.get_type_display()}: {format_quantity_change(row.quantity)} of {row.product}"
