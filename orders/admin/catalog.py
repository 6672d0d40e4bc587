"""Pages of products, categories and tax classes. Admins alone change tax classes."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from accounts.admin.forms import ServiceForm, validate_input
from accounts.admin.numbers import NumberField
from accounts.admin.pages import ShopAdmin
from accounts.admin.tables import Table, admin_list_url
from accounts.admin_site.site import shop_site
from accounts.models import Role, User
from orders.admin.amounts import amount_column, to_currency
from orders.admin.bulk_edit import BulkEditMixin
from orders.admin.catalog_import import ProductImportMixin
from orders.admin.price_labels import MAX_PRODUCTS, price_labels_view
from orders.admin.price_list import build_prices_table
from orders.admin.rates import RatesField
from orders.admin.stock import build_stock_table, quantity_field
from orders.admin.variant_matrix import VariantMatrixMixin
from orders.admin.variants import (
    ParentFilter,
    build_initial_variant,
    build_variants_table,
    find_by_sku,
    read_options,
    write_options,
)
from orders.models import Category, ModifierList, Price, Product, TaxClass
from orders.models.catalog import MAX_SKU_LENGTH
from orders.serializers.catalog import CategoryInput, ProductInput, TaxClassInput
from orders.serializers.rendering import render_image
from orders.serializers.stock import OpeningStockInput
from orders.services.catalog.product_images import write_image
from orders.services.catalog.products import write_product
from orders.services.catalog.scanned_codes import find_scanned_product
from orders.services.catalog.search import search_products_by_parts
from orders.services.images import MAX_IMAGE_BYTES, NormalizedImage, normalize_image
from orders.services.stock.opening import set_opening_stock
from tenants.api.formats import format_number
from tenants.exceptions import FieldError, Invalid
from tenants.models import Store
from tenants.scope import atomic_with_retry
from tenants.services import save_audited_row


def show_image(product: Product, *, css_class: str) -> str:
    """Return the thumbnail of a product; its name is beside it."""
    if not product.image:
        return ""
    url = render_image(product.image)["thumbnail_url"]
    return render_to_string("admin/shop/image.html", {"url": url, "css_class": css_class})


class ProductForm(ServiceForm):
    """A product with its barcodes, one per line."""

    # Text: the API serializer parses it, so that the same rules apply.
    price = NumberField()
    cost = NumberField(
        required=False,
        empty_value=None,
        help_text="What the shop pays for one unit. Cashiers do not see it.",
    )
    content = NumberField(
        required=False,
        empty_value=None,
        help_text="What one unit contains, such as 750 with the unit g, for the unit price.",
    )
    barcodes = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 30}),
        help_text="One barcode per line.",
    )
    # For both texts: a list of all products would be long.
    parent = forms.CharField(
        required=False,
        max_length=MAX_SKU_LENGTH,
        help_text="SKU of the product that this is a variant of, such as a T-shirt.",
    )
    options = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 30}),
        help_text='Of a variant: one option per line, such as "Size: M".',
    )
    deposit = forms.CharField(
        required=False,
        max_length=MAX_SKU_LENGTH,
        help_text="SKU of the product that is charged with every unit, such as a bottle deposit.",
    )

    # Text: it has an order.
    modifier_lists = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 30}),
        help_text="Names of modifier lists, one per line, in the order in which they are offered.",
    )

    new_image = forms.FileField(
        required=False,
        label="Image",
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp"}),
        help_text="PNG, JPEG or WebP, at most 1 MB and 16 megapixels.",
    )
    remove_image = forms.BooleanField(required=False)
    opening_stock = quantity_field(
        "Opening stock", required=False, help_text="What is in the store now."
    )
    opening_store = forms.ModelChoiceField(
        Store.objects.none(), required=False, label="Store of the opening stock"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer_stores()
        if not self.is_new:
            names = ModifierList.objects.in_bulk(self.instance.modifier_list_ids)
            lists = [names[UUID(each)].name for each in self.instance.modifier_list_ids]
            self.initial["modifier_lists"] = "\n".join(lists)
            codes = self.instance.barcodes.values_list("code", flat=True)
            self.initial["barcodes"] = "\n".join(codes)
            deposit, parent = self.instance.deposit, self.instance.parent
            self.initial["deposit"] = deposit.sku if deposit else ""
            self.initial["parent"] = parent.sku if parent else ""
            self.initial["options"] = write_options(self.instance.options or ())
        elif self.data.get("parent") or self.initial.get("parent"):
            # A new variant has both from its parent, unless they are entered.
            self.fields["name"].required = self.fields["price"].required = False
        self.initial["price"] = to_currency(self.initial.get("price"))
        self.initial["cost"] = to_currency(self.initial.get("cost"))
        content = self.initial.get("content")
        self.initial["content"] = None if content is None else format_number(content)

    def offer_stores(self) -> None:
        """Offer the stores for the opening stock; the only one need not be chosen.

        A product that exists has its stock on other pages.
        """
        if not self.is_new:
            del self.fields["opening_stock"], self.fields["opening_store"]
            return
        stores = Store.objects.filter(is_active=True).order_by("name")
        choices: Any = self.fields["opening_store"]
        choices.queryset = stores
        if len(found := stores[:2]) == 1:
            self.initial["opening_store"] = found[0].pk

    def clean_barcodes(self) -> list[str]:
        return str(self.cleaned_data["barcodes"]).split()

    # What the page has decoded before its transaction.
    decoded_image: ClassVar[NormalizedImage | Invalid | None] = None

    def clean_new_image(self) -> NormalizedImage | None:
        if isinstance(self.decoded_image, Invalid):
            (error,) = self.decoded_image.errors
            raise forms.ValidationError(error.detail, code=error.code)
        return self.decoded_image

    def clean_modifier_lists(self) -> list[str]:
        lines = str(self.cleaned_data["modifier_lists"]).splitlines()
        names = [name for line in lines if (name := line.strip())]
        found = dict(ModifierList.objects.filter(name__in=names).values_list("name", "pk"))
        if missing := [name for name in names if name not in found]:
            detail = f"There is no modifier list {missing[0]}."
            raise forms.ValidationError(detail, code="does_not_exist")
        return [str(found[name]) for name in names]

    def clean_deposit(self) -> Product | None:
        return find_by_sku(self.cleaned_data["deposit"])

    def clean_parent(self) -> Product | None:
        return find_by_sku(self.cleaned_data["parent"])

    def clean_options(self) -> dict[str, str]:
        return read_options(self.cleaned_data["options"])

    def clean(self) -> dict[str, Any]:
        super().clean()
        cleaned = self.cleaned_data
        is_new_variant = self.is_new and cleaned.get("parent")
        left_out = ("name", "price") if is_new_variant else ()
        return {
            name: value for name, value in cleaned.items() if value != "" or name not in left_out
        }


def read_opening_stock(cleaned: Any) -> dict[str, Any]:
    """Return store and quantity of the opening stock. Raises `Invalid`."""
    if cleaned.get("opening_store") is None:
        raise Invalid.field("opening_store", "Choose the store.", code="required")
    given = {"store": cleaned["opening_store"], "quantity": cleaned["opening_stock"]}
    with naming_the_field("opening_stock"):
        return validate_input(OpeningStockInput(), given)


# What services of their own save.
NOT_COLUMNS = frozenset({"barcodes", "image", "opening"})


@contextmanager
def naming_the_field(field: str) -> Iterator[None]:
    """Show the errors of a service at this field of the form."""
    try:
        yield
    except Invalid as refusal:
        errors = (FieldError(field, error.code, error.detail) for error in refusal.errors)
        raise Invalid(errors=tuple(errors)) from refusal


def decode_image(file: Any) -> NormalizedImage | Invalid:
    """Return the image of an upload, or why it is none."""
    # The page may run again after a conflict.
    file.seek(0)
    try:
        # One byte more shows that it is too large.
        return normalize_image(file.read(MAX_IMAGE_BYTES + 1), "new_image")
    except Invalid as refusal:
        return refusal


@admin.register(Product, site=shop_site)
class ProductAdmin(ProductImportMixin, BulkEditMixin, VariantMatrixMixin, ShopAdmin):
    """Products of the shop."""

    change_list_template = "admin/shop/products.html"
    form = ProductForm
    view_role = edit_role = Role.MANAGER
    add_input = change_input = ProductInput
    fields_of_errors = {
        "sku_taken": "sku",
        "plu_taken": "plu",
        "barcode_taken": "barcodes",
        "options_taken": "options",
    }
    list_display = ("thumbnail", "name", "sku", "amount", "category", "tax_class", "is_active")
    list_display_links = ("name",)
    list_filter = ("is_active", "sold_by", ParentFilter)
    list_select_related = ("category", "tax_class")
    actions = ("bulk_edit", "print_labels")
    # Any field: it makes Django show the search box.
    search_fields = ("id",)
    search_help_text = "Enter words of the name, or a part of a SKU or barcode."
    # Those with an index.
    sortable_by = ("name", "sku", "amount")
    ordering = ("name", "id")
    fields = (
        "name",
        "sku",
        "price",
        "cost",
        "content",
        "content_unit",
        "tax_class",
        "category",
        "barcodes",
        "plu",
        "external_id",
        "parent",
        "options",
        "sold_by",
        "weight_unit",
        "deposit",
        "returnable",
        "modifier_lists",
        "open_price",
        "track_stock",
        "is_active",
        "new_image",
    )

    def get_fields(self, request: Any, obj: Any = None) -> Any:
        fields = super().get_fields(request, obj)
        if obj is None:
            return (*fields, "opening_stock", "opening_store")
        return (*fields, *(("picture", "remove_image") if obj.image else ()))

    def get_readonly_fields(self, request: Any, obj: Any = None) -> Any:
        return () if obj is None else ("picture",)

    def changeform_view(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Decode the image first, which takes up to a second, and then open the transaction."""
        file = request.FILES.get("new_image") if request.method == "POST" else None
        request.decoded_image = decode_image(file) if file else None
        return super().changeform_view(request, *args, **kwargs)

    def get_form(self, request: Any, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        form.decoded_image = getattr(request, "decoded_image", None)
        return form

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Fill in what a new variant has from the parent whose SKU is in the link."""
        parent = Product.objects.filter(sku=request.GET.get("parent", "")).first()
        return build_initial_variant(parent) if parent else {}

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        scanned = find_scanned_product(search_term)
        if scanned is not None:
            return queryset.filter(pk=scanned), False
        found: Any = queryset
        return search_products_by_parts(found, search_term), False

    amount = amount_column("Price", "price")

    @admin.action(description="Edit price, taxes, category", permissions=["change"])
    def bulk_edit(self, request: HttpRequest, products: QuerySet[Any]) -> HttpResponse | None:
        """Show the page of changes for the selected products."""
        ids = list(products.order_by("pk").values_list("pk", flat=True)[: MAX_PRODUCTS + 1])
        if len(ids) > MAX_PRODUCTS:
            detail = f"Select at most {MAX_PRODUCTS:,} products. Filter the list."
            self.message_user(request, detail, messages.ERROR)
            return None
        return self.bulk_edit_view(request, ids)

    @admin.action(description="Print price labels", permissions=["view"])
    def print_labels(self, request: HttpRequest, products: QuerySet[Any]) -> HttpResponse:
        """Show the page of price labels for the selected products."""
        ids = products.order_by("pk").values_list("pk", flat=True)
        return price_labels_view(request, list(ids[:MAX_PRODUCTS]))

    @admin.display(description="Image", empty_value="")
    def thumbnail(self, product: Product) -> str:
        return show_image(product, css_class="till-thumbnail")

    @admin.display(description="Current image")
    def picture(self, product: Product) -> str:
        return show_image(product, css_class="till-picture")

    def build_tables(self, row: Product) -> list[Table]:
        prices = Price.objects.filter(product=row).select_related("product", "price_list")
        url = admin_list_url(Price, product=row.pk)
        table = build_prices_table(prices.order_by("-pk"), by_product=False, url=url)
        tables = [build_stock_table(row), table]
        return tables if row.parent_id else [build_variants_table(row), *tables]

    def read(self, cleaned: Mapping[str, Any], *, partial: bool) -> dict[str, Any]:
        given = super().read(cleaned, partial=partial)
        if cleaned.get("new_image") or cleaned.get("remove_image"):
            given["image"] = cleaned.get("new_image")
        if not partial and cleaned.get("opening_stock"):
            given["opening"] = read_opening_stock(cleaned)
        return given

    @atomic_with_retry
    def add(self, given: dict[str, Any], *, by: User) -> Any:
        product = self.save_product(Product(), given, by=by)
        if "opening" in given:
            with naming_the_field("opening_stock"):
                set_opening_stock(product, **given["opening"], by=by)
        return product

    @atomic_with_retry
    def change(self, row: Any, given: dict[str, Any], *, expected_version: int, by: User) -> Any:
        product = Product.objects.select_for_update(no_key=True).get(pk=row.pk)
        product.ensure_version(expected_version)
        return self.save_product(product, given, by=by)

    def save_product(self, product: Product, given: dict[str, Any], *, by: User) -> Product:
        changes = {name: given[name] for name in given if name not in NOT_COLUMNS}
        saved = write_product(product, changes, barcodes=given.get("barcodes"), by=by)
        if "image" in given:
            write_image(saved, given["image"], by=by)
        return saved


@admin.register(Category, site=shop_site)
class CategoryAdmin(ShopAdmin):
    """Product categories."""

    view_role = edit_role = Role.MANAGER
    add_input = change_input = CategoryInput
    list_display = ("name", "updated_at")
    search_fields = ("name",)
    ordering = ("name",)
    fields = ("name",)

    def add(self, given: dict[str, Any], *, by: User) -> Any:
        return save_audited_row(Category(), given, by=by, name="category")

    def change(self, row: Any, given: dict[str, Any], *, expected_version: int, by: User) -> Any:
        return save_audited_row(
            row, given, expected_version=expected_version, by=by, name="category"
        )


class TaxClassForm(ServiceForm):
    rates = RatesField(required=False)


@admin.register(TaxClass, site=shop_site)
class TaxClassAdmin(ShopAdmin):
    """Tax classes. Existing orders keep the rates of the time of sale."""

    form = TaxClassForm
    view_role, edit_role = Role.MANAGER, Role.ADMIN
    add_input = change_input = TaxClassInput
    list_display = ("name", "percents", "updated_at")
    search_fields = ("name",)
    ordering = ("name",)
    fields = ("name", "rates")

    def get_readonly_fields(self, request: Any, obj: Any = None) -> Any:
        return () if self.has_change_permission(request, obj) else ("percents",)

    def get_fields(self, request: Any, obj: Any = None) -> Any:
        fields = super().get_fields(request, obj)
        return fields if self.has_change_permission(request, obj) else ("name", "percents")

    @admin.display(description="Rates")
    def percents(self, tax_class: TaxClass) -> str:
        return ", ".join(f"{rate.name} {rate.percent} %" for rate in tax_class.tax_rates)

    def add(self, given: dict[str, Any], *, by: User) -> Any:
        return save_audited_row(TaxClass(), given, by=by, name="tax_class")

    def change(self, row: Any, given: dict[str, Any], *, expected_version: int, by: User) -> Any:
        return save_audited_row(
            row, given, expected_version=expected_version, by=by, name="tax_class"
        )
