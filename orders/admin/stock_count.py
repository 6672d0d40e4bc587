"""Pages of stock counts: the list, the sheet, the page to count with a phone, and closing."""

import uuid
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import F, Sum
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.http import urlencode

from accounts.admin.filters import RecentDaysFilter, StoreFilter
from accounts.admin.forms import STALE_MESSAGE, ServiceForm, validate_input
from accounts.admin.numbers import read_entered_number, write_shown_number
from accounts.admin.pages import ShopAdmin
from accounts.admin.tables import (
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
from orders.admin.amounts import (
    format_quantity_change,
    format_signed,
    format_time,
    quantity_column,
    to_currency,
)
from orders.admin.filters import RowFilter
from orders.admin.stock import find_product
from orders.models import Product, StockCount, StockCountLine, StockLevel
from orders.serializers.stock_count import (
    MAX_CODE_LENGTH,
    CountedProductsInput,
    StockCountChangeInput,
    StockCountCloseInput,
    StockCountInput,
    load_codes,
)
from orders.services.catalog.scanned_codes import ScannedCodes
from orders.services.catalog.search import search_products
from orders.services.stock.counts import (
    CountedProduct,
    cancel_stock_count,
    change_stock_count,
    close_stock_count,
    count_products,
    find_products_to_count,
    start_stock_count,
)
from tenants.api.formats import format_number
from tenants.exceptions import DomainError, Invalid, VersionConflict
from tenants.models import Store
from tenants.models.owned import RELEVANCE

MAX_SHEET_ROWS = MAX_COUNTED_PRODUCTS = 5_000
MAX_LISTED_LINES = 50
MAX_FOUND = 20
MAX_RECENT = 10
# The shortest barcode; no shop counts as many of a product.
MIN_BARCODE_LENGTH = 8
BARCODE_AS_QUANTITY = "This is a barcode. Enter the quantity of the product first."
COUNTED_MEANWHILE = "Someone else has counted this product. Check the quantity and save it again."


class StockCountForm(ServiceForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.is_new and "store" in self.fields:
            # A shop with one store need not choose it.
            stores = list(Store.objects.filter(is_active=True)[:2])
            if len(stores) == 1:
                self.initial.setdefault("store", stores[0].pk)


@admin.register(StockCount, site=shop_site)
class StockCountAdmin(ShopAdmin):
    """Stock counts of the stores, newest first."""

    change_form_template = "admin/shop/stock_count.html"
    form = StockCountForm
    view_role = edit_role = Role.MANAGER
    add_input, change_input = StockCountInput, StockCountChangeInput
    list_display = ("name", "store", "status", "line_count", "started_by", "created_at")
    list_filter = ("status", RecentDaysFilter, StoreFilter)
    list_select_related = ("store", "started_by")
    sortable_by = ()
    ordering = ("-created_at", "-id")
    fields = ("name", "store", "category", "note")
    # Of a count that exists.
    other_fields = (
        *("status", "line_count", "started_by", "created_at"),
        *("ended_by", "ended_at", "uncounted"),
    )

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_fields(request, obj)
        return fields if obj is None else (*fields, *self.other_fields)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else ("store", "category", *self.other_fields)

    def may_change(self, user: User, row: StockCount) -> bool:
        return row.is_open

    def add(self, given: dict[str, Any], *, by: User) -> Any:
        return start_stock_count(given, by=by)

    def change(self, row: Any, given: dict[str, Any], *, expected_version: int, by: User) -> Any:
        return change_stock_count(row.pk, given, expected_version=expected_version, by=by)

    def response_add(self, request: Any, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        """Continue with counting."""
        return HttpResponseRedirect(page_url("count", obj))

    def render_change_form(self, request: Any, context: Any, *args: Any, **kwargs: Any) -> Any:
        context["show_save_and_continue"] = context["show_save_and_add_another"] = False
        return super().render_change_form(request, context, *args, **kwargs)

    def build_tables(self, row: StockCount) -> list[Table]:
        return [build_differences_table(row)]

    # --- pages of a count ---------------------------------------------------------------------

    def get_urls(self) -> list[Any]:
        pages = {
            "count": self.count_view,
            "sheet": self.sheet_view,
            "close": self.close_view,
            "cancel": self.cancel_view,
        }
        views = [
            path(f"<uuid:pk>/{name}/", self.admin_site.admin_view(view), name=page_name(name))
            for name, view in pages.items()
        ]
        return [*views, *super().get_urls()]

    def load(self, request: HttpRequest, pk: uuid.UUID) -> StockCount:
        """Return the count of the page. Raises Http404 and PermissionDenied."""
        rows = self.get_queryset(request).select_related("store", "category", "started_by")
        count: StockCount | None = rows.filter(pk=pk).first()
        if not self.has_view_permission(request):
            raise PermissionDenied
        if count is None:
            raise Http404
        return count

    def render(
        self, request: HttpRequest, template: str, count: StockCount, title: str, **more: Any
    ) -> HttpResponse:
        request.current_app = self.admin_site.name
        context = self.admin_site.each_context(request) | {
            "title": title,
            "opts": self.opts,
            "count": count,
            "page": admin_url(count),
        }
        return TemplateResponse(request, f"admin/shop/{template}.html", context | more)

    def sheet_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Show the products of the count for printing, for a blind count without quantities."""
        count = self.load(request, pk)
        rows = find_products_to_count(count).with_barcodes().select_related("category")
        products = list(rows.order_by("category__name", "name", "pk")[: MAX_SHEET_ROWS + 1])
        is_blind = "expected" not in request.GET
        levels = {} if is_blind else load_levels(count)
        lines = [
            (product, format_number(levels[product.pk]) if product.pk in levels else "")
            for product in products[:MAX_SHEET_ROWS]
        ]
        return self.render(
            request,
            "stock_count_sheet",
            count,
            f"Sheet of {count}",
            is_blind=is_blind,
            lines=lines,
            is_cut=len(products) > MAX_SHEET_ROWS,
        )

    def count_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Find a product by a code or by words, then enter its quantity."""
        count = self.load(request, pk)
        if not count.is_open:
            return HttpResponseRedirect(admin_url(count))
        if request.method == "POST":
            return self.save_quantity(request, count)
        return self.render_count(request, count, find_asked_product(request))

    def save_quantity(self, request: Any, count: StockCount) -> HttpResponse:
        given = request.POST
        asked = AskedProduct(product=find_product(given.get("product", "")))
        if asked.product is None:
            raise Http404
        asked.quantity = given.get("quantity", "").strip()
        try:
            line = self.save_line(count, asked, given, by=request.user)
        except VersionConflict:
            asked.error = COUNTED_MEANWHILE
        except Invalid as refusal:
            asked.error = " ".join(error.detail for error in refusal.errors)
        except DomainError as refusal:
            asked.error = str(refusal)
        else:
            done = f"{asked.product}: {format_number(line.counted)} counted."
            self.message_user(request, done, messages.SUCCESS)
            return HttpResponseRedirect(page_url("count", count))
        return self.render_count(request, count, asked)

    def save_line(
        self, count: StockCount, asked: "AskedProduct", given: Any, *, by: User
    ) -> StockCountLine:
        text = read_entered_quantity(asked.quantity)
        line = {"product": str(asked.product and asked.product.pk), "quantity": text}
        (counted,) = validate_input(CountedProductsInput(), {"lines": [line]})["lines"]
        entry = CountedProduct(
            counted.product,
            counted.quantity,
            is_added=bool(given.get("add")),
            seen_version=read_version(given.get("seen_version", "")),
        )
        return count_products(count.pk, [entry], by=by)[0]

    def render_count(
        self, request: HttpRequest, count: StockCount, asked: "AskedProduct"
    ) -> HttpResponse:
        lines = StockCountLine.objects.filter(stock_count=count)
        known = None
        if asked.product is not None:
            known = lines.filter(product=asked.product).select_related("counted_by").first()
        recent = lines.select_related("product").order_by("-counted_at", "-pk")
        return self.render(
            request,
            "stock_count_page",
            count,
            f"Count {count}",
            asked=asked,
            known=known,
            known_quantity=format_number(known.counted) if known else "",
            recent=[(line, format_number(line.counted)) for line in recent[:MAX_RECENT]],
            to_count=count_products_to_count(count),
            max_code_length=MAX_CODE_LENGTH,
            **({} if asked.product else build_closing_context(count)),
        )

    def close_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Ask what happens to products that nobody counted, and close the count."""
        count = self.load(request, pk)
        if not count.is_open:
            return HttpResponseRedirect(admin_url(count))
        error = ""
        if request.method == "POST":
            error = self.end(request, count, self.close_count)
            if not error:
                return HttpResponseRedirect(admin_url(count))
        context = build_closing_context(count) | {"error": error}
        return self.render(request, "stock_count_close", count, f"Close {count}", **context)

    def close_count(self, request: Any, count: StockCount, expected_version: int) -> str:
        given = validate_input(
            StockCountCloseInput(), {"uncounted": request.POST.get("uncounted", "")}
        )
        uncounted = StockCount.Uncounted(given["uncounted"])
        close_stock_count(count.pk, uncounted, expected_version=expected_version, by=request.user)
        return f"{count} is closed. The stock is corrected."

    def cancel_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Cancel the count after a question."""
        count = self.load(request, pk)
        if not count.is_open:
            return HttpResponseRedirect(admin_url(count))
        error = ""
        if request.method == "POST":
            error = self.end(request, count, self.cancel_count)
            if not error:
                return HttpResponseRedirect(admin_url(count))
        return self.render(request, "stock_count_cancel", count, f"Cancel {count}", error=error)

    def cancel_count(self, request: Any, count: StockCount, expected_version: int) -> str:
        cancel_stock_count(count.pk, expected_version=expected_version, by=request.user)
        return f"{count} is canceled. No stock has changed."

    def end(self, request: HttpRequest, count: StockCount, work: Any) -> str:
        """End the count, and return the message of an error."""
        try:
            done = work(request, count, read_version(request.POST.get("expected_version", "")))
        except VersionConflict:
            return STALE_MESSAGE
        except Invalid as refusal:
            return " ".join(error.detail for error in refusal.errors)
        except DomainError as refusal:
            return str(refusal)
        self.message_user(request, done, messages.SUCCESS)
        return ""


@dataclass
class AskedProduct:
    """What somebody has searched or scanned, and what was found."""

    text: str = ""
    product: Product | None = None
    found: tuple[Product, ...] = ()
    quantity: str = ""
    error: str = ""


def find_asked_product(request: HttpRequest) -> AskedProduct:
    """Find a product by its id, by a scanned code, or by words."""
    if chosen := find_product(request.GET.get("product", "")):
        return AskedProduct(product=chosen)
    text = request.GET.get("q", "").replace("\x00", "").strip()[:MAX_CODE_LENGTH]
    if not text:
        return AskedProduct()
    if product := load_codes([text])(text):
        scan = ScannedCodes.load([text]).read(text, product)
        weight = scan.quantity if scan else None
        shown = "" if weight is None else write_shown_number(format_number(weight))
        return AskedProduct(text, product, quantity=shown or "")
    products = Product.objects.filter(track_stock=True, has_variants=False)
    found = tuple(search_products(products, text).order_by(RELEVANCE, "name")[:MAX_FOUND])
    if len(found) == 1:
        return AskedProduct(text, found[0])
    error = "" if found else f"No product found for {text}."
    return AskedProduct(text, found=found, error=error)


def read_entered_quantity(text: str) -> str:
    """Return a quantity as the API takes it. Raises `Invalid` for a scanned barcode."""
    quantity = read_entered_number(text)
    if quantity.isdigit() and len(quantity) >= MIN_BARCODE_LENGTH:
        raise Invalid.field("quantity", BARCODE_AS_QUANTITY, code="invalid")
    return quantity


def read_version(text: str) -> int:
    """Return the version that a page has sent, 0 for none."""
    return int(text) if text.isdecimal() and len(text) < MIN_BARCODE_LENGTH else 0


def page_name(page: str) -> str:
    return f"orders_stockcount_{page}"


def page_url(page: str, count: StockCount, **query: Any) -> str:
    url = reverse(f"shop:{page_name(page)}", args=[count.pk])
    return f"{url}?{urlencode(query)}" if query else url


def count_products_to_count(count: StockCount) -> int:
    return find_products_to_count(count)[:MAX_COUNTED_PRODUCTS].count()


def load_levels(count: StockCount) -> dict[uuid.UUID, Decimal]:
    """Return the quantities of the products of a count."""
    levels = StockLevel.objects.filter(
        store=count.store_id, product__in=find_products_to_count(count).values("pk")
    )
    return dict(levels.values_list("product", "quantity"))


def build_closing_context(count: StockCount) -> dict[str, Any]:
    lines = StockCountLine.objects.filter(stock_count=count)
    counted = lines.filter(product__in=find_products_to_count(count).values("pk")).count()
    return {
        "missed": max(count_products_to_count(count) - counted, 0),
        "different": lines.different().count(),
        "choices": StockCount.Uncounted.choices,
    }


# --- differences -------------------------------------------------------------------------------


def build_differences_table(count: StockCount) -> Table:
    """Build the table of the first differences, with their value at cost."""
    lines = StockCountLine.objects.filter(stock_count=count)
    different = lines.different().select_related("product").order_by("pk")
    shown = list(different[: MAX_LISTED_LINES + 1])
    url = admin_list_url(StockCountLine, stock_count=count.pk)
    return Table(
        "Differences",
        tuple(map(build_line_row, shown[:MAX_LISTED_LINES])),
        head=header_cells(("Product", "SKU", "Counted at"), "Expected", "Counted", "Difference"),
        note=describe_value(different) if shown else "",
        nothing="No differences." if count.line_count else "Nothing is counted yet.",
        more=(url, "All counted products") if count.line_count else None,
    )


def build_line_row(line: StockCountLine) -> TableRow:
    return table_row(
        text_cell(line.product, admin_url(line)),
        line.product.sku,
        format_time(line.counted_at),
        number_cell(format_number(line.expected)),
        number_cell(format_number(line.counted)),
        number_cell(format_quantity_change(line.difference)),
    )


def describe_value(different: Any) -> str:
    """Return the value of the differences of products with a known cost."""
    known = different.filter(product__cost__isnull=False)
    difference = F("counted") - F("expected")
    value = known.aggregate(value=Sum(difference * F("product__cost")))["value"]
    if value is None:
        return "The products with a difference have no cost."
    shown = format_signed(to_currency(value))
    return f"Differences at cost: {shown}, of the products with a known cost."


class DifferenceFilter(admin.SimpleListFilter):
    title = "difference"
    parameter_name = "different"

    def lookups(self, request: Any, model_admin: Any) -> Any:
        return [("yes", "With a difference"), ("no", "Without a difference")]

    def queryset(self, request: Any, queryset: Any) -> Any:
        if self.value() == "yes":
            return queryset.different()
        return queryset.filter(counted=F("expected")) if self.value() == "no" else queryset


class StockCountFilter(RowFilter):
    title = "stock count"
    parameter_name = "stock_count"
    model = StockCount


@admin.register(StockCountLine, site=shop_site)
class StockCountLineAdmin(ShopAdmin):
    """Counted products, read-only; they are reached from their stock count."""

    view_role = Role.MANAGER
    list_display = (
        *("product", "stock_count", "shown_expected", "shown_counted", "shown_difference"),
        *("counted_by", "counted_at"),
    )
    list_filter = (DifferenceFilter, StockCountFilter)
    list_select_related = ("product", "stock_count", "counted_by")
    sortable_by = ()
    ordering = ("-id",)
    fields = (
        *("stock_count", "product", "shown_expected", "shown_counted", "shown_difference"),
        *("counted_by", "counted_at"),
    )

    shown_expected = quantity_column("Expected", "expected")
    shown_counted = quantity_column("Counted", "counted")

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Keep it out of the menu."""
        return False

    @admin.display(description="Difference")
    def shown_difference(self, line: StockCountLine) -> str:
        return format_quantity_change(line.difference)

    def get_title(self, row: StockCountLine) -> str:
        return f"{row.product} in {row.stock_count}"
