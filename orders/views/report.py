"""Sales report as JSON or CSV."""

import csv
import io
from collections.abc import Iterator
from datetime import date
from itertools import chain, islice
from typing import Any

from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsManager
from orders.models import Order
from orders.serializers.report import ReportQuery, SalesReportSerializer
from orders.services.reports.sales import FIGURES, GroupBy, Report, build_sales_report
from tenants.api.uploads import stream_csv
from tenants.api.views import TenantScopedViewSet, read_input
from tenants.csv import escape_formula
from tenants.models import Store
from tenants.scope import current_tenant

QUERY_PARAMETERS = ("group_by", "from", "to", "store", "cashier", "format")
ROWS_PER_CHUNK = 500


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
            OpenApiParameter("format", str, enum=["json", "csv"]),
        ],
        responses={
            (200, "application/json"): SalesReportSerializer,
            (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR),
        },
    )
    def sales(self, request: Request) -> Any:
        """Report sales and refunds by hour, day, product, category, cashier, register, store,
        method, tax or discount, in the business days of each store. A refund counts on the day,
        for the user and at the register of the refund. Grouped by discount, there is one row each
        for line discounts, order discounts and price overrides, with the number of orders and the
        amount deducted as `discount_total`."""
        query = read_input(ReportQuery, request.query_params.dict())
        every = Store.objects.select_related("tenant")
        report = build_sales_report(
            GroupBy(query.get("group_by", GroupBy.DAY)),
            [query["store"]] if "store" in query else every,
            query.get("from"),
            query.get("to"),
            query["cashier"].pk if "cashier" in query else None,
        )
        if query.get("format") == "csv":
            return build_csv_response(report)
        return Response(SalesReportSerializer(report).data)


def build_csv_response(report: Report) -> StreamingHttpResponse:
    """Stream the rows of the report as CSV."""
    shop = current_tenant()
    days = f"{report.first}-to-{report.last}"
    name = f"{shop.slug}-sales-by-{report.group_by.value}-{days}.csv"
    return stream_csv(generate_csv(report.format_rows()), filename=name)


def generate_csv(rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    """Yield CSV text in chunks. Keys and labels are escaped against formulas, figures are not."""
    header = ["key", "label", *FIGURES]
    cells = (
        [escape_formula(row["key"]), escape_formula(row["label"]), *islice(row.values(), 2, None)]
        for row in rows
    )
    lines = chain([header], cells)
    while some := list(islice(lines, ROWS_PER_CHUNK)):
        text = io.StringIO(newline="")
        csv.writer(text).writerows(some)
        yield text.getvalue()
