"""Views of stock levels and stock movements."""

from typing import Any

from django_filters import ChoiceFilter
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsManager, IsStaff, ReadOnly
from orders.models import StockLevel, StockMovement
from orders.serializers.stock import (
    MovementBatchInput,
    MovementBatchSerializer,
    MovementInput,
    MovementSerializer,
    StockLevelInput,
    StockLevelSerializer,
    build_new_movement,
)
from orders.services.stock.consistency import set_levels_after
from orders.services.stock.levels import set_reorder_point
from orders.services.stock.movements import move_stock, move_stock_in_batch
from tenants.api.filters import (
    LIST_PARAMETERS,
    CreationTimeFilterSet,
    DateTimeFilter,
    IdFilter,
    StrictBooleanFilter,
    StrictFilterSet,
    UpdatedSinceFilter,
)
from tenants.api.views import ListRetrieveMixin, TenantScopedViewSet
from tenants.ids import derive_id


class StockLevelFilter(StrictFilterSet):
    store = IdFilter()
    product = IdFilter()
    low = StrictBooleanFilter(
        method="filter_low", help_text="Levels at or below the reorder point."
    )
    negative = StrictBooleanFilter(method="filter_negative", help_text="Levels below zero.")
    updated_since = UpdatedSinceFilter()

    def filter_negative(self, levels: Any, name: str, value: bool) -> Any:
        return levels.negative() if value else levels.filter(quantity__gte=0)

    def filter_low(self, levels: Any, name: str, value: bool) -> Any:
        return levels.low() if value else levels.not_low()


class StockLevelViewSet(ListRetrieveMixin, TenantScopedViewSet):
    """Stock level of each product in each store."""

    model = StockLevel
    serializer_class = StockLevelSerializer
    permission_classes = (IsManager | (IsStaff & ReadOnly),)
    filterset_class = StockLevelFilter
    has_conditional_get = True
    ordering_fields = {"id": ("id",)}
    ordering = "id"

    @extend_schema(request=StockLevelInput, responses=StockLevelSerializer)
    def partial_update(self, request: Request, pk: Any) -> Response:
        """Set the reorder point. The quantities change only by movements.

        A product that was never in a store has no level there; a count of zero creates it.
        """
        expected = self.if_match(required=True)
        id = self.get_object_id()
        point = self.validated(StockLevelInput)["reorder_point"]
        return self.answer(set_reorder_point(id, point, expected_version=expected, by=request.user))


LEVEL_PARAMETERS = {"store", "product"}


class MovementFilter(CreationTimeFilterSet):
    store = IdFilter()
    product = IdFilter()
    type = ChoiceFilter(choices=StockMovement.Type.choices)
    waste_reason = ChoiceFilter(choices=StockMovement.WasteReason.choices)
    order = IdFilter()
    transfer = IdFilter(help_text="Both movements of a transfer.")
    occurred_after = DateTimeFilter(field_name="occurred_at", lookup_expr="gte")
    occurred_before = DateTimeFilter(field_name="occurred_at", lookup_expr="lt")


class MovementViewSet(ListRetrieveMixin, TenantScopedViewSet):
    """Stock movements, newest first. They are never changed or deleted.

    In a list of one `product` in one `store`, `level_after` is the level after each movement.
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
        """Record a stock movement. Repeating the same `id` with the same content returns it (200).

        The `quantity` of the response is the change of the level: negative for `waste` and
        `transfer_out` (which also creates the `transfer_in`), and for `count` the difference to
        the expected level at `occurred_at`. A count fixes the level at its time: an earlier
        movement that is recorded later does not change the current level, and an additional
        `count` compensates it.
        """
        given = self.validated(MovementInput)
        given["id"] = self.resource_id(given.get("id"))
        movement, is_new = move_stock(build_new_movement(given, request.data), by=request.user)
        return self.answer_created(movement, is_new)

    @extend_schema(
        request=MovementBatchInput,
        responses={200: MovementBatchSerializer, 201: MovementBatchSerializer},
    )
    @action(detail=False, methods=["post"], pagination_class=None, filterset_class=None)
    def batch(self, request: Request) -> Response:
        """Record up to 500 stock movements in their order, all of them or none.

        Each has the fields of `POST stock/movements/`, and an `id` unless the request has an
        `Idempotency-Key`. Errors name the index: `movements[3].quantity`, or `index`. Answers 200
        if all were recorded before.
        """
        given = self.validated(MovementBatchInput)["movements"]
        body: Any = request.data
        batch = [
            build_new_movement(each | {"id": self.get_movement_id(index, each)}, sent)
            for index, (each, sent) in enumerate(zip(given, body["movements"], strict=True))
        ]
        movements, created = move_stock_in_batch(batch, by=request.user)
        content = MovementBatchSerializer({"created": created, "movements": movements}).data
        return Response(content, status=status.HTTP_201_CREATED if created else status.HTTP_200_OK)

    def get_movement_id(self, index: int, given: dict[str, Any]) -> Any:
        """Return the id of a movement of a batch: from the client, or derived from the key."""
        return given.get("id") or derive_id(self.resource_id(None), index)
