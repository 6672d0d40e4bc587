"""What lies in the stores, and what moved it."""

from typing import Any

from django.db import transaction
from django_filters import ChoiceFilter
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsManager, IsStaff, ReadOnly
from orders.models import StockLevel, StockMovement
from orders.serializers.stock import (
    MovementInput,
    MovementSerializer,
    StockLevelInput,
    StockLevelSerializer,
    build_new_movement,
)
from orders.services.stock.consistency import set_levels_after
from orders.services.stock.movements import move_stock
from tenants.api.filters import (
    LIST_PARAMETERS,
    DateTimeFilter,
    IdFilter,
    StrictBooleanFilter,
    StrictFilterSet,
    UpdatedSinceFilter,
)
from tenants.api.views import ListRetrieveMixin, TenantScopedViewSet
from tenants.events.outbox import publish_row


class StockLevelFilter(StrictFilterSet):
    store = IdFilter()
    product = IdFilter()
    low = StrictBooleanFilter(method="filter_low", help_text="At the reorder point or below it.")
    updated_since = UpdatedSinceFilter()

    class Meta:
        model = StockLevel
        fields = ()

    def filter_low(self, levels: Any, name: str, value: bool) -> Any:
        return levels.low() if value else levels.not_low()


class StockLevelViewSet(ListRetrieveMixin, TenantScopedViewSet):
    """How much of each product lies in each store."""

    model = StockLevel
    serializer_class = StockLevelSerializer
    permission_classes = (IsManager | (IsStaff & ReadOnly),)
    filterset_class = StockLevelFilter
    ordering_fields = {"id": ("id",)}
    ordering = "id"

    @extend_schema(request=StockLevelInput, responses=StockLevelSerializer)
    def partial_update(self, request: Request, pk: Any) -> Response:
        """Say at how much the shop wants to hear that it runs low. Only movements change the rest.

        A product that never lay in a store has no level there: count none of it, and it has.
        """
        expected = self.if_match(required=True)
        with transaction.atomic():
            level = self.get_locked_object()
            level.ensure_version(expected)
            level.reorder_point = self.validated(StockLevelInput)["reorder_point"]
            level.save_changes("reorder_point")
            publish_row(level, is_new=False)
        return self.answer(level)


LEVEL_PARAMETERS = {"store", "product"}


class MovementFilter(StrictFilterSet):
    store = IdFilter()
    product = IdFilter()
    type = ChoiceFilter(choices=StockMovement.Type.choices)
    order = IdFilter()
    transfer = IdFilter(help_text="Both sides of it.")
    occurred_after = DateTimeFilter(field_name="occurred_at", lookup_expr="gte")
    occurred_before = DateTimeFilter(field_name="occurred_at", lookup_expr="lt")
    created_after = DateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = DateTimeFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = StockMovement
        fields = ()


class MovementViewSet(ListRetrieveMixin, TenantScopedViewSet):
    """Every change of the stock, newest first. Nothing here is ever changed or deleted.

    The movements of one `product` in one `store` explain its level: each says in `level_after`
    what lay there then.
    """

    model = StockMovement
    serializer_class = MovementSerializer
    permission_classes = (IsManager | (IsStaff & ReadOnly),)
    filterset_class = MovementFilter
    ordering_fields = {"created_at": ("created_at",)}
    ordering = "-created_at"
    key_required_actions = ("create",)

    def paginate_queryset(self, queryset: Any) -> Any:
        page = super().paginate_queryset(queryset)
        if page and self.request.query_params.keys() - LIST_PARAMETERS == LEVEL_PARAMETERS:
            set_levels_after(page)
        return page

    @extend_schema(
        request=MovementInput, responses={200: MovementSerializer, 201: MovementSerializer}
    )
    def create(self, request: Request) -> Response:
        """Write down what happened to a shelf; the same `id` with the same content is the same.

        The movement's own quantity is the change of the level: negative for `waste`,
        `transfer_out` (its other side, `transfer_in`, is written with it), and of a `count` the
        difference to what should have been there at `occurred_at`. A count is what lay there at
        its time, whatever is told later: a movement from before it that comes after it leaves
        the level as it is, and a second `count` says so.
        """
        given = self.validated(MovementInput)
        given["id"] = self.resource_id(given.get("id"))
        movement, is_new = move_stock(build_new_movement(given, request.data), by=request.user)
        code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        return Response(self.get_serializer(movement).data, status=code)
