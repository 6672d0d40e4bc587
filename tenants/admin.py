"""Platform admin: tenants, stores, registers, audit log and outbox of every shop."""

from abc import ABC, abstractmethod
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from tenants import audit, services
from tenants.events.delivery import load_configured
from tenants.events.outbox import publish_row
from tenants.exceptions import DomainError
from tenants.models import AuditEvent, OutboxDelivery, OutboxEvent, Register, Store, Tenant
from tenants.paginators import BoundedPaginator
from tenants.scope import tenant_context, tenant_scope


class PlatformAdmin(admin.ModelAdmin):
    """Base of the admin pages: no rows are added or deleted, and changes are audited."""

    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        """Allow only the filters of the page. Django would allow filters by any column."""
        filters = self.get_list_filter(request)
        names = {getattr(each, "parameter_name", each) for each in filters}
        return lookup.partition("__")[0] in names

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save the changes with a new version, audit them and publish them."""
        changed = {
            name: {"from": audit.to_json(form.initial.get(name)), "to": form.cleaned_data[name]}
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
    """Rows of tenants, listed with their tenant."""

    list_select_related: Any = ("tenant",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).visible_to(request.user)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Offer only related rows of the same tenant."""
        form = super().get_form(request, obj, change, **kwargs)
        for field in form.base_fields.values():
            if isinstance(field, forms.ModelChoiceField):
                rows = field.queryset
                field.queryset = rows.filter(tenant=obj.tenant) if obj else rows.none()
        return form


class ReadOnly:
    """Pages without changes."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Tenant)
class TenantAdmin(PlatformAdmin):
    """Suspend and rename tenants. They are created by `create_tenant` or by sign-up."""

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
    # A register stays in its store, because its receipts are numbered there.
    readonly_fields = ("id", "tenant", "store", "number")


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnly, TenantScopedAdmin):
    """The audit log of all shops and of the platform, newest first."""

    list_display = ("created_at", "event", "tenant", "actor_name", "target_name", "ip")
    search_fields = ("event", "actor_name", "target_name", "request_id", "tenant__slug")
    # Ids are in the order of time, and the primary key has an index across tenants.
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


class NewestRowsPaginator(BoundedPaginator):
    """Paginator of events, of which the newest ones matter."""

    MAX_ROWS = 1000


class NameFilter(ABC, admin.SimpleListFilter):
    """A filter whose choices come from the configuration instead of a query."""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in sorted(self.names())]

    @abstractmethod
    def names(self) -> set[str]:
        """Return the choices."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(self.condition(self.value())) if self.value() else queryset

    @abstractmethod
    def condition(self, name: str) -> Q:
        """Return the condition for a chosen name."""


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
        """Include the recipients of the subscriber, such as single webhooks."""
        return Q(subscriber=name) | Q(subscriber__startswith=f"{name}/")


class OutboxAdmin(ReadOnly, TenantScopedAdmin):
    """Base of the outbox pages, newest first. Event data is private to the shop and hidden."""

    paginator = NewestRowsPaginator
    ordering = ("-id",)
    # Only shops are searched, not the event data.
    search_fields = ("tenant__slug",)


@admin.register(OutboxEvent)
class OutboxEventAdmin(OutboxAdmin):
    list_display = ("topic", "tenant", "subject_type", "subject", "created_at", "relayed_at")
    list_filter = (TopicFilter,)
    sortable_by = ()
    fields = ("id", "tenant", "topic", "subject_type", "subject", "created_at", "relayed_at")


@admin.register(OutboxDelivery)
class OutboxDeliveryAdmin(OutboxAdmin):
    """Deliveries: waiting, delivered, and failed ones that can be retried."""

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

    @admin.action(description="Retry the selected deliveries")
    def try_again(self, request: HttpRequest, chosen: QuerySet[OutboxDelivery]) -> None:
        for delivery in chosen:
            level, outcome = self.retry(delivery, by=request.user)
            self.message_user(request, f"{delivery.tenant}: {delivery.event}: {outcome}", level)

    def retry(self, delivery: OutboxDelivery, *, by: Any) -> tuple[int, str]:
        try:
            with tenant_scope(delivery.tenant):
                services.retry_delivery(delivery, by=by)
        except DomainError as refusal:
            return messages.ERROR, str(refusal)
        return messages.SUCCESS, "will be retried."
