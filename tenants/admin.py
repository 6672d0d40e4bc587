"""The admin for the people who run the installation: every shop, and nothing deleted."""

from abc import ABC, abstractmethod
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from tenants import audit, services
from tenants.events.delivery import load_configured
from tenants.events.outbox import publish_row
from tenants.exceptions import DomainError
from tenants.models import AuditEvent, OutboxDelivery, OutboxEvent, Register, Store, Tenant
from tenants.scope import tenant_context, tenant_scope


class PlatformAdmin(admin.ModelAdmin):
    """What all pages have in common: no row is made or deleted here, and every change counts."""

    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Only the filters on the page: Django would let one guess at any column, hashes too."""
        filters = self.get_list_filter(request)
        names = {getattr(each, "parameter_name", each) for each in filters}
        return lookup.partition("__")[0] in names

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Saved with a version more, and written down in the books of the shop."""
        changed = {
            name: {"from": audit.plain(form.initial.get(name)), "to": form.cleaned_data[name]}
            for name in form.changed_data
        }
        with tenant_context(get_tenant(obj)):
            obj.save_changes(*form.changed_data)
            event = self.audit_event_name(changed)
            audit.record(event, actor=request.user, target=obj, changes=changed)
            publish_row(obj, is_new=False)

    def audit_event_name(self, changed: dict[str, Any]) -> str:
        return f"{self.opts.model_name}_changed"


def get_tenant(row: Any) -> Tenant:
    return row if isinstance(row, Tenant) else row.tenant


class TenantScopedAdmin(PlatformAdmin):
    """Rows that belong to a shop, shown with the shop."""

    list_select_related: Any = ("tenant",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).visible_to(request.user)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Offer no row of another shop than the one that is open."""
        form = super().get_form(request, obj, change, **kwargs)
        for field in form.base_fields.values():
            if isinstance(field, forms.ModelChoiceField):
                rows = field.queryset
                field.queryset = rows.filter(tenant=obj.tenant) if obj else rows.none()
        return form


class ReadOnly:
    """To look at; what it is comes from the shop."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Tenant)
class TenantAdmin(PlatformAdmin):
    """Shops are opened by `create_tenant` or by sign-up; here they are suspended and renamed."""

    list_display = ("slug", "name", "currency", "is_active", "created_at")
    list_filter = ("is_active", "currency")
    search_fields = ("slug", "name")
    ordering = ("slug",)
    fields = ("id", "slug", "name", "country", "currency", "timezone", "is_active", "created_at")
    readonly_fields = ("id", "slug", "currency", "created_at")

    def audit_event_name(self, changed: dict[str, Any]) -> str:
        if "is_active" not in changed:
            return "settings_changed"
        return "tenant_restored" if changed["is_active"]["to"] else "tenant_suspended"


@admin.register(Store)
class StoreAdmin(TenantScopedAdmin):
    list_display = ("name", "tenant", "is_active")
    list_filter = ("is_active",)
    search_fields = ("name", "tenant__slug")
    ordering = ("tenant__slug", "name")
    fields = ("id", "tenant", "name", "address", "timezone", "day_starts_at", "is_active")
    readonly_fields = ("id", "tenant")


@admin.register(Register)
class RegisterAdmin(TenantScopedAdmin):
    list_display = ("name", "number", "store", "tenant", "is_active")
    list_filter = ("is_active",)
    list_select_related = ("tenant", "store")
    search_fields = ("name", "tenant__slug")
    ordering = ("tenant__slug", "number")
    fields = ("id", "tenant", "store", "number", "name", "is_active")
    # A till stays in its store: its receipts are numbered there.
    readonly_fields = ("id", "tenant", "store", "number")


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnly, TenantScopedAdmin):
    """What happened in every shop, and at the doors of none: to look at, the newest first."""

    list_display = ("created_at", "event", "tenant", "actor_name", "target_name", "ip")
    search_fields = ("event", "actor_name", "target_name", "request_id", "tenant__slug")
    # Ids are made in the order of time, and have an index across the shops.
    ordering = ("-id",)
    fields = (
        "id",
        "created_at",
        "event",
        "tenant",
        "actor",
        "actor_name",
        "target_type",
        "target",
        "target_name",
        "facts",
        "session",
        "ip",
        "request_id",
    )


class NewestRowsPaginator(Paginator):
    """Of a table that grows without end only so many rows are listed, and no more are counted.

    What lies further back is found by the filters and the search.
    """

    MAX_ROWS = 1000

    @cached_property
    def count(self) -> int:
        return self.object_list[: self.MAX_ROWS].count()


class NameFilter(ABC, admin.SimpleListFilter):
    """By one of the names that the installation knows: nobody asks the table which there are."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in sorted(self.names())]

    @abstractmethod
    def names(self) -> set[str]:
        """What there is to choose from."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(self.condition(self.value())) if self.value() else queryset

    @abstractmethod
    def condition(self, name: str) -> Q:
        """Which rows are meant by a name."""


class TopicFilter(NameFilter):
    title = parameter_name = "topic"

    def names(self) -> set[str]:
        subscribers, _ = load_configured()
        return {topic for each in subscribers for topic in each.topics}

    def condition(self, name: str) -> Q:
        return Q(topic=name)


class SubscriberFilter(NameFilter):
    title = parameter_name = "subscriber"

    def names(self) -> set[str]:
        subscribers, _ = load_configured()
        return {each.name for each in subscribers}

    def condition(self, name: str) -> Q:
        """With all the recipients that it may have."""
        return Q(subscriber=name) | Q(subscriber__startswith=f"{name}/")


class OutboxAdmin(ReadOnly, TenantScopedAdmin):
    """Newest first, as ids are; without what was told, which is the shop's and its customers'."""

    paginator = NewestRowsPaginator
    ordering = ("-id",)
    # The shops that a word fits are few; what they told is not searched.
    search_fields = ("tenant__slug",)


@admin.register(OutboxEvent)
class OutboxEventAdmin(OutboxAdmin):
    list_display = ("topic", "tenant", "subject_type", "subject", "created_at", "relayed_at")
    list_filter = (TopicFilter,)
    sortable_by = ()
    fields = ("id", "tenant", "topic", "subject_type", "subject", "created_at", "relayed_at")


@admin.register(OutboxDelivery)
class OutboxDeliveryAdmin(OutboxAdmin):
    """What is on its way, what arrived, and what was given up and may be tried again."""

    list_display = (
        "event",
        "subscriber",
        "tenant",
        "status",
        "attempts",
        "next_attempt_at",
        "last_error",
        "created_at",
    )
    list_filter = ("status", SubscriberFilter)
    list_select_related = ("tenant", "event")
    sortable_by = ()
    fields = (
        "id",
        "tenant",
        "event",
        "subscriber",
        "status",
        "attempts",
        "next_attempt_at",
        "delivered_at",
        "last_error",
        "created_at",
    )
    actions = ("try_again",)

    @admin.action(description="Try the chosen deliveries again")
    def try_again(self, request: HttpRequest, chosen: QuerySet[OutboxDelivery]) -> None:
        for delivery in chosen:
            level, outcome = self.revived(delivery, by=request.user)
            self.message_user(request, f"{delivery.tenant}: {delivery.event}: {outcome}", level)

    def revived(self, delivery: OutboxDelivery, *, by: Any) -> tuple[int, str]:
        try:
            with tenant_scope(delivery.tenant):
                services.try_again(delivery, by=by)
        except DomainError as refusal:
            return messages.ERROR, str(refusal)
        return messages.SUCCESS, "is tried again."
