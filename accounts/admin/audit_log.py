"""Audit log page: read-only."""

import uuid
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string

from accounts.admin.audit_sentences import (
    Kind,
    build_sentence,
    find_thing_url,
    list_details,
    list_events,
    name_actor,
    split_sentence,
)
from accounts.admin.filters import DayFilter, RecentDaysFilter
from accounts.admin.pages import ExactSearchMixin, RecordAdmin
from accounts.admin.tables import EMPTY
from accounts.admin_site.site import shop_site
from accounts.models import User
from tenants.models import AuditEvent

# More people with such a name are not looked through.
MAX_PEOPLE = 100


class KindFilter(admin.SimpleListFilter):
    title = "what it is about"
    parameter_name = "kind"

    def lookups(self, request: Any, model_admin: Any) -> Any:
        return Kind.choices

    def queryset(self, request: Any, queryset: Any) -> Any:
        events = list_events(self.value() or "")
        return queryset.filter(event__in=events) if events else queryset


class IdFilter(admin.SimpleListFilter):
    """Filters by one person or thing, as linked from a sentence; it lists no others."""

    field: str

    def lookups(self, request: Any, model_admin: Any) -> Any:
        return [(text, "Chosen")] if parse_id(text := request.GET.get(self.parameter_name)) else []

    def queryset(self, request: Any, queryset: Any) -> Any:
        chosen = parse_id(self.value())
        return queryset.filter(**{self.field: chosen}) if chosen else queryset


class PersonFilter(IdFilter):
    title, parameter_name, field = "person", "person", "actor"


class ThingFilter(IdFilter):
    title, parameter_name, field = "thing", "thing", "target"


def parse_id(text: Any) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except (ValueError, TypeError, AttributeError):
        return None


@admin.register(AuditEvent, site=shop_site)
class AuditEventAdmin(ExactSearchMixin, RecordAdmin):
    """Audit events of the tenant. Platform users are shown as `Platform`, without names."""

    list_display = ("created_at", "sentence", "details", "address")
    list_filter = (KindFilter, RecentDaysFilter, DayFilter, PersonFilter, ThingFilter)
    search_help_text = (
        "Enter the name of a person, or the beginning of the name of a thing, such as a product or "
        "an order number."
    )
    fields = ("created_at", "sentence", "details", "address", "request_id")

    def get_title(self, row: AuditEvent) -> str:
        return build_sentence(row)

    def search(self, request: HttpRequest, rows: Any, term: str) -> QuerySet[Any]:
        """Search people by a part of their names, and things by the beginning of theirs."""
        named = Q(display_name__icontains=term) | Q(username__icontains=term)
        visible: Any = User.objects.visible_to(request.user)
        people = list(visible.filter(named).values_list("pk", flat=True)[:MAX_PEOPLE])
        things = Q(target_name__startswith=term)
        if term[:1].islower():
            things |= Q(target_name__startswith=term[:1].upper() + term[1:])
        return rows.filter(Q(actor__in=people) | Q(target__in=people) | things)

    @admin.display(description="What happened")
    def sentence(self, event: AuditEvent) -> str:
        before, thing, after = split_sentence(event)
        context = {
            "who": name_actor(event),
            "who_url": f"?person={event.actor}" if event.actor else "",
            "before": before,
            "thing": thing,
            "thing_url": find_thing_url(event),
            "after": after,
        }
        return render_to_string("admin/shop/audit_sentence.html", context)

    @admin.display(description="Details")
    def details(self, event: AuditEvent) -> str:
        return "\n".join(list_details(event.facts)) or EMPTY

    @admin.display(description="Address")
    def address(self, event: AuditEvent) -> str | None:
        return event.ip
