"""Button on a customer's page that erases the personal data, after a confirmation."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse

from accounts.admin.forms import validate_input
from orders.serializers.customer import EraseInput
from orders.services.customer_erasure import erase_customer
from tenants.exceptions import DomainError


class ErasureMixin:
    """The button and its page, on which the name of the customer is entered."""

    change_form_template = "admin/shop/customer.html"

    def get_urls(self: Any) -> list[Any]:
        view = self.admin_site.admin_view(self.erase_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_action"
        return [path("<uuid:pk>/erase/", view, name=name), *super().get_urls()]

    def erase_view(self: Any, request: HttpRequest, pk: Any) -> HttpResponse:
        customer = self.get_object(request, str(pk))
        if customer is None:
            raise Http404
        if not self.has_change_permission(request, customer):
            raise PermissionDenied
        errors: list[str] = []
        if request.method == "POST":
            try:
                given = validate_input(EraseInput(), {"name": request.POST.get("name", "")})
                erase_customer(customer.pk, name=given["name"], by=request.user)
            except DomainError as refusal:
                errors = [error.detail for error in refusal.errors] or [str(refusal)]
            else:
                messages.success(request, "The personal data was erased.")
                return HttpResponseRedirect(self.get_customer_url(customer))
        request.current_app = self.admin_site.name
        context = self.admin_site.each_context(request) | {
            "title": f"Erase {customer}",
            "opts": self.opts,
            "customer": customer,
            "page": self.get_customer_url(customer),
            "errors": errors,
        }
        return TemplateResponse(request, "admin/shop/erase_customer.html", context)

    def get_customer_url(self: Any, customer: Any) -> str:
        name = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}_change"
        return reverse(name, args=[customer.pk])
