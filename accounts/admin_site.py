"""The door of the admin: guesses are counted here as at the API's."""

from http import HTTPStatus
from typing import Any

from django.contrib.admin.forms import AdminAuthenticationForm
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse

from accounts.exceptions import Busy, TooManyAttempts
from accounts.origins import ip_of
from accounts.services.attempts import counted_log_in
from tenants.admin_site import PlatformSite

# The platform is no shop, and no shop can have this name.
PLATFORM = ""
STATUS_OF = {TooManyAttempts: HTTPStatus.TOO_MANY_REQUESTS, Busy: HTTPStatus.SERVICE_UNAVAILABLE}


class LogInForm(AdminAuthenticationForm):
    """Counts a try before its password is looked at; a half-empty form is none."""

    refusal: TooManyAttempts | Busy | None = None

    def clean(self) -> dict[str, Any]:
        username = self.cleaned_data.get("username")
        if username is None or not self.cleaned_data.get("password"):
            return super().clean()
        try:
            return self.counted_clean(username)
        except (TooManyAttempts, Busy) as refusal:
            self.refusal = refusal
            raise ValidationError(str(refusal), code=refusal.code) from refusal

    def counted_clean(self, username: str) -> dict[str, Any]:
        ip = ip_of(self.request) if self.request else None
        with counted_log_in(None, tenant=PLATFORM, username=username, ip=ip):
            return super().clean()


class GuardedSite(PlatformSite):
    login_form = LogInForm

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        response = super().login(request, extra_context)
        page = getattr(response, "context_data", None) or {}
        refusal = getattr(page.get("form"), "refusal", None)
        if refusal is not None:
            response.status_code = STATUS_OF[type(refusal)]
            response["Retry-After"] = str(refusal.facts["retry_after"])
        return response
