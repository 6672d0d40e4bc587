"""Pages of price lists and their prices, and the prices on the page of a product."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin.forms import ServiceForm
from accounts.admin.numbers import NumberField
from accounts.admin.pages import ExactSearchMixin, ShopAdmin
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
from orders.admin.amounts import amount_column, quantity_column, to_currency
from orders.admin.stock import ProductParameterFilter
from orders.models import Price, PriceList, Product
from orders.models.catalog import MAX_SKU_LENGTH, normalize_code
from orders.serializers.price_list import PriceChangeInput, PriceInput, PriceListInput
from orders.services.catalog.price_lists import write_price, write_price_list
from orders.services.catalog.scanned_codes import find_scanned_product
from orders.services.documents.document import format_money
from tenants.api.formats import format_number
from tenants.models import Store

MAX_SHOWN_PRICES = 20
LOCAL_TIME = "By the clock of each store."


class PriceListForm(ServiceForm):
    stores = forms.ModelMultipleChoiceField(
        queryset=Store.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Without a choice, the list applies in all stores.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: Any = self.fields["stores"]
        choices.queryset = Store.objects.order_by("name")

    def clean_stores(self) -> list[str]:
        return [str(store.pk) for store in self.cleaned_data["stores"]]


@admin.register(PriceList, site=shop_site)
class PriceListAdmin(ShopAdmin):
    """Price lists; their prices are on a page of their own."""

    form = PriceListForm
    view_role = edit_role = Role.MANAGER
    add_input = change_input = PriceListInput
    list_display = ("name", "priority", "customer_group", "is_active", "updated_at")
    list_select_related = ("customer_group",)
    list_filter = ("is_active",)
    ordering = ("-priority",)
    fields = ("name", "stores", "customer_group", "priority", "is_active")

    def get_readonly_fields(self, request: Any, obj: Any = None) -> Any:
        return () if self.has_change_permission(request, obj) else ("stores",)

    def build_tables(self, row: PriceList) -> list[Table]:
        prices = Price.objects.filter(price_list=row).select_related("product", "price_list")
        url = admin_list_url(Price, price_list=row.pk)
        return [build_prices_table(prices.order_by("-pk"), by_product=True, url=url)]

    def add(self, given: dict[str, Any], *, by: User) -> Any:
        return write_price_list(PriceList(), given, by=by)

    def change(self, row: Any, given: dict[str, Any], *, expected_version: int, by: User) -> Any:
        return write_price_list(row, given, expected_version=expected_version, by=by)


def local_time_field(label: str) -> forms.CharField:
    """Return a field with the time as text, which the API serializer parses."""
    widget = forms.DateTimeInput(attrs={"type": "datetime-local", "step": 1})
    return forms.CharField(label=label, required=False, widget=widget, help_text=LOCAL_TIME)


class PriceForm(ServiceForm):
    """A price; its product is entered by SKU, because a list of all would be long."""

    product = forms.CharField(max_length=MAX_SKU_LENGTH, help_text="SKU of the product.")
    amount = NumberField()
    min_quantity = NumberField(
        initial="0",
        help_text="The price is for a line of at least this quantity.",
    )
    valid_from = local_time_field("Valid from")
    valid_to = local_time_field("Valid to")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.is_new:
            return
        price = self.instance
        self.initial["amount"] = to_currency(price.amount)
        self.initial["min_quantity"] = format_number(price.min_quantity)
        self.initial["valid_from"] = to_input(price.valid_from)
        self.initial["valid_to"] = to_input(price.valid_to)

    def clean_product(self) -> Product:
        found = Product.objects.filter(sku=normalize_code(self.cleaned_data["product"])).first()
        if found is None:
            raise forms.ValidationError("Product not found.", code="does_not_exist")
        return found

    def clean_valid_from(self) -> str | None:
        return self.cleaned_data["valid_from"] or None

    def clean_valid_to(self) -> str | None:
        return self.cleaned_data["valid_to"] or None


def to_input(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at else ""


class PriceListParameterFilter(admin.SimpleListFilter):
    """Filters by one price list."""

    title = "price list"
    parameter_name = "price_list"

    def lookups(self, request: Any, model_admin: Any) -> Any:
        lists = PriceList.objects.order_by("-priority")
        return [(str(pk), name) for pk, name in lists.values_list("pk", "name")]

    def queryset(self, request: Any, queryset: Any) -> Any:
        known = {str(key) for key, _ in self.lookup_choices}
        return queryset.filter(price_list=self.value()) if self.value() in known else queryset


@admin.register(Price, site=shop_site)
class PriceAdmin(ExactSearchMixin, ShopAdmin):
    """Prices of products in price lists."""

    form = PriceForm
    view_role = edit_role = Role.MANAGER
    add_input, change_input = PriceInput, PriceChangeInput
    list_display = (
        *("product", "price_list", "shown_amount", "shown_min_quantity"),
        *("shown_valid_from", "shown_valid_to", "is_active"),
    )
    list_filter = (PriceListParameterFilter, ProductParameterFilter, "is_active")
    list_select_related = ("product", "price_list")
    search_help_text = "Enter the full SKU or barcode of a product."
    sortable_by = ()
    ordering = ("-id",)
    fields = (
        *("price_list", "product", "amount", "min_quantity", "valid_from", "valid_to"),
        "is_active",
    )

    def search(self, request: HttpRequest, rows: Any, term: str) -> QuerySet[Any]:
        code = normalize_code(term)
        by_sku = Product.objects.filter(sku=code).values_list("pk", flat=True)
        return rows.filter(product__in=[*by_sku, find_scanned_product(code)])

    def get_readonly_fields(self, request: Any, obj: Any = None) -> Any:
        return () if obj is None else ("price_list", "product")

    shown_amount = amount_column("Amount", "amount")
    shown_min_quantity = quantity_column("From quantity", "min_quantity")

    @admin.display(description="Valid from")
    def shown_valid_from(self, price: Price) -> str:
        return format_local(price.valid_from)

    @admin.display(description="Valid to")
    def shown_valid_to(self, price: Price) -> str:
        return format_local(price.valid_to)

    def add(self, given: dict[str, Any], *, by: User) -> Any:
        return write_price(Price(), given, by=by)

    def change(self, row: Any, given: dict[str, Any], *, expected_version: int, by: User) -> Any:
        return write_price(row, given, expected_version=expected_version, by=by)


def format_local(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M}" if at else EMPTY


def build_prices_table(prices: Any, *, by_product: bool, url: str) -> Table:
    """Return the newest of the prices, by their product or by their list."""
    found = list(prices[: MAX_SHOWN_PRICES + 1])
    named = "Product" if by_product else "Price list"
    return Table(
        "Prices" if by_product else "Prices in price lists",
        tuple(build_price_row(price, by_product) for price in found[:MAX_SHOWN_PRICES]),
        header_cells([named, "Valid from", "Valid to", "Active"], "From quantity", "Amount"),
        nothing="No prices.",
        more=("All prices", url) if len(found) > MAX_SHOWN_PRICES else None,
    )


def build_price_row(price: Price, by_product: bool) -> TableRow:
    return table_row(
        text_cell(str(price.product if by_product else price.price_list), admin_url(price)),
        format_local(price.valid_from),
        format_local(price.valid_to),
        "yes" if price.is_active else "no",
        number_cell(format_number(price.min_quantity)),
        number_cell(format_money(price.amount)),
    )
