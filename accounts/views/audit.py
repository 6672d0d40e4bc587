"""What happened in the shop, for those who have to answer for it."""

from django_filters import CharFilter
from drf_spectacular.utils import extend_schema, extend_schema_view

from accounts.permissions import ALL_METHODS, IsManager
from accounts.serializers.audit import AuditEventSerializer
from tenants.api.filters import DateTimeFilter, IdFilter, StrictFilterSet
from tenants.api.views import ListRetrieveMixin, TenantScopedViewSet
from tenants.models import AuditEvent


class AuditFilter(StrictFilterSet):
    event = CharFilter(help_text="For example `log_in_failed`.")
    actor = IdFilter(help_text="Who did it.")
    target = IdFilter(help_text="To whom or what.")
    created_after = DateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = DateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = AuditEvent
        fields = ()


@extend_schema_view(
    list=extend_schema(summary="What happened"),
    retrieve=extend_schema(summary="One thing that happened"),
)
class AuditViewSet(ListRetrieveMixin, TenantScopedViewSet):
    """Written once and never changed, the newest first."""

    model = AuditEvent
    serializer_class = AuditEventSerializer
    permission_classes = (IsManager,)
    password_only = ALL_METHODS
    filterset_class = AuditFilter
    ordering_fields = {"created_at": ("created_at",)}
    ordering = "-created_at"
