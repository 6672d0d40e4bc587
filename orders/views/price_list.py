"""Price lists and their prices: read by all staff, written by managers."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import WRITE_METHODS, IsManager, IsStaff, ReadOnly
from orders.models import Price, PriceList
from orders.serializers.price_list import (
    PriceBatchInput,
    PriceBatchSerializer,
    PriceChangeInput,
    PriceInput,
    PriceListInput,
    PriceListSerializer,
    PriceSerializer,
)
from orders.services.catalog.price_lists import set_prices, write_price, write_price_list
from tenants.api.filters import (
    IdFilter,
    IdsFilter,
    StrictBooleanFilter,
    StrictFilterSet,
    UpdatedSinceFilter,
    UpdatedSinceFilterSet,
)
from tenants.api.views import ListRetrieveMixin, TenantScopedViewSet


class PriceListFilter(UpdatedSinceFilterSet):
    is_active = StrictBooleanFilter()

    class Meta:
        model = PriceList
        fields = ()


class PriceListViewSet(ListRetrieveMixin, TenantScopedViewSet):
    """Price lists: the active one with the highest priority that has a price wins."""

    model = PriceList
    serializer_class = PriceListSerializer
    input_class = PriceListInput
    permission_classes = (IsManager | (ReadOnly & IsStaff),)
    password_only = WRITE_METHODS
    filterset_class = PriceListFilter
    has_conditional_get = True
    ordering_fields = {"name": ("name",), "updated_at": ("updated_at",)}
    ordering = "name"

    def create(self, request: Request) -> Response:
        values = self.validated(PriceListInput)
        row = write_price_list(PriceList(), values, by=request.user)
        return self.answer(row, status=status.HTTP_201_CREATED)

    def partial_update(self, request: Request, pk: Any) -> Response:
        expected = self.if_match(required=True)
        values = self.validated(PriceListInput, partial=True)
        row = self.get_object()
        return self.answer(
            write_price_list(row, values, expected_version=expected, by=request.user)
        )


class PriceFilter(StrictFilterSet):
    id = IdsFilter()
    price_list = IdFilter()
    product = IdFilter()
    is_active = StrictBooleanFilter()
    updated_since = UpdatedSinceFilter()


class PriceViewSet(ListRetrieveMixin, TenantScopedViewSet):
    """Prices of products in price lists, also those of the future and the past.

    In the active list with the highest priority that has a price for the store, the time and the
    quantity, the price with the largest `min_quantity` applies; without one the price of the
    product. Times are those of the store's clock.
    """

    model = Price
    serializer_class = PriceSerializer
    input_class = PriceInput
    permission_classes = (IsManager | (ReadOnly & IsStaff),)
    password_only = WRITE_METHODS
    filterset_class = PriceFilter
    has_conditional_get = True
    ordering_fields = {"id": ("id",), "updated_at": ("updated_at",)}
    ordering = "id"

    def create(self, request: Request) -> Response:
        """Create a price. It must not overlap another one of its product, list and quantity."""
        row = write_price(Price(), self.validated(PriceInput), by=request.user)
        return self.answer(row, status=status.HTTP_201_CREATED)

    @extend_schema(request=PriceChangeInput, responses=PriceSerializer)
    def partial_update(self, request: Request, pk: Any) -> Response:
        """Change a price. Product and list stay the same."""
        expected = self.if_match(required=True)
        values = self.validated(PriceChangeInput, partial=True)
        row = self.get_object()
        return self.answer(write_price(row, values, expected_version=expected, by=request.user))

    @extend_schema(request=PriceBatchInput, responses=PriceBatchSerializer)
    @action(detail=False, methods=["post"], pagination_class=None, filterset_class=None)
    def batch(self, request: Request) -> Response:
        """Set up to 5,000 prices of a list, all of them or none. Repeating it changes nothing.

        A price with the same product, `min_quantity` and `valid_from` is changed, any other is
        created. An earlier price that would still be valid ends where the new one starts, unless
        it is valid for longer than the new one. Errors name the index: `prices[3].amount`, or
        `index`.
        """
        given = self.validated(PriceBatchInput)
        result = set_prices(given["price_list"], given["prices"], by=request.user)
        return Response(PriceBatchSerializer(result).data)
