"""Cashiers and staff pages."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse

from accounts.admin.pages import ShopAdmin
from accounts.admin.user_actions import UserActionsMixin, activate, deactivate
from accounts.admin_site.site import shop_site
from accounts.models import AuthSession, Cashier, Role, StaffMember, User
from accounts.serializers.people import HireInput, ProfileInput
from accounts.services.users import change_role, create_user, edit_user, end_sessions_of_user
from tenants.exceptions import DomainError
from tenants.scope import atomic_with_retry


class BaseUserAdmin(UserActionsMixin, ShopAdmin):
    """Base page of users; all changes go through the services."""

    add_input = HireInput
    change_input = ProfileInput
    fields_of_errors = {
        "username_taken": "username",
        "email_taken": "email",
        "last_admin": "role",
    }
    list_display: Any = ("username", "display_name", "is_active", "is_here", "last_login")
    list_filter: Any = ("is_active",)
    search_fields = ("username_key", "display_name", "email")
    ordering = ("username_key",)
    fields: Any = (
        "username",
        "display_name",
        "email",
        "is_active",
        "must_change_password",
        "last_login",
        "created_at",
    )
    add_fields: Any = ("username", "display_name", "email")
    readonly_fields: Any = (
        "username",
        "is_active",
        "must_change_password",
        "last_login",
        "created_at",
    )
    actions = ("activate", "deactivate", "end_log_ins")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        here = AuthSession.objects.live().filter(user=OuterRef("pk"))
        return super().get_queryset(request).people().annotate(is_here=Exists(here))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.add_fields if obj is None else super().get_fields(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else self.readonly_fields

    @admin.display(description="Logged in")
    def is_here(self, person: Any) -> str | None:
        return "Now" if person.is_here else None

    def response_add(self, request: Any, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        return self.render_temporary_password(request, obj, obj.temporary_password)

    def create_with_password(self, given: dict[str, Any], *, role: Role, by: User) -> Any:
        """Create the user and attach the temporary password, to be shown once."""
        user, password = create_user(role=role, by=by, **given)
        person = self.model._default_manager.get(pk=user.pk)
        person.temporary_password = password
        return person

    # --- several at once ----------------------------------------------------------------------

    @admin.action(description="Activate the selected users")
    def activate(self, request: HttpRequest, people: QuerySet[Any]) -> None:
        self.each(request, people, activate, "was activated.")

    @admin.action(description="Deactivate the selected users and end their sessions")
    def deactivate(self, request: HttpRequest, people: QuerySet[Any]) -> None:
        self.each(request, people, deactivate, "was deactivated.")

    @admin.action(description="End all sessions of the selected users")
    def end_log_ins(self, request: HttpRequest, people: QuerySet[Any]) -> None:
        self.each(request, people, end_sessions_of_user, "was logged out on all devices.")

    def each(
        self,
        request: HttpRequest,
        people: QuerySet[Any],
        service: Callable[..., None],
        outcome: str,
    ) -> None:
        """Apply to each user separately and report each error."""
        for person in people:
            try:
                service(user_id=person.pk, by=request.user)
            except DomainError as refusal:
                self.message_user(request, f"{person}: {refusal}", messages.ERROR)
            else:
                self.message_user(request, f"{person} {outcome}", messages.SUCCESS)


@admin.register(Cashier, site=shop_site)
class CashierAdmin(BaseUserAdmin):
    """Cashiers, managed by managers."""

    view_role = edit_role = Role.MANAGER

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).filter(role=Role.CASHIER)

    def may_change(self, user: User, row: Any) -> bool:
        return user.may_manage(row)

    def read(self, cleaned: Any, *, partial: bool) -> dict[str, Any]:
        given = super().read(
            cleaned if partial else {**cleaned, "role": "cashier"}, partial=partial
        )
        given.pop("role", None)
        return given

    def add(self, given: dict[str, Any], *, by: User) -> Any:
        return self.create_with_password(given, role=Role.CASHIER, by=by)

    def change(self, row: Any, given: dict[str, Any], *, expected_version: int, by: User) -> Any:
        edit_user(user_id=row.pk, changes=given, expected_version=expected_version, by=by)
        return self.model._default_manager.get(pk=row.pk)


@admin.register(StaffMember, site=shop_site)
class StaffMemberAdmin(BaseUserAdmin):
    """All users of the tenant and their roles, managed by admins."""

    view_role = edit_role = Role.ADMIN
    list_display = ("username", "display_name", "role", "is_active", "is_here", "last_login")
    list_filter = ("role", "is_active")
    fields = (*BaseUserAdmin.fields[:3], "role", *BaseUserAdmin.fields[3:])
    add_fields = ("username", "display_name", "email", "role")

    def may_change(self, user: User, row: Any) -> bool:
        return user.pk == row.pk or user.may_manage(row)

    def get_readonly_fields(self, request: Any, obj: Any = None) -> Any:
        """Make the role read-only where it may not be changed."""
        readonly = super().get_readonly_fields(request, obj)
        return (*readonly, "role") if obj and not request.user.may_change_role(obj) else readonly

    def formfield_for_choice_field(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        return super().formfield_for_choice_field(
            db_field, request, **kwargs, choices=Role.choices, required=True
        )

    def add(self, given: dict[str, Any], *, by: User) -> Any:
        return self.create_with_password(given, role=Role(given.pop("role")), by=by)

    @atomic_with_retry
    def change(self, row: Any, given: dict[str, Any], *, expected_version: int, by: User) -> Any:
        role = given.pop("role", None)
        edit_user(user_id=row.pk, changes=given, expected_version=expected_version, by=by)
        if role is not None:
            change_role(user_id=row.pk, role=Role(role), by=by)
        return self.model._default_manager.get(pk=row.pk)

    def read(self, cleaned: Any, *, partial: bool) -> dict[str, Any]:
        given = super().read(cleaned, partial=partial)
        if partial and "role" in cleaned:
            given["role"] = cleaned["role"]
        return given
