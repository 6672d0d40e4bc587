"""Stock counts and their lines."""

from typing import Any

from django_filters import ChoiceFilter
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsManager
from orders.models import StockCount, StockCountLine
from orders.serializers.stock_count import (
    CountedProductsInput,
    CountedProductsSerializer,
    StockCountChangeInput,
    StockCountCloseInput,
    StockCountInput,
    StockCountLineSerializer,
    StockCountSerializer,
)
from orders.services.stock.counts import (
    cancel_stock_count,
    change_stock_count,
    close_stock_count,
    count_products,
    start_stock_count,
)
from tenants.api.filters import (
    IdFilter,
    StrictBooleanFilter,
    StrictFilterSet,
    UpdatedSinceFilter,
)
from tenants.api.views import ListRetrieveMixin, TenantScopedViewSet
from tenants.exceptions import IdempotencyKeyRequired


class StockCountFilter(StrictFilterSet):
    store = IdFilter()
    status = ChoiceFilter(choices=StockCount.Status.choices)
    updated_since = UpdatedSinceFilter()


class StockCountViewSet(ListRetrieveMixin, TenantScopedViewSet):
    """Stock counts, newest first. Sales go on while a shop counts."""

    model = StockCount
    serializer_class = StockCountSerializer
    permission_classes = (IsManager,)
    filterset_class = StockCountFilter
    has_conditional_get = True
    ordering_fields = {"created_at": ("created_at",), "updated_at": ("updated_at",)}
    ordering = "-created_at"
    actions_checking_version = ("lines", "close", "cancel")

    @extend_schema(request=StockCountInput, responses={201: StockCountSerializer})
    def create(self, request: Request) -> Response:
        """Start a stock count of a shelf, a category or a store."""
        count = start_stock_count(self.validated(StockCountInput), by=request.user)
        return self.answer(count, status=status.HTTP_201_CREATED)

    @extend_schema(request=StockCountChangeInput, responses=StockCountSerializer)
    def partial_update(self, request: Request, pk: Any) -> Response:
        """Change the name or the note of an open count."""
        count = change_stock_count(
            self.get_object_id(),
            self.validated(StockCountChangeInput, partial=True),
            expected_version=self.if_match(required=True),
            by=request.user,
        )
        return self.answer(count)

    @extend_schema(request=CountedProductsInput, responses={201: CountedProductsSerializer})
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def lines(self, request: Request, pk: Any) -> Response:
        """Save up to 500 products that were counted just now, all of them or none.

        Each is compared with the stock of this moment; later sales do not change its difference.
        A product that was counted before is replaced, or with `add` added to it, which needs an
        `Idempotency-Key`. Errors name the index: `lines[3].quantity`.
        """
        count = self.get_object()
        counted = self.validated(CountedProductsInput)["lines"]
        if self.idempotency_key is None and any(each.is_added for each in counted):
            raise IdempotencyKeyRequired
        expected = self.if_match(required=False)
        lines = count_products(count.pk, counted, expected_version=expected, by=request.user)
        content = {"stock_count": lines[0].stock_count, "lines": lines}
        answer = CountedProductsSerializer(content).data
        return Response(answer, status=status.HTTP_201_CREATED)

    @extend_schema(request=StockCountCloseInput, responses=StockCountSerializer)
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def close(self, request: Request, pk: Any) -> Response:
        """Correct the stock by the differences, with a movement `count` for each line.

        What was sold after a product was counted stays sold: counted 10 of 12, then 3 sold, gives
        7. A count that is closed or canceled is 409 `stock_count_not_open`.
        """
        count = close_stock_count(
            self.get_object_id(),
            StockCount.Uncounted(self.validated(StockCountCloseInput)["uncounted"]),
            expected_version=self.if_match(required=False),
            by=request.user,
        )
        return self.answer(count)

    @extend_schema(request=None, responses=StockCountSerializer)
    @action(detail=True, methods=["post"], pagination_class=None, filterset_class=None)
    def cancel(self, request: Request, pk: Any) -> Response:
        """Cancel a count. It changes no stock."""
        expected = self.if_match(required=False)
        id = self.get_object_id()
        return self.answer(cancel_stock_count(id, expected_version=expected, by=request.user))


class StockCountLineFilter(StrictFilterSet):
    stock_count = IdFilter()
    product = IdFilter()
    different = StrictBooleanFilter(
        method="filter_different", help_text="Lines with a difference, or without one."
    )

    def filter_different(self, lines: Any, name: str, value: bool) -> Any:
        different = lines.different()
        return different if value else lines.exclude(pk__in=different.values("pk"))


class StockCountLineViewSet(ListRetrieveMixin, TenantScopedViewSet):
    """Counted products of a stock count, in the order in which they were counted first."""

    model = StockCountLine
    serializer_class = StockCountLineSerializer
    permission_classes = (IsManager,)
    filterset_class = StockCountLineFilter
    ordering_fields = {"id": ("id",)}
    ordering = "id"
