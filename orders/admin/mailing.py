"""Pages that send a receipt or a report by e-mail, after the address was confirmed."""

import uuid
from abc import abstractmethod
from typing import Any, ClassVar

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse

from accounts.admin.forms import validate_input
from accounts.admin.pages import ShopAdmin
from accounts.admin.tables import admin_url
from accounts.models import AuthSession, User
from orders.admin.printing import Button
from orders.serializers.receipt import ReceiptMailInput
from tenants.exceptions import DomainError, Invalid


class MailMixin(ShopAdmin):
    """Pages of rows with a document that can be sent by e-mail.

    The names of the views, `orders_{model}_mail`, are in `SEVERAL_TRANSACTIONS`.
    """

    # What is sent, in the words of the page.
    mailed: ClassVar[str] = "receipt"
    # Why the address is asked for.
    mail_hint: ClassVar[str] = "Only if the customer asked for it."

    @abstractmethod
    def mail_row(self, row: Any, *, to: str, session: AuthSession, by: User) -> None:
        """Queue the mail. Raises `DomainError`."""

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.mail_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_mail"
        return [path("<uuid:pk>/mail/", view, name=name), *super().get_urls()]

    def mail_view(self, request: Any, pk: uuid.UUID) -> HttpResponse:
        """Ask for an address, show it once more, and send the document to it."""
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
            "mailed": self.mailed,
            "mail_hint": self.mail_hint,
            "email": request.POST.get("email", ""),
            "confirmed": confirmed,
            "errors": errors,
        }
        return TemplateResponse(request, "admin/shop/mail_receipt.html", context)

    def send_mail(self, request: Any, row: Any, to: str) -> HttpResponse:
        self.mail_row(row, to=to, session=request.log_in, by=request.user)
        messages.success(request, f"The {self.mailed} will be sent to {to}.")
        return HttpResponseRedirect(admin_url(row))


def build_mail_button(row: Any) -> Button:
    meta = row._meta
    url = reverse(f"shop:{meta.app_label}_{meta.model_name}_mail", args=[row.pk])
    return Button("E-mail", url, opens_tab=False)
