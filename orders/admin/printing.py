"""Buttons that print receipts and reports from their pages in the admin, or save them as PDF."""

import uuid
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from django.contrib import messages
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.urls import path, reverse

from accounts.admin.pages import ShopAdmin
from accounts.admin.tables import admin_url
from accounts.models import User
from orders.models.prints import Printed
from orders.services.documents.document import Document
from orders.services.documents.print import render_document
from orders.services.documents.renderers.html import render_html
from tenants.exceptions import DomainError

FORMS = ("html", "pdf")


@dataclass(frozen=True, slots=True)
class Button:
    """A button at the top of a page. One that counts a print is sent by POST."""

    label: str
    url: str
    is_post: bool = False
    opens_tab: bool = True


class ButtonsMixin(ShopAdmin):
    """Pages of rows with buttons at the top."""

    change_form_template = "admin/shop/printed.html"

    @abstractmethod
    def build_buttons(self, row: Any) -> list[Button]:
        """Return the buttons of the row's page."""

    def render_change_form(
        self, request: Any, context: dict[str, Any], *args: Any, obj: Any = None, **kwargs: Any
    ) -> HttpResponse:
        context["buttons"] = self.build_buttons(obj) if obj is not None else []
        return super().render_change_form(request, context, *args, obj=obj, **kwargs)


class PrintMixin(ButtonsMixin):
    """Pages whose rows can be printed, as HTML for the print dialog and as PDF.

    The same services as the API's count the prints.
    """

    # Kinds of documents. In `counted`, the first print is the original, later ones numbered copies.
    counted: ClassVar[frozenset[str]] = frozenset()
    uncounted: ClassVar[frozenset[str]] = frozenset()

    @abstractmethod
    def print_row(self, row: Any, kind: str, form: str, *, by: User) -> Document:
        """Return the document of a row, and count the print. Raises `DomainError`."""

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.print_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_print"
        route = "<uuid:pk>/print/<slug:kind>/<slug:form>/"
        return [path(route, view, name=name), *super().get_urls()]

    def print_view(self, request: HttpRequest, pk: uuid.UUID, kind: str, form: str) -> HttpResponse:
        """Return the document without the frame of the admin. HTML opens the print dialog."""
        by: Any = request.user
        row = self.get_object(request, str(pk)) if self.has_view_permission(request) else None
        if row is None or kind not in self.counted | self.uncounted or form not in FORMS:
            raise Http404
        if kind in self.counted and request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            document = self.print_row(row, kind, form, by=by)
        except DomainError as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(admin_url(row))
        if form == "html":
            return HttpResponse(render_html(document, opens_dialog=True))
        content, headers = render_document(document, form)
        return HttpResponse(content, headers=headers)


def build_print_url(row: Any, kind: str, form: str = "html") -> str:
    """Return the address that prints a row."""
    meta = row._meta
    return reverse(f"shop:{meta.app_label}_{meta.model_name}_print", args=[row.pk, kind, form])


def build_print_buttons(row: Any, kind: str, label: str = "Print") -> list[Button]:
    """Return the buttons of a document whose prints are not counted."""
    return [
        Button(label, build_print_url(row, kind)),
        Button("PDF", build_print_url(row, kind, "pdf")),
    ]


def build_counted_buttons(row: Any, kind: str, prints: int) -> list[Button]:
    """Return the buttons of a document with one original."""
    what = f"copy {prints}" if prints else "original"
    return [
        Button(f"Print {what}", build_print_url(row, kind), is_post=True),
        Button(f"PDF of {what}", build_print_url(row, kind, "pdf"), is_post=True),
    ]


def build_receipt_buttons(row: Printed) -> list[Button]:
    """Return the buttons that print the receipt of a sale or refund."""
    return build_counted_buttons(row, "receipt", row.prints)
