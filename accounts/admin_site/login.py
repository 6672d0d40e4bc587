"""Log-in of both admin sites, rate-limited like the API."""

from http import HTTPStatus
from typing import Any, cast

from django import forms
from django.contrib.admin import AdminSite
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import login as auth_login
from django.contrib.auth.views import LoginView
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache

from accounts.admin_site.middleware import start_session
from accounts.client_info import get_client_info, get_client_ip, get_tenant_slug_from_host
from accounts.exceptions import Busy, InvalidCredentials, ManagersOnly, TooManyAttempts
from accounts.models import AuthSession, User
from accounts.security.validators import MAX_PASSWORD_LENGTH
from accounts.services.browser_sessions import log_in_browser
from accounts.services.log_in_counters import PASSWORD, counted_log_in
from accounts.services.login_attempts import PLATFORM, LogInAttempt, rate_limited_log_in

REFUSAL_STATUSES = {
    TooManyAttempts: HTTPStatus.TOO_MANY_REQUESTS,
    Busy: HTTPStatus.SERVICE_UNAVAILABLE,
}


class LogInForm(AdminAuthenticationForm):
    """Log-in form of the platform site; complete submissions are rate-limited."""

    error_messages = {"invalid_login": InvalidCredentials.message}
    refusal: TooManyAttempts | Busy | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # No valid password is longer, and hashing it would only cost time.
        self.fields["password"].validators.append(MaxLengthValidator(MAX_PASSWORD_LENGTH))

    def clean(self) -> dict[str, Any]:
        username = self.cleaned_data.get("username")
        if username is None or not self.cleaned_data.get("password"):
            return super().clean()
        try:
            return self.rate_limited_clean(username)
        except (TooManyAttempts, Busy) as refusal:
            self.refusal = refusal
            raise ValidationError(str(refusal), code=refusal.code) from refusal

    def rate_limited_clean(self, username: str) -> dict[str, Any]:
        ip = get_client_ip(self.request) if self.request else None
        with (
            counted_log_in(PASSWORD),
            rate_limited_log_in(None, tenant=PLATFORM, username=username, ip=ip) as attempt,
        ):
            self.user_cache = self.authenticate(attempt)
        attempt.record_event("log_in_ok", method=AuthSession.Method.PASSWORD)
        return self.cleaned_data

    def authenticate(self, attempt: LogInAttempt) -> User:
        try:
            return attempt.authenticate(self.cleaned_data["password"])
        except InvalidCredentials as refusal:
            raise self.get_invalid_login_error() from refusal


class ShopLogInForm(LogInForm):
    """Log-in form of the tenant site; without a tenant the user is a platform user."""

    tenant = forms.CharField(
        max_length=63,
        required=False,
        label="Shop",
        widget=forms.TextInput(attrs={"autofocus": True, "autocapitalize": "none"}),
    )
    log_in: AuthSession | None = None

    field_order = ["tenant", "username", "password"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].widget.attrs.pop("autofocus", None)
        self.here = get_tenant_slug_from_host(self.request) if self.request else None
        self.fields["tenant"].initial = self.here

    def clean_tenant(self) -> str:
        """Return the tenant; on a tenant's own host only that tenant is accepted."""
        tenant = str(self.cleaned_data["tenant"]).lower()
        if self.here and tenant and tenant != self.here:
            raise ValidationError("This address belongs to another shop.", code="tenant_mismatch")
        return self.here or tenant

    def clean(self) -> dict[str, Any]:
        """Skip the log-in if the tenant field is invalid; it must not count as empty."""
        return super().clean() if "tenant" in self.cleaned_data else self.cleaned_data

    def rate_limited_clean(self, username: str) -> dict[str, Any]:
        tenant = self.cleaned_data["tenant"]
        if not tenant:
            return super().rate_limited_clean(username)
        try:
            self.log_in = log_in_browser(
                tenant=tenant,
                username=username,
                password=self.cleaned_data["password"],
                origin=get_client_info(cast(HttpRequest, self.request)),
            )
        except (InvalidCredentials, ManagersOnly) as refusal:
            raise ValidationError(str(refusal), code=refusal.code) from refusal
        return self.cleaned_data


class LogInView(LoginView):
    """Log tenant users in to the tenant site and platform users to the platform site."""

    def form_valid(self, form: Any) -> HttpResponse:
        log_in = getattr(form, "log_in", None)
        if log_in is not None:
            start_session(self.request, log_in)
            return HttpResponseRedirect(self.get_success_url())
        # End a tenant user's session in this browser: one user per browser.
        self.request.session.flush()
        auth_login(self.request, form.get_user())
        return HttpResponseRedirect(self.platform_page())

    def platform_page(self) -> str:
        index = reverse("platform:index")
        page = str(self.get_redirect_url())
        return page if page.startswith(index) else index


class ThrottledAdminSite(AdminSite):
    """Admin site whose log-in answers 429 with Retry-After when rate-limited."""

    login_form = LogInForm

    @method_decorator(never_cache)
    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        index = reverse(f"{self.name}:index")
        if request.method == "GET" and self.has_permission(request):
            return HttpResponseRedirect(index)
        request.current_app = self.name
        context = self.each_context(request) | {
            "title": "Log in",
            "app_path": request.get_full_path(),
            "username": request.user.get_username(),
        }
        response = LogInView.as_view(
            authentication_form=self.login_form,
            template_name=self.login_template,
            next_page=index,
            extra_context=context | (extra_context or {}),
        )(request)
        return set_refusal_status(response)


def set_refusal_status(response: Any) -> HttpResponse:
    """Set status and Retry-After of a rejected attempt on the log-in page."""
    form = (getattr(response, "context_data", None) or {}).get("form")
    refusal = getattr(form, "refusal", None)
    if refusal is not None:
        response.status_code = REFUSAL_STATUSES[type(refusal)]
        response["Retry-After"] = str(refusal.facts["retry_after"])
    found: HttpResponse = response
    return found
