"""What was sold, as figures and as a table for a spreadsheet."""

import csv
import io
from datetime import date
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import IsManager
from orders import services
from orders.models import Order
from orders.serializers.report import ReportQuery, SalesReportSerializer
from tenants import sheets
from tenants.models import Store
from tenants.views import TenantScopedViewSet

PARAMETERS = ("group_by", "from", "to", "store", "format")


class ReportViewSet(TenantScopedViewSet):
    """Sales and refunds, computed from the receipts when asked for."""

    model = Order
    serializer_class = SalesReportSerializer
    permission_classes = (IsManager,)
    pagination_class = None
    filterset_class = None
    query_params = PARAMETERS

    @extend_schema(
        operation_id="reports_sales",
        parameters=[
            OpenApiParameter("group_by", str, enum=[each.value for each in services.GroupBy]),
            OpenApiParameter("from", date, description="First business day; today if missing."),
            OpenApiParameter("to", date, description="Last business day; the first if missing."),
            OpenApiParameter("store", OpenApiTypes.UUID),
            OpenApiParameter("format", str, enum=["json", "csv"]),
        ],
        responses={
            (200, "application/json"): SalesReportSerializer,
            (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR),
        },
    )
    def sales(self, request: Request) -> Any:
        """By hour, day, product, category, cashier, register, method or tax, in the stores' own
        business days. `method` sums payments, `tax` the taxable amounts as `gross`."""
        query = ReportQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        stores = Store.objects.select_related("tenant")
        if "store" in asked:
            stores = stores.filter(pk=asked["store"])
        first = asked.get("from", timezone.localdate())
        report = services.sales_report(
            services.GroupBy(asked.get("group_by", "day")), first, asked.get("to", first), stores
        )
        data = SalesReportSerializer(report).data
        return table(data) if asked.get("format") == "csv" else Response(data)


def table(data: dict[str, Any]) -> HttpResponse:
    """The same rows as CSV; what a spreadsheet would take for a formula is made text."""
    text = io.StringIO()
    columns = list(data["total"])
    writer = csv.writer(text)
    writer.writerow(["key", "label", *columns])
    for row in data["rows"]:
        cells = [sheets.shown(row["key"]), sheets.shown(row["label"])]
        writer.writerow([*cells, *(row[column] for column in columns)])
    name = f"sales-by-{data['group_by']}-{data['from']}.csv"
    return HttpResponse(
        text.getvalue(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
