"""Page of service keys, for admins."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from accounts.admin.pages import RecordAdmin
from accounts.admin.password_check import (
    PasswordCheckedForm,
    PasswordCheckMixin,
    build_secret_field,
)
from accounts.admin_site.site import shop_site
from accounts.models import Role, ServiceKey, User
from accounts.serializers.service_keys import ServiceKeyInput
from accounts.service_scopes import SCOPES
from accounts.services.service_keys import create_service_key, revoke_service_key
from tenants.models import Store


class ServiceKeyForm(PasswordCheckedForm):
    """Form of a new key, with the user's password."""

    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in SCOPES], widget=forms.CheckboxSelectMultiple
    )
    stores = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, help_text="None: all stores."
    )
    password = build_secret_field("Your password", "Needed for a new key.", "current-password")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.is_new:
            stores: Any = self.fields["stores"]
            stores.choices = [(str(each.pk), str(each)) for each in Store.objects.order_by("name")]


@admin.register(ServiceKey, site=shop_site)
class ServiceKeyAdmin(PasswordCheckMixin, RecordAdmin):
    """Service keys, newest first. A key is shown once, and never changes."""

    view_role = edit_role = Role.ADMIN
    add_input = ServiceKeyInput
    form = ServiceKeyForm
    list_display = ("name", "shown_key", "shown_scopes", "last_used_at", "expires_at", "revoked_at")
    list_select_related = ("user",)
    fields = (
        "name", "shown_key", "shown_scopes", "shown_stores", "created_by", "created_at",
        "last_used_at", "expires_at", "revoked_at",
    )  # fmt: skip
    add_fields = ("name", "scopes", "stores", "expires_at", "password")
    actions = ("revoke",)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.add_fields if obj is None else super().get_fields(request, obj)

    @admin.display(description="Key")
    def shown_key(self, key: ServiceKey) -> str:
        return f"****{key.hint}"

    @admin.display(description="Scopes")
    def shown_scopes(self, key: ServiceKey) -> str:
        return ", ".join(key.scopes)

    @admin.display(description="Stores")
    def shown_stores(self, key: ServiceKey) -> str:
        stores = [str(each.store) for each in key.user.postings.select_related("store")]
        return ", ".join(sorted(stores)) or "All stores"

    def read(self, cleaned: Mapping[str, Any], *, partial: bool) -> dict[str, Any]:
        """Write the time as a request to the API does."""
        ends = cleaned.get("expires_at")
        return super().read(
            {**cleaned, "expires_at": ends.isoformat() if ends else None}, partial=partial
        )

    def add(self, given: dict[str, Any], *, by: User) -> Any:
        key, secret = create_service_key(**given, by=by)
        # For the one page that shows it.
        vars(key)["shown_once"] = secret
        return key

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: Any = None
    ) -> HttpResponse:
        """Show the key once; it is not stored in a message or log."""
        request.current_app = self.admin_site.name
        context = self.admin_site.each_context(request) | {
            "title": str(obj),
            "opts": self.opts,
            "key": obj,
            "secret": obj.shown_once,
        }
        return TemplateResponse(request, "admin/shop/new_service_key.html", context)

    @admin.action(description="Revoke the selected service keys")
    def revoke(self, request: HttpRequest, keys: QuerySet[Any]) -> None:
        for key in keys:
            revoke_service_key(key.pk, by=request.user)
            self.message_user(request, f"{key} was revoked.")
