"""The base of every page of the shop's site: what is not opened by name is shut."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.functional import cached_property
from rest_framework.serializers import Serializer

from accounts.admin.forms import ServiceForm, validate_input
from accounts.admin.tables import Table
from accounts.models import Role, User
from tenants.exceptions import NotPermitted
from tenants.models import AuditEvent, TenantOwned

# Nobody turns a hundred pages: counting further would read a whole year of sales.
MAX_COUNTED_ROWS = 5000
MAX_HISTORY_EVENTS = 100


def get_filter_parameter(list_filter: Any) -> str:
    """What the links of a filter ask for: equal to this value, or a word of its own."""
    if isinstance(list_filter, str):
        return f"{list_filter}__exact"
    return str(list_filter.parameter_name)


class BoundedPaginator(Paginator):
    """Counts as far as anybody turns pages; what is older is found by searching."""

    @cached_property
    def count(self) -> int:
        return int(self.object_list[:MAX_COUNTED_ROWS].count())


class ShopAdmin(admin.ModelAdmin):
    """Rows of the shop in scope, for roles that the page names, written by services alone."""

    # Who may look, and who may add and change; nobody, until a page says so.
    view_role: ClassVar[Role | None] = None
    edit_role: ClassVar[Role | None] = None
    # How the API reads the same things when they are added, and when they are changed.
    add_input: ClassVar[type[Serializer] | None] = None
    change_input: ClassVar[type[Serializer] | None] = None
    # Beside which field a refusal is shown that is not about the input.
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

    # --- who may --------------------------------------------------------------------------

    def is_open_to(self, user: Any, minimum: Role | None) -> bool:
        """The one place where a role becomes a permission."""
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

    # --- what there is to see ---------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).visible_to(request.user)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """The filters on the page and nothing else: by any other one could guess at hashes."""
        return lookup in {get_filter_parameter(each) for each in self.get_list_filter(request)}

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
        """Without links that would open other pages in windows of their own."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field

    def formfield_for_foreignkey(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Choices are rows of this shop. What belongs to no shop is nothing to choose from."""
        if not issubclass(db_field.related_model, TenantOwned):
            raise PermissionDenied
        rows = db_field.related_model._default_manager.visible_to(request.user)
        return super().formfield_for_foreignkey(db_field, request, queryset=rows, **kwargs)

    def formfield_for_manytomany(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        raise PermissionDenied

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """What the audit trail says of it; Django's own log names people of no shop."""
        row = self.get_object(request, object_id)
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        events = AuditEvent.objects.filter(target=row.pk).order_by("-created_at", "-id")
        request.current_app = self.admin_site.name
        context = self.admin_site.each_context(request) | {
            "title": f"What happened to {self.get_title(row)}",
            "opts": self.opts,
            "object": row,
            "named": self.get_title(row),
            "events": events[:MAX_HISTORY_EVENTS],
        }
        return TemplateResponse(request, self.object_history_template, context)

    def get_title(self, row: Any) -> str:
        """What the row is called at the head of its page."""
        return str(row)

    def build_tables(self, row: Any) -> list[Table]:
        """What the row consists of, and why its figures are what they are."""
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

    # --- what is done -------------------------------------------------------------------------

    def read(self, cleaned: Mapping[str, Any], *, partial: bool) -> dict[str, Any]:
        """What was typed, as the API would have read it."""
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
        """Done already: the service was the last step of the form's validation."""

    def save_related(self, request: Any, form: Any, formsets: Any, change: bool) -> None:
        """Nothing here is saved beside its service."""

    def log_addition(self, request: Any, obj: Any, message: Any) -> Any:
        """The services write down what happened."""

    def log_change(self, request: Any, obj: Any, message: Any) -> Any:
        """The services write down what happened."""
