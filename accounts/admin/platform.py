"""Users page of the platform admin."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.models import User
from accounts.services.users import set_activation
from tenants.admin import PlatformAdmin, ReadOnly
from tenants.exceptions import DomainError
from tenants.scope import tenant_scope

# Permissions come from the role. GroupAdmin is imported so that it is registered before.
if isinstance(admin.site._registry.get(Group), GroupAdmin):
    admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(ReadOnly, PlatformAdmin):
    """All users, read-only except for (de)activation."""

    list_display = ("username", "tenant", "role", "is_active", "last_login")
    list_filter = ("role", "is_active", "is_superuser")
    list_select_related = ("tenant",)
    search_fields = ("username_key", "display_name", "email", "tenant__slug")
    ordering = ("tenant__slug", "username_key")
    fields = (
        "id",
        "tenant",
        "username",
        "display_name",
        "email",
        "role",
        "is_active",
        "must_change_password",
        "last_login",
        "created_at",
    )
    actions = ("activate", "deactivate")

    @admin.action(description="Activate the selected users")
    def activate(self, request: HttpRequest, people: QuerySet[User]) -> None:
        self.set_activation(request, people, active=True)

    @admin.action(description="Deactivate the selected users and end their sessions")
    def deactivate(self, request: HttpRequest, people: QuerySet[User]) -> None:
        self.set_activation(request, people, active=False)

    def set_activation(self, request: HttpRequest, people: QuerySet[User], *, active: bool) -> None:
        for user in people.exclude(tenant=None):
            level, outcome = self.try_activation(user, active=active, by=request.user)
            self.message_user(request, f"{user.tenant}: {user}: {outcome}", level)

    def try_activation(self, user: User, *, active: bool, by: Any) -> tuple[int, str]:
        try:
            with tenant_scope(user.tenant):
                set_activation(user_id=user.pk, active=active, by=by)
        except DomainError as refusal:
            return messages.ERROR, str(refusal)
        return messages.SUCCESS, "activated." if active else "deactivated."
