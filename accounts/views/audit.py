"""Audit log endpoints."""

from accounts.permissions import ALL_METHODS, IsManager
from accounts.serializers.audit import AuditEventSerializer
from tenants.api.filters import CreationTimeFilterSet, IdFilter, TextFilter
from tenants.api.views import ListRetrieveMixin, TenantScopedViewSet
from tenants.models import AuditEvent


class AuditFilter(CreationTimeFilterSet):
    event = TextFilter(help_text="Event name such as `log_in_failed`.")
    actor = IdFilter(help_text="Id of the user who acted.")
    target = IdFilter(help_text="Id of the affected object.")


class AuditViewSet(ListRetrieveMixin, TenantScopedViewSet):
    """Audit log of the tenant, newest first. Entries never change."""

    model = AuditEvent
    serializer_class = AuditEventSerializer
    permission_classes = (IsManager,)
    password_only = ALL_METHODS
    filterset_class = AuditFilter
    ordering_fields = {"created_at": ("created_at",)}
    ordering = "-created_at"
