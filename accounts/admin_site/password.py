"""Password change page of the tenant site."""

from http import HTTPStatus
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.auth.password_validation import password_validators_help_texts
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from accounts.admin_site.middleware import store_session_id
from accounts.exceptions import TooManyAttempts
from accounts.security.validators import MAX_PASSWORD_LENGTH
from accounts.services.users import change_own_password
from tenants.exceptions import DomainError


def password_field(label: str, autocomplete: str) -> forms.CharField:
    """Build a password field that keeps leading and trailing spaces."""
    widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
    return forms.CharField(label=label, max_length=MAX_PASSWORD_LENGTH, strip=False, widget=widget)


class OwnPasswordForm(forms.Form):
    """Password change form."""

    current_password = password_field("Current password", "current-password")
    new_password = password_field("New password", "new-password")
    new_again = password_field("Repeat new password", "new-password")

    def clean_new_again(self) -> str:
        again = str(self.cleaned_data["new_again"])
        if again != self.cleaned_data.get("new_password", again):
            raise forms.ValidationError("The two passwords do not match.", code="mismatch")
        return again

    def add_domain_error(self, refusal: DomainError) -> None:
        """Add the messages of a domain error to the form fields that they name."""
        for error in refusal.errors:
            self.add_error(error.field if error.field in self.fields else None, error.detail)
        if not refusal.errors:
            self.add_error(None, str(refusal))


@never_cache
@sensitive_post_parameters()
def own_password_view(request: Any, site: AdminSite) -> HttpResponse:
    """Change the user's own password; all other sessions end."""
    form = OwnPasswordForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            return change_password(request, form)
        except TooManyAttempts as refusal:
            form.add_domain_error(refusal)
            headers = {"Retry-After": str(refusal.facts["retry_after"])}
            return render_page(request, site, form, HTTPStatus.TOO_MANY_REQUESTS, headers)
        except DomainError as refusal:
            form.add_domain_error(refusal)
    return render_page(request, site, form)


def change_password(request: Any, form: OwnPasswordForm) -> HttpResponse:
    change_own_password(
        session=request.log_in,
        current=form.cleaned_data["current_password"],
        new=form.cleaned_data["new_password"],
    )
    store_session_id(request, request.log_in)
    messages.success(request, "Your password was changed. Your other sessions have ended.")
    return HttpResponseRedirect(reverse("shop:index"))


def render_page(
    request: HttpRequest,
    site: AdminSite,
    form: OwnPasswordForm,
    status: int = HTTPStatus.OK,
    headers: dict[str, str] | None = None,
) -> HttpResponse:
    request.current_app = site.name
    context = site.each_context(request) | {
        "title": "Your password",
        "form": form,
        "rules": password_validators_help_texts(),
    }
    return TemplateResponse(
        request, "admin/shop/own_password.html", context, status=status, headers=headers
    )
