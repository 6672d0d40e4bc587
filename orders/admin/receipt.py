"""Pages of receipts, read-only, with hash chain entry and printed text."""

import uuid
from typing import Any

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse

from accounts.admin.forms import validate_input
from accounts.admin.pages import RecordAdmin
from accounts.admin.tables import Table, admin_url
from accounts.admin_site.site import shop_site
from accounts.models import User
from orders.admin.amounts import to_currency
from orders.admin.documents import build_chain_table, build_text_table
from orders.admin.links import build_sale_links
from orders.admin.payment import ORDER_FILTERS, OrderedByOrder, SearchByOrder
from orders.admin.printing import (
    Button,
    PrintMixin,
    build_print_url,
    build_receipt_buttons,
)
from orders.models import ChainEntry, Order, Receipt, RegisterSeries
from orders.serializers.receipt import ReceiptMailInput
from orders.services.documents.document import Document
from orders.services.documents.email import email_receipt
from orders.services.documents.print import ensure_renderable, preview_document, print_document
from orders.services.documents.sale_receipt import build_gift_receipt, build_sale_receipt
from tenants.exceptions import DomainError, Invalid


@admin.register(Receipt, site=shop_site)
class ReceiptAdmin(PrintMixin, OrderedByOrder, SearchByOrder, RecordAdmin):
    """Receipts, those of the newest orders first."""

    counted, uncounted = frozenset({"receipt"}), frozenset({"gift-receipt"})
    list_display = ("number", "order", "amount", "register", "prints", "issued_at")
    list_filter = ORDER_FILTERS
    list_select_related = ("order", "register")
    fields = ("number", "order", "register", "issued_at", "prints")

    @admin.display(description="Total")
    def amount(self, receipt: Receipt) -> Any:
        return to_currency(receipt.order.total + receipt.order.cash_rounding)

    def get_title(self, row: Receipt) -> str:
        return f"Receipt {row.number} of {row.register}"

    def build_tables(self, row: Receipt) -> list[Table]:
        """Build the tables; showing the text does not count as a print."""
        order = Order.objects.with_receipt().get(pk=row.order_id)
        document = preview_document(build_sale_receipt(order), "text")
        return [
            build_sale_links(order, row),
            build_chain_table(ChainEntry.Kind.RECEIPT, row),
            build_text_table(document),
        ]

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.mail_view)
        return [path("<uuid:pk>/mail/", view, name="orders_receipt_mail"), *super().get_urls()]

    def mail_view(self, request: Any, pk: uuid.UUID) -> HttpResponse:
        """Ask for an address, show it once more, and send the receipt to it."""
        row = self.get_object(request, str(pk)) if self.has_view_permission(request) else None
        if row is None:
            raise Http404
        confirmed = ""
        errors: list[str] = []
        if request.method == "POST":
            try:
                address = validate_input(ReceiptMailInput(), {"email": request.POST.get("email")})
                confirmed = address["email"]
                if request.POST.get("confirmed") == confirmed:
                    return self.send_mail(request, row, confirmed)
            except Invalid as refusal:
                errors = [error.detail for error in refusal.errors]
            except DomainError as refusal:
                confirmed, errors = "", [str(refusal)]
        request.current_app = self.admin_site.name
        context = self.admin_site.each_context(request) | {
            "title": "Send by e-mail",
            "opts": self.opts,
            "page": admin_url(row),
            "named": self.get_title(row),
            "email": request.POST.get("email", ""),
            "confirmed": confirmed,
            "errors": errors,
        }
        return TemplateResponse(request, "admin/shop/mail_receipt.html", context)

    def send_mail(self, request: Any, row: Receipt, to: str) -> HttpResponse:
        order = Order.objects.with_receipt().get(pk=row.order_id)
        email_receipt(order, to=to, session=request.log_in, by=request.user)
        messages.success(request, f"The receipt will be sent to {to}.")
        return HttpResponseRedirect(admin_url(row))

    def build_buttons(self, row: Receipt) -> list[Button]:
        return build_sale_buttons(row)

    def print_row(self, row: Receipt, kind: str, form: str, *, by: User) -> Document:
        order = Order.objects.with_receipt().get(pk=row.order_id)
        if kind == "gift-receipt":
            ensure_renderable(form)
            return build_gift_receipt(order).build_document()
        return print_document(build_sale_receipt(order), form, by=by)


def build_sale_buttons(receipt: Receipt) -> list[Button]:
    """Return the buttons that print the receipt of a sale, or its gift receipt."""
    mail = reverse("shop:orders_receipt_mail", args=[receipt.pk])
    return [
        *build_receipt_buttons(receipt),
        Button("Gift receipt", build_print_url(receipt, "gift-receipt")),
        Button("E-mail", mail, opens_tab=False),
    ]


@admin.register(RegisterSeries, site=shop_site)
class RegisterSeriesAdmin(RecordAdmin):
    """Current numbers of each register. For diagnosis only, so hidden from the index."""

    list_display = ("register", "last_order", "last_receipt", "last_z", "last_entry", "shift")
    list_select_related = ("register", "shift")
    ordering = ("register__number", "id")
    fields = (
        "register",
        "last_order",
        "last_receipt",
        "last_z",
        "last_device_sequence",
        "last_entry",
        "last_hash",
        "shift",
    )

    def has_module_permission(self, request: HttpRequest) -> bool:
        return False

    def get_title(self, row: RegisterSeries) -> str:
        return f"Numbers of {row.register}"
