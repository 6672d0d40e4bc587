"""Forms that ask for the user's password before they change something sensitive."""

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import PermissionDenied

from accounts.admin.forms import ServiceForm
from accounts.client_info import get_client_ip
from accounts.services.login import reauthenticate
from tenants.exceptions import DomainError, Invalid


def build_secret_field(label: str, help_text: str, autocomplete: str = "off") -> forms.CharField:
    """Build a field whose value is not shown again."""
    widget = forms.PasswordInput(attrs={"autocomplete": autocomplete})
    return forms.CharField(
        label=label, help_text=help_text, required=False, strip=False, max_length=255, widget=widget
    )


class PasswordCheckedForm(ServiceForm):
    """Form with a `password`, which the page has checked."""

    # Why the password was not accepted, if it is needed.
    refusal: ClassVar[DomainError | None]

    def save_through_service(self) -> Any:
        if self.refusal:
            raise self.refusal
        return super().save_through_service()


class PasswordCheckMixin:
    """Checks the password of a form before the transaction of the change, so that a wrong one
    counts."""

    def needs_password(self, request: Any) -> bool:
        """Return whether this change needs the password."""
        return True

    def changeform_view(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        request.refusal = None
        if request.method == "POST" and self.needs_password(request):
            request.refusal = self.check_password(request)
        return super().changeform_view(request, *args, **kwargs)

    def check_password(self: Any, request: Any) -> DomainError | None:
        """Return why the password of the form is not accepted, if it is not."""
        if not self.is_open_to(request.user, self.edit_role):
            raise PermissionDenied
        password = request.POST.get("password")
        if not password:
            return Invalid.field("password", "Enter your password.", code="required")
        try:
            reauthenticate(request.log_in, password=password, ip=get_client_ip(request))
        except DomainError as refusal:
            return refusal
        return None

    def get_form(
        self: Any, request: Any, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        form.refusal = request.refusal
        return form
