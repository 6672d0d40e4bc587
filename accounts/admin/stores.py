"""Stores and registers pages: managers view, admins edit."""

import uuid
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
)
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import timezone

from accounts.admin.choices import TimezoneField
from accounts.admin.forms import ServiceForm
from accounts.admin.pages import ShopAdmin
from accounts.admin_site.site import shop_site
from accounts.client_info import get_client_ip
from accounts.exceptions import InsufficientAuthentication
from accounts.models import Role, User
from accounts.models.pairing_code import format_pairing_code
from accounts.serializers.shop import RegisterChange, RegisterInput, StoreInput
from accounts.services.login import reauthenticate
from accounts.services.pairing_codes import make_pairing_code
from accounts.services.terminals import end_sessions_at_inactive
from tenants import services
from tenants.exceptions import DomainError
from tenants.models import Register, Store
from tenants.qr import draw_qr
from tenants.scope import atomic_with_retry

LOG_IN_IS_OLD = "Your log-in is some time ago: enter your password again."


class PlaceAdmin(ShopAdmin):
    """Base page of stores and registers; deactivation ends their sessions."""

    view_role, edit_role = Role.MANAGER, Role.ADMIN
    list_filter: Any = ("is_active",)
    search_fields = ("name",)

    @atomic_with_retry
    def change(self, row: Any, given: dict[str, Any], *, expected_version: int, by: User) -> Any:
        name = str(self.opts.model_name)
        place = services.save_audited_row(
            row, given, expected_version=expected_version, by=by, name=name
        )
        end_sessions_at_inactive(place)
        return place


class StoreForm(ServiceForm):
    """A store; without a time zone it has that of the shop."""

    timezone = TimezoneField(required=False, label="Time zone", help_text="Empty: as the shop.")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "timezone" in self.fields:
            choices: Any = self.fields["timezone"]
            choices.keep(self.instance.timezone)


@admin.register(Store, site=shop_site)
class StoreAdmin(PlaceAdmin):
    """Stores of the tenant."""

    form = StoreForm
    add_input = change_input = StoreInput
    list_display = ("name", "address", "timezone", "day_starts_at", "is_active")
    ordering = ("name",)
    fields = ("name", "address", "timezone", "day_starts_at", "is_active", "external_id")

    def add(self, given: dict[str, Any], *, by: User) -> Any:
        return services.save_audited_row(Store(), given, by=by, name="store")


@admin.register(Register, site=shop_site)
class RegisterAdmin(PlaceAdmin):
    """Registers. A register never changes its store, as receipt numbers depend on it."""

    add_input, change_input = RegisterInput, RegisterChange
    list_display = ("number", "name", "store", "is_active")
    list_display_links = ("number", "name")
    list_select_related = ("store",)
    ordering = ("number",)
    fields = ("store", "name", "is_active")
    change_form_template = "admin/shop/register.html"

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.pairing_code_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_pairing_code"
        return [path("<uuid:pk>/pairing-code/", view, name=name), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        by: Any = request.user
        context = {"may_pair": by.may_pair_terminals()} | (extra_context or {})
        return super().change_view(request, object_id, form_url, context)

    def pairing_code_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Make a pairing code and show it once, as text and as QR code.

        It asks for the password unless the log-in is recent, as the API does.
        """
        by: Any = request.user
        register = self.get_object(request, str(pk))
        if register is None:
            raise Http404
        if not by.may_pair_terminals():
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if refusal := self.check_recent_log_in(request):
            return self.render_pairing(request, "password", register, refusal=refusal)
        try:
            code, expires_at = make_pairing_code(register_id=register.pk, by=by)
        except DomainError as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect("../change/")
        address = request.build_absolute_uri(f"/till/#pair={code}")
        return self.render_pairing(
            request,
            "code",
            register,
            code=format_pairing_code(code),
            expires_at=expires_at.astimezone(register.store.clock),
            qr=draw_qr(address),
        )

    def check_recent_log_in(self, request: Any) -> str:
        """Return what is missing or wrong, or nothing after a recent log-in by password."""
        try:
            if password := request.POST.get("password"):
                reauthenticate(request.log_in, password=password, ip=get_client_ip(request))
            request.log_in.ensure_fresh(timezone.now(), by_password=True)
        except InsufficientAuthentication:
            return "Enter your password." if "password" in request.POST else LOG_IN_IS_OLD
        except DomainError as refusal:
            return " ".join(error.detail for error in refusal.errors) or str(refusal)
        return ""

    def render_pairing(
        self, request: Any, step: str, register: Register, **facts: Any
    ) -> HttpResponse:
        request.current_app = self.admin_site.name
        context = self.admin_site.each_context(request) | {
            "title": f"Pair a device with {register}",
            "opts": self.opts,
            "register": register,
            **facts,
        }
        return TemplateResponse(request, f"admin/shop/pairing_{step}.html", context)

    def get_fields(self, request: Any, obj: Any = None) -> Any:
        fields = super().get_fields(request, obj)
        return fields if obj is None else ("number", *fields)

    def get_readonly_fields(self, request: Any, obj: Any = None) -> Any:
        return () if obj is None else ("number", "store")

    def add(self, given: dict[str, Any], *, by: User) -> Any:
        return services.create_register(**given, by=by)
