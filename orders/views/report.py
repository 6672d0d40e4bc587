"""Sales report as JSON, CSV or workbook."""

from datetime import date
from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsManager
from accounts.services.store_assignments import ensure_works_in, filter_stores
from orders.models import Order
from orders.serializers.report import (
    ReportQuery,
    SalesReportSerializer,
    WasteReportQuery,
    WasteReportSerializer,
)
from orders.services.reports.csv_rows import build_file_name, build_workbook, generate_csv
from orders.services.reports.sales import GroupBy, Report, build_sales_report
from orders.services.reports.waste import build_waste_report
from tenants import workbook
from tenants.api.uploads import build_file_response, stream_csv
from tenants.api.views import TenantScopedViewSet, read_input
from tenants.models import Store

QUERY_PARAMETERS = ("group_by", "from", "to", "store", "cashier", "format")


class ReportViewSet(TenantScopedViewSet):
    """Sales and refunds of a period. Each request calculates them; nothing is stored."""

    model = Order
    serializer_class = SalesReportSerializer
    permission_classes = (IsManager,)
    pagination_class = None
    filterset_class = None
    query_params = QUERY_PARAMETERS

    @extend_schema(
        parameters=[
            OpenApiParameter("group_by", str, enum=[each.value for each in GroupBy]),
            OpenApiParameter(
                "from",
                date,
                description="First business day; defaults to the current one of each store.",
            ),
            OpenApiParameter(
                "to",
                date,
                description="Last business day, within a year of `from`; defaults to `from`.",
            ),
            OpenApiParameter("store", OpenApiTypes.UUID),
            OpenApiParameter(
                "cashier",
                OpenApiTypes.UUID,
                description="Only sales and refunds of this user.",
            ),
            OpenApiParameter("format", str, enum=["json", "csv", "xlsx"]),
        ],
        responses={
            (200, "application/json"): SalesReportSerializer,
            (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR),
            (200, workbook.CONTENT_TYPE): OpenApiResponse(OpenApiTypes.BINARY),
        },
    )
    def sales(self, request: Request) -> Any:
        """Report sales and refunds by hour, hour of the day or of the week, day, week, month,
        product, category, cashier, register, store, method, tax, discount, discounts by cashier or
        reason of refunds, in the business days of each store. A refund counts on the day, for the
        user and at the register of the refund. Grouped by discount, there is one row each for line
        discounts, order discounts and price overrides, with the number of orders and the amount
        deducted as `discount_total`."""
        query = read_input(ReportQuery, request.query_params.dict())
        if "store" in query:
            ensure_works_in([query["store"]], request.user)
        every = filter_stores(Store.objects.select_related("tenant"), request.user)
        report = build_sales_report(
            GroupBy(query.get("group_by", GroupBy.DAY)),
            [query["store"]] if "store" in query else every,
            query.get("from"),
            query.get("to"),
            query["cashier"].pk if "cashier" in query else None,
        )
        if query.get("format") == "csv":
            return build_csv_response(report)
        if query.get("format") == "xlsx":
            name = build_file_name(report, "xlsx")
            return build_file_response(build_workbook(report), workbook.CONTENT_TYPE, name)
        return Response(SalesReportSerializer(report).data)

    @extend_schema(
        parameters=[
            OpenApiParameter("group_by", str, enum=["reason", "product"]),
            OpenApiParameter("from", date, description="First business day; defaults to today."),
            OpenApiParameter("to", date, description="Last business day; defaults to `from`."),
            OpenApiParameter("store", OpenApiTypes.UUID),
        ],
        responses=WasteReportSerializer,
    )
    def waste(self, request: Request) -> Response:
        """Report what was wasted in the business days of each store, by reason or by product, the
        most valuable first."""
        query = read_input(WasteReportQuery, request.query_params.dict())
        if "store" in query:
            ensure_works_in([query["store"]], request.user)
        every = filter_stores(Store.objects.select_related("tenant"), request.user)
        stores = [query["store"]] if "store" in query else list(every)
        report = build_waste_report(stores, query.get("from"), query.get("to"))
        by_product = query.get("group_by") == "product"
        rows = report.by_product if by_product else report.by_reason
        content = {"rows": rows, "times": report.times, "cost_total": report.cost_total}
        return Response(WasteReportSerializer(content).data)


def build_csv_response(report: Report) -> StreamingHttpResponse:
    """Stream the rows of the report as CSV."""
    return stream_csv(generate_csv(report.format_rows()), filename=build_file_name(report))
