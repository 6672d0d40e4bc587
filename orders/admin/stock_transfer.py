"""Pages of stock transfers: pick the products, send, check what arrives, receive, the sheet."""

import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import F
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse

from accounts.admin.filters import RecentDaysFilter
from accounts.admin.forms import STALE_MESSAGE, ServiceForm, validate_input
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
from orders.admin.amounts import format_quantity_change, quantity_column
from orders.admin.filters import RowFilter
from orders.admin.stock import find_product
from orders.admin.stock_count import (
    AskedProduct,
    find_asked_product,
    read_entered_quantity,
    read_version,
)
from orders.models import StockTransfer, StockTransferLine
from orders.serializers.stock import MANUAL_REASONS
from orders.serializers.stock_count import MAX_CODE_LENGTH
from orders.serializers.stock_transfer import (
    ArrivedLinesInput,
    StockTransferChangeInput,
    StockTransferInput,
    StockTransferReceiveInput,
    TransferLinesInput,
)
from orders.services.stock.transfers import (
    TransferItem,
    cancel_transfer,
    change_transfer,
    check_arrival,
    create_transfer,
    receive_transfer,
    send_transfer,
    set_sent_quantities,
)
from tenants.api.formats import format_number
from tenants.exceptions import DomainError, Invalid, VersionConflict
from tenants.models import Store

MAX_LISTED_LINES = 50
MAX_SHEET_LINES = 1_000
PAGES = ("pick", "send", "check", "receive", "cancel", "sheet")
CHANGED_MEANWHILE = "Someone else has changed this product. Check the quantity and save it again."
PICK, CHECK = "pick", "check"


class StockTransferForm(ServiceForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.is_new and "from_store" in self.fields:
            active = Store.objects.filter(is_active=True).order_by("name")
            for name in ("from_store", "to_store"):
                choices: Any = self.fields[name]
                choices.queryset = active
            # A shop with two stores needs to choose neither.
            match list(active[:3]):
                case [first, second]:
                    self.initial = {
                        "from_store": first.pk,
                        "to_store": second.pk,
                        **self.initial,
                    }


class EitherStoreFilter(admin.SimpleListFilter):
    """Filters by transfers from or to a store."""

    title = "store"
    parameter_name = "store"

    def lookups(self, request: Any, model_admin: Any) -> Any:
        return [(str(store.pk), store.name) for store in Store.objects.order_by("name", "pk")]

    def queryset(self, request: Any, queryset: Any) -> Any:
        known = {str(key) for key, _ in self.lookup_choices}
        store = self.value()
        if store not in known:
            return queryset
        return queryset.filter(from_store=store) | queryset.filter(to_store=store)


@admin.register(StockTransfer, site=shop_site)
class StockTransferAdmin(ShopAdmin):
    """Stock transfers, newest first."""

    change_form_template = "admin/shop/stock_transfer.html"
    form = StockTransferForm
    view_role = edit_role = Role.MANAGER
    add_input, change_input = StockTransferInput, StockTransferChangeInput
    list_display = (
        *("from_store", "to_store", "status", "line_count", "note", "created_by", "created_at"),
        *("sent_at", "ended_at"),
    )
    list_display_links = ("from_store", "to_store")
    list_filter = ("status", RecentDaysFilter, EitherStoreFilter)
    sortable_by = ()
    ordering = ("-created_at", "-id")
    fields = ("from_store", "to_store", "note")
    # Of a transfer that exists.
    other_fields = (
        *("status", "line_count", "created_by", "created_at", "sent_by", "sent_at"),
        *("ended_by", "ended_at"),
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        return rows.select_related("from_store", "to_store", "created_by")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = super().get_fields(request, obj)
        return fields if obj is None else (*fields, *self.other_fields)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else ("from_store", "to_store", *self.other_fields)

    def may_change(self, user: User, row: StockTransfer) -> bool:
        return row.is_draft or row.is_in_transit

    def add(self, given: dict[str, Any], *, by: User) -> Any:
        return create_transfer(given, by=by)

    def change(self, row: Any, given: dict[str, Any], *, expected_version: int, by: User) -> Any:
        return change_transfer(row.pk, given, expected_version=expected_version, by=by)

    def response_add(self, request: Any, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        """Continue with the products."""
        return HttpResponseRedirect(page_url(PICK, obj))

    def render_change_form(self, request: Any, context: Any, *args: Any, **kwargs: Any) -> Any:
        context["show_save_and_continue"] = context["show_save_and_add_another"] = False
        return super().render_change_form(request, context, *args, **kwargs)

    def build_tables(self, row: StockTransfer) -> list[Table]:
        return [build_lines_table(row)]

    # --- pages of a transfer ------------------------------------------------------------------

    def get_urls(self) -> list[Any]:
        views: dict[str, Callable[..., HttpResponse]] = {
            "pick": self.pick_view,
            "send": self.send_view,
            "check": self.check_view,
            "receive": self.receive_view,
            "cancel": self.cancel_view,
            "sheet": self.sheet_view,
        }
        routes = [
            path(f"<uuid:pk>/{name}/", self.admin_site.admin_view(view), name=page_name(name))
            for name, view in views.items()
        ]
        return [*routes, *super().get_urls()]

    def load(self, request: HttpRequest, pk: uuid.UUID) -> StockTransfer:
        """Return the transfer of the page. Raises Http404 and PermissionDenied."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        transfer: StockTransfer | None = self.get_queryset(request).filter(pk=pk).first()
        if transfer is None:
            raise Http404
        return transfer

    def render(
        self, request: HttpRequest, template: str, transfer: StockTransfer, title: str, **more: Any
    ) -> HttpResponse:
        request.current_app = self.admin_site.name
        context = self.admin_site.each_context(request) | {
            "title": title,
            "opts": self.opts,
            "transfer": transfer,
            "named": str(transfer),
            "page": admin_url(transfer),
        }
        return TemplateResponse(request, f"admin/shop/{template}.html", context | more)

    def pick_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Find a product by a code or by words, then enter how much of it is sent."""
        transfer = self.load(request, pk)
        if not transfer.is_draft:
            return HttpResponseRedirect(admin_url(transfer))
        return self.handle_quantity(request, transfer, PICK)

    def check_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Find a product by a code, by words or in the list, then enter how much has arrived."""
        transfer = self.load(request, pk)
        if not transfer.is_in_transit:
            return HttpResponseRedirect(admin_url(transfer))
        return self.handle_quantity(request, transfer, CHECK)

    def handle_quantity(
        self, request: HttpRequest, transfer: StockTransfer, step: str
    ) -> HttpResponse:
        if request.method == "POST":
            return self.save_quantity(request, transfer, step)
        return self.render_quantity(request, transfer, step, find_asked_product(request))

    def save_quantity(self, request: Any, transfer: StockTransfer, step: str) -> HttpResponse:
        given = request.POST
        asked = AskedProduct(product=find_product(given.get("product", "")))
        if asked.product is None:
            raise Http404
        asked.quantity = given.get("quantity", "").strip()
        try:
            done = save_item(transfer, step, asked, given, by=request.user)
        except VersionConflict:
            asked.error = CHANGED_MEANWHILE
        except Invalid as refusal:
            asked.error = " ".join(error.detail for error in refusal.errors)
        except DomainError as refusal:
            asked.error = str(refusal)
        else:
            self.message_user(request, done, messages.SUCCESS)
            return HttpResponseRedirect(page_url(step, transfer))
        return self.render_quantity(request, transfer, step, asked)

    def render_quantity(
        self, request: HttpRequest, transfer: StockTransfer, step: str, asked: AskedProduct
    ) -> HttpResponse:
        lines = StockTransferLine.objects.filter(transfer=transfer)
        known = lines.filter(product=asked.product).first() if asked.product else None
        before = known and (known.sent if step == PICK else known.received)
        waiting = lines.filter(received__isnull=True).count()
        # What has to be checked comes first.
        is_checked = F("received").asc(nulls_first=True)
        order = ("-updated_at", "-pk") if step == PICK else (is_checked, "pk")
        listed = lines.select_related("product").order_by(*order)
        return self.render(
            request,
            "stock_transfer_page",
            transfer,
            "Pick products" if step == PICK else "Check what has arrived",
            is_pick=step == PICK,
            asked=asked,
            known=known,
            known_quantity="" if before is None else format_number(before),
            known_sent=format_number(known.sent) if known else "",
            lines=[
                (line, format_number(line.sent), format_optional(line.received))
                for line in listed[:MAX_LISTED_LINES]
            ],
            waiting=waiting,
            reasons=[(each.value, each.label) for each in MANUAL_REASONS],
            max_code_length=MAX_CODE_LENGTH,
        )

    def send_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Send the draft after a question."""
        transfer = self.load(request, pk)
        if not transfer.is_draft:
            return HttpResponseRedirect(admin_url(transfer))
        return self.handle_step(request, transfer, "stock_transfer_send", "Send", self.send)

    def send(self, request: Any, transfer: StockTransfer, expected_version: int) -> str:
        send_transfer(transfer.pk, expected_version=expected_version, by=request.user)
        return f"The goods are in transit to {transfer.to_store}."

    def receive_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Ask what became of products that nobody has checked, and receive the transfer."""
        transfer = self.load(request, pk)
        if not transfer.is_in_transit:
            return HttpResponseRedirect(admin_url(transfer))
        lines = StockTransferLine.objects.filter(transfer=transfer)
        return self.handle_step(
            request,
            transfer,
            "stock_transfer_receive",
            "Receive",
            self.receive,
            waiting=lines.filter(received__isnull=True).count(),
            different=lines.different().count(),
            choices=StockTransfer.Unchecked.choices,
        )

    def receive(self, request: Any, transfer: StockTransfer, expected_version: int) -> str:
        given = validate_input(
            StockTransferReceiveInput(), {"unchecked": request.POST.get("unchecked", "")}
        )
        unchecked = StockTransfer.Unchecked(given["unchecked"])
        receive_transfer(transfer.pk, unchecked, expected_version=expected_version, by=request.user)
        return f"The goods are in the stock of {transfer.to_store}."

    def cancel_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Cancel the transfer after a question."""
        transfer = self.load(request, pk)
        if not self.may_change(request.user, transfer):
            return HttpResponseRedirect(admin_url(transfer))
        return self.handle_step(request, transfer, "stock_transfer_cancel", "Cancel", self.cancel)

    def cancel(self, request: Any, transfer: StockTransfer, expected_version: int) -> str:
        cancel_transfer(transfer.pk, expected_version=expected_version, by=request.user)
        return "The transfer is canceled."

    def handle_step(
        self,
        request: HttpRequest,
        transfer: StockTransfer,
        template: str,
        title: str,
        work: Callable[[Any, StockTransfer, int], str],
        **more: Any,
    ) -> HttpResponse:
        """Show the question of a step; after the answer do it, or show its error."""
        error = ""
        if request.method == "POST":
            version = read_version(request.POST.get("expected_version", ""))
            try:
                done = work(request, transfer, version)
            except VersionConflict:
                error = STALE_MESSAGE
            except Invalid as refusal:
                error = " ".join(each.detail for each in refusal.errors)
            except DomainError as refusal:
                error = describe_refusal(refusal)
            else:
                self.message_user(request, done, messages.SUCCESS)
                return HttpResponseRedirect(admin_url(transfer))
        return self.render(request, template, transfer, title, error=error, **more)

    def sheet_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Show the products for printing, to go with the goods."""
        transfer = self.load(request, pk)
        lines = StockTransferLine.objects.filter(transfer=transfer, sent__gt=0)
        shown = list(lines.select_related("product").order_by("pk")[: MAX_SHEET_LINES + 1])
        return self.render(
            request,
            "stock_transfer_sheet",
            transfer,
            "Sheet to print",
            lines=[(line, format_number(line.sent)) for line in shown[:MAX_SHEET_LINES]],
            is_cut=len(shown) > MAX_SHEET_LINES,
        )


def save_item(
    transfer: StockTransfer, step: str, asked: AskedProduct, given: Any, *, by: User
) -> str:
    """Save the entered quantity, and return what was done."""
    quantity = read_entered_quantity(asked.quantity)
    line = {"product": str(asked.product and asked.product.pk), "quantity": quantity}
    if step == CHECK and given.get("loss_reason"):
        line["loss_reason"] = given["loss_reason"]
    reader = TransferLinesInput() if step == PICK else ArrivedLinesInput()
    (item,) = validate_input(reader, {"lines": [line]})["lines"]
    entry = TransferItem(
        item.product,
        item.quantity,
        is_added=bool(given.get("add")),
        loss_reason=item.loss_reason,
        seen_version=read_version(given.get("seen_version", "")),
    )
    service = set_sent_quantities if step == PICK else check_arrival
    _, lines = service(transfer.pk, [entry], by=by)
    if not lines:
        return f"{asked.product} is removed."
    saved: Decimal = lines[0].sent if step == PICK else lines[0].received or Decimal(0)
    words = "to send" if step == PICK else "arrived"
    return f"{asked.product}: {format_number(saved)} {words}."


def describe_refusal(refusal: DomainError) -> str:
    """Return the message of an error, with the products that are short."""
    short = refusal.facts.get("short", ())
    names = [f"{each['name']} ({each['available']} of {each['wanted']})" for each in short]
    return f"Not enough stock: {', '.join(names)}." if names else str(refusal)


def page_name(page: str) -> str:
    return f"orders_stocktransfer_{page}"


def page_url(page: str, transfer: StockTransfer) -> str:
    return reverse(f"shop:{page_name(page)}", args=[transfer.pk])


def format_optional(quantity: Decimal | None) -> str:
    return "" if quantity is None else format_number(quantity)


# --- lines ---------------------------------------------------------------------------------------


def build_lines_table(transfer: StockTransfer) -> Table:
    """Build the table of the products, those with a difference first."""
    lines = StockTransferLine.objects.filter(transfer=transfer).select_related("product")
    different = lines.different().order_by("pk")
    shown = list(different[:MAX_LISTED_LINES])
    others = lines.exclude(pk__in=[line.pk for line in shown]).order_by("pk")
    shown += others[: MAX_LISTED_LINES - len(shown)]
    url = admin_list_url(StockTransferLine, transfer=transfer.pk)
    return Table(
        "Products",
        tuple(map(build_line_row, shown)),
        head=header_cells(("Product", "SKU"), "Sent", "Received", "Difference"),
        nothing="No products yet.",
        more=(url, "All products of this transfer") if transfer.line_count > len(shown) else None,
    )


def build_line_row(line: StockTransferLine) -> TableRow:
    difference = line.difference
    why = [line.get_loss_reason_display()] if line.loss_reason else []
    return table_row(
        text_cell(line.product, admin_url(line.product)),
        line.product.sku,
        number_cell(format_number(line.sent)),
        number_cell(format_optional(line.received) or None),
        number_cell(format_quantity_change(difference) if difference else None, *why),
    )


class TransferFilter(RowFilter):
    title = "transfer"
    parameter_name = "transfer"
    model = StockTransfer
    related = ("from_store", "to_store")


class LineStateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: Any, model_admin: Any) -> Any:
        return [("in-transit", "In transit"), ("different", "With a difference")]

    def queryset(self, request: Any, queryset: Any) -> Any:
        if self.value() == "in-transit":
            return queryset.in_transit()
        return queryset.different() if self.value() == "different" else queryset


@admin.register(StockTransferLine, site=shop_site)
class StockTransferLineAdmin(ShopAdmin):
    """Products of transfers, read-only; the filter "In transit" lists all goods in transit."""

    view_role = Role.MANAGER
    list_display = (
        *("product", "transfer", "shown_sent", "shown_received", "shown_difference"),
        *("loss_reason", "checked_by", "checked_at"),
    )
    list_filter = (LineStateFilter, TransferFilter)
    list_select_related = (
        *("product", "transfer__from_store", "transfer__to_store", "checked_by"),
    )
    sortable_by = ()
    ordering = ("-id",)
    fields = (
        *("transfer", "product", "shown_sent", "shown_received", "shown_difference"),
        *("loss_reason", "checked_by", "checked_at"),
    )

    shown_sent = quantity_column("Sent", "sent")
    shown_received = quantity_column("Received", "received")

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Keep it out of the menu."""
        return False

    @admin.display(description="Difference")
    def shown_difference(self, line: StockTransferLine) -> str | None:
        return format_quantity_change(line.difference) if line.difference else None

    def get_title(self, row: StockTransferLine) -> str:
        return f"{row.product} from {row.transfer}"
