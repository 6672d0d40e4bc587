"""The bookkeeper's month as JSON, as files."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsManager
from accounts.services.store_assignments import ensure_works_in
from orders.models import Order
from orders.serializers.bookkeeping import FORMATS, BookkeepingQuery, BookkeepingReportSerializer
from orders.services.reports.bookkeeping import build_month
from orders.services.reports.bookkeeping_files import build_file
from tenants import workbook
from tenants.api.uploads import build_file_response
from tenants.api.views import TenantScopedViewSet, read_input


class BookkeepingViewSet(TenantScopedViewSet):
    """What a bookkeeper needs of a month. Each request calculates it; nothing is stored."""

    model = Order
    serializer_class = BookkeepingReportSerializer
    permission_classes = (IsManager,)
    pagination_class = None
    filterset_class = None
    query_params = ("store", "month", "format")

    @extend_schema(
        parameters=[
            OpenApiParameter("store", OpenApiTypes.UUID, required=True),
            OpenApiParameter("month", str, required=True, description="A month such as `2026-11`."),
            OpenApiParameter("format", str, enum=list(FORMATS)),
        ],
        responses={
            (200, "application/json"): BookkeepingReportSerializer,
            (200, "application/zip"): OpenApiResponse(OpenApiTypes.BINARY),
            (200, workbook.CONTENT_TYPE): OpenApiResponse(OpenApiTypes.BINARY),
            (200, "text/csv"): OpenApiResponse(OpenApiTypes.BINARY),
        },
    )
    def bookkeeping(self, request: Request) -> Any:
        """Report sales by day and tax, payments by method, the cash book, Z reports and refunds of
        a month, in the business days of the store. With `format=zip`, each table is a CSV file in
        an archive; `format=xlsx` is a workbook with a sheet for each; `format=datev` is a booking
        batch for DATEV (EXTF 700, Buchungsstapel 13), with the accounts of the store's bookkeeping
        profile."""
        query = read_input(BookkeepingQuery, request.query_params.dict())
        ensure_works_in([query["store"]], request.user)
        month = build_month(query["store"], query["month"])
        if file := build_file(query.get("format", ""), month):
            return build_file_response(*file)
        return Response(BookkeepingReportSerializer(month).data)
