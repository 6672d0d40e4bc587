"""Page of service keys, for admins."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin.pages import RecordAdmin
from accounts.admin_site.site import shop_site
from accounts.models import Role, ServiceKey
from accounts.services.service_keys import revoke_service_key


@admin.register(ServiceKey, site=shop_site)
class ServiceKeyAdmin(RecordAdmin):
    """Service keys, newest first. They are created with the API, which asks for the password."""

    view_role = Role.ADMIN
    list_display = ("name", "shown_key", "shown_scopes", "last_used_at", "expires_at", "revoked_at")
    list_select_related = ("user",)
    fields = (
        "name", "shown_key", "shown_scopes", "shown_stores", "created_by", "created_at",
        "last_used_at", "expires_at", "revoked_at",
    )  # fmt: skip
    actions = ("revoke",)

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

    @admin.action(description="Revoke the selected service keys")
    def revoke(self, request: HttpRequest, keys: QuerySet[Any]) -> None:
        for key in keys:
            revoke_service_key(key.pk, by=request.user)
            self.message_user(request, f"{key} was revoked.")
