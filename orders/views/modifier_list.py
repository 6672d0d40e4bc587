"""The modifier lists: read by all staff, written by managers."""

from typing import Any

from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import WRITE_METHODS, IsManager, IsStaff, ReadOnly
from orders.models import ModifierList
from orders.serializers.modifier_list import ModifierListInput, ModifierListSerializer
from orders.services.catalog.modifier_lists import write_modifier_list
from tenants.api.filters import StrictBooleanFilter, UpdatedSinceFilterSet
from tenants.api.views import ListRetrieveMixin, TenantScopedViewSet


class ModifierListFilter(UpdatedSinceFilterSet):
    is_active = StrictBooleanFilter()

    class Meta:
        model = ModifierList
        fields = ()


class ModifierListViewSet(ListRetrieveMixin, TenantScopedViewSet):
    """Choices at the sale of a product, such as sizes and extras, with their prices."""

    model = ModifierList
    serializer_class = ModifierListSerializer
    input_class = ModifierListInput
    permission_classes = (IsManager | (ReadOnly & IsStaff),)
    # They set prices.
    password_only = WRITE_METHODS
    filterset_class = ModifierListFilter
    has_conditional_get = True
    ordering_fields = {"name": ("name",), "updated_at": ("updated_at",)}
    ordering = "name"

    def rows(self) -> Any:
        return ModifierList.objects.with_modifiers()

    def create(self, request: Request) -> Response:
        """Create a modifier list with its modifiers."""
        values = self.validated(self.input_class)
        row = write_modifier_list(ModifierList(), values, by=request.user)
        return self.answer(row, status=status.HTTP_201_CREATED)

    def partial_update(self, request: Request, pk: Any) -> Response:
        """Change a modifier list. `modifiers` replaces all of them: send the ids of those to keep.

        Changes apply to lines that are added or changed later.
        """
        expected = self.if_match(required=True)
        row, values = self.get_object(), self.validated(self.input_class, partial=True)
        return self.answer(
            write_modifier_list(row, values, expected_version=expected, by=request.user)
        )
