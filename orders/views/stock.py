"""What lies in the stores, and what moved it."""

from typing import Any

from django_filters import ChoiceFilter
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsManager, IsStaff, ReadOnly
from orders import services
from orders.exceptions import IdempotencyKeyRequired
from orders.models import StockLevel, StockMovement
from orders.serializers.stock import MovementInput, MovementSerializer, StockLevelSerializer
from tenants.filters import IdFilter, StrictFilterSet, UpdatedSinceFilter
from tenants.views import ListsAndShows, TenantScopedViewSet


class StockLevelFilter(StrictFilterSet):
    store = IdFilter()
    product = IdFilter()
    updated_since = UpdatedSinceFilter()

    class Meta:
        model = StockLevel
        fields = ()


class StockLevelViewSet(ListsAndShows, TenantScopedViewSet):
    """How much of each product lies in each store."""

    model = StockLevel
    serializer_class = StockLevelSerializer
    permission_classes = (IsStaff,)
    filterset_class = StockLevelFilter
    ordering_fields = {"id": ("id",)}
    ordering = "id"


class MovementFilter(StrictFilterSet):
    store = IdFilter()
    product = IdFilter()
    type = ChoiceFilter(choices=StockMovement.Type.choices)

    class Meta:
        model = StockMovement
        fields = ()


class MovementViewSet(ListsAndShows, TenantScopedViewSet):
    """Every change of the stock, newest first. Nothing here is ever changed or deleted."""

    model = StockMovement
    serializer_class = MovementSerializer
    permission_classes = (IsManager | (IsStaff & ReadOnly),)
    filterset_class = MovementFilter
    ordering_fields = {"created_at": ("created_at",)}
    ordering = "-created_at"

    @extend_schema(
        request=MovementInput, responses={200: MovementSerializer, 201: MovementSerializer}
    )
    def create(self, request: Request) -> Response:
        """Put delivered goods on the shelf."""
        given: dict[str, Any] = self.validated(MovementInput)
        given.pop("type")
        if "id" not in given:
            raise IdempotencyKeyRequired
        movement, is_new = services.receive_stock(by=request.user, **given)
        code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        return Response(self.get_serializer(movement).data, status=code)
