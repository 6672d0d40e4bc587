"""The barcode rules: read by all staff, written by managers."""

from typing import Any

from accounts.permissions import IsManager, IsStaff, ReadOnly
from accounts.services.store_assignments import ensure_works_in_all_stores
from orders.models import BarcodeRule
from orders.serializers.barcode_rule import BarcodeRuleInput, BarcodeRuleSerializer
from orders.services.catalog.barcode_keys import save_barcode_rule
from tenants.api.filters import StrictBooleanFilter, UpdatedSinceFilterSet
from tenants.api.views import CreateUpdateMixin, ListRetrieveMixin, TenantScopedViewSet


class BarcodeRuleFilter(UpdatedSinceFilterSet):
    is_active = StrictBooleanFilter()

    class Meta:
        model = BarcodeRule
        fields = ()


class BarcodeRuleViewSet(CreateUpdateMixin, ListRetrieveMixin, TenantScopedViewSet):
    """How labels of scales are read. The active rule with the highest priority wins."""

    model = BarcodeRule
    serializer_class = BarcodeRuleSerializer
    input_class = BarcodeRuleInput
    audit_name = "barcode_rule"
    permission_classes = (IsManager | (IsStaff & ReadOnly),)
    filterset_class = BarcodeRuleFilter
    has_conditional_get = True
    ordering_fields = {"pattern": ("pattern",), "updated_at": ("updated_at",)}
    ordering = "pattern"

    def write(self, row: BarcodeRule, values: dict[str, Any]) -> BarcodeRule:
        """Save the rule. It reads the prices of labels in all stores."""
        ensure_works_in_all_stores(self.request.user)
        return save_barcode_rule(row, values)
