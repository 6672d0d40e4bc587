"""Pages of stock levels and movements. Levels are corrected by new movements."""

import uuid
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode

from accounts.admin.filters import DayFilter, RecentDaysFilter, StoreFilter
from accounts.admin.forms import ServiceForm, validate_input
from accounts.admin.numbers import NumberField
from accounts.admin.pages import ExactSearchMixin, RecordAdmin, ShopAdmin
from accounts.admin.tables import (
    EMPTY,
    Table,
    TableRow,
    admin_list_url,
    admin_url,
    header_cells,
    number_cell,
    table_row,
    text_cell,
)
from accounts.admin_site.site import shop_site
from accounts.models import Role, User
from orders.admin.amounts import format_quantity_change, quantity_column
from orders.admin.links import build_link, build_links_table
from orders.admin.stock_breakdown import build_movements_table
from orders.models import (
    Product,
    StockCount,
    StockLevel,
    StockMovement,
    StockTransfer,
)
from orders.models.catalog import MAX_SKU_LENGTH, normalize_code
from orders.serializers.stock import (
    MANUAL_REASONS,
    MovementInput,
    OpeningStockInput,
    StockLevelInput,
    build_new_movement,
)
from orders.services.catalog.search import search_products_by_parts
from orders.services.stock.levels import set_reorder_point
from orders.services.stock.movements import move_stock
from orders.services.stock.opening import set_opening_stock
from orders.services.stock.transfers import sum_in_transit
from tenants.api.formats import format_number
from tenants.ids import new_id
from tenants.models import Store
from tenants.scope import atomic_with_retry

Type = StockMovement.Type
CORRECTION_TYPES = (Type.RECEIVE, Type.WASTE, Type.COUNT, Type.ADJUST, Type.TRANSFER_OUT)
CORRECTION_LABELS = {
    Type.RECEIVE: "Received: quantity that arrived",
    Type.WASTE: "Wasted: quantity thrown away",
    Type.COUNT: "Counted: quantity that is there now",
    Type.TRANSFER_OUT: "Moved: quantity that went to another store",
    Type.ADJUST: "Adjusted: change of the quantity, negative to reduce it",
}


REQUIRED = "This field is required."


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


CORRECTION_FIELDS = ("type", "moved", "to_store", "waste_reason", "reason")


def quantity_field(label: str, **more: Any) -> forms.CharField:
    """Return a field with a quantity, which the API serializer checks."""
    return NumberField(label=label, **more)


REORDER_POINT_HELP = "A mail is sent when the stock falls to this quantity. Empty: no mail."


# The errors of the API in the words of the form.
WORDS_OF_ERRORS = {
    "Required for transfer_out.": "Choose the store to which the goods went.",
    "Only allowed for transfer_out.": "Only for goods that went to another store.",
    "Required for adjust.": "Enter a reason.",
    "Required for this reason of waste.": "Enter a reason.",
    "Must not be negative, except for adjust.": "Enter the quantity without a minus sign.",
    "Must not be zero, except for count.": "Enter a quantity that is not zero.",
    "Only allowed for waste.": "Only for goods that were thrown away.",
    "Must be another store than `store`.": "Choose another store.",
}
# The names of the API that the form has under another name.
FIELDS_OF_API = {"quantity": "moved"}


class StockLevelForm(ServiceForm):
    """The reorder point, and a correction.

    The hidden id of the movement makes a repeated submission harmless.
    """

    reorder_point = quantity_field(
        "Reorder point", required=False, empty_value=None, help_text=REORDER_POINT_HELP
    )
    movement = forms.UUIDField(widget=forms.HiddenInput, initial=new_id)
    type = forms.ChoiceField(
        label="What happened",
        required=False,
        choices=[("", "Nothing"), *((t.value, CORRECTION_LABELS[t]) for t in CORRECTION_TYPES)],
    )
    moved = quantity_field("Quantity", required=False)
    to_store = forms.ModelChoiceField(
        Store.objects.none(), required=False, label="Other store", help_text="If it was moved."
    )
    waste_reason = forms.ChoiceField(
        label="Reason of waste",
        required=False,
        choices=[("", "None"), *((each.value, each.label) for each in MANUAL_REASONS)],
        help_text="If it was wasted.",
    )
    reason = forms.CharField(
        required=False,
        max_length=200,
        help_text="Required for an adjustment, and for waste with the reason Other.",
        strip=True,
    )
    reason.widget.attrs["size"] = 60

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: Any = self.fields["to_store"]
        others = Store.objects.filter(is_active=True).exclude(pk=self.instance.store_id)
        choices.queryset = others.order_by("name")
        point = self.instance.reorder_point
        self.initial["reorder_point"] = None if point is None else format_number(point)

    def add_error_at(self, path: str, detail: str, code: str) -> None:
        super().add_error_at(
            FIELDS_OF_API.get(path, path), WORDS_OF_ERRORS.get(detail, detail), code
        )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if cleaned.get("type") and not cleaned.get("moved"):
            self.add_error("moved", forms.ValidationError(REQUIRED, code="required"))
        others = ("moved", "reason", "to_store", "waste_reason")
        if not cleaned.get("type") and any(cleaned.get(name) for name in others):
            self.add_error("type", forms.ValidationError(REQUIRED, code="required"))
        return cleaned


class OpeningStockForm(ServiceForm):
    """The first stock of a product in a store, entered by SKU: a list of all would be long."""

    product = forms.CharField(max_length=MAX_SKU_LENGTH, help_text="SKU of the product.")
    store = forms.ModelChoiceField(Store.objects.none())
    quantity = quantity_field("Quantity in the store")
    reorder_point = quantity_field(
        "Reorder point", required=False, empty_value=None, help_text=REORDER_POINT_HELP
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: Any = self.fields["store"]
        choices.queryset = Store.objects.filter(is_active=True).order_by("name")

    def clean_product(self) -> Product:
        found = Product.objects.filter(sku=normalize_code(self.cleaned_data["product"])).first()
        if found is None:
            raise forms.ValidationError("Product not found.", code="does_not_exist")
        return found


class StockStateFilter(admin.SimpleListFilter):
    """Filters by levels that somebody has to look at."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: Any, model_admin: Any) -> Any:
        return [("low", "Low: at or below the reorder point"), ("negative", "Below zero")]

    def queryset(self, request: Any, queryset: Any) -> Any:
        if self.value() == "low":
            return queryset.low()
        return queryset.negative() if self.value() == "negative" else queryset


@admin.register(StockLevel, site=shop_site)
class StockLevelAdmin(ExactSearchMixin, ShopAdmin):
    """Stock levels, with a form for the reorder point and to correct them.

    A new one is the opening stock of a product in a store.
    """

    form = StockLevelForm
    view_role = edit_role = Role.MANAGER
    fields_of_errors = {
        "insufficient_stock": "moved",
        "not_tracked": "type",
        "stock_exists": "store",
    }
    list_display = (
        *("product", "sku", "store", "in_stock", "shown_reserved", "shown_reorder_point"),
        "updated_at",
    )
    list_filter = (StockStateFilter, StoreFilter, ProductParameterFilter)
    list_select_related = ("product", "store")
    search_help_text = "Enter words of the name, or a part of a SKU or barcode."
    sortable_by = ()
    ordering = ("id",)
    readonly_fields = (
        *("product", "store", "in_stock", "shown_reserved", "shown_available", "updated_at"),
    )
    fields = (*readonly_fields, "reorder_point", "movement", *CORRECTION_FIELDS)

    def get_form(self, request: Any, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = StockLevelForm if change else OpeningStockForm
        return super().get_form(request, obj, change, form=form, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        opening = ("product", "store", "quantity", "reorder_point")
        return opening if obj is None else super().get_fields(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else super().get_readonly_fields(request, obj)

    def search(self, request: HttpRequest, rows: Any, term: str) -> QuerySet[Any]:
        products = search_products_by_parts(Product.objects.all(), term)
        return rows.filter(product__in=products.values("pk"))

    in_stock = quantity_column("In stock", "quantity")
    shown_reserved = quantity_column("Reserved for pending payments", "reserved")
    shown_available = quantity_column("Available", "available")
    shown_reorder_point = quantity_column("Reorder point", "reorder_point")

    @admin.display(description="SKU")
    def sku(self, level: StockLevel) -> str:
        return level.product.sku

    def render_change_form(self, request: Any, context: Any, *args: Any, **kwargs: Any) -> Any:
        context["show_save_and_continue"] = False
        return super().render_change_form(request, context, *args, **kwargs)

    def get_title(self, row: StockLevel) -> str:
        return f"{row.product} in {row.store}"

    def build_tables(self, row: StockLevel) -> list[Table]:
        return [build_movements_table(row)]

    # --- opening stock and corrections --------------------------------------------------------

    def read(self, cleaned: Any, *, partial: bool) -> dict[str, Any]:
        """Return the values of the opening stock, or of the reorder point and the correction."""
        if not partial:
            given = {name: cleaned[name] for name in ("store", "quantity", "reorder_point")}
            return {"product": cleaned["product"], **validate_input(OpeningStockInput(), given)}
        point = {"reorder_point": cleaned["reorder_point"]}
        return validate_input(StockLevelInput(), point) | {"correction": read_correction(cleaned)}

    def add(self, given: dict[str, Any], *, by: User) -> Any:
        return set_opening_stock(**given, by=by)

    @atomic_with_retry
    def change(self, row: Any, given: dict[str, Any], *, expected_version: int, by: User) -> Any:
        point, correction = given["reorder_point"], given["correction"]
        expected: int | None = expected_version
        if point != row.reorder_point:
            level = set_reorder_point(row.pk, point, expected_version=expected_version, by=by)
            expected = level.version
        elif correction is None:
            row.ensure_version(expected_version)
        if correction is not None:
            body = correction | {"product": str(row.product_id), "store": str(row.store_id)}
            new = build_new_movement(validate_input(MovementInput(), body), body)
            move_stock(new, expected_version=expected, by=by)
        return StockLevel.objects.select_related("product", "store").get(pk=row.pk)

    def response_change(self, request: Any, obj: Any) -> HttpResponse:
        """Return to the stock level, with the new movement."""
        self.message_user(request, f"{self.get_title(obj)}: {format_number(obj.quantity)} now.")
        return HttpResponseRedirect(admin_url(obj))


def read_correction(cleaned: Any) -> dict[str, Any] | None:
    """Return the body of `POST stock/movements/`, or None if nothing happened."""
    if not cleaned["type"]:
        return None
    body = {
        "id": str(cleaned["movement"]),
        "type": cleaned["type"],
        "quantity": cleaned["moved"],
        "reason": cleaned["reason"],
    }
    if cleaned["to_store"]:
        body["to_store"] = str(cleaned["to_store"].pk)
    if cleaned["waste_reason"]:
        body["waste_reason"] = cleaned["waste_reason"]
    return body


def build_stock_table(product: Product) -> Table:
    """Build the table of the stock of a product in each store."""
    levels = {level.store_id: level for level in StockLevel.objects.filter(product=product)}
    in_transit = sum_in_transit([product.pk])
    stores = Store.objects.order_by("name", "pk")
    return Table(
        "Stock",
        tuple(
            build_stock_row(
                product, store, levels.get(store.pk), in_transit.get((store.pk, product.pk))
            )
            for store in stores
            if store.is_active or store.pk in levels
        ),
        head=header_cells(
            ("Store", "Movements"),
            *("In stock", "Reserved", "Available", "On the way", "Reorder point"),
        ),
        nothing="Stock is not tracked for this product." if not product.track_stock else "",
    )


def build_stock_row(
    product: Product, store: Store, level: StockLevel | None, in_transit: Decimal | None
) -> TableRow:
    on_the_way = number_cell(None if in_transit is None else format_number(in_transit))
    if level is None:
        new = f"{reverse('shop:orders_stocklevel_add')}?"
        new += urlencode({"product": product.sku, "store": store.pk})
        opening = text_cell("Enter the opening stock", new) if product.has_own_stock else EMPTY
        numbers = [number_cell(None)] * 3
        return table_row(text_cell(store), opening, *numbers, on_the_way, number_cell(None))
    movements = admin_list_url(StockMovement, product=product.pk, store=store.pk)
    point = level.reorder_point
    return table_row(
        text_cell(store, admin_url(level)),
        text_cell("Movements", movements),
        number_cell(format_number(level.quantity), *(["low"] if level.is_low else [])),
        number_cell(format_number(level.reserved)),
        number_cell(format_number(level.available)),
        on_the_way,
        number_cell(None if point is None else format_number(point)),
    )


@admin.register(StockMovement, site=shop_site)
class StockMovementAdmin(RecordAdmin):
    """Stock movements, newest first."""

    list_display = ("created_at", "type", "product", "store", "change_of_level", "reason", "by")
    list_filter = (
        "type",
        "waste_reason",
        RecentDaysFilter,
        DayFilter,
        StoreFilter,
        ProductParameterFilter,
    )
    list_select_related = ("product", "store", "by")
    fields = (
        "type",
        "product",
        "store",
        "change_of_level",
        "shown_count",
        "waste_reason",
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

    def build_tables(self, row: StockMovement) -> list[Table]:
        levels = StockLevel.objects.filter(product=row.product_id, store=row.store_id)
        counts = StockCount.objects.filter(pk=row.stock_count) if row.stock_count else ()
        transfers = StockTransfer.objects.filter(pk=row.stock_transfer)
        named = transfers.select_related("from_store", "to_store") if row.stock_transfer else ()
        return [
            build_links_table(
                [
                    *(build_link("Stock level", f"In {row.store}", level) for level in levels),
                    *(build_link("Stock count", str(count), count) for count in counts),
                    *(build_link("Stock transfer", str(each), each) for each in named),
                ]
            )
        ]

    @admin.display(description="Refund")
    def refund_receipt(self, movement: StockMovement) -> str:
        refund = movement.refund
        return EMPTY if refund is None else f"Receipt {refund.receipt_number}: {refund.reason}"

    def get_title(self, row: StockMovement) -> str:
        return f"{row.get_type_display()}: {format_quantity_change(row.quantity)} of {row.product}"
