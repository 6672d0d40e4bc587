"""Base of all pages of the tenant admin site; everything not enabled is forbidden."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from rest_framework.serializers import Serializer

from accounts.admin.audit_sentences import build_sentence, list_details
from accounts.admin.forms import ServiceForm, validate_input
from accounts.admin.tables import Table
from accounts.models import Role, User
from tenants.exceptions import NotPermitted
from tenants.models import AuditEvent, TenantOwned
from tenants.paginators import BoundedPaginator

MAX_HISTORY_EVENTS = 100


def get_filter_parameters(list_filter: Any) -> set[str]:
    """Return the query parameters of a list filter."""
    if isinstance(list_filter, str):
        return {f"{list_filter}__exact"}
    return {list_filter.parameter_name, getattr(list_filter, "upper_name", "")} - {""}


class ShopAdmin(admin.ModelAdmin):
    """Base page: rows of the current tenant, access by role, changes through services only."""

    # Minimum role to view, and to add and change; None forbids it.
    view_role: ClassVar[Role | None] = None
    edit_role: ClassVar[Role | None] = None
    # Serializers of the API that validate additions and changes.
    add_input: ClassVar[type[Serializer] | None] = None
    change_input: ClassVar[type[Serializer] | None] = None
    # Form field for a domain error, by its code.
    fields_of_errors: ClassVar[Mapping[str, str]] = {}

    form = ServiceForm
    paginator = BoundedPaginator
    change_list_template = "admin/shop/list.html"
    change_form_template = "admin/shop/form.html"
    object_history_template = "admin/shop/history.html"
    actions: Any = ()
    list_per_page = 50
    list_max_show_all = 50
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    view_on_site = False

    # --- permissions --------------------------------------------------------------------------

    def is_open_to(self, user: Any, minimum: Role | None) -> bool:
        """Return whether the user has at least the minimum role."""
        return minimum is not None and isinstance(user, User) and user.is_at_least(minimum)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.is_open_to(request.user, self.view_role)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.is_open_to(request.user, self.edit_role)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.is_open_to(request.user, self.edit_role) and (
            obj is None or self.may_change(request.user, obj)
        )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def may_change(self, user: User, row: Any) -> bool:
        return True

    # --- display ---------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).visible_to(request.user)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Allow only the page's own filters; others could be used to guess hidden columns."""
        allowed = map(get_filter_parameters, self.get_list_filter(request))
        return lookup in set().union(*allowed)

    def to_field_allowed(self, request: HttpRequest, to_field: str) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        fields = tuple(super().get_fields(request, obj))
        writes = obj is not None and self.has_change_permission(request, obj)
        return (*fields, "expected_version") if writes else fields

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        form = super().get_form(request, obj, change, **kwargs)
        form.page, form.by = self, request.user
        return form

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Remove the pop-up links of related fields."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field

    def formfield_for_foreignkey(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Offer only rows of this tenant."""
        if not issubclass(db_field.related_model, TenantOwned):
            raise PermissionDenied
        rows = db_field.related_model._default_manager.visible_to(request.user)
        return super().formfield_for_foreignkey(db_field, request, queryset=rows, **kwargs)

    def formfield_for_manytomany(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        raise PermissionDenied

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Show the audit events of this row instead of Django's admin log."""
        row = self.get_object(request, object_id)
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        events = AuditEvent.objects.filter(target=row.pk).order_by("-created_at", "-id")
        request.current_app = self.admin_site.name
        context = self.admin_site.each_context(request) | {
            "title": f"History of {self.get_title(row)}",
            "opts": self.opts,
            "object": row,
            "named": self.get_title(row),
            "events": [
                (event, build_sentence(event), list(list_details(event.facts)))
                for event in events[:MAX_HISTORY_EVENTS]
            ],
        }
        return TemplateResponse(request, self.object_history_template, context)

    def get_title(self, row: Any) -> str:
        """Return the title of the row's page."""
        return str(row)

    def build_tables(self, row: Any) -> list[Table]:
        """Return the tables below the fields."""
        return []

    def render_change_form(
        self, request: Any, context: dict[str, Any], *args: Any, obj: Any = None, **kwargs: Any
    ) -> HttpResponse:
        if obj is not None:
            context |= {"named": self.get_title(obj), "tables": self.build_tables(obj)}
            context |= {"subtitle": context["named"]}
        response: HttpResponse = super().render_change_form(
            request, context, *args, obj=obj, **kwargs
        )
        return response

    # --- changes -------------------------------------------------------------------------

    def read(self, cleaned: Mapping[str, Any], *, partial: bool) -> dict[str, Any]:
        """Validate form input with the API's serializer."""
        kind = self.change_input if partial else self.add_input
        if kind is None:
            raise NotPermitted
        reader = kind(partial=partial)
        given = {name: value for name, value in cleaned.items() if name in reader.fields}
        return validate_input(reader, given)

    def add(self, given: dict[str, Any], *, by: User) -> models.Model:
        raise NotPermitted

    def change(
        self, row: Any, given: dict[str, Any], *, expected_version: int, by: User
    ) -> models.Model:
        raise NotPermitted

    def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:
        """Do nothing: the form has saved through the service."""

    def save_related(self, request: Any, form: Any, formsets: Any, change: bool) -> None:
        """Do nothing: the form has saved through the service."""

    def log_addition(self, request: Any, obj: Any, message: Any) -> Any:
        """Do nothing: the services record audit events."""

    def log_change(self, request: Any, obj: Any, message: Any) -> Any:
        """Do nothing: the services record audit events."""


class RecordAdmin(ShopAdmin):
    """Base page of records that are listed by creation time only, newest first."""

    view_role = Role.MANAGER
    sortable_by: Any = ()
    ordering: Any = ("-created_at", "-id")


class ExactSearchMixin(admin.ModelAdmin):
    """Search by a whole number or code, which has an index."""

    # Any field: it makes Django show the search box.
    search_fields: Any = ("id",)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip()
        return (self.search(request, queryset, term) if term else queryset), False

    @abstractmethod
    def search(self, request: HttpRequest, rows: Any, term: str) -> QuerySet[Any]:
        """Return the rows with this number or code."""
